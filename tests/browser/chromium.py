"""A headless Chromium of this machine, told what to do over a pipe by the Chrome DevTools Protocol: no driver, no download."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome")
ANSWER_SECONDS = 30
# Quiet, in a profile of its own, and asking nothing of anybody outside this machine.
FLAGS = (
    "--headless", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-gpu", "--disable-quic",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-dev-shm-usage", "--password-store=basic", "--use-mock-keychain",
)


def program():
    """Where it is, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Refused(Exception):
    """The browser could not do what it was asked."""


class Chromium:
    """A running browser; its profile is gone when it ends."""

    def __enter__(self):
        self._profile = tempfile.mkdtemp(prefix="browser-test-")
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()
        # Chromium, which asks for it as root, reads commands from descriptor 3 and answers on 4.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        flags = [*FLAGS, *sandbox, f"--user-data-dir={self._profile}", "about:blank"]
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", f'exec "$0" "$@" 3<&{commands} 4>&{answers}', program(), *flags],
            pass_fds=(commands, answers), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True, env={**os.environ, "HOME": self._profile},
        )
        os.close(commands)
        os.close(answers)
        self._rest, self._number, self.events = b"", 0, []
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Refused, OSError):
            self.call("Browser.close")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method, session=None, **parameters):
        """The result of one command. What happens meanwhile is kept in `events`."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            answer = self._read()
            if answer.get("id") != self._number:
                self.events.append(answer)
            elif "error" in answer:
                raise Refused(f"{method}: {answer['error']['message']}")
            else:
                return answer["result"]
        raise Refused(f"{method}: no answer within {ANSWER_SECONDS} s")

    def _read(self):
        while b"\0" not in self._rest:
            more = os.read(self._from, 1 << 16)
            if not more:
                raise Refused("the browser has ended")
            self._rest += more
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def happened(self, method):
        """The parameters of every event of this name so far."""
        self.call("Browser.getVersion")  # reads what has come
        return [event["params"] for event in self.events if event.get("method") == method]

    def attach(self, target_id):
        """A session with a page or a worker."""
        return self.call("Target.attachToTarget", targetId=target_id, flatten=True)["sessionId"]

    def targets(self, kind):
        """Targets of a kind: `page`, `service_worker`."""
        return [one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == kind]

    def evaluate(self, session, script):
        """The value of an expression, promises awaited; what it throws is Refused."""
        result = self.call("Runtime.evaluate", session, expression=script, awaitPromise=True, returnByValue=True,
                           userGesture=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise Refused(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")


if __name__ == "__main__":  # says whether there is one
    if program() is None:
        print("SKIPPED: the test in a browser, since there is no Chromium here (Debian: apt-get install chromium)")
        sys.exit(1)
