"""Builds and deploys one stage to real AWS: `make deploy STAGE=staging PARAMS="SenderAddress=..."`.

CONFIRM=no deploys prod without asking (CI has no terminal); TAGS="team=mail cost=7" tags the stack and what is in it.
"""

import os
import shlex
import shutil
import subprocess
import sys

import boto3

import deploy_checks
import init
import samconfig

# Artefacts of their own: the builder writes target/lambda/<function>/bootstrap, which a local stack on this machine runs.
ENVIRONMENT = {**os.environ, "SAM_CLI_TELEMETRY": "0", "CARGO_TARGET_DIR": str(samconfig.ROOT / "target/deploy")}


def main():
    stage = os.environ.get("STAGE", "")
    if stage in ("", "local"):
        raise SystemExit("say where to: make deploy STAGE=staging (the local stack is `make up`)")
    settings = samconfig.deploy_settings(stage)
    session = boto3.Session(region_name=settings["region"])
    before = deploy_checks.Stack.read(session.client("cloudformation"), settings["stack_name"])
    values = samconfig.parameters(stage, os.environ.get("PARAMS", ""))
    effective = deploy_checks.effective(deploy_checks.defaults(), before.parameters, values)
    deploy_checks.show(effective)
    if complaint := deploy_checks.issuer_complaint(effective["JwtIssuer"].value):
        raise SystemExit(f"JwtIssuer: {complaint}; nothing was deployed")
    sam, overrides = shutil.which("sam"), samconfig.overrides(values)
    run([sam, "build", "--parameter-overrides", *overrides])
    deploy_checks.drop_strayed_route_settings(session.client("apigatewayv2"), before.outputs.get("ApiId"))
    run(deploy_command(sam, stage, overrides, os.environ))
    after_deploy(session, stage, settings["stack_name"])


def deploy_command(sam, stage, overrides, environment):
    """`sam deploy` of a stage, as CONFIRM and TAGS say."""
    command = [sam, "deploy", "--config-env", stage]
    if environment.get("CONFIRM", "").lower() in ("no", "false", "0"):
        command.append("--no-confirm-changeset")
    if tags := shlex.split(environment.get("TAGS", "")):
        command += ["--tags", *tags]
    return [*command, "--parameter-overrides", *overrides]


def run(step):
    """Runs one step, or ends with its exit code."""
    print("$", shlex.join(step), flush=True)
    if code := subprocess.run(step, cwd=samconfig.ROOT, env=ENVIRONMENT).returncode:
        sys.exit(code)


def after_deploy(session, stage, stack_name):
    """What the template cannot say: the API's own address, protection that must not hinder a rollback, and a look at the door."""
    outputs = deploy_checks.Stack.read(session.client("cloudformation"), stack_name).outputs
    init.say_where_links_lead(session.client("ssm"), stage, outputs["ApiUrl"])
    deploy_checks.protect_tables(session.client("dynamodb"), outputs)
    if complaint := deploy_checks.door_complaint(outputs["ApiUrl"]):
        raise SystemExit(f"DEPLOYED, BUT: {complaint}")


if __name__ == "__main__":
    main()
