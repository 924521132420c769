"""Chapters about the preference page in Chromium and in Firefox, each with and without scripts in pages."""

import json

import firefox
from firefox import Firefox

TYPE = "DEFAULT"
WHOLE, CELL = f'input[type=checkbox][value="{TYPE}|*"]', f'input[type=checkbox][value="{TYPE}|push"]'
SAVED, ALERT = "[role=status]", "[role=alert]"
SAVE = 'form:last-of-type button'
NARROW = 320


class Tab:
    """Tab of Chromium with the actions of a person on a page."""

    def __init__(self, chromium, scripts):
        self._chromium = chromium
        self._target = chromium.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = chromium.attach(self._target)
        self._call("Page.enable")
        self._call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._chromium.call("Target.closeTarget", targetId=self._target)

    def _call(self, method, **parameters):
        return self._chromium.call(method, self._session, **parameters)

    def _of(self, selector, expression):
        return self._chromium.evaluate(self._session, f"((one) => {expression})(document.querySelector({json.dumps(selector)}))")

    def visits(self, url):
        self._call("Page.navigate", url=url)

    def has(self, selector):
        return self._of(selector, "one !== null && document.readyState === 'complete'")

    def text(self, selector):
        return self._of(selector, "one.innerText")

    def attribute(self, selector, name):
        return self._of(selector, f"one.getAttribute({json.dumps(name)})")

    def name(self, selector):
        """Name by which a screen reader announces the element."""
        node = self._call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")["result"]["objectId"]
        nodes = self._call("Accessibility.getPartialAXTree", objectId=node, fetchRelatives=False)["nodes"]
        return nodes[0]["name"]["value"].strip()

    def is_ticked(self, selector):
        return self._of(selector, "one.checked")

    def clicks(self, selector):
        """Clicks in the middle of an element with the mouse."""
        x, y = self._of(selector, "(one.scrollIntoView({block: 'center', behavior: 'instant'}), "
                                  "(({left, top, width, height}) => [left + width / 2, top + height / 2])(one.getBoundingClientRect()))")
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def enters(self, selector, text):
        self._of(selector, f"(one.value = {json.dumps(text)})")

    def presses_enter(self, selector):
        self._of(selector, "one.focus()")
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")

    def width_in(self, width):
        """Width that the page needs in a window of this width."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        return self._of("html", "one.scrollWidth")


def is_mailed(visitor, person):
    """Sends an e-mail to a new person, and returns its unsubscribe link."""
    email = f"{person}@example.com"
    visitor.stack.expect(201, "recipients", "PUT", f"/v1/recipients/{person}", {"email": email, "locale": "it-IT"})
    message = {"to": person, "type": TYPE, "channels": ["email"], "content": {"title": "News", "body": "Read more."}}
    visitor.stack.expect(202, "send", "POST", "/v1/notifications", message)
    words = visitor.stack.sent_mail(email)[-1]["BodyText"].split()
    return next(word for word in words if "/v1/unsubscribe/" in word)


def chooses(tab, visitor, narrator, person):
    """Opens the link of an e-mail, and chooses by mouse and keyboard."""
    link = is_mailed(visitor, person)
    tab.visits(link)
    visitor.waits(lambda: tab.has(WHOLE), "the page of the link")
    narrator.equal((tab.attribute("html", "lang"), tab.text("h1")), ("it", "Annulla l'iscrizione"),
                   "List-Unsubscribe opens a page in the person's language, with the choices")
    tab.visits(link.replace("/v1/unsubscribe/", "/v1/preferences/"))
    visitor.waits(lambda: tab.has(WHOLE) and tab.text("h1") == "Preferenze dei messaggi", "the preference page")
    narrator.equal((tab.name(WHOLE), tab.name("#from"), tab.name(SAVE)), ("Ricevi questi messaggi", "Dalle", "Salva"),
                   "every field has a name for a screen reader")
    tab.enters("#from", "22:00")
    tab.clicks(SAVE)
    visitor.waits(lambda: tab.has(ALERT), "an error")
    narrator.check("entrambi gli orari" in tab.text(ALERT) and tab.attribute("#from", "aria-invalid") == "true",
                   "one time without the other is refused with a message")
    preferences = lambda: visitor.stack.expect(200, "recipients", "GET", f"/v1/recipients/{person}").json["preferences"]
    narrator.equal(preferences(), {}, "and nothing is changed")
    tab.enters("#until", "07:30")
    tab.clicks(CELL)
    tab.clicks(SAVE)
    visitor.waits(lambda: tab.has(SAVED), "the page after saving")
    found = preferences()
    narrator.equal((found["quiet_hours"], [(one["type"], one["channel"], one["by"]) for one in found["choices"]]),
                   ({"start": "22:00", "end": "07:30"}, [(TYPE, "push", "link")]), "the choices are stored")
    narrator.equal((tab.is_ticked(CELL), tab.is_ticked(WHOLE)), (False, True), "and shown")
    tab.clicks(WHOLE)
    tab.enters("#from", "")
    tab.enters("#until", "")
    tab.presses_enter(SAVE)
    visitor.waits(lambda: "quiet_hours" not in preferences(), "the choices are stored by keyboard")
    message = {"to": person, "type": TYPE, "content": {"title": "News", "body": "Not sent."}}
    skipped = visitor.stack.expect(202, "send", "POST", "/v1/notifications", message).json
    narrator.equal(skipped["reason"], "opted_out", "the next message is not sent")


def is_opened_in_chromium(visitor, narrator):
    for scripts in (True, False):
        narrator.chapter(f"A person chooses on the preference page in Chromium, {'with' if scripts else 'without'} scripts")
        with Tab(visitor.chromium, scripts) as tab:
            chooses(tab, visitor, narrator, f"chromium-{scripts}".lower())
            narrator.check(tab.width_in(NARROW) <= NARROW, f"the page fits into a window of {NARROW} pixels")


def is_opened_in_firefox(visitor, narrator):
    if firefox.is_missing(narrator, "the preference page"):
        return
    for scripts in (True, False):
        narrator.chapter(f"A person chooses on the preference page in Firefox, {'with' if scripts else 'without'} scripts")
        with Firefox(scripts) as tab:
            chooses(tab, visitor, narrator, f"firefox-{scripts}".lower())


CHAPTERS = (is_opened_in_chromium, is_opened_in_firefox)
