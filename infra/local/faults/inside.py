"""The local AWS from the inside, past the proxy: what is stored, what was sent, and the levers of time."""

import collections
import contextlib
import json
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from .kinds import rule

# A call of each service that changes nothing.
READS = {"dynamodb": "list_tables", "ses": "get_send_quota", "sns": "list_topics", "ssm": "describe_parameters"}
KEPT_WITHIN_SECONDS = 60
# Breakers never open, or a service in trouble would soon not be called at all, and the next case would meet nobody.
SETTINGS = {"sms": {"daily_ceiling_micros": 1_000_000_000}, "breaker": {"min_attempts": 10_000}}


class Inside:
    """Reads and moves the local AWS directly; no fault is ever in its way."""

    def __init__(self, stack, about):
        self._stack, self.outputs = stack, stack.outputs
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=about["region"])
        patient = Config(read_timeout=90, retries={"total_max_attempts": 1})
        where = {"endpoint_url": about["endpoint_url"], "config": patient}
        self._dynamodb, self._lambda = (session.client(name, **where) for name in ("dynamodb", "lambda"))

    def prepare(self):
        """Puts everybody into version 2 and the day's ceiling for SMS above what the cases need, and waits until rollup
        has kept both as the last good values, as it does within a minute."""
        self._stack.put_parameter("RolloutPercentageParameter", "100")
        self._stack.put_parameter("SettingsParameter", json.dumps(SETTINGS))
        key, table = {"pk": {"S": "rollout#last-good"}}, self.outputs["ControlTableName"]
        deadline = time.monotonic() + KEPT_WITHIN_SECONDS
        while self._dynamodb.get_item(TableName=table, Key=key).get("Item", {}).get("percentage") != {"S": "100"}:
            if time.monotonic() > deadline:
                raise SystemExit("rollup does not keep the last good rollout")
            self._run("Rollup", "rollup")
            time.sleep(1)

    @staticmethod
    def warm_up(proxy, region):
        """microburst reads the description of a service when it first meets it, which takes seconds."""
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=region)
        once = Config(read_timeout=60, retries={"total_max_attempts": 1})
        for service, call in READS.items():
            client = session.client(service, endpoint_url=proxy.url, config=once)
            proxy.inject(rule("throttling", service, 1.0))
            with contextlib.suppress(ClientError):
                getattr(client, call)()
            proxy.calm()
            getattr(client, call)()

    def stored(self):
        """The stored notifications by the marker in their title."""
        found = collections.defaultdict(list)
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self.outputs["NotificationsTableName"], ConsistentRead=True)
        for item in (item for page in pages for item in page["Items"]):
            found[json.loads(item["content"]["S"])["title"]].append(item)
        return found

    def mails(self):
        """How often SES took a mail with this subject."""
        accounts = self._stack.inspect("/_ministack/ses/messages")["messages"].values()
        return collections.Counter(mail["Subject"] for mails in accounts for mail in mails)

    def texts(self):
        """How often SNS took an SMS that begins with this title."""
        numbers = self._stack.inspect("/_ministack/sns/sms-messages")["sms_messages"].values()
        return collections.Counter(text["Message"].partition(":")[0] for texts in numbers for text in texts)

    def sweep(self):
        """The minute's run of cascade, now. Whether it went through."""
        return self._run("Cascade", "cascade")

    def _run(self, name, task):
        function = self.outputs[f"{name}FunctionName"]
        return "FunctionError" not in self._lambda.invoke(FunctionName=function, Payload=json.dumps({"task": task}))

    def start_cold(self):
        """The next call of each function that reads SSM when it starts meets a new process."""
        for name in ("Send", "Cascade", "Recipients"):
            function = self.outputs[f"{name}FunctionName"]
            variables = self._lambda.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
            self._lambda.update_function_configuration(FunctionName=function, Environment={"Variables": variables})
