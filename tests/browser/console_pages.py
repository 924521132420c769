"""Chapters about the web console in Chromium and in Firefox: sign in, every page, the core paths without scripts, and the
rules of accessibility of axe-core.

Screenshots of every page (light, dark, narrow) are written to target/console/.
"""

import base64
import json
import pathlib
import shutil
import subprocess
import time

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
MAX_HEIGHT = 9_000
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
        # Pictures show the whole width of a page.
        self._call("Emulation.setScrollbarsHidden", hidden=True)

    def run(self, script):
        return self._chromium.evaluate(self._session, script)

    def path(self):
        return self.run("location.pathname + location.search")

    def shows(self, selector, text):
        """True if an element of the page has this text; false while the next page is loading."""
        return text in (self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''") or "")

    def frame_html(self):
        """HTML of the page's frame, which may run in a process of its own; empty if there is none."""
        frames = [one for one in self._chromium.targets("iframe") if self._is_own(one)]
        session = self._chromium.attach(frames[-1]["targetId"]) if frames else self._session
        return self._content(session, bool(frames))

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


def findings(tab, name, rules):
    """Takes the pictures of a page. Returns what violates a rule of axe-core, light or dark, and a width that does not fit."""
    found = []
    if rules:
        tab.run(rules + ";undefined")
        for scheme in ("light", "dark"):
            tab._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            found += [f"{name} ({scheme}): {one}" for one in tab.run(RULES)]
        tab._call("Emulation.setEmulatedMedia", features=[])
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", NARROW)):
        needed = tab.picture(name, scheme, width)
        found += [f"{name} needs {needed} of {width} pixels"] if needed > width else []
    return found


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


def pages_of(visitor):
    """Pages of the console by the name of their picture: those of the navigation, and one of each kind about one thing."""
    sent = visitor.stack.expect(202, "send", "POST", "/v1/notifications", {
        "to": PERSON, "content": {"title": HOSTILE, "body": HOSTILE}, "channels": ["email"]}).json
    visitor.stack.call("ops", "PUT", "/v1/segments/console-walk", {
        "title": HOSTILE[:100], "filter": {"all": [{"field": "attributes.plan", "op": "eq", "value": "gold"}]}})
    visitor.stack.call("ops", "PUT", "/v1/templates/console-findings", {
        "title": "Findings", "default_locale": "en", "variables": {}, "parts": {"en": {"sms": {"text": "Hello {{ nam }}"}}}})
    return {
        "": "", "send": "send", "send-to": f"send?to={PERSON}", "notifications": "notifications",
        "notification": f"notification?id={sent['id']}", "recipient": f"recipient?id={PERSON}", "rollout": "rollout",
        "campaign-new": "campaign", "template": "template?name=payment-due&locale=it&channel=email",
        "template-versions": "template?name=payment-due&view=versions",
        "recipient-segments": f"recipient_segments?id={PERSON}", "type": "type?name=DEFAULT",
        "type-new": "type?preset=marketing", "segment": "segment", "caps": "caps", "sessions": "sessions",
        "template-about": "template?name=payment-due&view=about",
        "template-findings": "template?name=console-findings&locale=en&channel=sms", "segment-saved": "segment?id=console-walk",
        "analytics-7d": "analytics?range=7d",
        "notification-why": f"notification?id={sent['id']}&why=now",
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
        against_rules, untitled = [], []
        for name, page in pages.items():
            tab.visits(f"{visitor.stack.console['url']}/{page}" if page else visitor.stack.console["url"])
            visitor.waits(lambda: tab.has("h1") and tab.has(MAIN), f"the page {name or 'overview'}")
            untitled += [name] if tab.text("h1") != tab.run("document.title.split(' – ')[0]") else []
            if tab.run("document.querySelector('iframe.preview')?.offsetHeight"):
                visitor.waits(lambda: len(tab.frame_html()) > 100, f"the frame of {name}")
            against_rules += findings(tab, name or "overview", rules)
        narrator.equal(untitled, [], f"{len(pages)} pages have their title as heading")
        narrator.equal(against_rules, [], f"no page violates a rule of axe-core, light or dark, or is wider than {NARROW} pixels")
        notes_missing_rules(rules, narrator)
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
        tab.run("document.getElementById('help').close(); document.getElementById('help-button').click()")
        narrator.check(tab.has("#help[open]"), "and so does the button at the end of the page")
        tab.run("document.getElementById('help').close()")
        for field, text in (("#field-to", PERSON), ("input[name=title]", HOSTILE), ("textarea[name=body]", "Text")):
            tab.enters(field, text)
        tab.run("document.querySelector('form[data-preview]').dispatchEvent(new Event('input', {bubbles: true}))")
        visitor.waits(lambda: tab.has("#preview .state"), "the preview")
        narrator.check(HOSTILE.split()[-1] in tab.text("#preview") and not tab.has("#preview script"),
                       "the preview shows the message of each channel while it is typed")
        kept = tab.run("Object.values(localStorage).find((one) => one.includes('Text'))")
        narrator.check(kept and "csrf" not in kept, "what was typed is kept in the browser, without the session's token", kept)


def takes_core_paths(tab, visitor, narrator, scripts):
    """Sends a message, searches it, stops a campaign, and takes the rollout back."""
    signs_in(tab, visitor, "admin", "send")
    visitor.waits(lambda: tab.has("#field-to"), "the form")
    tab.enters("#field-to", PERSON)
    tab.enters("input[name=title]", "Hello")
    tab.enters("textarea[name=body]", "Sent from the console")
    tab.clicks("button[value=preview]")
    visitor.waits(lambda: tab.has("#preview .state"), "the preview")
    narrator.check("Sent from the console" in tab.text("#preview"), "the preview shows the message and every gate")
    if not scripts:
        tab.clicks("button[value=frame]")
    visitor.waits(lambda: "Sent from the console" in tab.frame_html(), "the e-mail in its frame")
    narrator.check(True, "the frame shows the e-mail" + ("" if scripts else ", after a button was pressed"))
    tab.clicks("button[value=send]")
    visitor.waits(lambda: tab.has(NOTICE) and tab.has(".timeline"), "the notification")
    narrator.check("email to ses: accepted" in tab.text(".timeline"), "it is sent once, and its timeline shows how")
    visitor.waits(lambda: "Sent from the console" in tab.frame_html(), "the e-mail that was sent")
    is_searched_and_stopped(tab, visitor, narrator)
    visitor.stack.put_parameter("RolloutPercentageParameter", "25")
    tab.visits(f"{visitor.stack.console['url']}/rollout")
    visitor.waits(lambda: tab.has("button.danger"), "the page of the rollout")
    tab.enters("#field-percentage", "50 %")
    tab.clicks("form:has(#field-percentage) button")
    visitor.waits(lambda: tab.has(PROBLEM), "the refusal")
    narrator.check("Percentage, 0 to 100" in tab.text(PROBLEM) and tab.attribute("#field-percentage", "value") == "50 %",
                   "a percentage that is not valid is refused by name, and stays in its field")
    narrator.equal(visitor.stack.parameter("RolloutPercentageParameter"), "25", "nothing was changed")
    tab.clicks("button.danger")
    visitor.waits(lambda: tab.has(NOTICE), "the change")
    narrator.equal(visitor.stack.parameter("RolloutPercentageParameter"), "0", "one button leads back to 0 %")
    visitor.stack.put_parameter("RolloutPercentageParameter", "100")


def is_searched_and_stopped(tab, visitor, narrator):
    """Searches the notification of the page, then pauses and cancels a campaign that is launched for tomorrow."""
    console, sent = visitor.stack.console["url"], tab.text("dd code")
    tab.visits(console)
    visitor.waits(lambda: tab.has("#search"), "the overview")
    tab.enters("#search", sent)
    tab.presses_enter("#search")
    visitor.waits(lambda: tab.has(".timeline"), "the notification")
    narrator.check(sent in tab.path(), "the search leads to the notification")
    campaign = launched_for_tomorrow(visitor)
    tab.visits(f"{console}/campaign?id={campaign}")
    visitor.waits(lambda: tab.has("button[value=pause]"), "the campaign")
    tab.clicks("button[value=pause]")
    visitor.waits(lambda: tab.has(NOTICE) and tab.has("button[value=resume]"), "the pause")
    narrator.check("Paused" in tab.text(NOTICE), "a campaign is paused")
    tab.visits(f"{console}/campaign?id={campaign}&done=paused")
    visitor.waits(lambda: tab.has("button[value=cancel]"), "the campaign")
    narrator.equal(tab.has(NOTICE), False, "an old address does not show its notice again")
    tab.clicks("button[value=cancel]")
    visitor.waits(lambda: tab.has(NOTICE), "the end")
    narrator.check("cancelled" in tab.text("#live-campaign"), "and cancelled")


def launched_for_tomorrow(visitor):
    """Launches a campaign to one person that begins tomorrow. Returns its id."""
    def asks(status, method, path, body):
        return visitor.stack.expect(status, "ops", method, path, body).json

    tomorrow = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(time.time() + 86_400))
    campaign = asks(201, "POST", "/v1/campaigns", {
        "title": "Tomorrow", "type": "DEFAULT", "recipients": [PERSON], "content": {"title": "T", "body": "B"}, "send_at": tomorrow})["id"]
    visitor.stack.call("ops", "POST", f"/v1/campaigns/{campaign}/plan", {})
    plan = f"/v1/campaigns/{campaign}/progress"
    visitor.waits(lambda: asks(200, "GET", plan, None)["plan"]["is_complete"], "the plan")
    for step in ("approve", "launch"):
        asks(200, "POST", f"/v1/campaigns/{campaign}/{step}", {})
    return campaign


def works_without_scripts(visitor, narrator):
    narrator.chapter("The core paths of the console in Chromium, without scripts")
    with ConsoleTab(visitor.chromium, False) as tab:
        visitor.chromium.call("Storage.clearCookies")
        takes_core_paths(tab, visitor, narrator, False)


def works_in_firefox(visitor, narrator):
    if firefox.program() is None:
        narrator.note("SKIPPED: the console in Firefox, which is not installed (Debian: apt-get install firefox-esr)")
        return
    for scripts in (True, False):
        narrator.chapter(f"The core paths of the console in Firefox, {'with' if scripts else 'without'} scripts")
        with Firefox(scripts) as tab:
            takes_core_paths(tab, visitor, narrator, scripts)


# Dark colours, and scripts may open a window, which can be narrower than the browser's own one.
DARK = {"layout.css.prefers-color-scheme.content-override": 0, "dom.disable_open_during_load": False}
NEEDED = "return [document.documentElement.scrollWidth, innerWidth, matchMedia('(prefers-color-scheme: dark)').matches];"
ORIGINS = "return [...new Set(performance.getEntriesByType('resource').map((one) => new URL(one.name).origin))];"


def is_narrow_and_dark_in_firefox(visitor, narrator):
    if firefox.program() is None:
        return
    narrator.chapter("Pages in Firefox, dark, in a window of 320 pixels: the rules of axe-core, the width, the origins of requests")
    rules, console = axe_source(), visitor.stack.console["url"]
    with Firefox(True, DARK) as tab:
        signs_in(tab, visitor, "admin")
        tab.moves_to_a_window(NARROW)
        against_rules, origins, wide = [], set(), []
        for page in ("", f"send?to={PERSON}", "template?name=payment-due&locale=it&channel=email", "rollout", "costs", "settings"):
            tab.visits(f"{console}/{page}" if page else console)
            visitor.waits(lambda: tab.has(MAIN), page or "overview")
            if rules:
                against_rules += [f"{page}: {one}" for one in tab.run(rules + ";return " + RULES)]
            needed, width, is_dark = tab.run(NEEDED)
            wide += [] if needed <= width <= NARROW and is_dark else [(page, needed, width, is_dark)]
            origins |= set(tab.run(ORIGINS))
        narrator.equal(wide, [], f"each page is dark, and fits into {NARROW} pixels")
        narrator.equal(against_rules, [], "no page violates a rule of axe-core")
        narrator.equal(origins, {"/".join(console.split("/")[:3])}, "no request leaves the origin")
    notes_missing_rules(rules, narrator)


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


CHAPTERS = (is_walked_through, works_by_keyboard, works_without_scripts, works_in_firefox, is_narrow_and_dark_in_firefox, limits_a_viewer)
