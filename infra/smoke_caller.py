"""A deployed stack as its callers see it: HTTP with tokens of its own clients, or with tokens from the environment."""

import base64
import json
import os
import threading
import urllib.error
import urllib.parse
import urllib.request

import boto3

import samconfig

REQUEST_SECONDS = 40
SCOPES = ("send", "recipients", "ops")


class Answer:
    """Status and JSON body of a call."""

    def __init__(self, status, body):
        self.status = status
        try:
            self.json = json.loads(body) if body else {}
        except ValueError:  # API Gateway's own pages
            self.json = {}


class Caller:
    """Calls one API. `clients` are id and secret by scope; SEND_TOKEN, RECIPIENTS_TOKEN and OPS_TOKEN go before them."""

    def __init__(self, api_url, token_url, clients, opener=None):
        self.api_url, self.token_url, self.clients = api_url.rstrip("/"), token_url, clients
        self._opener = opener or urllib.request.build_opener()
        self._tokens = {scope: os.environ[name] for scope in SCOPES if os.environ.get(name := f"{scope.upper()}_TOKEN")}
        self._lock = threading.Lock()

    def call(self, scope, method, path, body=None, **headers):
        """One call with the token of `scope`; None calls without one."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if scope:
            headers["Authorization"] = f"Bearer {self._token(scope)}"
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.api_url + path, data=data, method=method, headers=headers)
        try:
            with self._opener.open(request, timeout=REQUEST_SECONDS) as answer:
                return Answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read())

    def get(self, scope, path):
        """The body of a GET that answers 200, or an exit that says what it answered."""
        answer = self.call(scope, "GET", path)
        if answer.status != 200:
            raise SystemExit(f"GET {path.partition('?')[0]} answered {answer.status}: {answer.json.get('detail', '')}")
        return answer.json

    def _token(self, scope):
        with self._lock:
            if scope not in self._tokens:
                self._tokens[scope] = self._ask(scope)
            return self._tokens[scope]

    def _ask(self, scope):
        if scope not in self.clients:
            raise SystemExit(f"the stack has no token clients of its own: give a token in {scope.upper()}_TOKEN")
        client = self.clients[scope]
        basic = base64.b64encode(f"{client['id']}:{client['secret']}".encode()).decode()
        request = urllib.request.Request(self.token_url, headers={"Authorization": f"Basic {basic}"},
                                         data=urllib.parse.urlencode({"grant_type": "client_credentials"}).encode())
        with self._opener.open(request, timeout=REQUEST_SECONDS) as answer:
            return json.load(answer)["access_token"]


class Stack:
    """A stage on AWS. Takes credentials for cloudformation:DescribeStacks, cognito-idp:DescribeUserPoolClient, ssm:GetParameter."""

    def __init__(self, stage):
        settings = samconfig.deploy_settings(stage)
        self._session = boto3.Session(region_name=settings["region"])
        described = self._session.client("cloudformation").describe_stacks(StackName=settings["stack_name"])
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Stacks"][0]["Outputs"]}

    def caller(self):
        """Its callers' clients, by their secrets."""
        pool, clients = self.outputs.get("UserPoolId"), {}
        for scope in SCOPES if pool else ():
            client_id = self.outputs[f"{scope.capitalize()}ClientId"]
            asked = self._session.client("cognito-idp").describe_user_pool_client(UserPoolId=pool, ClientId=client_id)
            clients[scope] = {"id": client_id, "secret": asked["UserPoolClient"]["ClientSecret"]}
        return Caller(self.outputs["ApiUrl"], self.outputs.get("TokenUrl"), clients)

    def percentage(self):
        """The rollout's percentage as its parameter says it."""
        name = self.outputs["RolloutPercentageParameter"]
        return self._session.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
