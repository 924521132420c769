"""microburst, a proxy between the functions and the local AWS. It passes calls on unless a rule applies to them."""

import json
import subprocess
import time
import urllib.request

from settings import HOST, ROOT

MICROBURST = ROOT / "target/venv/faults/bin/microburst"
START_SECONDS = 30
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Proxy:
    """Context manager that runs microburst. `upstream` may start later."""

    def __init__(self, port, upstream, log):
        self.url = f"http://{HOST}:{port}"
        self._command = [str(MICROBURST), "--host", HOST, "--port", str(port), "--upstream", upstream]
        self._log, self._process, self._rules = log, None, []

    def __enter__(self):
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise SystemExit(f"microburst did not start; see {self._log}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def inject(self, rule):
        """Replaces the active rules by this one."""
        self._rules += [made["id"] for made in self._call("POST", "/rules", [rule])]

    def clear(self):
        """Ends the fault. Returns the number of calls that it affected."""
        self._call("POST", "/rules", [])
        met = {rule["id"]: rule["fired"] for rule in self._call("GET", "/stats")["by_rule"]}
        mine, self._rules = self._rules, []
        return sum(met.get(rule, 0) for rule in mine)

    def _is_up(self):
        try:
            return self._call("GET", "/health")["status"] == "ok"
        except OSError:
            return False

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/_microburst{path}", data=data, method=method, headers=headers)
        with OPENER.open(request, timeout=10) as answer:
            return json.load(answer)
