"""Chapter about every page of an error: it says what happened and what to do, keeps what was typed, and changes
nothing.
"""

import json

from console_states import StatesTab, signed_in
from console_tab import MAIN, NOTICE, PROBLEM, signs_in
from outage import restarts, with_variable, without_table

STATUS = "performance.getEntriesByType('navigation')[0].responseStatus"
CONSOLE = "ConsoleFunctionName"
# More than the console takes in one form, and less than its gateway takes.
TOO_LARGE = 1_100_000
# Page whose address asks for something that cannot be, and its status.
ADDRESSES = (
    ("error-range", "notifications?from=yesterday", 422), ("error-cursor", "audit?after=nowhere", 422),
    ("error-search", "search?q=", 422), ("error-campaign-gone", f"campaign?id={'0' * 26}", 404),
    ("error-segment-gone", "segment?id=gone", 404), ("error-type-gone", "type?name=GONE", 404),
    ("error-count-gone", f"segment_count?id={'0' * 16}", 404), ("error-page", "no/such/page", 404),
)
# A form of another page, which is sent with the token of this one.
SENDS = """((page, fields) => {
  const form = Object.assign(document.createElement("form"), {method: "post", action: page});
  for (const [name, value] of Object.entries(fields)) {
    form.append(Object.assign(document.createElement("textarea"), {name, value}));
  }
  document.body.append(form);
  document.documentElement.dataset.isOld = "";
  HTMLFormElement.prototype.submit.call(form);
})"""


def sends(tab, page, **fields):
    """Sends a form that the page does not have."""
    given = {"csrf": tab.run("document.querySelector('input[name=csrf]')?.value ?? ''")} | fields
    tab.run(f"{SENDS}({json.dumps(page)}, {json.dumps(given)})")
    tab.visitor.waits(lambda: tab.has("html:not([data-is-old]) h1"), f"the answer of {page}")


def explains_every_error(visitor, narrator):
    narrator.chapter("Pages of errors say what happened, keep what was typed, and change nothing")
    stack, url = visitor.stack, visitor.stack.console["url"]
    with StatesTab(visitor, narrator) as tab:
        signed_in(tab, visitor)
        for name, page, status in ADDRESSES:
            tab.at(page, "h1")
            narrator.equal(tab.run(STATUS), status, f"{page.split('?')[0]}: status {status}, {tab.text('h1')}")
            narrator.check(tab.has("main .problem, main .hint") and tab.has("main a"), "it says why, and leads on")
            tab.looks(name)
        tab.at("rollout", "#field-percentage")
        sends(tab, f"{url}/rollout", action="percentage", percentage="", reason="No percentage")
        narrator.check(tab.run(STATUS) == 422 and tab.shows(PROBLEM, "Percentage"),
                       "an empty form: 422, with a link to the field")
        tab.looks("error-fields")
        tab.at("send", "#field-to")
        sends(tab, f"{url}/send", action="send", title="Too large", body="a" * TOO_LARGE)
        narrator.equal(tab.run(STATUS), 413, "a form that is too large: 413")
        tab.looks("error-too-large")
        is_in_use(tab, stack, narrator, url)
        is_foreign(tab, stack, narrator, url)
        tab.causes("the server responded with a status of 5")
        is_out(tab, visitor, narrator)
        keeps_a_form(tab, visitor, narrator)
        tab.ends()
    is_forbidden(visitor, narrator)


def is_in_use(tab, stack, narrator, url):
    """A segment that another one names is not deleted."""
    used = {"field": "segment", "op": "eq", "value": "console-used"}
    plain = {"title": "Used", "filter": {"field": "locale", "op": "eq", "value": "en"}}
    stack.call("ops", "PUT", "/v1/segments/console-used", plain)
    stack.call("ops", "PUT", "/v1/segments/console-user", {"title": "User", "filter": used})
    tab.at("segment?id=console-used", "button[value=delete]")
    tab.sends("button[value=delete]", "h1")
    narrator.equal(tab.run(STATUS), 409, "a segment that is used: 409")
    tab.looks("error-in-use")
    stack.expect(200, "ops", "GET", "/v1/segments/console-used")
    for one in ("console-user", "console-used"):
        stack.call("ops", "DELETE", f"/v1/segments/{one}")


def is_foreign(tab, stack, narrator, url):
    """A form of another site has neither the session nor a button to go on."""
    before = stack.parameter("RolloutPercentageParameter")
    tab.visits("about:blank")
    tab.run(f"{SENDS}({json.dumps(url + '/rollout')}, {json.dumps({'action': 'zero', 'reason': 'From another site'})})")
    tab.visitor.waits(lambda: tab.has("html:not([data-is-old]) h1"), "the answer to the form of another site")
    narrator.check(tab.run(STATUS) in (401, 403) and not tab.has("form[data-again]"),
                   "a form of another site cannot be continued", tab.run(STATUS))
    narrator.equal(stack.parameter("RolloutPercentageParameter"), before, "nothing was changed")
    tab.looks("error-foreign-form")


def is_out(tab, visitor, narrator):
    """Pages without the table of the metrics."""
    with without_table(visitor.stack, "MetricsTableName"):
        for page in ("", "analytics"):
            tab.at(page, "h1")
            narrator.equal(tab.run(STATUS), 500, f"{page or 'overview'} without its table: 500")
            narrator.check(tab.has("main code.copy") and tab.has("main a.button"),
                           "it shows the request's id, and a way on")
            tab.looks(f"error-outage-{page or 'overview'}")
        tab.at("rollout", "h1")
        narrator.check(tab.has("form.always button"), "the way back to 0 % is there all the same")
        tab.looks("error-outage-rollout")
    tab.at("", "#live-overview")
    narrator.check(True, "after the outage, the pages are there again")


def keeps_a_form(tab, visitor, narrator):
    """A form that is sent while no process can read which sessions were ended; a login service without an answer."""
    stack = visitor.stack
    before = stack.parameter("RolloutPercentageParameter")
    tab.at("rollout", "#field-percentage")
    tab.fills("#field-percentage", "33")
    tab.fills("#reason", "Typed before the outage")
    with without_table(stack, "SettingsTableName"):
        restarts(stack, CONSOLE)
        tab.sends("form:has(#field-percentage) button", "form[data-again]")
        narrator.equal(tab.run(STATUS), 503, "a form during an outage: 503")
        narrator.check(tab.shows(PROBLEM, "Try again in 2 s") and tab.shows("main", "Typed before the outage"),
                       "it says when to try again, and keeps what was typed", tab.text("main"))
        narrator.equal(stack.parameter("RolloutPercentageParameter"), before, "nothing was changed")
        tab.looks("error-outage-form")
    restarts(stack, CONSOLE)
    tab.sends("form[data-again] button", NOTICE, "The rollout was changed")
    narrator.equal(stack.parameter("RolloutPercentageParameter"), "33",
                   "after the outage, one button does what was typed")
    stack.put_parameter("RolloutPercentageParameter", before)
    with with_variable(stack, CONSOLE, "LOGIN_ISSUER", "http://127.0.0.1:9"):
        visitor.chromium.call("Storage.clearCookies")
        tab.at("login", "h1")
        narrator.equal(tab.run(STATUS), 503, "a login service that does not answer: 503")
        tab.looks("error-login-service")
    signed_in(tab, visitor)


def is_forbidden(visitor, narrator):
    url = visitor.stack.console["url"]
    before = visitor.stack.parameter("RolloutPercentageParameter")
    with StatesTab(visitor, narrator) as tab:
        visitor.chromium.call("Storage.clearCookies")
        signs_in(tab, visitor, "viewer", "rollout")
        visitor.waits(lambda: tab.has(MAIN), "the rollout")
        sends(tab, f"{url}/rollout", action="zero", reason="By a viewer")
        narrator.equal(tab.run(STATUS), 403, "a role that lacks the right: 403")
        narrator.check(tab.shows(PROBLEM, "needs the role approver; yours is viewer") and tab.shows("main",
                                                                                                    "By a viewer"),
                       "it names the role, and keeps what was typed", tab.text("main"))
        narrator.equal(visitor.stack.parameter("RolloutPercentageParameter"), before, "nothing was changed")
        tab.looks("error-forbidden")
        visitor.chromium.call("Storage.clearCookies")
        tab.ends()


CHAPTERS = (explains_every_error,)
