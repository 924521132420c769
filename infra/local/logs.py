"""`make logs`: what the functions of the local stack wrote, in the order of time. FUNCTION=Send shows one of them."""

import json
import os

import boto3

import settings


def lines(place, function=None):
    """Every line of every function's log group, or of one function's, as "name message"."""
    stack = json.loads(place.stack_file.read_text())
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=stack["region"])
    resources = session.client("cloudformation", endpoint_url=place.endpoint).describe_stack_resources(
        StackName=stack["stack_name"])["StackResources"]
    logs = session.client("logs", endpoint_url=place.endpoint)
    found = []
    for resource in resources:
        name = resource["LogicalResourceId"].removesuffix("LogGroup")
        if resource["ResourceType"] == "AWS::Logs::LogGroup" and function in (None, "", name):
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=resource["PhysicalResourceId"])
            found += [(event["timestamp"], name, event["message"]) for page in pages for event in page["events"]]
    return [f"{name.lower():<10} {message}" for _, name, message in sorted(found, key=lambda line: line[0])]


def main():
    place = settings.Place()
    if not place.stack_file.exists():
        raise SystemExit("no local stack is up: make up")
    print("\n".join(lines(place, os.environ.get("FUNCTION"))))


if __name__ == "__main__":
    main()
