"""`make sms-receipts` for the local stack, or for the one that STACK_JSON describes."""

import functools
import json
import os
import pathlib

import boto3

import settings
import sms_receipts


class LocalAccount(sms_receipts.Account):
    """The local SNS writes no delivery logs and knows no setting for them: a test writes them into the groups itself."""

    def logging_is_on(self):
        print("the local AWS writes no delivery logs of its own")
        return True


def account(stack_file):
    """The account of the stack that is up."""
    if not stack_file.exists():
        raise SystemExit("no local stack is up: make up, or name a stage: make sms-receipts STAGE=staging")
    stack = json.loads(stack_file.read_text())
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=stack["region"])
    clients = functools.partial(session.client, endpoint_url=stack["endpoint_url"])
    return LocalAccount(clients, stack["outputs"], settings.STAGE, stack["region"])


if __name__ == "__main__":
    sms_receipts.main(account(pathlib.Path(os.environ.get("STACK_JSON", settings.Place().stack_file))))
