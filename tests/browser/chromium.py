"""Client of a headless Chromium on this machine, over a pipe with the Chrome DevTools Protocol: no driver, no download."""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome")
ANSWER_SECONDS = 30
NONE_HERE = 3  # exit code; 1 is Python's code for an error in this file
# Without prompts, in its own profile, and without connections to other machines.
FLAGS = (
    "--headless", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-gpu", "--disable-quic",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-dev-shm-usage", "--password-store=basic", "--use-mock-keychain",
)


def program():
    """Path of the browser; None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Refused(Exception):
    """The browser returned an error for a command."""


class Chromium:
    """Context manager that runs a browser with a temporary profile."""

    def __enter__(self):
        self._profile = tempfile.mkdtemp(prefix="browser-test-")
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()
        # As root, Chromium requires --no-sandbox. It reads commands from descriptor 3 and writes responses to 4. Not sh,
        # which may be dash: dash reads descriptors of one digit only.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        flags = [*FLAGS, *sandbox, f"--user-data-dir={self._profile}", "about:blank"]
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", f'exec "$0" "$@" 3<&{commands} 4>&{answers}', program(), *flags],
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
        """Sends one command and returns its result. Events that arrive meanwhile are stored in `events`."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            answer = self._read(deadline)
            if answer is None:
                break
            if answer.get("id") != self._number:
                self.events.append(answer)
            elif "error" in answer:
                raise Refused(f"{method}: {answer['error']['message']}")
            else:
                return answer["result"]
        raise Refused(f"{method}: no response within {ANSWER_SECONDS} s")

    def _read(self, deadline):
        """Returns the next message, or None if none arrives in time."""
        while b"\0" not in self._rest:
            if not select.select([self._from], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            more = os.read(self._from, 1 << 16)
            if not more:
                raise Refused("the browser has ended")
            self._rest += more
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def happened(self, method):
        """Parameters of every event of this name so far."""
        self.call("Browser.getVersion")  # reads the events that have arrived
        return [event["params"] for event in self.events if event.get("method") == method]

    def attach(self, target_id):
        """Opens a session with a page or a worker."""
        return self.call("Target.attachToTarget", targetId=target_id, flatten=True)["sessionId"]

    def targets(self, kind):
        """Targets of a kind: `page`, `service_worker`."""
        return [one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == kind]

    def evaluate(self, session, script):
        """Evaluates an expression, awaits promises, and returns the value. An exception becomes Refused."""
        result = self.call("Runtime.evaluate", session, expression=script, awaitPromise=True, returnByValue=True,
                           userGesture=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise Refused(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")


if __name__ == "__main__":  # reports if there is a browser
    if program() is None:
        print("SKIPPED: browser tests, because Chromium is not installed (Debian: apt-get install chromium)")
        sys.exit(NONE_HERE)
