"""Chapters about live blocks of the console: their age, their pause, what they announce, and what they say when the
gateway refuses too many requests.
"""

import base64
import json
import re
import time

from console_pages import PERSON
from console_tab import KeyboardTab, signs_in

BLOCK, STATUS = "#live-notification", ".live-status"
# Seconds between two updates of a notification.
EVERY = 5
AGE = re.compile(r"(Updated|Paused; updated) (\d+) s ago")
# Keeps each text that is announced.
LISTENS = """(() => {
  globalThis.announced = [];
  const area = document.getElementById("announcer");
  const keeps = () => announced.push(area.textContent);
  new MutationObserver(keeps).observe(area, {childList: true, characterData: true, subtree: true});
})()"""
TOO_MANY = json.dumps({"message": "Too Many Requests"})


class LiveTab(KeyboardTab):
    """Tab that counts the updates of a page, and may answer them in place of the gateway."""

    def __init__(self, chromium):
        super().__init__(chromium)
        self._status, self._answered = None, set()

    def updates(self):
        """Number of requests by the script of the page."""
        return sum(one.get("type") == "Fetch" for one in self._happened("Network.requestWillBeSent"))

    def age(self):
        """(state, seconds) of the block as the page says it."""
        found = AGE.match(self.text(STATUS))
        return (found[1], int(found[2])) if found else (self.text(STATUS), None)

    def answers(self, status):
        """From now on, the gateway answers the page's script with a status; None ends it."""
        self._call("Fetch.disable") if status is None else self._call("Fetch.enable",
                                                                      patterns=[{"resourceType": "Fetch"}])
        self._status = status

    def answers_now(self):
        """Answers the requests that wait."""
        waiting = [one["requestId"] for one in self._happened("Fetch.requestPaused")]
        for request in [one for one in waiting if one not in self._answered]:
            self._answered.add(request)
            body = base64.b64encode(TOO_MANY.encode()).decode()
            self._call("Fetch.fulfillRequest", requestId=request, responseCode=self._status, body=body)
        return self._answered


def is_scheduled(visitor):
    """Sends a notification for tomorrow, whose page stays live."""
    tomorrow = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(time.time() + 86_400))
    return visitor.stack.expect(202, "send", "POST", "/v1/notifications", {
        "to": PERSON, "content": {"title": "Live",
                                  "body": "Live"}, "channels": ["email"], "send_at": tomorrow}).json["id"]


def is_paused_and_announced(visitor, narrator):
    narrator.chapter("A live block says its age, stops at the pause button, and announces changed summaries only")
    with LiveTab(visitor.chromium) as tab:
        visitor.chromium.call("Storage.clearCookies")
        signs_in(tab, visitor, "admin")
        sent = is_scheduled(visitor)
        tab.opens(visitor, f"notification?id={sent}", STATUS)
        tab.run(LISTENS)
        visitor.waits(lambda: tab.updates() >= 2, "two updates")
        visitor.waits(lambda: tab.age()[1] is not None and tab.age()[1] >= 2, "the age of the block")
        state, age = tab.age()
        narrator.check(state == "Updated" and 2 <= age <= EVERY + 1, "the block says how many seconds old it is",
                       (state, age))
        narrator.equal(tab.run("announced"), [], "an update without a new summary is not announced")
        narrator.check(tab.goes_to(f"{STATUS} button"), "Tab reaches the pause button")
        tab.press("Enter")
        visitor.waits(lambda: tab.age()[0] == "Paused; updated", "the pause")
        is_still(tab, visitor, narrator, sent)
        tab.press("Enter")
        visitor.waits(lambda: tab.shows(f"{BLOCK} .state", "cancelled"), "the update after the pause")
        said = tab.run("announced")
        narrator.check(len(said) == 1 and tab.shows(BLOCK, said[0]),
                       "the new summary is announced, once, as the page shows it", said)
        narrator.equal(tab.has(STATUS), False, "what is final is not updated any more")
        narrator.check(tab.run("document.getElementById('announcer').getAttribute('role')") == "status",
                       "the announcer is a polite live region")


def is_still(tab, visitor, narrator, sent):
    """While it is paused, the block is not loaded, whatever happens."""
    before, began = tab.updates(), time.monotonic()
    visitor.stack.expect(200, "send", "DELETE", f"/v1/notifications/{sent}")
    visitor.waits(lambda: time.monotonic() - began > EVERY + 3, "longer than the time between two updates")
    narrator.equal((tab.updates(), tab.shows(f"{BLOCK} .state", "scheduled")), (before, True),
                   "paused: nothing is loaded")
    narrator.check(tab.age()[1] > EVERY, "and the age goes on", tab.age())
    narrator.equal(tab.text(f"{STATUS} button"), "Resume updates", "the button says what it does next")


def is_refused_by_the_gateway(visitor, narrator):
    narrator.chapter("Too many requests: a live block and a preview say the status, and go on by themselves")
    with LiveTab(visitor.chromium) as tab:
        sent = is_scheduled(visitor)
        tab.opens(visitor, f"notification?id={sent}", STATUS)
        tab.answers(429)
        visitor.waits(lambda: tab.answers_now() and tab.shows(STATUS, "the console answered with status 429"),
                      "the reason")
        narrator.check(tab.shows(BLOCK, "scheduled"), "the last state stays on the page")
        tab.answers(None)
        visitor.waits(lambda: tab.shows(STATUS, "Updated"), "an update")
        narrator.check(True, "the block goes on by itself")
        visitor.stack.expect(200, "send", "DELETE", f"/v1/notifications/{sent}")
        tab.opens(visitor, "send", "#field-to")
        tab.answers(429)
        for selector, text in (("#field-to", PERSON), ("[name=title]", "Title"), ("[name=body]", "Kept")):
            tab.goes_to(selector)
            tab.types(text)
        visitor.waits(lambda: tab.answers_now() and tab.has("#preview .stale"), "the note")
        narrator.check(tab.shows("#preview .stale", "the console answered with status 429"),
                       "the preview says the status")
        tab.answers(None)
        tab.run("document.querySelector('#preview .stale button').click()")
        visitor.waits(lambda: tab.shows("#preview", "Kept"), "the preview")
        narrator.check(True, "its button tries again")
        tab.run("localStorage.clear()")


CHAPTERS = (is_paused_and_announced, is_refused_by_the_gateway)
