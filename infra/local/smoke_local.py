"""`make smoke` for the local stack: pushes to a push service of its own where the stack allows its origin, else e-mails."""

import contextlib
import json
import os
import pathlib
import urllib.parse
import urllib.request

import boto3

import settings
import smoke
from smoke_caller import Caller
from story.push_service import PushService


def allowed_origin(described):
    """The first extra push origin of this machine that the deployed functions allow."""
    functions = _client(described, "lambda")
    settings_of_send = functions.get_function_configuration(FunctionName=described["outputs"]["SendFunctionName"])
    origins = settings_of_send["Environment"]["Variables"]["EXTRA_PUSH_ORIGINS"].split(",")
    return next((one for one in origins if urllib.parse.urlsplit(one).hostname == settings.HOST), None)


def _client(described, service):
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=described["region"])
    return session.client(service, endpoint_url=described["endpoint_url"])


def main():
    count = smoke.count_asked()
    path = pathlib.Path(os.environ.get("STACK_JSON") or settings.Place().stack_file)
    if not path.exists():
        raise SystemExit("no local stack is up: make up, or name a stage: make smoke STAGE=staging")
    described = json.loads(path.read_text())
    name = described["outputs"]["RolloutPercentageParameter"]
    percentage = _client(described, "ssm").get_parameter(Name=name)["Parameter"]["Value"]
    # A proxy in the environment has nothing to do with this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    caller = Caller(described["api_url"], described["token_url"], described["clients"], opener)
    with contextlib.ExitStack() as ends:
        subscribe = None
        if count and (origin := allowed_origin(described)):
            push_service = ends.enter_context(PushService(origin, described["vapid_public_key"]))
            subscribe = lambda: push_service.subscribe().subscription()  # noqa: E731
        code = smoke.run(caller, percentage, count, subscribe)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
