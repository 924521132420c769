"""The deployed stack as its callers see it, over HTTP with tokens of its own Cognito, and as ops do, at the AWS API."""

import base64
import json
import os
import pathlib
import urllib.error
import urllib.parse
import urllib.request

import boto3

from .narrator import NotSo

REQUEST_SECONDS = 40
# The story speaks to this machine only: a proxy in the environment has nothing to do with it.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Answer:
    """Status, headers and JSON body of a call."""

    def __init__(self, status, headers, body):
        self.status, self.headers = status, headers
        self.json = json.loads(body) if body else None

    def __repr__(self):
        return f"{self.status} {json.dumps(self.json)[:400]}"


class Deployed:
    """What stack.json describes."""

    def __init__(self, description):
        self._about = description
        self.outputs = description["outputs"]
        self.vapid_public_key = description["vapid_public_key"]
        self.api_url = description["api_url"]
        self._tokens, self._clients = {}, {}

    @classmethod
    def from_environment(cls):
        return cls(json.loads(pathlib.Path(os.environ["STACK_JSON"]).read_text()))

    def put_parameter(self, name, value):
        """Changes an SSM parameter by the call that `aws ssm put-parameter` makes."""
        self._aws("ssm").put_parameter(Name=self.outputs[name], Value=value, Overwrite=True)

    def parameter(self, name):
        return self._aws("ssm").get_parameter(Name=self.outputs[name])["Parameter"]["Value"]

    def invoke(self, function, event):
        """Calls a function as its schedule does, and waits until it is done."""
        answer = self._aws("lambda").invoke(FunctionName=self.outputs[function], Payload=json.dumps(event))
        text = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            raise NotSo(f"{function} should do {event}; found {text}")
        return json.loads(text)

    def listen_to_alerts(self):
        """From now on what the alerts topic says goes into a queue too, as it would into a mailbox."""
        queue = self._aws("sqs").create_queue(QueueName="heard")["QueueUrl"]
        asked = {"QueueUrl": queue, "AttributeNames": ["QueueArn"]}
        arn = self._aws("sqs").get_queue_attributes(**asked)["Attributes"]["QueueArn"]
        self._aws("sns").subscribe(TopicArn=self.outputs["AlertsTopicArn"], Protocol="sqs", Endpoint=arn)
        self._heard = queue

    def alerts(self):
        """What it said so far."""
        asked = {"QueueUrl": self._heard, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
        messages = self._aws("sqs").receive_message(**asked).get("Messages", [])
        return [json.loads(one["Body"])["Message"] for one in messages]

    def _aws(self, service):
        if service not in self._clients:
            session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")
            where = {"region_name": self._about["region"], "endpoint_url": self._about["endpoint_url"]}
            self._clients[service] = session.client(service, **where)
        return self._clients[service]

    def call(self, scope, method, path, body=None, **headers):
        """One API call by the client of `scope`; None calls without a token."""
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
        """The same, when only one status will do."""
        answer = self.call(scope, method, path, body, **headers)
        if answer.status != status:
            raise NotSo(f"{method} {path} should answer {status}; found {answer!r}")
        return answer

    def sent_mail(self, address):
        """The e-mails that SES took for an address, oldest first."""
        accounts = self.inspect("/_ministack/ses/messages")["messages"].values()
        return [mail for mails in accounts for mail in mails if any(address in to for to in mail["To"])]

    def sent_sms(self, number):
        """The SMS that SNS took for a number, oldest first."""
        return self.inspect("/_ministack/sns/sms-messages")["sms_messages"].get(number, [])

    def inspect(self, path):
        with OPENER.open(self._about["endpoint_url"] + path, timeout=REQUEST_SECONDS) as answer:
            return json.load(answer)

    def token(self, scope):
        """A client-credentials token of the client for one scope, asked for once."""
        if scope not in self._tokens:
            client = self._about["clients"][scope]
            basic = base64.b64encode(f"{client['id']}:{client['secret']}".encode()).decode()
            request = urllib.request.Request(self._about["token_url"], headers={"Authorization": f"Basic {basic}"},
                                             data=urllib.parse.urlencode({"grant_type": "client_credentials"}).encode())
            with OPENER.open(request, timeout=REQUEST_SECONDS) as answer:
                self._tokens[scope] = json.load(answer)["access_token"]
        return self._tokens[scope]
