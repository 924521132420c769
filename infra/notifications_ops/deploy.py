"""Builds the functions and deploys one stage to real AWS: first its data stack, then the functions.

    make deploy STAGE=staging PARAMS="SenderAddress=... VapidSubject=mailto:..."    values kept for later deploys
    make deploy STAGE=prod CONFIRM=no                                              no question, for CI without a terminal
    make deploy STAGE=prod TAGS="team=mail cost=7"                                 tags of the stacks and their resources

It prints every parameter in force. It finds errors that CloudFormation would ignore or report late. At the end it
verifies that the API refuses a call without a token. The local stack is deployed by `make up`.
"""

import os
import shlex
import shutil
import subprocess
import sys

from notifications_ops import data_stack, deploy_checks, parameters, samconfig
from notifications_ops.deployed import Stack
from notifications_ops.stage import LOCAL, Stage

SUMMARY = "build and deploy a stage to real AWS"
# A separate target folder: the builder would overwrite target/lambda/<function>/bootstrap, which local stacks run.
ENVIRONMENT = {**os.environ, "SAM_CLI_TELEMETRY": "0", "CARGO_TARGET_DIR": str(samconfig.ROOT / "target/deploy")}


def add_arguments(parser):
    parser.add_argument("--params", default="", metavar="TEXT", help='template parameters: "Key=value Key=value"')
    parser.add_argument("--tags", default="", metavar="TEXT", help='tags: "key=value key=value"')
    parser.add_argument("--confirm", default="", metavar="ANSWER", help="`no` deploys without confirmation")


def run(arguments):
    deploy = Deploy(arguments)
    if reserved := [name for name in deploy.values if name in data_stack.parameter_names()]:
        raise SystemExit(f"{', '.join(reserved)}: given by the data stack, not by hand (make adopt imports existing tables)")
    data = data_stack.read(deploy.cloudformation, deploy.stage.stack_name)
    if problem := data_stack.find_problem(deploy.before, data, deploy.stage.name):
        raise SystemExit(f"{problem}; nothing was deployed")
    deploy.check()
    deploy.build()
    data = deploy.data()
    deploy.functions(data)
    deploy.finish(data)
    return 0


class Deploy:
    """Steps of one deploy. `before`: the functions' stack before it. `values`: the parameters given for it."""

    def __init__(self, arguments):
        if arguments.stage == LOCAL:
            raise SystemExit(f"name the stage: make {arguments.subcommand} STAGE=staging (the local stack is `make up`)")
        self.stage, self.arguments = Stage(arguments.stage), arguments
        self.cloudformation = self.stage.client("cloudformation")
        self.before = Stack.read(self.cloudformation, self.stage.stack_name)
        self.values = samconfig.parameters(self.stage.name, arguments.params)

    @property
    def issuer(self):
        """JwtIssuer of this deploy: the given value, else the deployed one, else empty."""
        return self.values.get("JwtIssuer", self.before.parameters.get("JwtIssuer", ""))

    def check(self):
        """Prints the parameters in force. Exits if API Gateway cannot use the token issuer."""
        declared = {name: value for name, value in deploy_checks.defaults().items() if name not in data_stack.parameter_names()}
        deploy_checks.show(deploy_checks.effective(declared, self.before.parameters, self.values))
        if problem := deploy_checks.issuer_problem(self.issuer):
            raise SystemExit(f"JwtIssuer: {problem}; nothing was deployed")

    def build(self):
        """Builds the functions."""
        step([_sam(), "build", "--parameter-overrides", *samconfig.overrides(self.values)])

    def data(self, has_pool=None):
        """Deploys the data stack and returns its outputs as parameters of template.yaml."""
        name = data_stack.stack_name(self.stage.stack_name)
        if has_pool is None:
            outputs = data_stack.read(self.cloudformation, self.stage.stack_name).outputs
            has_pool = data_stack.needs_pool(self.issuer, outputs)
        overrides = samconfig.overrides(data_stack.values(self.stage.name, has_pool))
        step(deploy_command(self.stage.name, overrides, self.arguments,
                            "--template-file", str(data_stack.TEMPLATE), "--stack-name", name))
        data_stack.protect(self.cloudformation, self.stage.stack_name)
        return data_stack.parameters(data_stack.read(self.cloudformation, self.stage.stack_name).outputs)

    def functions(self, data):
        """Deploys the functions with the data stack's outputs as parameters."""
        deploy_checks.delete_stale_route_settings(self.stage.client("apigatewayv2"), self.before.outputs.get("ApiId"))
        step(deploy_command(self.stage.name, samconfig.overrides({**self.values, **data}), self.arguments))

    def finish(self, data):
        """Performs the steps that templates cannot: the API's address, protection of the tables, the check of access."""
        parameters.create_public_base_url(self.stage.client("ssm"), self.stage.name, self.stage.api_url)
        deploy_checks.protect_tables(self.stage.client("dynamodb"), [data[name] for name in data_stack.TABLES])
        if problem := deploy_checks.access_problem(self.stage.api_url):
            raise SystemExit(f"DEPLOYED, BUT: {problem}")


def deploy_command(stage_name, overrides, arguments, *options):
    """Command line of `sam deploy`."""
    # By default, SAM looks for samconfig.toml in the template's folder.
    command = [_sam(), "deploy", "--config-file", str(samconfig.FILE), "--config-env", stage_name, *options]
    if arguments.confirm.lower() in ("no", "false", "0"):
        command.append("--no-confirm-changeset")
    if tags := shlex.split(arguments.tags):
        command += ["--tags", *tags]
    return [*command, "--parameter-overrides", *overrides]


def _sam():
    return shutil.which("sam") or "sam"


def step(command):
    """Runs one command. Exits with its exit code if it fails."""
    print("$", shlex.join(command), flush=True)
    if code := subprocess.run(command, cwd=samconfig.ROOT, env=ENVIRONMENT).returncode:
        sys.exit(code)
