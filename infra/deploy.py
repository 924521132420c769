"""Builds and deploys one stage to real AWS: `make deploy STAGE=staging PARAMS="SenderAddress=..."`."""

import os
import shutil
import subprocess
import sys

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


if __name__ == "__main__":
    main()
