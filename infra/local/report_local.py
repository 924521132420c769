"""`make report` for the local stack, or for the one that STACK_JSON describes."""

import json
import os
import pathlib

import boto3

import settings
import report

if __name__ == "__main__":
    stack_file = pathlib.Path(os.environ.get("STACK_JSON") or settings.Place().stack_file)
    if not stack_file.exists():
        raise SystemExit("no local stack is up: make up, or name a stage: make report STAGE=staging")
    stack = json.loads(stack_file.read_text())
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=stack["region"])
    functions = session.client("lambda", endpoint_url=stack["endpoint_url"])
    report.write(functions, stack["outputs"]["ConsoleFunctionName"], settings.STAGE, report.asked())
