"""Chapters about the web console in Chromium and in Firefox: sign in, every page, the core paths without scripts, and the
rules of accessibility of axe-core.

Screenshots of every page (light, dark, narrow) are written to target/console/.
"""

import base64
import json
import pathlib
import shutil
import subprocess

import firefox
from firefox import Firefox
from preference_page import NARROW, Tab

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURES = ROOT / "target" / "console"
AXE = ROOT / "target" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
MAIN, NOTICE, PROBLEM = "nav.sections", "p.notice", "#problem"
PERSON = "console-person"
# Text of a caller or a recipient that must be shown as text, in every field that they control.
HOSTILE = "<script>window.broken = 1</script> \u202e{{ 7 * 7 }} <img src=x onerror=alert(1)>"
RULES = """(async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(", ")}`);
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


class ConsoleTab(Tab):
    """Tab of Chromium that keeps its console's messages, its requests and the reports of its policy."""

    def __init__(self, chromium, scripts=True):
        super().__init__(chromium, scripts)
        for domain in ("Log", "Runtime", "Network"):
            self._call(f"{domain}.enable")

    def run(self, script):
        return self._chromium.evaluate(self._session, script)

    def path(self):
        return self.run("location.pathname + location.search")

    def shows(self, selector, text):
        """True if an element of the page has this text; false while the next page is loading."""
        return text in (self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''") or "")

    def submits(self, selector):
        """Presses the button of a form."""
        self._of(selector, "one.click()")

    def picture(self, name, scheme, width):
        """Takes a picture of the whole page, and returns the width that the page needs."""
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        image = self._call("Page.captureScreenshot", captureBeyondViewport=True, format="png")["data"]
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

    def faults(self):
        """Errors of the page's console and exceptions, without those of the login page."""
        logged = [one["entry"] for one in self._happened("Log.entryAdded")]
        thrown = [one["exceptionDetails"]["text"] for one in self._happened("Runtime.exceptionThrown")]
        return [one["text"] for one in logged if one["level"] == "error" and "/favicon.ico" not in one.get("url", "")] + thrown

    def origins(self):
        """Origins of all requests."""
        urls = [one["request"]["url"] for one in self._happened("Network.requestWillBeSent")]
        return {"/".join(url.split("/")[:3]) for url in urls if url.startswith("http")}


def signs_in(tab, visitor, role, page=""):
    """Signs in at the login page, and waits for the page that was wanted."""
    console, person = visitor.stack.console["url"], visitor.stack.console["people"][role]
    tab.visits(f"{console}/{page}" if page else console)
    visitor.waits(lambda: tab.has("input[name=password]"), "the login page")
    tab.enters("input[name=username]", person["name"])
    tab.enters("input[name=password]", person["password"])
    tab.presses_enter("input[name=password]")
    visitor.waits(lambda: tab.has(MAIN), "the console after the login")


def pages_of(visitor):
    """Pages of the console by the name of their picture: those of the navigation, and one of each kind about one thing."""
    sent = visitor.stack.expect(202, "send", "POST", "/v1/notifications", {
        "to": PERSON, "content": {"title": HOSTILE, "body": HOSTILE}, "channels": ["email"]}).json
    return {
        "": "", "send": "send", "send-to": f"send?to={PERSON}", "notifications": "notifications",
        "notification": f"notification?id={sent['id']}", "recipient": f"recipient?id={PERSON}", "rollout": "rollout",
        "campaign-new": "campaign", "template": "template?name=payment-due&locale=it&channel=email",
        "template-versions": "template?name=payment-due&view=versions",
        "recipient-segments": f"recipient_segments?id={PERSON}", "type": "type?name=DEFAULT",
        "type-new": "type?preset=marketing", "segment": "segment", "caps": "caps", "sessions": "sessions",
        "template-about": "template?name=payment-due&view=about",
    }


def is_walked_through(visitor, narrator):
    narrator.chapter("An operator signs in to the console in Chromium and walks through every page")
    visitor.stack.expect(201, "recipients", "PUT", f"/v1/recipients/{PERSON}", {
        "email": f"{PERSON}@example.com", "attributes": {"note": HOSTILE}})
    rules = axe_source()
    with ConsoleTab(visitor.chromium) as tab:
        signs_in(tab, visitor, "admin", "rollout?zone=utc")
        narrator.check("/console/rollout?zone=utc" in tab.path(), "the login returns to the page that was wanted", tab.path())
        pages = pages_of(visitor)
        links = tab.run("[...document.querySelectorAll('nav.sections a')].map((one) => one.pathname.split('/console')[1].slice(1))")
        pages |= {page: page for page in links if page not in pages}
        wide, against_rules, untitled = [], [], []
        for name, page in pages.items():
            tab.visits(f"{visitor.stack.console['url']}/{page}" if page else visitor.stack.console["url"])
            visitor.waits(lambda: tab.has("h1") and tab.has(MAIN), f"the page {name or 'overview'}")
            untitled += [name] if tab.text("h1") != tab.run("document.title.split(' – ')[0]") else []
            if rules:
                tab.run(rules + ";undefined")
                for scheme in ("light", "dark"):
                    tab._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
                    against_rules += [f"{name or 'overview'} ({scheme}): {one}" for one in tab.run(RULES)]
            for scheme, width in (("light", 1280), ("dark", 1280), ("light", NARROW)):
                needed = tab.picture(name, scheme, width)
                wide += [f"{name} needs {needed}"] if needed > width else []
        narrator.equal(untitled, [], f"{len(pages)} pages have their title as heading")
        narrator.equal(wide, [], f"every page fits into a window of {NARROW} pixels")
        if rules:
            narrator.equal(against_rules, [], "no page violates a rule of axe-core, light or dark")
        else:
            narrator.note("SKIPPED: the rules of axe-core, because npm is not installed (Debian: apt-get install npm)")
        origin = "/".join(visitor.stack.console["url"].split("/")[:3])
        narrator.equal(tab.origins(), {origin}, "no request leaves the origin")
        narrator.equal(tab.faults(), [], "no error in the browser's console, and no report of the policy")
        narrator.equal(tab.run("window.broken"), None, "hostile text is shown as text")


def works_by_keyboard(visitor, narrator):
    narrator.chapter("The console's shortcuts, and a message that is previewed while it is typed")
    with ConsoleTab(visitor.chromium) as tab:
        tab.visits(f"{visitor.stack.console['url']}/send")
        visitor.waits(lambda: tab.has("#field-to"), "the form")
        press = "document.dispatchEvent(new KeyboardEvent('keydown', {key: %s, bubbles: true}))"
        tab.run("document.body.focus();" + "document.body." + press.removeprefix("document.") % json.dumps("/"))
        narrator.equal(tab.run("document.activeElement.id"), "search", "/ leads to the search")
        tab.run("document.activeElement." + press.removeprefix("document.") % json.dumps("?"))
        narrator.equal(tab.has("#help"), False, "a shortcut does not fire while somebody types")
        tab.run("document.activeElement.blur(); document.body." + press.removeprefix("document.") % json.dumps("?"))
        narrator.check(tab.has("#help[open]"), "? shows the shortcuts")
        tab.run("document.getElementById('help').close()")
        for field, text in (("#field-to", PERSON), ("input[name=title]", HOSTILE), ("textarea[name=body]", "Text")):
            tab.enters(field, text)
        tab.run("document.querySelector('form[data-preview]').dispatchEvent(new Event('input', {bubbles: true}))")
        visitor.waits(lambda: tab.has("#preview .state"), "the preview")
        narrator.check(HOSTILE.split()[-1] in tab.text("#preview") and not tab.has("#preview script"),
                       "the preview shows the message of each channel while it is typed")
        kept = tab.run("Object.values(localStorage).find((one) => one.includes('Text'))")
        narrator.check(kept and "csrf" not in kept, "what was typed is kept in the browser, without the session's token", kept)


def sends_without_scripts(tab, visitor, narrator):
    """Sends a message, looks at it, and takes the rollout back, on pages without scripts."""
    signs_in(tab, visitor, "admin", "send")
    visitor.waits(lambda: tab.has("#field-to"), "the form")
    tab.enters("#field-to", PERSON)
    tab.enters("input[name=title]", "Hello")
    tab.enters("textarea[name=body]", "Sent from the console")
    tab.clicks("button[value=preview]")
    visitor.waits(lambda: tab.has("#preview .state"), "the preview")
    narrator.check("Sent from the console" in tab.text("#preview"), "the preview shows the message and every gate")
    tab.clicks("button[value=send]")
    visitor.waits(lambda: tab.has(NOTICE) and tab.has(".timeline"), "the notification")
    narrator.check("email to ses: accepted" in tab.text(".timeline"), "it is sent once, and its timeline shows how")
    visitor.stack.put_parameter("RolloutPercentageParameter", "25")
    tab.visits(f"{visitor.stack.console['url']}/rollout")
    visitor.waits(lambda: tab.has("button.danger"), "the page of the rollout")
    tab.enters("#field-percentage", "50 %")
    tab.clicks("form:has(#field-percentage) button")
    visitor.waits(lambda: tab.has(PROBLEM), "the refusal")
    narrator.check("percentage" in tab.text(PROBLEM) and tab.attribute("#field-percentage", "value") == "50 %",
                   "a percentage that is not valid is refused by name, and stays in its field")
    narrator.equal(visitor.stack.parameter("RolloutPercentageParameter"), "25", "nothing was changed")
    tab.clicks("button.danger")
    visitor.waits(lambda: tab.has(NOTICE), "the change")
    narrator.equal(visitor.stack.parameter("RolloutPercentageParameter"), "0", "one button leads back to 0 %")
    visitor.stack.put_parameter("RolloutPercentageParameter", "100")


def works_without_scripts(visitor, narrator):
    narrator.chapter("The core paths of the console in Chromium, without scripts")
    with Tab(visitor.chromium, False) as tab:
        visitor.chromium.call("Storage.clearCookies")
        sends_without_scripts(tab, visitor, narrator)


def works_in_firefox(visitor, narrator):
    if firefox.program() is None:
        narrator.note("SKIPPED: the console in Firefox, which is not installed (Debian: apt-get install firefox-esr)")
        return
    for scripts in (True, False):
        narrator.chapter(f"The core paths of the console in Firefox, {'with' if scripts else 'without'} scripts")
        with Firefox(scripts) as tab:
            sends_without_scripts(tab, visitor, narrator)


def limits_a_viewer(visitor, narrator):
    narrator.chapter("A viewer reads, and changes nothing")
    with ConsoleTab(visitor.chromium) as tab:
        visitor.chromium.call("Storage.clearCookies")
        signs_in(tab, visitor, "viewer", "rollout")
        narrator.equal(tab.has("button.danger"), False, "a viewer is not offered the way back to 0 %")
        status = tab.run("""fetch(location.href, {method: "POST", body: new URLSearchParams({action: "zero",
            csrf: document.querySelector("input[name=csrf]").value})}).then((answer) => answer.status)""")
        narrator.equal(status, 403, "and is refused if the form is sent all the same")
        tab.submits(".person button")
        visitor.waits(lambda: tab.shows("h1", "Signed out"), "the sign-out")
        tab.visits(visitor.stack.console["url"])
        visitor.waits(lambda: tab.has("input[name=password]"), "the login page")
        narrator.check(True, "after the sign-out the console asks for a login")


CHAPTERS = (is_walked_through, works_by_keyboard, works_without_scripts, works_in_firefox, limits_a_viewer)
