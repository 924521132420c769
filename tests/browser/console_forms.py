"""Chapters about forms of the console in Chromium: by keyboard alone, drafts that survive a refusal, previews that say that
they are old, and the rules of accessibility on pages of errors.
"""

import json

from console_pages import HOSTILE, PERSON
from console_tab import (
    LEAVES, MAIN, NARROW, NOTICE, PROBLEM, KeyboardTab, axe_source, findings, notes_missing_rules, signs_in,
    signs_in_if_needed,
)

TEMPLATE = "template?name=payment-due&locale=%s&channel=sms"


def asks_before_leaving(tab):
    """True if the page asks before it is left."""
    return tab.run("!dispatchEvent(new Event('beforeunload', {cancelable: true}))")


def is_worked_by_keyboard(visitor, narrator):
    narrator.chapter("A message is sent and the rollout is changed by the keyboard alone")
    with KeyboardTab(visitor.chromium) as tab:
        visitor.chromium.call("Storage.clearCookies")
        signs_in(tab, visitor, "admin")
        tab.opens(visitor, "send", "#field-to")
        tab.press("Tab")
        narrator.equal(tab.run("document.activeElement.className"), "skip", "the first stop skips to the content")
        tab.press("Enter")
        missing = []
        for selector, text in (("#field-to", PERSON), ("[name=title]", "By keyboard"), ("[name=body]", "No mouse")):
            missing += [] if tab.goes_to(selector) else [selector]
            tab.types(text)
        narrator.equal(missing, [], "Tab reaches every field")
        narrator.check(tab.goes_to("button[value=send]"), "and the button")
        outline = tab.run("getComputedStyle(document.activeElement).outlineStyle")
        narrator.equal(outline, "solid", "the focus is visible")
        tab.press("Enter")
        visitor.waits(lambda: tab.has(NOTICE) and tab.has(".timeline"), "the notification")
        narrator.check("email to ses: accepted" in tab.text(".timeline"), "Enter sends it")
        tab.opens(visitor, "rollout", "#field-percentage")
        narrator.check(tab.goes_to("#field-percentage"), "Tab reaches the percentage")
        tab.types("40 %")
        tab.press("Enter")
        visitor.waits(lambda: tab.has(PROBLEM), "the refusal")
        narrator.equal(tab.run("document.activeElement.id"), "problem", "a refusal takes the focus")
        narrator.check(tab.goes_to(f"{PROBLEM} a"), "Tab reaches the link of the error")
        tab.press("Enter")
        narrator.equal(tab.run("document.activeElement.id"), "field-percentage", "the link leads into the field")
        tab.types("40")
        tab.press("Enter")
        visitor.waits(lambda: tab.has(NOTICE), "the change")
        narrator.equal(visitor.stack.parameter("RolloutPercentageParameter"), "40", "the percentage is changed")
        narrator.check(tab.goes_to("form.always button"), "Tab reaches the way back")
        tab.press("Enter")
        visitor.waits(lambda: visitor.stack.parameter("RolloutPercentageParameter") == "0", "0 %")
        visitor.waits(lambda: tab.has(NOTICE), "the change")
    visitor.stack.put_parameter("RolloutPercentageParameter", "100")


def stays_in_sight(visitor, narrator):
    narrator.chapter("The way back to 0 % stays in sight on a narrow screen")
    with KeyboardTab(visitor.chromium) as tab:
        tab.opens(visitor, "rollout", "form.always")
        tab._call("Emulation.setDeviceMetricsOverride", width=NARROW, height=640, deviceScaleFactor=1, mobile=False)
        tab.run("scrollTo(0, document.documentElement.scrollHeight)")
        place = tab.run("(({top, bottom}) => [top, bottom])(document.querySelector('form.always button').getBoundingClientRect())")
        narrator.check(tab.run("scrollY") > 640 and 0 <= place[0] < place[1] <= 640,
                       "at the end of the page, the button is in sight", place)
        hit = tab.run("document.elementFromPoint(...(({left, top}) => [left + 9, top + 9])"
                      "(document.querySelector('form.always button').getBoundingClientRect())).closest('form')?.className ?? ''")
        narrator.check("always" in hit, "and nothing covers it", hit)


def keeps_drafts(visitor, narrator):
    narrator.chapter("What was typed survives a refusal, and belongs to its thing")
    with KeyboardTab(visitor.chromium) as tab:
        tab.opens(visitor, "send", "#field-to")
        tab.run("localStorage.clear(); sessionStorage.clear()")
        for selector, text in (("#field-to", PERSON), ("[name=title]", "Kept"), ("[name=body]", "Text"), ("[name=url]", "ftp://example.com")):
            tab.goes_to(selector)
            tab.types(text)
        narrator.check(asks_before_leaving(tab), "the page asks before it is left")
        tab.submits("button[value=send]")
        visitor.waits(lambda: tab.has(PROBLEM), "the refusal")
        narrator.equal(len(tab.drafts()), 1, "a refused form keeps its draft")
        narrator.check(asks_before_leaving(tab), "and the page still asks before it is left")
        narrator.equal(tab.attribute("[name=url]", "aria-invalid"), "true", "the wrong field is marked")
        tab.enters("[name=url]", "")
        tab.submits("button[value=send]")
        visitor.waits(lambda: tab.has(NOTICE), "the notification")
        narrator.equal(tab.drafts(), [], "once the message is sent, the draft is gone")
        is_of_its_thing(tab, visitor, narrator)
        keeps_its_zone(tab, visitor, narrator)


def keeps_its_zone(tab, visitor, narrator):
    """Types a time in one zone, and takes it up again on a page of another one."""
    field = "#field-send_at"
    shown = "[document.querySelector('label[for=\"field-send_at\"] [data-zone]').textContent," \
            " document.querySelector('[name=time_zone]').value, document.querySelector('#field-send_at').value].join(' ')"
    tab._call("Emulation.setTimezoneOverride", timezoneId="Asia/Tokyo")
    tab.opens(visitor, "send", field)
    tab.opens(visitor, "send?zone=mine", field)
    tab.enters(field, "2027-01-10T09:00:05")
    narrator.equal(tab.run(shown), "Asia/Tokyo Asia/Tokyo 2027-01-10T09:00:05", "a time is typed in the zone of its label")
    tab.run("document.querySelector('#field-send_at').dispatchEvent(new Event('input', {bubbles: true}))")
    tab.opens(visitor, "send?zone=utc", field)
    visitor.waits(lambda: tab.has("p.hint button"), "the offer")
    narrator.equal(tab.run(shown), "UTC UTC ", "a page of another zone names that one")
    tab.run("document.querySelector('p.hint button').click()")
    narrator.equal(tab.run(shown), "Asia/Tokyo Asia/Tokyo 2027-01-10T09:00:05", "a draft brings its zone along")
    tab._call("Emulation.setTimezoneOverride", timezoneId="")
    tab.run("localStorage.clear()")


def is_of_its_thing(tab, visitor, narrator):
    """Types into one text of a template, and looks at another one."""
    area = "textarea[name='part.text']"
    tab.opens(visitor, TEMPLATE % "it", area)
    tab.goes_to(area)
    tab.types("Solo in italiano")
    stored = tab.run("Object.values(localStorage).find((one) => one.includes('Solo'))")
    narrator.check(stored and "if_match" not in stored and "csrf" not in stored, "hidden fields are not kept", stored)
    tab.submits("button[value=preview]")
    visitor.waits(lambda: "answer" in tab.run("Object.keys(document.body?.dataset ?? {}).join()"), "the preview")
    narrator.equal((len(tab.drafts()), tab.has("p.hint button")), (1, False), "a preview keeps the draft, and offers nothing")
    tab.opens(visitor, TEMPLATE % "en", area)
    narrator.equal(tab.run("[...document.querySelectorAll('.hint button')].length"), 0, "another text is not offered the draft")
    tab.opens(visitor, TEMPLATE % "it", area)
    visitor.waits(lambda: tab.has("p.hint button"), "the offer")
    revision = tab.run("document.querySelector('[name=if_match]').value")
    tab.run("document.querySelector('p.hint button').click()")
    narrator.equal((tab.run(f"document.querySelector({json.dumps(area)}).value"), tab.run("document.querySelector('[name=if_match]').value")),
                   ("Solo in italiano", revision), "its own text is, and the revision stays that of the page")
    tab.run("localStorage.clear()")


def leads_to_lines(visitor, narrator):
    narrator.chapter("Source has line numbers, and a link to a line selects it")
    with KeyboardTab(visitor.chromium) as tab:
        area = "textarea[name='part.html']"
        tab.opens(visitor, "template?name=payment-due&locale=en&channel=email", area)
        tab.run(f"(one => {{ one.value = 'one\\ntwo\\nthree'; one.dispatchEvent(new Event('input')); }})(document.querySelector({json.dumps(area)}))")
        numbers = tab.run(f"document.querySelector({json.dumps(area)}).previousElementSibling.textContent")
        narrator.equal(numbers, "1\n2\n3", "the lines are numbered")
        heights = tab.run(f"(one => [one.offsetHeight, one.previousElementSibling.offsetHeight])(document.querySelector({json.dumps(area)}))")
        narrator.equal(heights[1], heights[0], "beside the whole text")
        tab.run("(() => { const link = document.createElement('a');"
                f" link.href = '?line=2#' + document.querySelector({json.dumps(area)}).id; document.body.append(link); link.click(); }})()")
        selected = tab.run("(one => one.value.slice(one.selectionStart, one.selectionEnd))(document.activeElement)")
        narrator.equal(selected, "two", "the link selects its line, and the page stays")
        tab.run("localStorage.clear()")


def shows_the_email(visitor, narrator):
    narrator.chapter("The e-mail is shown in a frame, which follows what is typed")
    with KeyboardTab(visitor.chromium) as tab:
        tab.opens(visitor, "template?name=payment-due&locale=en&channel=email", "#preview")
        visitor.waits(lambda: "<html" in tab.frame_html() and "due" in tab.frame_html(), "the e-mail of the saved draft")
        narrator.check(True, "the page of a template shows the e-mail without a button")
        tab.goes_to("[name='part.mjml']")
        tab.types("<mjml><mj-body><mj-section><mj-column><mj-text>Typed just now</mj-text></mj-column></mj-section></mj-body></mjml>")
        visitor.waits(lambda: "Typed just now" in tab.frame_html(), "the e-mail that was typed")
        narrator.check(True, "it follows the typing")
        width = "document.querySelector('.email iframe').offsetWidth"
        wide = tab.run(width)
        tab.run("document.querySelector('.email [value=phone]').click()")
        narrator.check(tab.run(width) <= 360 < wide, "the switch shows it as wide as a phone", (wide, tab.run(width)))
        tab.run("document.querySelector('.email [value=dark]').click()")
        scheme = tab.run("getComputedStyle(document.querySelector('.email iframe')).colorScheme")
        narrator.equal(scheme, "dark", "and in dark mode")
        tab.run("localStorage.clear()")
        tab.opens(visitor, "send", "#field-to")
        narrator.equal(tab.run("document.querySelector('.email').offsetHeight"), 0, "without a preview there is no frame")
        for selector, text in (("#field-to", PERSON), ("[name=title]", "Framed"), ("[name=body]", "First line")):
            tab.goes_to(selector)
            tab.types(text)
        visitor.waits(lambda: "First line" in tab.frame_html(), "the e-mail of the send")
        narrator.check(tab.text("#preview h3 a") == PERSON and "c…@example.com" in tab.text("#preview"),
                       "the preview names the recipient, with masked addresses", tab.text("#preview")[:300])
        narrator.check("bytes" in tab.text("#preview"), "and the size of the message")
        tab.run("localStorage.clear()")
        sent = visitor.stack.expect(202, "send", "POST", "/v1/notifications", {
            "to": PERSON, "content": {"title": "Framed", "body": "Sent line"}, "channels": ["email"]}).json
        tab.opens(visitor, f"notification?id={sent['id']}", "iframe.preview")
        visitor.waits(lambda: "Sent line" in tab.frame_html(), "the e-mail that was sent")
        narrator.check(True, "the page of a notification shows the e-mail that was sent")


def says_that_a_preview_is_old(visitor, narrator):
    narrator.chapter("A preview that cannot be brought up to date says so")
    with KeyboardTab(visitor.chromium) as tab:
        tab.opens(visitor, "send", "#field-to")
        for selector, text in (("#field-to", PERSON), ("[name=title]", "Title"), ("[name=body]", "First")):
            tab.goes_to(selector)
            tab.types(text)
        visitor.waits(lambda: tab.has("#preview .state"), "the preview")
        tab.has_network(False)
        tab.types("Second")
        visitor.waits(lambda: tab.has("#preview .stale"), "the note")
        narrator.check("not up to date: the console does not answer" in tab.text("#preview .stale"), "without a network, it says so")
        tab.has_network(True)
        tab.run("document.querySelector('#preview .stale button').click()")
        visitor.waits(lambda: tab.shows("#preview", "Second"), "the preview")
        narrator.equal(tab.has("#preview .stale"), False, "its button tries again")
        visitor.chromium.call("Storage.clearCookies")
        tab.goes_to("[name=body]")
        tab.types("Third")
        visitor.waits(lambda: tab.has("#preview .stale a"), "the note")
        narrator.check("your session has ended" in tab.text("#preview .stale"), "without a session, it leads to the login")
        with KeyboardTab(visitor.chromium) as other:
            signs_in(other, visitor, "admin")
        tab.run("document.querySelector('#preview .stale button').click()")
        visitor.waits(lambda: tab.shows("#preview", "Third"), "the preview after the login")
        narrator.check(True, "after the login in another tab, it goes on")
        tab.run("localStorage.clear()")


def keeps_what_is_open(visitor, narrator):
    narrator.chapter("A live block keeps what was opened")
    with KeyboardTab(visitor.chromium) as tab:
        sent = visitor.stack.expect(202, "send", "POST", "/v1/notifications", {
            "to": PERSON, "content": {"title": "Open", "body": "Open"}, "channels": ["email"]}).json
        tab.opens(visitor, f"notification?id={sent['id']}", "#live-notification")
        # The page's answer gets a part that can be opened, as the charts of other pages have.
        tab.run("""(() => {
          const original = globalThis.fetch;
          globalThis.fetch = async (...given) => {
            const text = await (await original(...given)).text();
            globalThis.refreshes = (globalThis.refreshes ?? 0) + 1;
            const part = `<details><summary>Data ${refreshes}</summary>x</details><h2>Timeline`;
            return new Response(text.replace("<h2>Timeline", part), {status: 200});
          };
        })()""")
        visitor.waits(lambda: tab.has("#live-notification details"), "a refresh")
        tab.run("document.querySelector('#live-notification details').open = true")
        before = tab.run("refreshes")
        visitor.waits(lambda: tab.run("refreshes") > before and tab.shows("#live-notification summary", str(tab.run("refreshes"))), "another")
        narrator.check(tab.has("#live-notification details[open]"), "the part is still open after a refresh")


def says_why_a_block_is_old(visitor, narrator):
    narrator.chapter("A live block says why it is not updated, and is not loaded again once it is final")
    with KeyboardTab(visitor.chromium) as tab:
        sent = visitor.stack.expect(202, "send", "POST", "/v1/notifications", {
            "to": PERSON, "content": {"title": "Open", "body": "Open"}, "channels": ["email"]}).json
        tab.opens(visitor, f"notification?id={sent['id']}", ".live-status")
        narrator.check(tab.text(".timeline .ago").endswith(("(now)", "ago)")), "the timeline shows the ages of its events")
        tab.has_network(False)
        visitor.waits(lambda: tab.shows(".live-status", "the console does not answer"), "the reason")
        tab.has_network(True)
        visitor.waits(lambda: tab.shows(".live-status", "Updated"), "a refresh")
        visitor.chromium.call("Storage.clearCookies")
        visitor.waits(lambda: tab.shows(".live-status", "you are signed out"), "the reason")
        narrator.equal(tab.text(".live-status a"), "Sign in", "without a session, it leads to the login")
        tab.run("document.querySelector('.live-status a').click()")
        visitor.waits(lambda: tab.has("input[name=password]"), "the login page")
        signs_in(tab, visitor, "admin")
        never = visitor.stack.expect(202, "send", "POST", "/v1/notifications", {
            "to": PERSON, "content": {"title": "No", "body": "No"}, "channels": ["sms"]}).json
        tab.opens(visitor, f"notification?id={never['id']}", "#live-notification")
        narrator.equal((tab.text("#live-notification .state"), tab.has(".live-status")), ("skipped", False),
                       "a notification that is over is not loaded again")


def obeys_the_rules_on_errors(visitor, narrator):
    narrator.chapter("The rules of axe-core on a campaign, a refused page, a kept form and a page that does not exist")
    rules = axe_source()
    with KeyboardTab(visitor.chromium) as tab:
        signs_in_if_needed(tab, visitor)
        found = []

        def looks(name):
            found.extend(findings(tab, name, rules))

        draft = visitor.stack.expect(201, "ops", "POST", "/v1/campaigns", {
            "title": HOSTILE[:100], "type": "DEFAULT", "filter": {"all": []}, "content": {"title": HOSTILE, "body": HOSTILE}}).json
        for step in ("audience", "content", "time", "guards", "plan", "approve"):
            tab.opens(visitor, f"campaign?id={draft['id']}&step={step}", MAIN)
            looks(f"campaign-{step}-draft")
        tab.opens(visitor, "nowhere", "h1")
        looks("not-found")
        tab.opens(visitor, "notification?id=gone", "h1")
        looks("notification-gone")
        tab.opens(visitor, "recipient?id=nobody@example.com", "h1")
        looks("recipient-unknown")
        tab.opens(visitor, "send", "#field-to")
        tab.enters("#field-to", PERSON)
        tab.submits("button[value=preview]:not([formnovalidate])")
        visitor.waits(lambda: tab.has(PROBLEM), "the refusal")
        looks("send-refused")
        # A token of another session leads to the page that keeps the form.
        tab.run("document.querySelector('form[data-preview] input[name=csrf]').value = 'old'")
        tab.submits("button[value=preview]:not([formnovalidate])")
        visitor.waits(lambda: tab.has("form[data-again]"), "the page that keeps the form")
        looks("form-kept")
        tab.run(LEAVES)
        is_stale_counted_and_erased(tab, visitor, looks)
        narrator.equal(found, [], "no page violates a rule, light or dark, or is wider than its window")
        notes_missing_rules(rules, narrator)
        visitor.stack.expect(200, "ops", "POST", f"/v1/campaigns/{draft['id']}/cancel", {})
        tab.run("localStorage.clear()")


def is_stale_counted_and_erased(tab, visitor, looks):
    """A form of an old page, an exact count, and the certificate of an erasure."""
    tab.opens(visitor, "rollout", "#field-percentage")
    tab.run("document.querySelector('form:has(#field-percentage) [name=was]').value = '7'")
    tab.enters("#field-percentage", "50")
    tab.submits("form:has(#field-percentage) button")
    visitor.waits(lambda: tab.has(PROBLEM) and tab.shows(PROBLEM, "meanwhile"), "the refusal of an old form")
    looks("rollout-stale")
    tab.run("localStorage.clear()")
    tab.opens(visitor, "segment?id=console-walk", "button[value=exact]")
    tab.run("document.querySelector('button[value=exact]').removeAttribute('formtarget')")
    tab.submits("button[value=exact]")
    visitor.waits(lambda: tab.shows("h1", "Exact count"), "the exact count")
    looks("segment-count")
    visitor.stack.call("recipients", "PUT", "/v1/recipients/console-erased", {"email": "gone@example.com"})
    tab.opens(visitor, "recipient?id=console-erased", "#field-confirm")
    tab.enters("#field-confirm", "console-erased")
    tab.submits("button[value=erase]")
    visitor.waits(lambda: tab.shows("h1", "Certificate"), "the certificate")
    looks("erased")


CHAPTERS = (
    is_worked_by_keyboard, stays_in_sight, keeps_drafts, leads_to_lines, shows_the_email, says_that_a_preview_is_old, keeps_what_is_open,
    says_why_a_block_is_old, obeys_the_rules_on_errors,
)
