"""The site docs/example-site with a backend for the tests. It also passes receipts on to the service, so that a test
can inject errors."""

import json
import pathlib
import sys
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "docs" / "example-site"))

from example_site import DIRECT, Site
from images import ImageServer

REGISTER = "/my/push-subscription"
RECEIPTS = "/receipts"


class Shop(Site):
    """Site that passes registrations of pages to `register`, which returns a status."""

    def __init__(self, api_url, register):
        self.images, self.foreign_images = ImageServer(), ImageServer()
        super().__init__(api_url, images=self.images.origin)
        self._register = register
        self.registered = []
        self._faults = {REGISTER: [], RECEIPTS: []}
        self._taken = {REGISTER: [], RECEIPTS: []}

    def file(self, path):
        if path == "/vendor/worker.js":
            return "text/javascript", "self.addEventListener('push', () => undefined);"
        return super().file("/worker.js" if path == "/app/worker.js" else path)

    def will_answer(self, path, *statuses):
        """Sets the statuses of the next responses, without an action. Deletes the recorded requests."""
        self._faults[path], self._taken[path] = list(statuses), []

    def answered(self, path):
        """(status, body) of every recorded request."""
        return list(self._taken[path])

    def take(self, path, body):
        if path not in self._faults:
            return 404
        status = self._faults[path].pop(0) if self._faults[path] else self._do(path, body)
        self._taken[path].append((status, body))
        return status

    def _do(self, path, body):
        if path == REGISTER:
            status = self._register(body)
            self.registered.append(body)
            return 204 if status < 300 else status
        request = urllib.request.Request(f"{self.api_url}/v1/receipts", data=json.dumps(body).encode())
        try:
            with DIRECT.open(request, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
