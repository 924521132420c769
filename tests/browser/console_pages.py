"""Chapters about the web console in Chromium: sign in, every page, the core paths without scripts, and the
rules of accessibility of axe-core.

Screenshots of every page (light, dark, narrow) are written to target/console/.
"""

import json
import time

from console_tab import (
    EDITOR_BYTES, FIRST_PAGE_BYTES, MAIN, NARROW, NOTICE, PROBLEM, ConsoleTab, axe_source, findings, notes_missing_rules,
    origin_of, signs_in,
)

PERSON = "console-person"
# Text of a caller or a recipient that must be shown as text, in every field that they control.
HOSTILE = "<script>window.broken = 1</script> \u202e{{ 7 * 7 }} <img src=x onerror=alert(1)>"
# Pages of the navigation.
NAVIGATION = "[...document.querySelectorAll('nav.sections a')].map((one) => one.pathname.split('/console')[1].slice(1))"


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
        "analytics-7d": "analytics?range=7d", "setting": "settings?change=sms.max_parts",
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
        links = tab.run(NAVIGATION)
        pages |= {page: page for page in links if page not in pages}
        against_rules, untitled, oversize = [], [], []
        for name, page in pages.items():
            tab.visits(f"{visitor.stack.console['url']}/{page}" if page else visitor.stack.console["url"])
            visitor.waits(lambda: tab.has("h1") and tab.has(MAIN), f"the page {name or 'overview'}")
            untitled += [name] if tab.text("h1") != tab.run("document.title.split(' – ')[0]") else []
            if tab.run("document.querySelector('iframe.preview')?.offsetHeight"):
                visitor.waits(lambda: len(tab.frame_html()) > 100, f"the frame of {name}")
            oversize += tab.oversize(page)
            against_rules += findings(tab, name or "overview", rules)
        narrator.equal(oversize, [], f"no page takes more than {FIRST_PAGE_BYTES} bytes, or {EDITOR_BYTES} in the editor")
        narrator.equal(untitled, [], f"{len(pages)} pages have their title as heading")
        narrator.equal(against_rules, [], f"no page violates a rule of axe-core, light or dark, or is wider than {NARROW} pixels")
        notes_missing_rules(rules, narrator)
        narrator.equal(tab.origins(), {origin_of(visitor)}, "no request leaves the origin")
        narrator.equal(tab.page_errors(), [], "no error in the browser's console, and no report of the policy")
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
        tab.run("document.getElementById('help').close(); navigator.clipboard.writeText = () => Promise.reject(new Error('denied')); document.querySelector('.curl').open = true;"
                "document.querySelector('.curl button').click()")
        visitor.waits(lambda: tab.shows("#announcer", "Not copied"), "the announcement")
        narrator.check("curl -X" in tab.run("getSelection().toString()"), "a text that cannot be copied is selected")
        for field, text in (("#field-to", PERSON), ("input[name=title]", HOSTILE), ("textarea[name=body]", "Text")):
            tab.enters(field, text)
        tab.run("document.querySelector('form[data-preview]').dispatchEvent(new Event('input', {bubbles: true}))")
        visitor.waits(lambda: tab.has("#preview .state"), "the preview")
        narrator.check(HOSTILE.split()[-1] in tab.text("#preview") and not tab.has("#preview script"),
                       "the preview shows the message of each channel while it is typed")
        kept = tab.run("Object.values(localStorage).find((one) => one.includes('Text'))")
        narrator.check(kept and "csrf" not in kept, "what was typed is kept in the browser, without the session's token", kept)


def takes_core_paths(tab, visitor, narrator, scripts):
    """Sends a message, searches it, stops a campaign, changes the rollout, and takes it back."""
    signs_in(tab, visitor, "admin", "send")
    visitor.waits(lambda: tab.has("#field-to"), "the form")
    tab.enters("#field-to", PERSON)
    tab.enters("input[name=title]", "Hello")
    tab.enters("textarea[name=body]", "Sent from the console")
    tab.clicks("button[value=preview]:not([aria-hidden])")
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
    tab.enters("#field-percentage", "50")
    tab.clicks("form:has(#field-percentage) button")
    visitor.waits(lambda: tab.has(NOTICE), "the change")
    narrator.equal(visitor.stack.parameter("RolloutPercentageParameter"), "50", "the corrected percentage is in force")
    tab.visits(f"{visitor.stack.console['url']}/rollout")
    visitor.waits(lambda: tab.has("button.danger") and not tab.has(NOTICE), "the page of the rollout")
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
    tab.clicks("#cancel summary")
    tab.clicks("button[value=cancel]")
    visitor.waits(lambda: tab.has(NOTICE), "the end")
    narrator.check("cancelled" in tab.text("#live-campaign"), "and cancelled")


def launched_for_tomorrow(visitor):
    """Launches a campaign to one person that begins tomorrow. Returns its id."""
    tomorrow = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(time.time() + 86_400))
    return launched(visitor, {"title": "Tomorrow", "type": "DEFAULT", "recipients": [PERSON], "send_at": tomorrow})


def launched(visitor, definition):
    """Plans, approves and launches a campaign. Returns its id."""
    def asks(status, method, path, body):
        return visitor.stack.expect(status, "ops", method, path, body).json

    campaign = asks(201, "POST", "/v1/campaigns", {"content": {"title": "T", "body": "B"}, **definition})["id"]
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


def limits_a_viewer(visitor, narrator):
    narrator.chapter("A viewer reads, and changes nothing")
    with ConsoleTab(visitor.chromium) as tab:
        visitor.chromium.call("Storage.clearCookies")
        signs_in(tab, visitor, "viewer", "rollout")
        narrator.equal(tab.has("button.danger"), False, "a viewer is not offered the way back to 0 %")
        status = tab.run("""fetch(location.href, {method: "POST", body: new URLSearchParams({action: "zero",
            csrf: document.querySelector("input[name=csrf]").value})}).then((answer) => answer.status)""")
        narrator.equal(status, 403, "and is refused if the form is sent all the same")
        mine = tab.run("`console-draft:${document.body.dataset.base}:${document.body.dataset.person}:send:`")
        tab.run(f"localStorage.clear(); localStorage.setItem({json.dumps(mine)}, '{{}}'); localStorage.setItem('console-draft:other', '{{}}')")
        tab.submits(".person button")
        visitor.waits(lambda: tab.shows("h1", "Signed out"), "the sign-out")
        narrator.equal(tab.run("Object.keys(localStorage)"), ["console-draft:other"], "the sign-out removes this person's unsaved texts")
        tab.run("localStorage.clear()")
        links = tab.run("[...document.querySelectorAll('main p.actions a')].map((one) => one.textContent)")
        narrator.equal(links[:2], ["Sign in as another person", "Sign out of the login service too"], "and its page leads on")
        tab.visits(visitor.stack.console["url"])
        visitor.waits(lambda: tab.has("input[name=password]"), "the login page")
        narrator.check(True, "after the sign-out the console asks for a login")


CHAPTERS = (is_walked_through, works_by_keyboard, works_without_scripts, limits_a_viewer)
