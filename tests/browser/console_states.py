"""Chapters about rare states of the console: a new stack, alerts and open breakers, two people who change one thing, a
suppressed recipient, a full list. Each has pictures, and obeys the rules of axe-core.
"""

import json

from console_tab import (
    MAIN, NOTICE, PROBLEM, KeyboardTab, axe_source, findings, notes_missing_rules, signs_in_if_needed,
)

PERSON = "console-states"
# A list shows at most this many things.
PAGE_SIZE = 50
# A breaker opens once half of 20 attempts failed. The failures of one recipient within a minute are one.
UNLUCKY = 24
PAGES_WHEN_EMPTY = ("", "notifications", "recipients", "campaigns", "segments", "templates", "types", "analytics",
                    "costs",
                    "rollout", "settings", "audit", "caps", "sessions")
# Headings of a page that say that another person changed the thing.
STALE_HEADINGS = ("[...document.querySelectorAll('main h2, main h3')]"
                  ".filter((one) => one.innerText.includes('Another person changed')).length")
# Pages that say why they have nothing to show.
EMPTY_LISTS = ("notifications", "campaigns", "segments", "analytics", "costs")


class StatesTab(KeyboardTab):
    """Tab that looks at states of pages, and keeps what is wrong with them."""

    def __init__(self, visitor, narrator):
        super().__init__(visitor.chromium)
        self.visitor, self.n, self._rules, self._found, self._looked_at = visitor, narrator, axe_source(), [], 0

    def looks(self, name):
        self._looked_at += 1
        self._found += findings(self, name, self._rules, is_narrow=True)

    def ends(self):
        self.n.equal(self._found, [],
                     f"{self._looked_at} pages violate no rule, light or dark, and are as narrow as their window")
        notes_missing_rules(self._rules, self.n)
        self.run("localStorage.clear()")

    def at(self, page, selector=MAIN):
        self.opens(self.visitor, page, selector)

    def sends(self, button, selector, text=""):
        """Presses a button, and waits for an element of the next page that has a text."""
        self.run("document.documentElement.dataset.isOld = ''")
        self.submits(button)
        is_new = lambda: self.has(f"html:not([data-is-old]) {selector}") and self.shows(selector, text)
        self.visitor.waits(is_new, f"the page with {selector} {text}")

    def fills(self, selector, text):
        self.enters(selector, text)
        self._of(selector, "one.dispatchEvent(new Event('input', {bubbles: true}))")


def signed_in(tab, visitor):
    visitor.chromium.call("Storage.clearCookies")
    signs_in_if_needed(tab, visitor)


def is_empty(visitor, narrator):
    narrator.chapter("The console of a new stack: the first steps, and lists that say why they are empty")
    with StatesTab(visitor, narrator) as tab:
        signed_in(tab, visitor)
        silent = []
        for page in PAGES_WHEN_EMPTY:
            tab.at(page)
            tab.looks(f"empty-{page or 'overview'}")
            silent += [page] if page in EMPTY_LISTS and not tab.has("p.empty") else []
        narrator.equal(silent, [], "a list without rows says why")
        tab.at("")
        steps = tab.run("[...document.querySelectorAll('.checklist .state')].map((one) => one.innerText)")
        narrator.check(len(steps) >= 4 and "open" in steps, "the overview shows the first steps, some of them open",
                       steps)
        tab.ends()
        visitor.chromium.call("Storage.clearCookies")


def warns(visitor, narrator):
    narrator.chapter("The overview with alerts and an open circuit breaker")
    stack, devices = visitor.stack, [visitor.push_service.subscribe() for _ in range(UNLUCKY)]
    for device in devices:
        device.is_unavailable = True
    people = [{"id": f"{PERSON}-{number}", "devices": [device.subscription()]} for number, device in enumerate(devices)]
    stack.expect(200, "recipients", "POST", "/v1/recipients/batch", {"items": people, "mode": "upsert"})
    messages = [{"to": one["id"], "channels": ["push"], "ttl_seconds": 60,
                 "content": {"title": "Push", "body": "Its service does not answer"}} for one in people]
    before = stack.parameter("SettingsParameter")
    with StatesTab(visitor, narrator) as tab:
        signed_in(tab, visitor)
        try:
            stack.put_parameter("SettingsParameter", "not JSON")
            stack.expect(202, "send", "POST", "/v1/notifications/batch", {"messages": messages})
            stack.invoke("RollupFunctionName", {"task": "rollup"})

            def is_warned():
                tab.visits(stack.console["url"])
                visitor.waits(lambda: tab.has("#live-overview"), "the overview")
                return tab.shows("#live-overview .hint", "127.0.0.1") and tab.shows("#live-overview",
                                                                                    "invalid parameter")

            narrator.wait(is_warned, 90, "the breaker and the alert", pause=2)
            narrator.check(tab.shows("#live-overview .hint", "Circuit breakers that are not closed"),
                           "the overview names the host whose breaker is open, and the alert about the settings")
            tab.looks("overview-alerts")
            tab.at("settings", ".hint")
            narrator.check("is not valid" in tab.text(".hint"), "the settings say that their parameter is not valid")
            tab.looks("settings-invalid")
        finally:
            stack.put_parameter("SettingsParameter", before)
        tab.ends()


def is_full(visitor, narrator):
    narrator.chapter("A full list of campaigns, and its pages")
    draft = {"title": "Full list", "type": "DEFAULT", "recipients": [PERSON], "content": {"title": "T", "body": "B"}}
    made = [visitor.stack.expect(201, "ops", "POST", "/v1/campaigns",
                                 {**draft, "title": f"Full list {number}"}).json["id"]
            for number in range(PAGE_SIZE + 1)]
    rows = "document.querySelectorAll('main tbody tr').length"
    with StatesTab(visitor, narrator) as tab:
        signed_in(tab, visitor)
        tab.at("campaigns", "tbody")
        narrator.equal(tab.run(rows), PAGE_SIZE, "a page has 50 rows")
        tab.looks("campaigns-full")
        tab.sends("main p.actions a[href*=after]", "tbody")
        narrator.check(tab.run(rows) >= 1 and tab.has("main p.actions a.button"),
                       "the next page has the rest, and the way back")
        tab.looks("campaigns-second-page")
        tab.at("", "#live-overview")
        narrator.check(tab.has("main a[href*='campaigns?state=open']"), "the overview shows the first ten, and leads to the others")
        tab.looks("overview-many-campaigns")
        tab.ends()
    for one in made:
        visitor.stack.expect(200, "ops", "POST", f"/v1/campaigns/{one}/cancel", {})


def is_suppressed(visitor, narrator):
    narrator.chapter("A recipient whose address bounced is suppressed, until an operator lifts it")
    stack, address = visitor.stack, f"{PERSON}@example.com"
    stack.call("recipients", "PUT", f"/v1/recipients/{PERSON}", {"email": address})
    message = {"to": PERSON, "channels": ["email"], "content": {"title": "Bounces", "body": "No such mailbox"}}
    sent = stack.expect(202, "send", "POST", "/v1/notifications", message).json["id"]
    bounce = {"bounceType": "Permanent", "bounceSubType": "NoEmail", "timestamp": "2026-11-24T10:00:01.000Z",
              "bouncedRecipients": [{"emailAddress": address}]}
    mail = {"timestamp": "2026-11-24T10:00:00.000Z", "messageId": "m", "destination": [address],
            "tags": {"notification": [sent], "ses:configuration-set": ["s"]}}
    stack.publish("FeedbackTopicArn", {"eventType": "Bounce", "bounce": bounce, "mail": mail})
    profile = lambda: stack.expect(200, "recipients", "GET", f"/v1/recipients/{PERSON}").json
    visitor.waits(lambda: profile()["suppressed_channels"] == ["email"], "the suppression")
    with StatesTab(visitor, narrator) as tab:
        signed_in(tab, visitor)
        tab.at(f"recipient?id={PERSON}", "button[value=lift]")
        narrator.check(tab.shows("main", "suppressed"), "the page of the person shows the suppressed address")
        tab.looks("recipient-suppressed")
        tab.at(f"notification?id={sent}", ".timeline")
        tab.looks("notification-bounced")
        tab.at(f"send?to={PERSON}", "#field-to")
        tab.fills("[name=title]", "Again")
        tab.fills("[name=body]", "Is it usable?")
        visitor.waits(lambda: tab.shows("#preview", "It would be skipped, reason: no channel"), "the preview")
        narrator.check(True, "the preview of a send says that nothing would be sent")
        tab.looks("send-suppressed")
        tab.at(f"recipient?id={PERSON}", "button[value=lift]")
        tab.sends("button[value=lift]", NOTICE, "lifted")
        narrator.equal(profile()["suppressed_channels"], [], "one button lifts it")
        tab.ends()


def meets_another_change(visitor, narrator):
    narrator.chapter("Two people change one thing: the page shows both values and the author, and changes nothing")
    with StatesTab(visitor, narrator) as tab:
        signed_in(tab, visitor)
        for conflict in (segment, template, campaign, kind, caps, settings):
            name, stored, typed, present = conflict(tab, visitor.stack)
            shown = tab.run("[...document.querySelectorAll('tr, .halves')].map((one) => one.innerText)")
            narrator.check(any(stored in row and typed in row for row in shown),
                           f"{name}: both values stand side by side", shown)
            narrator.check(name == "settings" or tab.shows(PROBLEM, "Who changed it"), f"{name}: the author is named")
            narrator.check(tab.shows(PROBLEM, "nothing was changed"), f"{name}: it says that nothing was changed")
            narrator.equal(tab.run(STALE_HEADINGS), 1, f"{name}: one heading says that another person changed it")
            narrator.check(stored in present(), f"{name}: the other person's value is stored", present())
            tab.looks(f"conflict-{name}")
        tab.ends()


def writes(stack, method, path, body, **headers):
    """Writes as another person."""
    answer = stack.call("ops", method, path, body, **headers)
    assert answer.status in (200, 201), answer
    return answer.json


def text_of(stack, path):
    return lambda: json.dumps(stack.expect(200, "ops", "GET", path).json)


def segment(tab, stack):
    path, saved = f"/v1/segments/{PERSON}", {"title": "First", "filter": {"field": "locale", "op": "eq", "value": "en"}}
    writes(stack, "PUT", path, saved)
    tab.at(f"segment?id={PERSON}", "#field-title")
    writes(stack, "PUT", path, {**saved, "title": "Stored meanwhile"})
    tab.fills("#field-title", "Typed here")
    tab.sends("button[value=save]", PROBLEM)
    return "segment", "Stored meanwhile", "Typed here", text_of(stack, path)


def template(tab, stack):
    path, draft = f"/v1/templates/{PERSON}", {"title": "T", "default_locale": "en", "variables": {}}
    writes(stack, "PUT", path, {**draft, "parts": {"en": {"sms": {"text": "First"}}}})
    tab.at(f"template?name={PERSON}&locale=en&channel=sms", "[name='part.text']")
    writes(stack, "PUT", path, {**draft, "parts": {"en": {"sms": {"text": "Stored meanwhile"}}}})
    tab.fills("[name='part.text']", "Typed here")
    tab.sends("button[value=save]", PROBLEM)
    return "template", "Stored meanwhile", "Typed here", text_of(stack, path)


def campaign(tab, stack):
    made = writes(stack, "POST", "/v1/campaigns", {
        "title": "Conflict", "type": "DEFAULT", "recipients": [PERSON], "content": {"title": "First", "body": "B"}})
    path = f"/v1/campaigns/{made['id']}"
    tab.at(f"campaign?id={made['id']}&step=content", "[name='content.title']")
    writes(stack, "PATCH", path, {"content": {"title": "Stored meanwhile", "body": "B"}})
    tab.fills("[name='content.title']", "Typed here")
    tab.sends("button.primary[value=save]", PROBLEM)
    stored = text_of(stack, path)()
    writes(stack, "POST", f"{path}/cancel", {})
    return "campaign", "Stored meanwhile", "Typed here", lambda: stored


def kind(tab, stack):
    path, saved = "/v1/types/CONSOLE_STATES", {"title": "First", "class": "marketing", "channels": ["email"]}
    writes(stack, "PUT", path, saved)
    tab.at("type?name=CONSOLE_STATES", "#field-title")
    tab.fills("#field-title", "Typed here")
    tab.sends("button[value=check]", "#effect")
    writes(stack, "PUT", path, {**saved, "title": "Stored meanwhile"})
    tab.sends("button[value=save]", PROBLEM)
    return "type", "Stored meanwhile", "Typed here", text_of(stack, path)


def caps(tab, stack):
    rules = lambda most: {"rules": [{"id": "console-states", "max": most, "per": "P31D"}]}
    writes(stack, "PUT", "/v1/caps", rules(51))
    tab.at("caps", "[name$='.max']")
    tab.fills("[name$='.max']", "53")
    tab.sends("button[value=check]", "#effect")
    writes(stack, "PUT", "/v1/caps", rules(52))
    tab.sends("button[value=save]", PROBLEM)
    present = text_of(stack, "/v1/caps")
    stored = present()
    writes(stack, "PUT", "/v1/caps", {"rules": []})
    return "caps", "52", "53", lambda: stored


def settings(tab, stack):
    before = stack.parameter("SettingsParameter")
    tab.at("settings", "#field-body")
    stack.put_parameter("SettingsParameter", '{"sms": {"max_parts": 3}}')
    tab.fills("#field-body", '{"sms": {"max_parts": 2}}')
    tab.sends("form[data-guard=settings] button", PROBLEM)
    stored = stack.parameter("SettingsParameter")
    stack.put_parameter("SettingsParameter", before)
    return "settings", '"max_parts": 3', '"max_parts": 2', lambda: stored


CHAPTERS = (is_suppressed, meets_another_change, is_full, warns)
