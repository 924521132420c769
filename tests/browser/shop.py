"""A company's own site: pages, its service worker, and the backend that registers devices with the service. It also passes
receipts on to the service, so that a test can say what becomes of them on the way."""

import http.server
import json
import threading
import urllib.error
import urllib.request

PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<script src="{api}/v1/client/client.js"></script></head><body>Shop</body></html>
"""
WORKER = 'importScripts("{api}/v1/client/worker.js");\n'
REGISTER = "/my/push-subscription"
RECEIPTS = "/receipts"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Site:
    """Serves on a free port of this machine, which browsers take for a secure place."""

    def __init__(self, api_url, register):
        page, worker = ("text/html", PAGE.format(api=api_url)), ("text/javascript", WORKER.format(api=api_url))
        self._files = {"/": page, "/orders/7": page, "/worker.js": worker, "/app/worker.js": worker}
        self._api_url, self._register = api_url, register
        self.registered = []
        self._faults = {REGISTER: [], RECEIPTS: []}
        self._taken = {REGISTER: [], RECEIPTS: []}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def file(self, path):
        return self._files.get(path)

    def will_answer(self, path, *statuses):
        """The next answers, instead of doing anything; what was asked before is forgotten."""
        self._faults[path], self._taken[path] = list(statuses), []

    def answered(self, path):
        """(status, body) of every request since then."""
        return list(self._taken[path])

    def take(self, path, body):
        """The status for one POST."""
        status = self._faults[path].pop(0) if self._faults[path] else self._do(path, body)
        self._taken[path].append((status, body))
        return status

    def _do(self, path, body):
        if path == REGISTER:
            self._register(body["subscription"])
            self.registered.append(body)
            return 204
        request = urllib.request.Request(f"{self._api_url}/v1/receipts", data=json.dumps(body).encode())
        try:
            with DIRECT.open(request, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code


def _handler(site):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            kind, text = site.file(self.path.partition("?")[0]) or ("text/plain", None)
            self._answer(200 if text else 404, kind, text or "")

        def do_POST(self):
            self._answer(site.take(self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))

        def _answer(self, status, kind="text/plain", text=""):
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    return Handler
