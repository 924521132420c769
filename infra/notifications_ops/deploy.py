"""Builds the functions and deploys one stage to real AWS.

    make deploy STAGE=staging PARAMS="SenderAddress=... VapidSubject=mailto:..."    values kept for later deploys
    make deploy STAGE=prod CONFIRM=no                                              no question, for CI without a terminal
    make deploy STAGE=prod TAGS="team=mail cost=7"                                 tags of the stack and its resources

It prints every parameter in force, checks what CloudFormation would accept silently or fail at late, and finally makes
sure that the API refuses a call without a token. The local stack is deployed by `make up`.
"""

import os
import shlex
import shutil
import subprocess
import sys

from notifications_ops import deploy_checks, parameters, samconfig
from notifications_ops.stage import LOCAL, Stage

SUMMARY = "build and deploy a stage to real AWS"
# Artefacts of its own: the builder writes target/lambda/<function>/bootstrap, which a local stack on this machine runs.
ENVIRONMENT = {**os.environ, "SAM_CLI_TELEMETRY": "0", "CARGO_TARGET_DIR": str(samconfig.ROOT / "target/deploy")}


def add_arguments(parser):
    parser.add_argument("--params", default="", metavar="TEXT", help='template parameters: "Key=value Key=value"')
    parser.add_argument("--tags", default="", metavar="TEXT", help='tags: "key=value key=value"')
    parser.add_argument("--confirm", default="", metavar="ANSWER", help="`no` deploys without a question")


def run(arguments):
    if arguments.stage == LOCAL:
        raise SystemExit("name the stage: make deploy STAGE=staging (the local stack is `make up`)")
    stage = Stage(arguments.stage)
    before = deploy_checks.Stack.read(stage.client("cloudformation"), stage.stack_name)
    values = samconfig.parameters(stage.name, arguments.params)
    effective = deploy_checks.effective(deploy_checks.defaults(), before.parameters, values)
    deploy_checks.show(effective)
    if complaint := deploy_checks.issuer_complaint(effective["JwtIssuer"].value):
        raise SystemExit(f"JwtIssuer: {complaint}; nothing was deployed")
    sam, overrides = shutil.which("sam"), samconfig.overrides(values)
    step([sam, "build", "--parameter-overrides", *overrides])
    deploy_checks.drop_strayed_route_settings(stage.client("apigatewayv2"), before.outputs.get("ApiId"))
    step(deploy_command(sam, stage.name, overrides, arguments))
    after_deploy(stage)
    return 0


def deploy_command(sam, stage_name, overrides, arguments):
    """Command line of `sam deploy`."""
    command = [sam, "deploy", "--config-env", stage_name]
    if arguments.confirm.lower() in ("no", "false", "0"):
        command.append("--no-confirm-changeset")
    if tags := shlex.split(arguments.tags):
        command += ["--tags", *tags]
    return [*command, "--parameter-overrides", *overrides]


def step(command):
    """Runs one command, or exits with its exit code."""
    print("$", shlex.join(command), flush=True)
    if code := subprocess.run(command, cwd=samconfig.ROOT, env=ENVIRONMENT).returncode:
        sys.exit(code)


def after_deploy(stage):
    """Does what the template cannot: the API's own address, protection that must not hinder a rollback, a check of access."""
    parameters.create_public_base_url(stage.client("ssm"), stage.name, stage.api_url)
    deploy_checks.protect_tables(stage.client("dynamodb"), stage.outputs)
    if complaint := deploy_checks.access_complaint(stage.api_url):
        raise SystemExit(f"DEPLOYED, BUT: {complaint}")
