"""Direct access to the local AWS, without the proxy: stored items, sent messages, and invocations of schedules."""

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
STORED_WITHIN_SECONDS = 60
# Breakers never open. Otherwise a failing service would not be called, and the next case would affect no call.
SETTINGS = {"sms": {"daily_ceiling_micros": 1_000_000_000}, "breaker": {"min_attempts": 10_000}}


class DirectAws:
    """Client of the local AWS that no injected fault affects."""

    def __init__(self, stack, about):
        self._stack, self.outputs = stack, stack.outputs
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=about["region"])
        patient = Config(read_timeout=90, retries={"total_max_attempts": 1})
        where = {"endpoint_url": about["endpoint_url"], "config": patient}
        self._dynamodb, self._lambda = (session.client(name, **where) for name in ("dynamodb", "lambda"))

    def prepare(self):
        """Sets the rollout to 100 % and a high daily SMS ceiling. Waits until rollup has stored both as last valid values."""
        self._stack.put_parameter("RolloutPercentageParameter", "100")
        self._stack.put_parameter("SettingsParameter", json.dumps(SETTINGS))
        key, table = {"pk": {"S": "rollout#last-good"}}, self.outputs["ControlTableName"]
        deadline = time.monotonic() + STORED_WITHIN_SECONDS
        while self._dynamodb.get_item(TableName=table, Key=key).get("Item", {}).get("percentage") != {"S": "100"}:
            if time.monotonic() > deadline:
                raise SystemExit("rollup has not stored the last valid rollout")
            self._run("Rollup", "rollup")
            time.sleep(1)

    @staticmethod
    def warm_up(proxy, region):
        """Calls each service once, because microburst takes seconds to load a service's description at its first call."""
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=region)
        once = Config(read_timeout=60, retries={"total_max_attempts": 1})
        for service, call in READS.items():
            client = session.client(service, endpoint_url=proxy.url, config=once)
            proxy.inject(rule("throttling", service, 1.0))
            with contextlib.suppress(ClientError):
                getattr(client, call)()
            proxy.clear()
            getattr(client, call)()

    def stored(self):
        """Stored notifications by marker."""
        found = collections.defaultdict(list)
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self.outputs["NotificationsTableName"], ConsistentRead=True)
        for item in (item for page in pages for item in page["Items"]):
            found[json.loads(item["content"]["S"])["title"]].append(item)
        return found

    def mails(self):
        """Number of mails that SES accepted, by subject."""
        accounts = self._stack.inspect("/_ministack/ses/messages")["messages"].values()
        return collections.Counter(mail["Subject"] for mails in accounts for mail in mails)

    def texts(self):
        """Number of SMS that SNS accepted, by title."""
        numbers = self._stack.inspect("/_ministack/sns/sms-messages")["sms_messages"].values()
        return collections.Counter(text["Message"].partition(":")[0] for texts in numbers for text in texts)

    def sweep(self):
        """Invokes cascade's minute run. Returns true if it succeeds."""
        return self._run("Cascade", "cascade")

    def _run(self, name, task):
        function = self.outputs[f"{name}FunctionName"]
        return "FunctionError" not in self._lambda.invoke(FunctionName=function, Payload=json.dumps({"task": task}))

    def start_cold(self, names):
        """Replaces the processes of the functions that read SSM at their start."""
        for name in names:
            function = self.outputs[f"{name}FunctionName"]
            variables = self._lambda.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
            self._lambda.update_function_configuration(FunctionName=function, Environment={"Variables": variables})
