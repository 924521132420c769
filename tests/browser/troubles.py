"""Chapters about errors: of the network, the service, a push, the page's backend, the time."""

import json

from shop import RECEIPTS, REGISTER
from visitor import KEY_IN_USE, SUBSCRIPTIONS

DAY_MS = 24 * 3_600_000
# Resolves when the script has sent the stored entries, and nothing of earlier events is left to send.
FLUSH = "notificationsOutbox.flush()"
# Begins a second flush while the first one waits for the response to its first entry.
TWO_FLUSHES = f"Promise.all([{FLUSH}, new Promise((resolve) => setTimeout(resolve, 20)).then(() => {FLUSH})])"
# Another script sends and deletes the last entry while the worker sends the first one.
FLUSH_BESIDE_ANOTHER = """(async () => {
  const post = self.fetch;
  self.fetch = async (...given) => {
    self.fetch = post;
    const [last] = (await notificationsDatabase('outbox', 'readonly', (store) => store.getAllKeys())).slice(-1);
    await notificationsDatabase('outbox', 'readwrite', (store) => store.delete(last));
    return post(...given);
  };
  await notificationsOutbox.flush();
})()"""


def loses_its_network(visitor, narrator):
    narrator.chapter("A receipt waits for the network")
    visitor.network(is_there=False)
    sent, _ = visitor.is_sent("While away")
    visitor.waits(lambda: visitor.waiting() == 1, "the receipt waits")
    narrator.equal(visitor.notification(sent)["delivered_at"], None, "the service has not received it")
    visitor.network(is_there=True)
    visitor.waits_for(sent, "delivered_at", "the receipt that waited")
    visitor.waits(lambda: visitor.waiting() == 0, "nothing waits any more")
    narrator.ok("it is sent automatically, without another push")


def meets_a_busy_service(visitor, narrator):
    narrator.chapter("The service does not accept a receipt at once")
    # The page and earlier events of the worker send stored entries too. Their calls would be counted in this chapter.
    visitor.waits(lambda: visitor.evaluates("document.readyState") == "complete", "the page has loaded")
    visitor.evaluates(FLUSH)
    visitor.in_worker(FLUSH)
    visitor.skips_retry_waits()
    for faults, waits in [((503,), [1_000]), ((429, 500, 503), [1_000, 3_000, 9_000])]:
        visitor.in_worker("self.waits = []")
        visitor.site.will_answer(RECEIPTS, *faults)
        sent, _ = visitor.is_sent("Busy", by_the_site=True)
        visitor.waits_for(sent, "delivered_at", "the receipt")
        visitor.waits(lambda: visitor.waiting() == 0, "nothing waits any more")
        narrator.equal((visitor.statuses(), visitor.in_worker("self.waits")), ([*faults, 200], waits),
                       f"after {faults} it is sent again within the same push")
    narrator.equal(visitor.in_worker("self.synced"), [], "no background sync is registered")
    visitor.site.will_answer(RECEIPTS, 404)
    visitor.is_sent("Refused", by_the_site=True)
    visitor.waits(lambda: visitor.statuses() == [404], "the receipt")
    narrator.equal(visitor.waiting(), 0, "a refused receipt is not stored")


def is_away_for_long(visitor, narrator):
    narrator.chapter("The service is unavailable for longer than the push event")

    def misses(title):
        visitor.in_worker("self.synced = []")
        visitor.site.will_answer(RECEIPTS, *[503] * 4)
        sent, _ = visitor.is_sent(title, by_the_site=True)
        visitor.waits(lambda: visitor.in_worker("self.synced.length") == 1, "four tries")
        return sent

    sent = misses("For the sync")
    narrator.equal(visitor.waiting(), 1, "after four tries the receipt waits")
    visitor.chromium.call("ServiceWorker.dispatchSyncEvent", visitor.page, origin=visitor.site.origin,
                          registrationId=visitor.registration, tag=visitor.in_worker("self.synced[0]"), lastChance=False)
    visitor.waits_for(sent, "delivered_at", "the receipt by the background sync")
    narrator.ok("the browser's background sync sends it")
    sent = misses("For the page")
    visitor.visits("/orders/7")
    visitor.waits_for(sent, "delivered_at", "the receipt by the page")
    visitor.waits(lambda: visitor.waiting() == 0, "nothing waits any more")
    narrator.ok("the next page that is opened sends it")


def fills_what_waits(visitor, narrator):
    narrator.chapter("Limits of the outbox")
    there = json.dumps(visitor.site.origin + RECEIPTS)
    entry = f"{{kind: 'receipt', url: {there}, body: {{token: String(number)}}}}"
    visitor.site.will_answer(RECEIPTS, *[503] * 60)
    visitor.in_worker(f"(async () => {{ for (let number = 1; number <= 60; number += 1) await notificationsOutbox.send({entry}); }})()")
    first = visitor.in_worker("notificationsDatabase('outbox', 'readonly', (store) => store.getAll()).then((all) => all[0].body.token)")
    narrator.equal((visitor.waiting(), first), (50, "11"), "of 60 receipts, the last 50 are stored")
    visitor.site.will_answer(RECEIPTS, 503)
    visitor.in_worker(FLUSH)
    narrator.equal((visitor.statuses(), visitor.waiting()), ([503], 50), "after a 503, the other entries of the URL are not sent")
    visitor.site.will_answer(RECEIPTS, *[202] * 50)
    visitor.in_worker(TWO_FLUSHES)
    tokens = [int(body["token"]) for _, body in visitor.site.answered(RECEIPTS)]
    narrator.equal((tokens, visitor.waiting()), (list(range(11, 61)), 0), "two concurrent flushes send each entry once, in order")
    visitor.site.will_answer(RECEIPTS)
    visitor.in_worker("notificationsDatabase('outbox', 'readwrite', (store) => store.add("
                      f"{{kind: 'receipt', url: {there}, body: {{}}, kept_at: Date.now() - {8 * DAY_MS}}}))"
                      f".then(() => {FLUSH})")
    narrator.equal((visitor.statuses(), visitor.waiting()), ([], 0), "an entry older than a week is deleted")
    visitor.site.will_answer(RECEIPTS, *[503] * 3)
    visitor.in_worker(f"(async () => {{ for (let number = 1; number <= 3; number += 1) await notificationsOutbox.send({entry}); }})()")
    visitor.site.will_answer(RECEIPTS, *[202] * 3)
    visitor.in_worker(FLUSH_BESIDE_ANOTHER)
    tokens = [body["token"] for _, body in visitor.site.answered(RECEIPTS)]
    narrator.equal((tokens, visitor.waiting()), (["1", "2"], 0), "an entry that another script has sent meanwhile is left out")


def is_pushed_something_else(visitor, narrator):
    narrator.chapter("A push that cannot be parsed")
    neutral = {"title": "127.0.0.1", "body": "", "tag": "neutral"}
    visitor.in_worker("self.notificationsNeutral = undefined")
    for data in ("", "not JSON", '{"from": "another sender"}', "null"):
        visitor.clears_what_is_shown()
        narrator.equal(visitor.is_pushed_and_shown(data), [neutral], f"{data or 'nothing'!r} is shown as the neutral notification")
    visitor.in_worker("self.notificationsNeutral = {title: 'Shop', body: 'Something new'}")
    shop = {"title": "Shop", "body": "Something new", "tag": "neutral"}
    narrator.equal(visitor.is_pushed_and_shown(""), [shop], "with the site's own text")
    visitor.clears_what_is_shown()
    visitor.in_worker("self.notificationsNeutral = {body: 'Something new'}")
    narrator.equal(visitor.is_pushed_and_shown(""), [{**shop, "title": "127.0.0.1"}], "the default title is the host")
    visitor.focusing(works=False)
    visitor.on_notification("notificationclick")
    visitor.waits(lambda: visitor.in_worker("self.opened.length"), "a window")
    narrator.equal(visitor.in_worker("self.opened"), [f"{visitor.site.origin}/"], "a click on it opens the site")
    visitor.clears_what_is_shown()
    visitor.in_worker("self.notificationsNeutral = false")
    visitor.is_pushed("")
    sent, _ = visitor.is_sent("A real one")
    visitor.waits_for(sent, "delivered_at", "the receipt")
    narrator.equal([one["title"] for one in visitor.shown()], ["A real one"], "with notificationsNeutral false, nothing is shown")
    visitor.clears_what_is_shown()


def converts_too_late(visitor, narrator):
    narrator.chapter("Conversions that are refused, or repeated")

    def clicked(days_ago):
        receipt = f"{{url: '{visitor.site.origin}{RECEIPTS}', token: 't', clicked_at: Date.now() - {days_ago * DAY_MS}}}"
        visitor.evaluates(f"notificationsDatabase('kept', 'readwrite', (store) => store.put({receipt}, 'clicked'))")

    clicked(days_ago=8)
    visitor.site.will_answer(RECEIPTS)
    narrator.equal((visitor.evaluates("notifications.converted()"), visitor.statuses()), (False, []),
                   "a click of last week is not reported")
    for status in (404, 409, 410):
        clicked(days_ago=6)
        visitor.site.will_answer(RECEIPTS, status)
        results = [visitor.evaluates("notifications.converted(1)") for _ in range(2)]
        narrator.equal((results, visitor.statuses()), ([False, False], [status]), f"after {status}, the click is deleted")
    clicked(days_ago=0)
    visitor.site.will_answer(RECEIPTS, 503, 200)
    narrator.equal([visitor.evaluates("notifications.converted(1)") for _ in range(2)], [True, False],
                   "after 503, the conversion is stored")
    visitor.waits(lambda: visitor.statuses() == [503, 200], "the conversion")
    narrator.ok("it is sent later, once")
    visitor.site.will_answer(RECEIPTS, 503, 200)
    given = f"{{url: new URL('{visitor.site.origin}{RECEIPTS}'), token: 't'}}"
    narrator.equal(visitor.evaluates(f"notifications.converted(null, {given})"), True, "null means no value, and a URL object is accepted")
    visitor.waits(lambda: visitor.statuses() == [503, 200], "the conversion without a value")
    narrator.equal(["value_micros" in body for _, body in visitor.site.answered(RECEIPTS)], [False, False], "the report has no value")
    refused = visitor.evaluates("notifications.converted('much').catch((error) => error.name)")
    narrator.equal(refused, "RangeError", "an invalid value is a RangeError")


def renews_the_subscription(visitor, narrator):
    narrator.chapter("The browser drops its subscription")
    old = visitor.site.registered[-1]["subscription"]["endpoint"]
    for known, faults in [(f"{{endpoint: '{old}', options: {{applicationServerKey: new ArrayBuffer(65)}}}}", ()), ("null", (401, 503))]:
        visitor.device = visitor.push_service.subscribe()
        renewed = visitor.device.subscription()
        visitor.in_worker(SUBSCRIPTIONS % json.dumps(renewed))
        visitor.site.will_answer(REGISTER, *faults)
        visitor.loses_its_subscription(known)
        visitor.waits(lambda: visitor.statuses(REGISTER) == [*faults, 204], "the worker's request to the site")
        wanted = {"subscription": renewed, "old_endpoint": None if known == "null" else old}
        narrator.equal(visitor.site.registered[-1], wanted, f"the worker passes the new subscription on after {faults or 'no errors'}")
        narrator.equal(visitor.in_worker(KEY_IN_USE), visitor.stack.vapid_public_key, "the new subscription has the current key")
        visitor.waits(lambda: visitor.waiting() == 0, "nothing waits any more")
    sent, _ = visitor.is_sent("On the new one")
    visitor.waits_for(sent, "delivered_at", "the receipt on the new subscription")
    narrator.ok("a push to the new subscription is shown and confirmed")


def subscribes_with_another_key(visitor, narrator):
    narrator.chapter("A page outside the worker's scope finds a subscription with another key")
    visitor.evaluates("navigator.serviceWorker.getRegistration().then((root) => root.unregister())")
    visitor.visits("/orders/7")
    narrator.equal(visitor.evaluates("navigator.serviceWorker.controller"), None, "no worker controls the page")
    visitor.evaluates(
        "self.subscription = {endpoint: 'https://push.example/old', options: {applicationServerKey: new ArrayBuffer(65)},"
        " unsubscribe: async () => { self.isUnsubscribed = true; return true; }}")
    narrator.check(visitor.subscribes("/app/worker.js"), "the page subscribes")
    narrator.equal((visitor.evaluates("self.isUnsubscribed"), visitor.evaluates(KEY_IN_USE)), (True, visitor.stack.vapid_public_key),
                   "the old subscription is replaced by one with the stack's key")
    narrator.equal(visitor.site.registered[-1]["old_endpoint"], "https://push.example/old", "the backend receives both endpoints")
