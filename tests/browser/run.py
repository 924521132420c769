"""Tests of the browser scripts, on docs/example-site, of the preference page and of the web console, in real browsers.

    python infra/local/with_stack.py python tests/browser/run.py        (make browser)

With SHORT=1, as `make test` runs it, the long chapters about hostile texts and rare states of the console are left out.
`CHAPTERS=states make browser` runs one part; PARTS below lists the parts. `states`, `errors` and `hostile` take minutes.

These parts are real: the browser, its service worker with every handler, its notifications and database, every request
to the stack, and the stack's encrypted pushes. This process receives and decrypts the pushes.

These parts are simulated, because they need the browser vendor's push service or a person:
* `pushManager.subscribe` returns a subscription of the test.
* The decrypted message is delivered to the worker by the DevTools command behind the "Push" button.
* Clicks, dismissals and dropped subscriptions are events that the test dispatches in the worker.

To test errors of receipts, the receipts go through the site's server. It returns the statuses that the test sets, and
passes other requests on. Waits between retries are recorded instead of waited for.
"""

import json
import os
import pathlib
import sys
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "infra" / "local"))

import clicks
import console_campaign
import console_errors
import console_firefox
import console_forms
import console_hostile
import console_keys
import console_live
import console_pages
import console_sessions
import console_states
import preference_page
import subscribing
import training
import troubles
from chromium import Chromium, Refused
from story.deployed import Deployed
from story.narrator import CheckFailed, Narrator
from story.push_service import PushService
from visitor import KEY_IN_USE, RECIPIENT, Visitor


def refuses(visitor, narrator):
    narrator.chapter("The page requests permission, and the person refuses")
    visitor.opens_the_site()
    visitor.says("denied")
    narrator.equal(visitor.subscribes(), None, "subscribe() resolves to null")
    found = visitor.evaluates("navigator.serviceWorker.getRegistrations().then((all) => all.length)")
    narrator.equal((found, visitor.site.registered), (0, []), "no worker is installed, and no device is registered")


def subscribes(visitor, narrator):
    narrator.chapter("The person allows notifications, and the page subscribes the browser")
    visitor.says("granted")
    visitor.evaluates("""(() => {
      self.order = [];
      const [ask, register] = [Notification.requestPermission, ServiceWorkerContainer.prototype.register];
      Notification.requestPermission = () => { order.push("ask"); return ask.call(Notification); };
      ServiceWorkerContainer.prototype.register = function (...given) { order.push("install"); return register.apply(this, given); };
    })()""")
    visitor.subscribes()
    narrator.equal(visitor.evaluates("self.order"), ["ask", "install"], "the permission is requested before the installation")
    found = visitor.stack.expect(200, "recipients", "GET", f"/v1/recipients/{RECIPIENT}").json["devices"]
    narrator.equal(len(found), 1, "the backend has registered the device")
    narrator.equal(visitor.evaluates(KEY_IN_USE), visitor.stack.vapid_public_key, "the subscription has the stack's key")
    visitor.meets_the_worker()


def is_shown_and_clicked(visitor, narrator):
    narrator.chapter("A push is shown, delivered and clicked, and leads to a conversion")
    sent, message = visitor.is_sent("Order 7")
    visitor.waits_for(sent, "delivered_at", "the receipt")
    narrator.equal(visitor.notification(sent)["status"], "delivered", "the browser's receipt made it delivered")
    narrator.equal(visitor.shown(), [{"title": "Order 7", "body": "Your order is on its way.", "tag": message["tag"]}],
                   "the notification is shown with title, body and tag")
    visitor.on_notification("notificationclick")
    visitor.waits_for(sent, "clicked_at", "the receipt of the click")
    visitor.opens("/orders/7")
    narrator.equal(visitor.shown(), [], "the notification is closed")
    narrator.equal(visitor.evaluates("notifications.converted(19.9)"), True, "the page reports a conversion")
    found = visitor.notification(sent)
    narrator.equal(found["conversion_value_micros"], 19_900_000, "the notification has the value of the conversion")
    narrator.equal(visitor.evaluates("notifications.converted(19.9)"), False, "a second report is refused")


def gives_the_page_a_token(visitor, narrator):
    narrator.chapter("A URL with {token} receives a token for conversions only")
    sent, message = visitor.is_sent("Order 8", path="/orders/7?n={token}")
    visitor.waits_for(sent, "delivered_at", "the receipt")
    visitor.in_worker("self.opened = []")
    visitor.on_notification("notificationclick")
    visitor.waits_for(sent, "clicked_at", "the receipt of the click")
    [opened] = visitor.waits(lambda: visitor.in_worker("self.opened"), "a window")
    token = opened.partition("?n=")[2]
    narrator.check(len(token) == 72 and token != message["receipt"]["token"], "the URL has its own token", opened)
    refused = visitor.stack.call(None, "POST", "/v1/receipts", {"token": token, "event": "dismissed"})
    narrator.equal(refused.status, 404, "the token does not allow another event")
    given = json.dumps({"url": f"{visitor.stack.api_url}/v1/receipts", "token": token})
    narrator.equal(visitor.evaluates(f"notifications.converted(5, {given})"), True, "the page reports a conversion with it")
    narrator.equal(visitor.notification(sent)["conversion_value_micros"], 5_000_000, "the conversion is recorded")
    narrator.equal(visitor.evaluates("notifications.converted(6)"), False, "a second one with another value is refused")


def is_replaced_and_dismissed(visitor, narrator):
    narrator.chapter("A later message of the same topic replaces the first one, and is dismissed")
    first, _ = visitor.is_sent("Order 7", topic="order-7")
    visitor.waits_for(first, "delivered_at", "the first receipt")
    second, _ = visitor.is_sent("Order 7, again", topic="order-7")
    visitor.waits_for(second, "delivered_at", "the second receipt")
    narrator.equal([one["title"] for one in visitor.shown()], ["Order 7, again"], "only the later notification is shown")
    visitor.on_notification("notificationclose")
    visitor.waits_for(second, "dismissed_at", "the receipt of the dismissal")
    narrator.equal(visitor.notification(second)["clicked_at"], None, "it is dismissed, not clicked")
    visitor.clears_what_is_shown()


# Errors of pages that are printed after a failed check.
SHOWN_ERRORS = 10
CLIENTS = (
    refuses, subscribes, is_shown_and_clicked, gives_the_page_a_token, is_replaced_and_dismissed, *clicks.CHAPTERS,
    troubles.loses_its_network, troubles.meets_a_busy_service, troubles.is_away_for_long, troubles.fills_what_waits,
    troubles.is_pushed_something_else, troubles.converts_too_late, *subscribing.CHAPTERS,
    troubles.renews_the_subscription, troubles.subscribes_with_another_key, *preference_page.CHAPTERS,
)
CONSOLE = (
    *console_pages.CHAPTERS, *console_firefox.CHAPTERS, *console_forms.CHAPTERS, *console_keys.CHAPTERS, *console_live.CHAPTERS,
    *console_sessions.CHAPTERS, *console_campaign.CHAPTERS,
)
# Parts that take long: `make browser` runs them, and `make test` does not. The first needs a new stack.
NEW_STACK = (console_states.is_empty,)
HOSTILE = console_hostile.CHAPTERS
STATES = (*console_states.CHAPTERS, *console_errors.CHAPTERS)
# Parts alone, by the variable CHAPTERS, such as `console,hostile` or the name of a chapter, while it is written.
PARTS = {
    "clients": CLIENTS, "console": CONSOLE,
    "firefox": console_pages.CHAPTERS[:1] + console_firefox.CHAPTERS, "campaign": console_campaign.CHAPTERS,
    "forms": console_pages.CHAPTERS[:1] + console_forms.CHAPTERS, "keys": console_keys.CHAPTERS, "training": training.CHAPTERS,
    "live": console_live.CHAPTERS, "sessions": console_sessions.CHAPTERS,
    "states": NEW_STACK + STATES, "hostile": HOSTILE, "errors": console_errors.CHAPTERS,
}


def _named(name, chapters):
    found = PARTS.get(name) or [chapter for chapter in chapters if chapter.__name__ == name]
    if not found:
        raise SystemExit(f"CHAPTERS: {name!r} is neither a part ({', '.join(PARTS)}) nor the name of a chapter")
    return found


def chosen(environment):
    """Chapters of the part that is wanted; without one all of them, in the short form without those that take long."""
    short = CLIENTS + CONSOLE + training.CHAPTERS
    long = NEW_STACK + short + HOSTILE + STATES
    if wanted := environment.get("CHAPTERS"):
        return tuple(chapter for name in wanted.split(",") for chapter in _named(name.strip(), long))
    return short if "SHORT" in environment else long


def main():
    narrator, stack = Narrator(), Deployed.from_environment()
    chapters = chosen(os.environ)
    stack.put_parameter("RolloutPercentageParameter", "100")
    with PushService(os.environ["PUSH_ORIGIN"], stack.vapid_public_key) as push_service, Chromium() as browser:
        visitor = Visitor(narrator, stack, push_service, browser)
        try:
            with visitor.site:
                for chapter in chapters:
                    chapter(visitor, narrator)
        except Exception as error:
            if not isinstance(error, (CheckFailed, OSError, Refused)):
                traceback.print_exc()
            print(f"  FAILED  {error or type(error).__name__}", flush=True)
            errors = [one for one in browser.events if one.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")]
            for thrown in errors[-SHOWN_ERRORS:]:
                print(f"          {json.dumps(thrown['params'])[:400]}", flush=True)
            sys.exit(1)
    print(f"\ndone: {narrator.checks} checks of {len(chapters)} chapters in a browser, in {narrator.seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
