"""`make report` for the local stack."""

import json

import boto3

import settings
import report

if __name__ == "__main__":
    place = settings.Place()
    if not place.stack_file.exists():
        raise SystemExit("no local stack is up: make up, or name a stage: make report STAGE=staging")
    stack = json.loads(place.stack_file.read_text())
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=stack["region"])
    functions = session.client("lambda", endpoint_url=stack["endpoint_url"])
    report.write(functions, stack["outputs"]["ConsoleFunctionName"], settings.STAGE, report.asked())
