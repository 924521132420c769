"""Client of a headless Firefox on this machine, over its Marionette protocol: no driver, no download."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from chromium import ANSWER_SECONDS, Refused

NAMES = ("firefox-esr", "firefox")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ENTER = "\ue007"
START_SECONDS, START_ATTEMPTS = 60, 3
# Errors of the pages of one origin, among them the reports of their policies.
CONSOLE_ERRORS = """return Services.console.getMessageArray()
  .filter((one) => one instanceof Ci.nsIScriptError && !(one.flags & Ci.nsIScriptError.warningFlag)
    && one.sourceName.startsWith(arguments[0]))
  .map((one) => `${one.sourceName}: ${one.errorMessage}`);"""
# Without prompts and without connections to other machines.
PREFERENCES = {
    "app.update.disabledForTesting": True, "browser.shell.checkDefaultBrowser": False, "browser.startup.page": 0,
    "browser.startup.homepage_override.mstone": "ignore", "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False, "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False, "network.dns.disablePrefetch": True,
    "marionette.port": 0, "services.settings.server": "http://127.0.0.1:1/", "toolkit.telemetry.server": "http://127.0.0.1:1/",
    "browser.safebrowsing.malware.enabled": False, "browser.safebrowsing.phishing.enabled": False,
}


def program():
    """Path of the browser; None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def is_missing(narrator, subject):
    """True if there is no Firefox; then a note says what is left out."""
    if program() is None:
        narrator.note(f"SKIPPED: {subject} in Firefox, which is not installed (Debian: apt-get install firefox-esr)")
    return program() is None


class Firefox:
    """Context manager that runs a browser with a temporary profile, with or without scripts in pages."""

    def __init__(self, scripts, preferences=None):
        self._preferences = PREFERENCES | {"javascript.enabled": scripts} | (preferences or {})

    def __enter__(self):
        for attempts_left in reversed(range(START_ATTEMPTS)):
            try:
                return self._start()
            except Refused as error:
                if not attempts_left:
                    raise
                print(f"Firefox is started again: {error}", flush=True)

    def _start(self):
        self._profile = pathlib.Path(tempfile.mkdtemp(prefix="browser-test-"))
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in self._preferences.items()]
        (self._profile / "user.js").write_text("\n".join(lines))
        with open(self._profile / "output.log", "wb") as output:
            self._process = subprocess.Popen(
                [program(), "--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", self._profile, "about:blank"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, "HOME": str(self._profile), "MOZ_CRASHREPORTER_DISABLE": "1"},
            )
        try:
            self._connect()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def _connect(self):
        """Connects to the port that the browser has chosen: one that is chosen here may be taken before the browser listens."""
        deadline = time.monotonic() + START_SECONDS
        chosen = self._profile / "MarionetteActivePort"
        while not (chosen.exists() and chosen.read_text().strip()):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise Refused(f"Firefox does not start: {self._end()}")
            time.sleep(0.1)
        self._socket = socket.create_connection(("127.0.0.1", int(chosen.read_text())), ANSWER_SECONDS)
        self._rest, self._number = b"", 0
        self._read()
        self.call("WebDriver:NewSession", strictFileInteractability=False)

    def __exit__(self, *_):
        with contextlib.suppress(Refused, OSError, AttributeError):
            self.call("Marionette:Quit", flags=["eForceQuit"])
        with contextlib.suppress(AttributeError):
            self._socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, command, **parameters):
        """Sends one command and returns its result."""
        self._number += 1
        text = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(f"{len(text)}:".encode() + text)
        _, _, error, result = self._read()
        if error:
            raise Refused(f"{command}: {error.get('message')}")
        return result

    def _read(self):
        """Returns the next message: its length, a colon and JSON."""
        while b":" not in self._rest:
            self._receive()
        length, self._rest = self._rest.split(b":", 1)
        while len(self._rest) < int(length):
            self._receive()
        text, self._rest = self._rest[:int(length)], self._rest[int(length):]
        return json.loads(text)

    def _receive(self):
        try:
            more = self._socket.recv(1 << 16)
        except ConnectionError:
            more = b""
        if not more:
            raise Refused(f"the browser has ended: {self._end()}")
        self._rest += more

    def _end(self):
        """The exit code of the process and the last lines that it printed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        code = self._process.poll()
        printed = (self._profile / "output.log").read_text(errors="replace").splitlines()[-5:]
        return " | ".join([*printed, "it still runs" if code is None else f"exit code {code}"])

    # ---- the page

    def visits(self, url):
        self.call("WebDriver:Navigate", url=url)

    def run(self, script):
        """Runs the body of a function in the page, and returns its value. A promise is awaited."""
        code = f"const [done] = [...arguments].slice(-1); (async () => {{ {script} }})().then(done, (error) => done(`${{error}}`));"
        return self.call("WebDriver:ExecuteAsyncScript", script=code, args=[], timeout=ANSWER_SECONDS * 1_000)["value"]

    def errors(self, origin):
        """Errors of the pages of this origin in the browser's console, and the reports of their policies."""
        self.call("Marionette:SetContext", value="chrome")
        try:
            return self.call("WebDriver:ExecuteScript", script=CONSOLE_ERRORS, args=[origin])["value"]
        finally:
            self.call("Marionette:SetContext", value="content")

    def moves_to_a_window(self, width):
        """Opens a window of this width, and goes on in it."""
        self.run(f"open(location.href, '', 'popup,width={width},height=900')")
        self.call("WebDriver:SwitchToWindow", handle=self.call("WebDriver:GetWindowHandles")[-1])

    def path(self):
        return "/" + self.call("WebDriver:GetCurrentURL")["value"].split("/", 3)[3]

    def frame_html(self):
        """HTML of the page's frame."""
        self.call("WebDriver:SwitchToFrame", element=self._element("iframe"))
        source = self.call("WebDriver:GetPageSource")["value"]
        self.call("WebDriver:SwitchToFrame", element=None)
        return source

    def _element(self, selector):
        found = self.call("WebDriver:FindElement", using="css selector", value=selector)
        return found["value"][ELEMENT]

    def has(self, selector):
        return bool(self.call("WebDriver:FindElements", using="css selector", value=selector))

    def text(self, selector):
        return self.call("WebDriver:GetElementText", id=self._element(selector))["value"]

    def attribute(self, selector, name):
        return self.call("WebDriver:GetElementAttribute", id=self._element(selector), name=name)["value"]

    def name(self, selector):
        """Name by which a screen reader announces the element."""
        return self.call("WebDriver:GetComputedLabel", id=self._element(selector))["value"]

    def is_ticked(self, selector):
        return self.call("WebDriver:IsElementSelected", id=self._element(selector))["value"]

    def clicks(self, selector):
        self.call("WebDriver:ElementClick", id=self._element(selector))

    def enters(self, selector, text):
        element = self._element(selector)
        self.call("WebDriver:ElementClear", id=element)
        if text:
            self.call("WebDriver:ElementSendKeys", id=element, text=text)

    def presses_enter(self, selector):
        self.call("WebDriver:ElementSendKeys", id=self._element(selector), text=ENTER)
