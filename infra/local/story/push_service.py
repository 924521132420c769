"""Push service and browser in this process. They verify and decrypt messages with other libraries than the sender."""

import http.server
import json
import secrets
import threading
import urllib.parse

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .web_push import checked_headers, encode, verified_vapid


class Browser:
    """Browser with one subscription: an endpoint, a P-256 key pair and a secret that never leave the browser."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = secrets.token_bytes(16)
        self.messages = []
        self.is_gone = False
        self.is_unavailable = False
        self.is_refused = False

    def subscription(self, ends_at_ms=None):
        """Result of JSON.stringify(subscription) in a browser."""
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": encode(point), "auth": encode(self._auth)}
        return {"endpoint": self.endpoint, "expirationTime": ends_at_ms, "keys": keys}

    def open(self, body):
        """Decrypts a message (RFC 8291)."""
        return json.loads(http_ece.decrypt(body, private_key=self._key, auth_secret=self._auth, version="aes128gcm"))


class Received:
    """Push message that passed every check."""

    def __init__(self, message, headers, token):
        self.message, self.headers, self.token = message, headers, token


class PushService:
    """Returns 201 for verified and decrypted messages, 410 for gone devices, 503 for unavailable ones, else 400 with
    the reason."""

    def __init__(self, origin, vapid_public_key):
        self.origin = origin
        self._vapid_public_key = vapid_public_key
        self._browsers = {}
        self.refusals = []
        address = urllib.parse.urlsplit(origin)
        self._server = http.server.ThreadingHTTPServer((address.hostname, address.port), _handler(self))
        self._server.daemon_threads = True

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def subscribe(self):
        """Creates a browser with an endpoint of this service."""
        path = f"/push/{secrets.token_urlsafe(24)}"
        self._browsers[path] = browser = Browser(self.origin + path)
        return browser

    def take(self, path, headers, body):
        """Processes one POST and returns (status, text)."""
        browser = self._browsers.get(path)
        if browser is None:
            return 404, "no such subscription"
        if browser.is_gone:
            return 410, "the subscription has ended"
        if browser.is_unavailable:
            return 503, "unavailable on purpose"
        if browser.is_refused:
            return 400, "refused on purpose"
        try:
            token = verified_vapid(headers.get("Authorization", ""), self.origin, self._vapid_public_key)
            checked_headers(headers)
            browser.messages.append(Received(browser.open(body), headers, token))
        except Exception as error:  # an unexpected error must not become 201
            self.refusals.append(f"{type(error).__name__}: {error}")
            return 400, self.refusals[-1]
        return 201, ""


def _handler(service):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, text = service.take(self.path, self.headers, body)
            self.send_response(status)
            if status == 201:
                self.send_header("Location", f"{service.origin}/message/{secrets.token_hex(8)}")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    return Handler
