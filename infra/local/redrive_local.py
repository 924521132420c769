"""`make redrive` for the local stack, or for the one that STACK_JSON describes."""

import functools
import json
import os
import pathlib

import boto3

import settings
import redrive


def queue(stack_file):
    """The queue of the stack that is up."""
    if not stack_file.exists():
        raise SystemExit("no local stack is up: make up, or name a stage: make redrive STAGE=staging")
    stack = json.loads(stack_file.read_text())
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=stack["region"])
    clients = functools.partial(session.client, endpoint_url=stack["endpoint_url"])
    return redrive.Queue(clients, stack["outputs"], names_shards=False)


if __name__ == "__main__":
    redrive.main(queue(pathlib.Path(os.environ.get("STACK_JSON", settings.Place().stack_file))))
