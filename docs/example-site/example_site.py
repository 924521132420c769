"""Example of a company's site with notifications: pages, the service worker, and the backend that registers devices.

It represents your own site. It requires only Python's standard library:

    python docs/example-site/example_site.py target/local/stack.json 8080        (make up does it)
"""

import base64
import http.server
import json
import pathlib
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

PUBLIC = pathlib.Path(__file__).resolve().parent / "public"
KINDS = {".html": "text/html", ".js": "text/javascript", ".webmanifest": "application/manifest+json"}
APP = "index.html"  # document of every page of the app
PERSON = "ada"  # on your site: the person of the session
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def policy(api_url, images=""):
    """Content-Security-Policy of pages and of the worker. It allows this site, the scripts and calls of the API, and
    images of notifications from the origins `images`."""
    api = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(api_url))
    rules = f"default-src 'self'; script-src 'self' {api}; connect-src 'self' {api}; worker-src 'self'"
    return f"{rules}; img-src 'self' {images}" if images else rules


class Service:
    """Client of the notification service, with the site's own credentials. Pages never receive these credentials."""

    def __init__(self, stack):
        self._stack, self._tokens = stack, {}

    def call(self, scope, method, path, body=None):
        """Makes one call and returns the status."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token(scope)}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._stack["api_url"] + path, data, headers, method=method)
        try:
            with DIRECT.open(request, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def _token(self, scope):
        token, until = self._tokens.get(scope, (None, 0))
        if time.time() < until:
            return token
        client = self._stack["clients"][scope]
        basic = base64.b64encode(f"{client['id']}:{client['secret']}".encode()).decode()
        form = {"grant_type": "client_credentials", "scope": f"notifications/{scope}"}
        request = urllib.request.Request(
            self._stack["token_url"], urllib.parse.urlencode(form).encode(), {"Authorization": f"Basic {basic}"})
        with DIRECT.open(request, timeout=30) as answer:
            given = json.load(answer)
        self._tokens[scope] = given["access_token"], time.time() + given["expires_in"] - 60
        return given["access_token"]


def register(service, person, change):
    """Registers or removes a device for a POST of a page or worker, {subscription, old_endpoint}. Returns a status."""
    devices = f"/v1/recipients/{urllib.parse.quote(person, safe='')}/devices"
    if change["subscription"] is None:  # unsubscribed
        return service.call("recipients", "DELETE", f"{devices}?endpoint={urllib.parse.quote(change['old_endpoint'], safe='')}")
    return service.call("recipients", "PUT", devices, {**change["subscription"], "old_endpoint": change["old_endpoint"]})


class Site:
    """Web server on a port of this machine, which browsers treat as secure."""

    def __init__(self, api_url, port=0, images=""):
        self.api_url, self.policy = api_url, policy(api_url, images)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def file(self, path):
        """Returns content type and text, or None. A path without an extension is a page of the app."""
        file = PUBLIC / (path.lstrip("/") if "." in path else APP)
        if file.parent != PUBLIC or not file.is_file():
            return None
        return KINDS[file.suffix], file.read_text().replace("{api}", self.api_url)

    def take(self, path, body):
        """Processes one POST and returns the status."""
        raise NotImplementedError


class Example(Site):
    """Site of `make up`. Every visitor is the same person."""

    def __init__(self, stack, port):
        super().__init__(stack["api_url"], port)
        self._service = Service(stack)

    def take(self, path, body):
        if path == "/my/push-subscription":
            status = register(self._service, PERSON, body)
            return 204 if status < 300 else 502
        if path == "/my/test-notification":
            content = {"title": "Order 7", "body": "Your order is on its way.", "url": f"{self.origin}/orders/7",
                       "data": {"order": 7}, "actions": [{"action": "account", "title": "Account", "url": f"{self.origin}/account"}]}
            return self._service.call("send", "POST", "/v1/notifications", {"to": PERSON, "channels": ["push"], "content": content})
        return 204 if path == "/my/log-out" else 404


def _handler(site):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            kind, text = site.file(self.path.partition("?")[0]) or ("text/plain", None)
            self._answer(200 if text else 404, kind, text or "")

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            self._answer(site.take(self.path, json.loads(body or b"null")))

        def _answer(self, status, kind="text/plain", text=""):
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Security-Policy", site.policy)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    return Handler


if __name__ == "__main__":
    with Example(json.loads(pathlib.Path(sys.argv[1]).read_text()), int(sys.argv[2])) as example:
        print(f"example site: {example.origin}", flush=True)
        threading.Event().wait()
