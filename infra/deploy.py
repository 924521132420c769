"""Builds and deploys one stage to real AWS: `make deploy STAGE=staging PARAMS="SenderAddress=..."`."""

import os
import shutil
import subprocess
import sys

import boto3

import init
import samconfig

ENVIRONMENT = {**os.environ, "SAM_CLI_TELEMETRY": "0"}


def main():
    stage = os.environ.get("STAGE", "")
    if stage in ("", "local"):
        raise SystemExit("say where to: make deploy STAGE=staging (the local stack is `make up`)")
    values = samconfig.parameters(stage, os.environ.get("PARAMS", ""))
    overrides = ["--parameter-overrides", *samconfig.overrides(values)]
    sam = shutil.which("sam")
    for step in (
        [sam, "build", *overrides],
        [sam, "deploy", "--config-env", stage, *overrides],
    ):
        print("$", " ".join(step), flush=True)
        if code := subprocess.run(step, cwd=samconfig.ROOT, env=ENVIRONMENT).returncode:
            sys.exit(code)
    say_where_links_lead(stage)


def say_where_links_lead(stage):
    """A function cannot be told the address of its own API by the template: that would be a circle."""
    settings = samconfig.deploy_settings(stage)
    session = boto3.Session(region_name=settings["region"])
    stack = session.client("cloudformation").describe_stacks(StackName=settings["stack_name"])["Stacks"][0]
    url = next(one["OutputValue"] for one in stack["Outputs"] if one["OutputKey"] == "ApiUrl")
    init.say_where_links_lead(session.client("ssm"), stage, url)


if __name__ == "__main__":
    main()
