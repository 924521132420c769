"""A company's own site: one page, its service worker, and the backend that registers devices with the service."""

import http.server
import json
import threading

PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<script src="{api}/v1/client/client.js"></script></head><body>Shop</body></html>
"""
WORKER = 'importScripts("{api}/v1/client/worker.js");\n'


class Site:
    """Serves on a free port of this machine, which browsers take for a secure place."""

    def __init__(self, api_url, register):
        self._files = {
            "/": ("text/html", PAGE.format(api=api_url)),
            "/orders/7": ("text/html", PAGE.format(api=api_url)),
            "/worker.js": ("text/javascript", WORKER.format(api=api_url)),
        }
        self._register = register
        self.registered = []
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

    def take(self, body):
        """What a page or a worker says of its subscription."""
        self._register(body["subscription"])
        self.registered.append(body)


def _handler(site):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            kind, text = site.file(self.path) or ("text/plain", None)
            self._answer(200 if text else 404, kind, text or "")

        def do_POST(self):
            site.take(json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0")))))
            self._answer(204, "text/plain", "")

        def _answer(self, status, kind, text):
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    return Handler
