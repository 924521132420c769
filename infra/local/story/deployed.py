"""Client of a deployed stack: HTTP calls with tokens, as callers make them, and AWS calls, as operators make them."""

import base64
import json
import os
import pathlib
import urllib.error
import urllib.parse
import urllib.request

import boto3

from .narrator import CheckFailed

REQUEST_SECONDS = 40
# All calls go to this machine, so a proxy of the environment is not used.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Answer:
    """Status, headers and JSON body of a call."""

    def __init__(self, status, headers, body):
        self.status, self.headers = status, headers
        self.json = json.loads(body) if body else None

    def __repr__(self):
        return f"{self.status} {json.dumps(self.json)[:400]}"


class Deployed:
    """Deployed stack that stack.json describes."""

    def __init__(self, description):
        self._about = description
        self.outputs = description["outputs"]
        self.vapid_public_key = description["vapid_public_key"]
        self.api_url = description["api_url"]
        self.console = description["console"]
        self._tokens, self._clients = {}, {}

    @classmethod
    def from_environment(cls):
        return cls(json.loads(pathlib.Path(os.environ["STACK_JSON"]).read_text()))

    def put_parameter(self, name, value):
        """Changes an SSM parameter, as `aws ssm put-parameter --overwrite` does."""
        self.aws("ssm").put_parameter(Name=self.outputs[name], Value=value, Overwrite=True)

    def parameter(self, name):
        return self.aws("ssm").get_parameter(Name=self.outputs[name])["Parameter"]["Value"]

    def invoke(self, function, event):
        """Invokes a function with its schedule's event, and returns the result."""
        answer = self.aws("lambda").invoke(FunctionName=self.outputs[function], Payload=json.dumps(event))
        text = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            raise CheckFailed(f"{function} failed for the event {event}: {text}")
        return json.loads(text)

    def subscribe_to_alerts(self):
        """Subscribes a new queue to the alerts topic."""
        queue = self.aws("sqs").create_queue(QueueName="received-alerts")["QueueUrl"]
        asked = {"QueueUrl": queue, "AttributeNames": ["QueueArn"]}
        arn = self.aws("sqs").get_queue_attributes(**asked)["Attributes"]["QueueArn"]
        self.aws("sns").subscribe(TopicArn=self.outputs["AlertsTopicArn"], Protocol="sqs", Endpoint=arn)
        self._alerts_queue = queue

    def alerts(self):
        """Alerts that the topic has published since then."""
        asked = {"QueueUrl": self._alerts_queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
        messages = self.aws("sqs").receive_message(**asked).get("Messages", [])
        return [json.loads(one["Body"])["Message"] for one in messages]

    def aws(self, service):
        """Client of a service of the local AWS, cached."""
        if service not in self._clients:
            session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")
            where = {"region_name": self._about["region"], "endpoint_url": self._about["endpoint_url"]}
            self._clients[service] = session.client(service, **where)
        return self._clients[service]

    def call(self, scope, method, path, body=None, **headers):
        """Makes one API call with a token of `scope`, or without a token if `scope` is None."""
        if scope:
            headers["Authorization"] = f"Bearer {self.token(scope)}"
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.api_url + path, data=data, method=method, headers=names)
        try:
            with OPENER.open(request, timeout=REQUEST_SECONDS) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def expect(self, status, scope, method, path, body=None, **headers):
        """Makes one API call. Any other status than `status` is a failed check."""
        answer = self.call(scope, method, path, body, **headers)
        if answer.status != status:
            raise CheckFailed(f"{method} {path} should return {status}; found {answer!r}")
        return answer

    def publish(self, topic, message):
        """Publishes a message to a topic, as SES publishes its events."""
        self.aws("sns").publish(TopicArn=self.outputs[topic], Message=json.dumps(message))

    def sent_mail(self, address):
        """E-mails that SES accepted for an address, oldest first."""
        accounts = self.inspect("/_ministack/ses/messages")["messages"].values()
        return [mail for mails in accounts for mail in mails if any(address in to for to in mail["To"])]

    def sent_sms(self, number):
        """SMS that SNS accepted for a number, oldest first."""
        return self.inspect("/_ministack/sns/sms-messages")["sms_messages"].get(number, [])

    def inspect(self, path):
        with OPENER.open(self._about["endpoint_url"] + path, timeout=REQUEST_SECONDS) as answer:
            return json.load(answer)

    def token(self, scope):
        """Client-credentials token for one scope, cached."""
        if scope not in self._tokens:
            client = self._about["clients"][scope]
            basic = base64.b64encode(f"{client['id']}:{client['secret']}".encode()).decode()
            request = urllib.request.Request(self._about["token_url"], headers={"Authorization": f"Basic {basic}"},
                                             data=urllib.parse.urlencode({"grant_type": "client_credentials"}).encode())
            with OPENER.open(request, timeout=REQUEST_SECONDS) as answer:
                self._tokens[scope] = json.load(answer)["access_token"]
        return self._tokens[scope]
