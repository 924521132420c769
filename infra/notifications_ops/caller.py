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


class Response:
    """Status and JSON body of a response."""

    def __init__(self, status, body):
        self.status = status
        try:
            self.json = json.loads(body) if body else {}
        except ValueError:  # an error page of API Gateway
            self.json = {}


class Caller:
    """Caller of one API. `clients`: id and secret by scope. SEND_TOKEN, RECIPIENTS_TOKEN and OPS_TOKEN take precedence."""

    def __init__(self, api_url, token_url, clients, opener=None):
        self.api_url, self.token_url, self.clients = api_url.rstrip("/"), token_url, clients
        self._opener = opener or urllib.request.build_opener()
        self._tokens = {scope: os.environ[name] for scope in SCOPES if os.environ.get(name := f"{scope.upper()}_TOKEN")}
        self._lock = threading.Lock()

    def call(self, scope, method, path, body=None, **headers):
        """Makes one call with a token of `scope`, or without a token if `scope` is None."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if scope:
            headers["Authorization"] = f"Bearer {self._token(scope)}"
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.api_url + path, data=data, method=method, headers=headers)
        try:
            with self._opener.open(request, timeout=REQUEST_SECONDS) as response:
                return Response(response.status, response.read())
        except urllib.error.HTTPError as error:
            return Response(error.code, error.read())

    def get(self, scope, path):
        """Returns the body of a GET. Exits with the status if it is not 200."""
        response = self.call(scope, "GET", path)
        if response.status != 200:
            raise SystemExit(f"GET {path.partition('?')[0]} returned {response.status}: {response.json.get('detail', '')}")
        return response.json

    def forget(self, scope):
        """Forgets the token of `scope`, so that the next call requests a new one."""
        with self._lock:
            self._tokens.pop(scope, None)

    def _token(self, scope):
        with self._lock:
            if scope not in self._tokens:
                self._tokens[scope] = self._request_token(scope)
            return self._tokens[scope]

    def _request_token(self, scope):
        if scope not in self.clients:
            raise SystemExit(f"the stack has no token clients of its own: put a token into {scope.upper()}_TOKEN")
        client = self.clients[scope]
        basic = base64.b64encode(f"{client['id']}:{client['secret']}".encode()).decode()
        request = urllib.request.Request(self.token_url, headers={"Authorization": f"Basic {basic}"},
                                         data=urllib.parse.urlencode({"grant_type": "client_credentials"}).encode())
        try:
            with self._opener.open(request, timeout=REQUEST_SECONDS) as response:
                return json.load(response)["access_token"]
        except urllib.error.HTTPError as error:
            if error.code == 429 or error.code >= 500:
                raise
            raise SystemExit(f"the token endpoint returned {error.code} for the client of the scope {scope}") from None
