"""`make logs`: prints the logs of the local stack's functions, ordered by time. FUNCTION=Send shows one function."""

import json
import os

import boto3

import settings


def lines(local_stack, function=None):
    """Log lines of all functions, or of one function, as "name message"."""
    stack = json.loads(local_stack.stack_file.read_text())
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=stack["region"])
    resources = session.client("cloudformation", endpoint_url=local_stack.endpoint).describe_stack_resources(
        StackName=stack["stack_name"])["StackResources"]
    logs = session.client("logs", endpoint_url=local_stack.endpoint)
    found = []
    for resource in resources:
        name = resource["LogicalResourceId"].removesuffix("LogGroup")
        if resource["ResourceType"] == "AWS::Logs::LogGroup" and function in (None, "", name):
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=resource["PhysicalResourceId"])
            found += [(event["timestamp"], name, event["message"]) for page in pages for event in page["events"]]
    return [f"{name.lower():<10} {message}" for _, name, message in sorted(found, key=lambda line: line[0])]


def main():
    local_stack = settings.LocalStack()
    if not local_stack.stack_file.exists():
        raise SystemExit("no local stack is running; start one with `make up`")
    print("\n".join(lines(local_stack, os.environ.get("FUNCTION"))))


if __name__ == "__main__":
    main()
