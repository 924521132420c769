"""Tab of the web console in Chromium, and what every chapter of the console uses: the login, pictures of a page, and
the rules of accessibility of axe-core.

Each tab of the console is checked when it is closed: no request left the origin, no page had an error, and no policy
was violated. So no chapter can forget it.
"""

import base64
import json
import pathlib
import shutil
import subprocess
import urllib.parse

from chromium import Refused
from preference_page import NARROW, Tab
from story.narrator import CheckFailed

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURES = ROOT / "target" / "console"
AXE = ROOT / "target" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
MAIN, NOTICE, PROBLEM = "nav.sections", "p.notice", "#problem"
MAX_HEIGHT, WIDE = 9_000, 1_280
OFFLINE = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
# Maximum size on the wire of a page that is opened first, with its styles and scripts, and of the editor of a template.
FIRST_PAGE_BYTES, EDITOR_BYTES = 100_000, 300_000
# Page, styles, scripts and images: name, bytes on the wire, bytes after decompression. A file from the cache has the
# size that it had on the wire.
LOADED = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .filter((one) => ["navigation", "link", "css", "script", "img"].includes(one.initiatorType))
  .map((one) => [new URL(one.name).pathname, one.encodedBodySize, one.decodedBodySize])"""
# Stops of the Tab key after which an element counts as unreachable.
MAX_STOPS = 200
# Keys that type nothing, by the number that the protocol needs.
KEYS = {"Backspace": 8, "Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowUp": 38, "ArrowDown": 40,
        "Delete": 46}
SHIFT = 8
# The page takes its forms as sent, but for the sign-out, so that it does not ask before it is left. A dialog would stop
# the browser.
LEAVES = ("document.querySelectorAll('form:not([data-forget])')"
          ".forEach((form) => form.dispatchEvent(new SubmitEvent('submit')))")
STORED = "Object.keys(localStorage).filter((one) => one.startsWith('console-draft:'))"
# The browser reports the status of a page that refuses what was asked for. Chapters look at the page.
REFUSAL = "the server responded with a status of 4"
RULES = """(async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  const places = (one) => one.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(", ");
  return found.violations.map((one) => `${one.id}: ${places(one)}`);
})()"""


def axe_source():
    """Source of axe-core, installed from the lock file; None without npm."""
    if not shutil.which("npm"):
        return None
    if not AXE.exists():
        folder = ROOT / "target" / "axe"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(ROOT / "tests" / "browser" / "axe" / name, folder)
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--prefix", folder], check=True)
    return AXE.read_text()


class CheckedTab:
    """Base class of a tab of the console, before the class of its browser. It is checked when it is closed, unless an
    exception closes it."""

    def __exit__(self, kind=None, *rest):
        try:
            if kind is None:
                self.is_clean()
        finally:
            super().__exit__(kind, *rest)

    def is_clean(self):
        """Raises CheckFailed if a page had an error that no chapter has caused."""
        found = self.unexpected_errors()
        if found:
            raise CheckFailed(f"a page of the console has errors: {found[:5]}")


class ConsoleTab(CheckedTab, Tab):
    """Tab of Chromium that keeps its console's messages, its requests and the reports of its policy."""

    def __init__(self, chromium, scripts=True):
        super().__init__(chromium, scripts)
        for domain in ("Log", "Runtime", "Network", "Audits"):
            self._call(f"{domain}.enable")
        self._first_origin, self._caused = None, []
        # Pictures show the whole width of a page.
        self._call("Emulation.setScrollbarsHidden", hidden=True)

    def is_clean(self):
        """Raises CheckFailed if a page had an error that no chapter has caused, or a request left the origin."""
        super().is_clean()
        if self.origins() - {self._first_origin}:
            raise CheckFailed(f"requests left {self._first_origin}: {self.origins()}")

    def unexpected_errors(self):
        return [one for one in self.page_errors() if not self._is_expected(one)]

    def _is_expected(self, error):
        text, _, url = error.rpartition(" at ")
        is_page = "." not in urllib.parse.urlsplit(url).path.rpartition("/")[2]
        return (REFUSAL in text and is_page) or any(cause in error for cause in self._caused)

    def causes(self, text):
        """Names an error that this chapter causes on purpose."""
        self._caused.append(text)

    def has_network(self, is_there):
        self.causes("net::ERR_INTERNET_DISCONNECTED")
        self._call("Network.emulateNetworkConditions", offline=not is_there, **OFFLINE)

    def visits(self, url):
        self._first_origin = self._first_origin or origin(url)
        super().visits(url)

    def run(self, script):
        return self._chromium.evaluate(self._session, script)

    def path(self):
        return self.run("location.pathname + location.search")

    def shows(self, selector, text):
        """True if an element of the page has this text; false while the next page is loading."""
        return text in (self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''") or "")

    def frame_html(self):
        """HTML of the page's frame, which may run in a process of its own; empty if there is none."""
        try:
            frames = [one for one in self._chromium.targets("iframe") if self._is_own(one)]
            session = self._chromium.attach(frames[-1]["targetId"]) if frames else self._session
            return self._content(session, bool(frames))
        except Refused:
            return ""  # a new frame is taking the place of this one

    def _is_own(self, frame):
        return "/console/" in frame["url"]

    def _content(self, session, is_own_process):
        root = self._chromium.call("DOM.getDocument", session, depth=-1, pierce=True)["root"]
        inner = root if is_own_process else next(filter(None, map(inner_document, walked(root))), None)
        if inner is None:
            return ""
        return self._chromium.call("DOM.getOuterHTML", session, backendNodeId=inner["backendNodeId"])["outerHTML"]

    def submits(self, selector):
        """Presses the button of a form."""
        self._of(selector, "one.click()")

    def picture(self, name, scheme, width):
        """Takes a picture of the whole page, and returns the width that the page needs."""
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        # A frame in a process of its own is painted within the window alone, so the window gets the height of the page.
        height = max(900, min(self._of("html", "one.scrollHeight"), MAX_HEIGHT))
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
        clip = {"x": 0, "y": 0, "width": max(width, self._of("html", "one.scrollWidth")), "height": height, "scale": 1}
        image = self._call("Page.captureScreenshot", captureBeyondViewport=True, format="png", clip=clip)["data"]
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / f"{name or 'overview'}-{scheme}-{width}.png").write_bytes(base64.b64decode(image))
        needed = self._of("html", "one.scrollWidth")
        self._call("Emulation.setEmulatedMedia", features=[])
        self._call("Emulation.clearDeviceMetricsOverride")
        return needed

    def _happened(self, method):
        """Parameters of the events of this tab, not of the tabs before it."""
        self._chromium.happened(method)  # reads the events that have arrived
        return [one["params"] for one in self._chromium.events
                if one.get("method") == method and one.get("sessionId") == self._session]

    def page_errors(self):
        """Errors of the page's console, exceptions, dialogs, violations of the policy; not those of the login page."""
        logged = [one["entry"] for one in self._happened("Log.entryAdded")]
        errors = [f"{one['text']} at {one.get('url', '')}" for one in logged if one["level"] == "error"]
        thrown = [one["exceptionDetails"] for one in self._happened("Runtime.exceptionThrown")]
        errors += [one.get("exception", {}).get("description") or one["text"] for one in thrown]
        calls = [one for one in self._happened("Runtime.consoleAPICalled") if one["type"] in ("error", "assert")]
        errors += [" ".join(str(given.get("value")) for given in one["args"]) for one in calls]
        dialogs = self._happened("Page.javascriptDialogOpening")
        errors += [f"a dialog says {one['message']}" for one in dialogs if one["type"] != "beforeunload"]
        issues = [one["issue"] for one in self._happened("Audits.issueAdded")]
        errors += [json.dumps(one["details"]) for one in issues if one["code"] == "ContentSecurityPolicyIssue"]
        return [one for one in errors if "/favicon.ico" not in one]

    def oversize(self, page):
        """Reasons why the page of the tab is too large on the wire; none if it is not."""
        loaded = self.run(LOADED)
        files = [one for one in loaded if one[0].endswith((".css", ".js"))]
        wire = sum(sent for _, sent, _ in loaded)
        limit = EDITOR_BYTES if page.startswith("template?") else FIRST_PAGE_BYTES
        found = [f"{page or 'overview'} takes {wire} of {limit} bytes: {loaded}"] if wire > limit else []
        if len(files) < 2 or not all(sent for _, sent, _ in loaded):
            found.append(f"the size of {page or 'overview'} is not known: {loaded}")
        return found + [f"{name} is not compressed" for name, sent, size in files if sent >= size]

    def origins(self):
        """Origins of all requests."""
        urls = [one["request"]["url"] for one in self._happened("Network.requestWillBeSent")]
        return {origin(url) for url in urls if url.startswith("http")}


class KeyboardTab(ConsoleTab):
    """Tab of a person who has no mouse."""

    def press(self, key, modifiers=0):
        """Presses a key. A character is typed as a keyboard does."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 and modifiers in (0, SHIFT) else "")
        number = KEYS.get(key) or ord(key.upper())
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if text and kind == "keyDown" else {}
            self._call("Input.dispatchKeyEvent", type=kind, key=key, code=key if key in KEYS else "",
                       windowsVirtualKeyCode=number, modifiers=modifiers, **typed)

    def goes_to(self, selector, key_modifiers=0):
        """Presses Tab until the element has the focus. Returns False if it is not reached."""
        for _ in range(MAX_STOPS):
            if self.run(f"document.activeElement?.matches({json.dumps(selector)}) ?? false"):
                return True
            self.press("Tab", key_modifiers)
        return False

    def types(self, text):
        """Types over what a field has."""
        self.run("document.activeElement.select?.()")
        self._call("Input.insertText", text=text)

    def drafts(self):
        return self.run(STORED)

    def opens(self, visitor, page, selector):
        """Opens a page, whatever was typed on the one before it."""
        self.run(LEAVES)
        self.visits(f"{visitor.stack.console['url']}/{page}".rstrip("/"))
        visitor.waits(lambda: self.has(selector) and page.split("?")[0] in self.path(), page)


def findings(tab, name, rules, is_narrow=False):
    """Takes the pictures of a page. Returns what violates a rule of axe-core, and a width that does not fit. The rules
    are checked in light and in dark colours, and in a narrow window on demand: Firefox looks at most pages in one."""
    found = []
    if rules:
        tab.run(rules + ";undefined")
        for scheme, width in (("light", WIDE), ("dark", WIDE), *([("dark", NARROW)] if is_narrow else [])):
            tab._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            tab._call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
            found += [f"{name} ({scheme}, {width}): {one}" for one in tab.run(RULES)]
    for scheme, width in (("light", WIDE), ("dark", WIDE), ("light", NARROW), ("dark", NARROW)):
        needed = tab.picture(name, scheme, width)
        found += [f"{name} needs {needed} of {width} pixels"] if needed > width else []
    return found


def origin(url):
    return "/".join(url.split("/")[:3])


def origin_of(visitor):
    return origin(visitor.stack.console["url"])


def notes_missing_rules(rules, narrator):
    if not rules:
        narrator.note("SKIPPED: the rules of axe-core, because npm is not installed (Debian: apt-get install npm)")


def walked(node):
    """A node of a document, and all nodes below it."""
    yield node
    for child in node.get("children", []):
        yield from walked(child)


def inner_document(node):
    return node.get("contentDocument") if node["nodeName"] == "IFRAME" else None


def signs_in(tab, visitor, role, page=""):
    """Signs in at the login page, and waits for the page that was wanted."""
    console, person = visitor.stack.console["url"], visitor.stack.console["people"][role]
    tab.visits(f"{console}/{page}" if page else console)
    visitor.waits(lambda: tab.has("input[name=password]"), "the login page")
    tab.enters("input[name=username]", person["name"])
    tab.enters("input[name=password]", person["password"])
    tab.presses_enter("input[name=password]")
    visitor.waits(lambda: tab.has(MAIN), "the console after the login")


def signs_in_if_needed(tab, visitor):
    tab.visits(visitor.stack.console["url"])
    visitor.waits(lambda: tab.has(MAIN) or tab.has("input[name=password]"), "the console or its login")
    if not tab.has(MAIN):
        signs_in(tab, visitor, "admin")
