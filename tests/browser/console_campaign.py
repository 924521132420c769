"""Chapter about a campaign in the console: built, planned on a page, launched, watched while it runs, paused, resumed, cancelled."""

from console_pages import HOSTILE
from console_tab import MAIN, NOTICE, ConsoleTab, axe_source, findings, signs_in

PEOPLE = 40
TYPE, ATTRIBUTE = "CONSOLE_NEWS", "console_walk"
NUMBERS = "#live-campaign"
SCHEDULE = {"task": "campaigns"}


def is_registered(visitor):
    kind = {"title": "News of the console", "class": "marketing", "channels": ["email"]}
    visitor.stack.expect(201, "ops", "PUT", f"/v1/types/{TYPE}", kind)
    people = [{"id": f"walker-{number}", "email": f"walker-{number}@example.com", "attributes": {ATTRIBUTE: "yes"}}
              for number in range(PEOPLE)]
    visitor.stack.expect(200, "recipients", "POST", "/v1/recipients/batch", {"items": people, "mode": "create"})


def is_pictured(tab, narrator, name):
    narrator.equal(findings(tab, name, axe_source()), [], f"{name}: the page fits, and violates no rule of axe-core")


def chooses(tab, selector, value):
    tab._of(selector, f"(one.value = {value!r})")


def is_built(tab, visitor, narrator):
    """Creates a draft, and builds its filter by buttons."""
    tab.visits(f"{visitor.stack.console['url']}/campaign")
    visitor.waits(lambda: tab.has("#field-title"), "the form of a new campaign")
    tab.enters("#field-title", f"Walk {HOSTILE}")
    chooses(tab, "#field-type", TYPE)
    tab._of("input[name=audience][value=filter]", "one.click()")
    tab.enters("[name='content.title']", "News")
    tab.enters("[name='content.body']", "For people who walk")
    tab.clicks("button.primary[value=create]")
    visitor.waits(lambda: tab.has(NOTICE), "the draft")
    number = tab.path().split("id=")[1].split("&")[0]
    tab.visits(f"{visitor.stack.console['url']}/campaign?id={number}&step=audience")
    visitor.waits(lambda: tab.has("button[formaction*='add_condition']"), "the builder")
    tab.clicks("button[formaction*='add_condition']")
    visitor.waits(lambda: tab.has("[name='n.0.field']"), "a condition")
    tab.enters("[name='n.0.field']", f"attributes.{ATTRIBUTE}")
    tab.enters("[name='n.0.value']", "yes")
    tab.clicks("button[value=edit]:not([formaction])")
    visitor.waits(lambda: tab.has("#estimate .figure"), "the estimate")
    narrator.equal(tab.text("#estimate .figure"), str(PEOPLE), "the builder of segments counts the people of the campaign")
    is_pictured(tab, narrator, "campaign-audience")
    tab.clicks("button.primary[value=save]")
    visitor.waits(lambda: tab.has(NOTICE), "the saved audience")
    tab.visits(f"{visitor.stack.console['url']}/campaign?id={number}&step=time")
    visitor.waits(lambda: tab.has("[name='rollout.steps']"), "the time")
    tab.enters("[name='rollout.steps']", "10 for 60\n100 for 0")
    tab.clicks("button.primary[value=save]")
    visitor.waits(lambda: tab.has(NOTICE), "the saved time")
    return number


def is_planned(tab, visitor, narrator, number):
    tab.visits(f"{visitor.stack.console['url']}/campaign?id={number}&step=plan")
    visitor.waits(lambda: tab.has("button[value=plan]"), "the page of the plan")
    tab.clicks("button[value=plan]")
    visitor.waits(lambda: tab.shows("#live-plan .state", "complete"), "the plan, without a reload")
    narrator.check(f"of {PEOPLE} who match" in tab.text("#live-plan") and "the sum is right" in tab.text("#live-plan"),
                   "the plan counts the people, by channel, with the cost")
    narrator.check("Continue to the approval" in tab.text("#live-plan a.primary") and "Plan (done)" in tab.text("#live-plan .tabs"),
                   "the way on appears without a reload, and the step is done")
    narrator.check("Guards (default)" in tab.text("#live-plan .tabs") and "Time and rate (done)" in tab.text("#live-plan .tabs"),
                   "a step that nobody opened has its defaults")
    is_pictured(tab, narrator, "campaign-plan")
    tab.visits(visitor.stack.console["url"])
    visitor.waits(lambda: tab.has("#live-overview"), "the overview")
    narrator.check(tab.has(f"a[href*='{number}&step=approve']"), "the overview names the plan that waits for an approval")
    tab.visits(f"{visitor.stack.console['url']}/campaign?id={number}&step=approve")
    visitor.waits(lambda: tab.has("button[value=approve]"), "the approval")
    tab.clicks("button[value=approve]")
    visitor.waits(lambda: tab.has("button[value=launch]"), "the launch")
    is_pictured(tab, narrator, "campaign-launch")


def is_run(tab, visitor, narrator):
    tab.clicks("button[value=launch]")
    visitor.waits(lambda: tab.has(NUMBERS), "the page of the numbers")
    tab.run("window.isSamePage = true; undefined")
    # Otherwise the campaign begins at the next full minute.
    visitor.stack.invoke("CampaignsFunctionName", SCHEDULE)
    visitor.waits(lambda: not tab.text(NUMBERS).split(" people are handled")[0].endswith(f" 0 of {PEOPLE}"),
                  "numbers that change while the page is open")
    narrator.check(tab.run("window.isSamePage"), "the numbers are live: the page was not loaded again")
    narrator.check("running" in tab.text(f"{NUMBERS} .state"), "the campaign runs")
    is_pictured(tab, narrator, "campaign-running")
    tab.clicks("button[value=pause]")
    visitor.waits(lambda: tab.has(NOTICE) and tab.shows(f"{NUMBERS} .state", "paused"), "the pause")
    before = tab.text(f"{NUMBERS} table")
    visitor.stack.invoke("CampaignsFunctionName", SCHEDULE)
    tab.visits(visitor.stack.console["url"] + tab.path().split("/console")[1].split("&done")[0])
    visitor.waits(lambda: tab.has(NUMBERS), "the numbers")
    narrator.equal(tab.text(f"{NUMBERS} table"), before, "paused: nobody else is sent to")
    is_pictured(tab, narrator, "campaign-paused")
    tab.clicks("button[value=resume]")
    visitor.waits(lambda: tab.has(NOTICE) and tab.shows(f"{NUMBERS} .state", "running"), "the way on")
    narrator.check(True, "resumed by one button")
    tab.visits(visitor.stack.console["url"] + tab.path().split("/console")[1].split("&done")[0] + "&tab=results")
    visitor.waits(lambda: tab.has(".chart.intervals") or tab.has("table"), "the results")
    is_pictured(tab, narrator, "campaign-results")
    for part in ("recipients", "definition"):
        tab.visits(visitor.stack.console["url"] + tab.path().split("/console")[1].split("&tab")[0] + f"&tab={part}")
        visitor.waits(lambda: tab.has(f".tabs a[aria-current][href*='tab={part}']"), part)
        is_pictured(tab, narrator, f"campaign-{part}")
    narrator.equal(tab.run("window.broken"), None, "hostile text in a title is shown as text")


def runs_a_campaign(visitor, narrator):
    narrator.chapter("A campaign is built, planned, launched, watched, paused, resumed and cancelled in the console")
    is_registered(visitor)
    with ConsoleTab(visitor.chromium) as tab:
        visitor.chromium.call("Storage.clearCookies")
        signs_in(tab, visitor, "admin")
        number = is_built(tab, visitor, narrator)
        is_planned(tab, visitor, narrator, number)
        is_run(tab, visitor, narrator)
        tab.visits(f"{visitor.stack.console['url']}/campaign?id={number}")
        visitor.waits(lambda: tab.has("button[value=cancel]"), "the page")
        tab.clicks("#cancel summary")
        tab.clicks("button[value=cancel]")
        visitor.waits(lambda: tab.shows(f"{NUMBERS} .state", "cancelled"), "the end")
        narrator.equal(tab.page_errors(), [], "no error in the browser's console, and no report of the policy")
        narrator.check(tab.has(MAIN), "a cancelled campaign keeps its numbers")


CHAPTERS = (runs_a_campaign,)
