"""Chapter about a session that ends while a form is filled: after the login, everything that was typed is still there,
nothing was changed meanwhile, and one button goes on.
"""

import json
import time

from console_tab import NOTICE, KeyboardTab, signs_in

PERSON = "console-returning"
NAME = "console-returning"
# A template that had the same text would have nothing to offer.
TEXTS = {"title": f"Typed before \"the end\" <b> {time.time_ns()}",
         "body": "Line one\nLine two  with spaces\n\n{{ name }} ✓ " + str(time.time_ns())}
# Signs this person out in every browser, as a form of another tab does.
SIGNS_OUT = "document.querySelector('button[value=end_mine]').click()"
# True once the function that answers this page accepts the session no more.
IS_SIGNED_OUT = "fetch(location.href, {redirect: 'manual'}).then((answer) => answer.type === 'opaqueredirect')"
# What the page that keeps a form would send, and what it shows.
KEPT = "Object.fromEntries([...new FormData(document.querySelector('form[data-again]'))])"
SHOWN = "[...document.querySelectorAll('td.typed')].map((one) => one.textContent)"


class Form:
    """Form that is filled while the session ends: its page, its fields, its button, and a count of what it makes."""

    def __init__(self, page, texts, button, made):
        self.page, self.texts, self.button, self.made = page, texts, button, made


def forms(stack):
    def notifications():
        answer = stack.expect(200, "recipients", "GET", f"/v1/recipients/{PERSON}/notifications").json
        return len(answer["items"])

    def campaigns():
        items = stack.expect(200, "ops", "GET", "/v1/campaigns").json["items"]
        return sum(one["title"] == TEXTS["title"] for one in items)

    def drafts():
        answer = stack.call("ops", "GET", f"/v1/templates/{NAME}")
        return 0 if answer.status == 404 else answer.json["draft"]["parts"]["en"]["sms"]["text"] == TEXTS["body"]

    return {
        "send": Form("send", {"to": PERSON, **TEXTS}, "button[value=send]", notifications),
        "template": Form(f"template?name={NAME}&locale=en&channel=sms", {"part.text": TEXTS["body"]},
                         "button[value=save]", drafts),
        "campaign": Form("campaign", {"title": TEXTS["title"], "recipients": PERSON, "content.title": TEXTS["title"],
                                      "content.body": TEXTS["body"]}, "button.primary[value=create]", campaigns),
    }


def keeps_what_was_typed(visitor, narrator):
    narrator.chapter("A session ends while a form is filled, and what was typed is kept until the next login")
    visitor.stack.call("recipients", "PUT", f"/v1/recipients/{PERSON}", {"email": f"{PERSON}@example.com"})
    ends = {"send": signs_out_everywhere, "template": loses_its_cookie, "campaign": loses_its_cookie}
    for name, form in forms(visitor.stack).items():
        with KeyboardTab(visitor.chromium) as tab:
            visitor.chromium.call("Storage.clearCookies")
            signs_in(tab, visitor, "admin")
            is_filled(tab, visitor, form, name)
            before = form.made()
            ends[name](tab, visitor)
            submits(tab, visitor, form.button)
            narrator.equal(tab.text("h1"), "Sign in again", f"{name}: without a session, the page asks for a login")
            is_kept(tab, narrator, form, name)
            narrator.equal(form.made(), before, f"{name}: nothing was changed")
            is_continued(tab, visitor, narrator, form, name)
            narrator.equal(form.made(), before + 1, f"{name}: it is done once, with what was typed")
            tab.run("localStorage.clear()")
    for one in visitor.stack.expect(200, "ops", "GET", "/v1/campaigns").json["items"]:
        if one["title"] == TEXTS["title"]:
            visitor.stack.expect(200, "ops", "POST", f"/v1/campaigns/{one['id']}/cancel", {})


def is_filled(tab, visitor, form, name):
    """Types into the fields of a form, as a person does."""
    tab.opens(visitor, form.page, form.button)
    tab.run("localStorage.clear()")
    if name == "campaign":
        tab.run("document.querySelector('[name=audience][value=recipients]').click()")
    for field, text in form.texts.items():
        tab.run(f"document.querySelector({json.dumps(f'main [name={json.dumps(field)}]')}).focus()")
        tab.types(text)


def loses_its_cookie(tab, visitor):
    visitor.chromium.call("Storage.clearCookies")


def signs_out_everywhere(tab, visitor):
    """Signs out in another tab, and waits until every process knows it."""
    with KeyboardTab(visitor.chromium) as other:
        other.opens(visitor, "sessions", "button[value=end_mine]")
        submits(other, visitor, "button[value=end_mine]")
        narrator = visitor.narrator
        narrator.check(other.has("input[name=password]") or other.has("h1"), "another tab signs out everywhere")
    visitor.narrator.wait(lambda: tab.run(IS_SIGNED_OUT), 45, "the end of the session everywhere")


def submits(tab, visitor, selector):
    tab.run("document.documentElement.dataset.isOld = ''")
    tab.submits(selector)
    new = "html:not([data-is-old])"
    visitor.waits(lambda: tab.has(f"{new} h1, {new} input[name=password]"), f"the page after {selector}")


def lines(text):
    """Text as a form sends it."""
    return text.replace("\n", "\r\n")


def is_kept(tab, narrator, form, name):
    kept, shown = tab.run(KEPT), tab.run(SHOWN)
    wanted = {field: lines(text) for field, text in form.texts.items()}
    narrator.equal({field: lines(kept.get(field, "").replace("\r\n", "\n")) for field in wanted}, wanted,
                   f"{name}: every field of the form is kept, to the letter")
    missing = [text for text in form.texts.values() if text not in [one.replace("\r\n", "\n") for one in shown]]
    narrator.equal(missing, [], f"{name}: and shown")


def is_continued(tab, visitor, narrator, form, name):
    """Signs in in another tab, as the page says, and goes on in this one."""
    target = tab.attribute("main ol a", "href")
    narrator.equal(tab.attribute("main ol a", "target"), "_blank", f"{name}: the login opens in a tab of its own")
    with KeyboardTab(visitor.chromium) as other:
        other.visits(visitor.stack.console["url"].split("/_aws")[0] + target if target.startswith("/") else target)
        visitor.waits(lambda: other.has("input[name=password]"), "the login page")
        person = visitor.stack.console["people"]["admin"]
        other.enters("input[name=username]", person["name"])
        other.enters("input[name=password]", person["password"])
        other.presses_enter("input[name=password]")
        visitor.waits(lambda: other.has("nav.sections"), "the console after the login")
        narrator.check(form.page.split("?")[0] in other.path(), f"{name}: the login leads to the page of the form",
                       other.path())
        if name == "template":
            is_offered(other, visitor, narrator, form)
        other.run("document.querySelectorAll('form').forEach((one) => one.dispatchEvent(new SubmitEvent('submit')))")
    submits(tab, visitor, "form[data-again] button")
    narrator.equal(tab.text("h1"), "Check and confirm",
                   f"{name}: the page of the new session asks to look at it once more")
    is_kept(tab, narrator, form, name)
    submits(tab, visitor, "form[data-again] button")
    visitor.waits(lambda: tab.has(NOTICE), "the notice")


def is_offered(tab, visitor, narrator, form):
    """The draft that this browser kept is offered on the form's own page, too."""
    visitor.waits(lambda: tab.has("p.hint button"), "the offer of the draft")
    tab.run("document.querySelector('p.hint button').click()")
    found = tab.run("document.querySelector(\"[name='part.text']\").value")
    narrator.equal(found, form.texts["part.text"], "and its own page offers the draft that the browser kept")


CHAPTERS = (keeps_what_was_typed,)
