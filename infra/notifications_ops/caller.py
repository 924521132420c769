"""HTTP calls of a stage's API, with tokens of the stage's own clients or with tokens from the environment."""

import base64
import json
import os
import threading
import urllib.error
import urllib.parse
import urllib.request

REQUEST_SECONDS = 40
SCOPES = ("send", "recipients", "ops")


class Answer:
    """Status and JSON body of a response."""

    def __init__(self, status, body):
        self.status = status
        try:
            self.json = json.loads(body) if body else {}
        except ValueError:  # a page of API Gateway itself
            self.json = {}


class Caller:
    """Caller of one API. `clients` are id and secret by scope; SEND_TOKEN, RECIPIENTS_TOKEN and OPS_TOKEN take precedence."""

    def __init__(self, api_url, token_url, clients, opener=None):
        self.api_url, self.token_url, self.clients = api_url.rstrip("/"), token_url, clients
        self._opener = opener or urllib.request.build_opener()
        self._tokens = {scope: os.environ[name] for scope in SCOPES if os.environ.get(name := f"{scope.upper()}_TOKEN")}
        self._lock = threading.Lock()

    def call(self, scope, method, path, body=None, **headers):
        """Makes one call with a token of `scope`, or without a token if that is None."""
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
        """Body of a GET that returns 200, or an exit that names the status."""
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
