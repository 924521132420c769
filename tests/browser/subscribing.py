"""Chapters about the calls of a page: their options, their errors, and how they are reverted."""

import json

from shop import REGISTER
from visitor import KEY_IN_USE, SUBSCRIPTIONS

CALL = ("notifications.subscribe({options}).then((given) => given && given.endpoint, (error) =>"
        " [error.name, error.code, error.reason ?? null, error instanceof notifications.NotificationsError, error instanceof Error])")


def _fails(visitor, code, reason=None, **changes):
    options = {"serviceWorker": "/worker.js", "api": visitor.stack.api_url, "registerUrl": REGISTER, **changes}
    given = json.dumps({name: value for name, value in options.items() if value is not None})
    found = visitor.evaluates(CALL.replace("{options}", given))
    visitor.narrator.equal(found, ["NotificationsError", code, reason, True, True], f"{changes or 'this call'}: {reason or code}")


def names_what_is_wrong(visitor, narrator):
    narrator.chapter("Errors have codes")
    visitor.visits("/")
    visitor.evaluates("(() => { self.asked = 0; const ask = Notification.requestPermission;"
                      " Notification.requestPermission = () => { asked += 1; return ask.call(Notification); }; })()")
    narrator.equal(visitor.evaluates("[notifications.supported, notifications.support(), notifications.permission]"),
                   [True, {"supported": True, "reason": None}, "granted"], "this browser is supported")
    for changes in ({"api": None}, {"serviceWorker": None}, {"registerUrl": None}, {"publicKey": "a-key"}, {"api": "http://"},
                    {"registerUrl": "http://:0"}):
        _fails(visitor, "not-configured", **changes)
    nothing = visitor.evaluates("notifications.subscribe(null).catch((error) => error.code)")
    narrator.equal(nothing, "not-configured", "a call without options: not-configured")
    narrator.equal(visitor.evaluates("self.asked"), 0, "in these cases, no permission is requested")
    elsewhere = visitor.evaluates("notifications.unsubscribe({scope: 'https://elsewhere.example/'}).catch((error) => error.code)")
    narrator.equal(elsewhere, "not-configured", "a scope of another site: not-configured")
    _fails(visitor, "worker-failed", serviceWorker="/no-worker.js")
    _fails(visitor, "service-unavailable", api="http://127.0.0.1:1")
    _fails(visitor, "service-unavailable", api=f"{visitor.stack.api_url}/nowhere")
    visitor.site.will_answer(REGISTER, 500)
    _fails(visitor, "registration-failed")
    visitor.evaluates("self.mends = PushManager.prototype.subscribe;"
                      "PushManager.prototype.subscribe = async () => { throw new DOMException('no', 'AbortError'); }")
    _fails(visitor, "subscribe-failed")
    visitor.evaluates("PushManager.prototype.subscribe = self.mends")
    for gone, reason in [("delete self.PushManager", "no-push"),
                         ("Object.defineProperty(navigator, 'serviceWorker', {value: undefined})", "no-service-worker")]:
        visitor.evaluates(gone)
        _fails(visitor, "unsupported", reason)
    visitor.chromium.call("Network.enable", visitor.page)
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"
    own = visitor.evaluates("navigator.userAgent")
    visitor.chromium.call("Emulation.setUserAgentOverride", visitor.page, userAgent=agent)
    _fails(visitor, "unsupported", "ios-home-screen")
    visitor.chromium.call("Emulation.setUserAgentOverride", visitor.page, userAgent=own)
    without = visitor.chromium.call("Page.addScriptToEvaluateOnNewDocument", visitor.page, source=(
        "delete self.Notification; delete self.PushManager; Object.defineProperty(navigator, 'serviceWorker', {value: undefined});"
        " Object.defineProperty(self, 'indexedDB', {get: () => { throw new DOMException('no', 'SecurityError'); }});"))["identifier"]
    visitor.visits("/classic.html")
    narrator.equal(visitor.evaluates("notifications.unsubscribe().then((ended) => [notifications.supported, notifications.permission, ended])"),
                   [False, "unsupported", False], "in an unsupported browser, unsubscribe() resolves to false")
    narrator.equal(visitor.evaluates("notifications.converted(1)"), False, "in an unsupported browser, converted() resolves to false")
    visitor.chromium.call("Page.removeScriptToEvaluateOnNewDocument", visitor.page, identifier=without)


def accepts_a_key_in_any_base64(visitor, narrator):
    narrator.chapter("The public key may be written in several forms")
    visitor.visits("/")
    key = visitor.stack.vapid_public_key
    options = {"serviceWorker": "/worker.js", "registerUrl": REGISTER}
    for written in (key, key.replace("-", "+").replace("_", "/") + "=", f" {key}\n"):
        given = json.dumps({**options, "publicKey": written})
        found = visitor.evaluates(f"notifications.subscribe({given}).then(async (subscription) => {KEY_IN_USE}, (error) => error.code)")
        narrator.equal(found, key, f"{'standard base64' if '=' in written else repr(written[:4])} gives the same key")


def subscribes_without_a_database(visitor, narrator):
    narrator.chapter("The browser has no database")
    for how in ("() => { throw new Error('no'); }", "() => ({})"):
        visitor.visits("/classic.html")
        visitor.evaluates(f"IDBFactory.prototype.open = {how}")
        before = len(visitor.site.registered)
        narrator.equal((visitor.subscribes(), len(visitor.site.registered) - before), (visitor.device.subscription()["endpoint"], 1),
                       f"open = {how}: the classic script subscribes nevertheless")


def stays_within_the_policy(visitor, narrator):
    narrator.chapter("The Content-Security-Policy allows only the site and the API")
    visitor.visits("/")
    script = """new Promise((resolve) => {
      self.addEventListener("securitypolicyviolation", ({effectiveDirective}) => resolve(effectiveDirective), {once: true});
      fetch("http://127.0.0.1:1/").catch(() => undefined);
    })"""
    narrator.equal((visitor.evaluates(script), visitor.in_worker(script)), ("connect-src", "connect-src"),
                   "the policy is in force in the page and in the worker")


def loads_images(visitor, narrator):
    narrator.chapter("Images of notifications are on another server")
    visitor.visits("/")
    visitor.clears_what_is_shown()
    allowed, foreign = visitor.site.images, visitor.site.foreign_images
    for server, wanted in [(allowed, ["/badge.png", "/icon.png", "/image.png"]), (foreign, [])]:
        options = {name: f"{server.origin}/{name}.png" for name in ("icon", "badge", "image")}
        sent, _ = visitor.is_sent("With images", options=options)
        visitor.waits_for(sent, "delivered_at", "the receipt")
        narrator.equal(sorted(server.asked), wanted,
                       f"{'with' if wanted else 'without'} its origin in img-src: the notification is shown, images loaded: {len(wanted)}")
        visitor.clears_what_is_shown()


def logs_out(visitor, narrator):
    narrator.chapter("A person logs out of a shared computer")
    visitor.visits("/")
    endpoint = visitor.subscribes()
    narrator.check(visitor.devices(), "the device is registered")
    visitor.clears_what_is_shown()
    sent, _ = visitor.is_sent("Private")
    visitor.waits_for(sent, "delivered_at", "the receipt")
    visitor.site.will_answer(REGISTER)
    visitor.evaluates("self.ends = subscription.unsubscribe;"
                      " subscription.unsubscribe = async () => { throw new DOMException('no', 'AbortError'); }")
    ends = "notifications.unsubscribe().catch(({code}) => code)"
    narrator.equal((visitor.evaluates(ends), visitor.site.answered(REGISTER)), ("unsubscribe-failed", []),
                   "if the browser cannot end its subscription, the call rejects")
    visitor.evaluates("subscription.unsubscribe = async () => false")
    narrator.equal(visitor.evaluates(ends), "unsubscribe-failed", "also if the browser only reports the failure")
    visitor.evaluates("subscription.unsubscribe = self.ends")
    narrator.equal(visitor.evaluates("notifications.unsubscribe()"), True, "the repeated call unsubscribes")
    narrator.equal((visitor.evaluates("self.subscription"), visitor.shown()), (None, []),
                   "the browser has no subscription and shows no notification any more")
    narrator.equal(visitor.site.answered(REGISTER), [(204, {"subscription": None, "old_endpoint": endpoint})],
                   "the backend receives the request")
    narrator.equal(visitor.devices(), [], "the device is removed")
    narrator.equal(visitor.evaluates("notifications.unsubscribe()"), False, "a second call resolves to false")
    visitor.site.will_answer(REGISTER)
    visitor.in_worker(SUBSCRIPTIONS % json.dumps(visitor.device.subscription()))
    visitor.loses_its_subscription("null")
    visitor.in_worker("new Promise((resolve) => setTimeout(resolve, 300))")
    narrator.equal((visitor.in_worker("self.subscription ?? null"), visitor.site.answered(REGISTER)), (None, []),
                   "the worker does not subscribe again")
    visitor.subscribes()
    visitor.site.will_answer(REGISTER, 503)
    narrator.equal(visitor.evaluates("notifications.unsubscribe()"), True, "it also works if the backend is unavailable")
    visitor.waits(lambda: visitor.statuses(REGISTER) == [503, 204], "the second try")
    narrator.equal(visitor.devices(), [], "the backend receives the request later")
    visitor.visits("/")
    narrator.check(visitor.subscribes(), "the next person can subscribe")
    narrator.equal(len(visitor.devices()), 1, "the next person has one device")


OTHER_SUBSCRIPTION = """navigator.serviceWorker.register("/vendor/worker.js", {scope: "/vendor/"}).then(async (registration) => {
  self.others = 0;
  const own = PushManager.prototype.getSubscription;
  PushManager.prototype.getSubscription = async function () {
    const isOther = (await navigator.serviceWorker.getRegistration("/vendor/"))?.pushManager === this;
    return isOther ? { endpoint: "https://elsewhere.example/1", unsubscribe: async () => { others += 1; return true; } } : own.call(this);
  };
  while (!registration.active) await new Promise((resolve) => setTimeout(resolve, 20));
})"""


def leaves_workers_of_others(visitor, narrator):
    narrator.chapter("Another vendor has a worker on the site")
    visitor.visits("/")
    visitor.evaluates(OTHER_SUBSCRIPTION)
    unsubscribes = "notifications.unsubscribe().then((ended) => [ended, self.others, self.subscription === null])"
    visitor.subscribes()
    narrator.equal(visitor.evaluates(unsubscribes), [True, 0, True], "only the own subscription is ended")
    narrator.equal(visitor.evaluates(unsubscribes), [False, 0, True], "also by a second call, when no settings are stored")
    visitor.subscribes()
    visitor.evaluates("notificationsDatabase('kept', 'readwrite', (store) => store.clear())")
    narrator.equal(visitor.evaluates(unsubscribes), [True, 0, True], "without stored settings, the worker with the script is found")
    inside = "notifications.unsubscribe({scope: '/vendor/page'}).then((ended) => [ended, self.others])"
    narrator.equal(visitor.evaluates(inside), [False, 0], "a page's URL is not the scope of another vendor's worker")
    visitor.evaluates("navigator.serviceWorker.getRegistration('/vendor/').then((one) => one.unregister())")
    visitor.visits("/")
    narrator.check(visitor.subscribes(), "the person subscribes again")


def shows_every_option(visitor, narrator):
    narrator.chapter("A notification is shown with all options")
    visitor.visits("/")
    visitor.clears_what_is_shown()
    options = {"badge": f"{visitor.site.origin}/badge.png", "image": f"{visitor.site.origin}/image.png",
               "actions": [{"action": "pay", "title": "Pay", "url": f"{visitor.site.origin}/account"}],
               "require_interaction": True, "silent": True, "dir": "rtl", "lang": "he", "timestamp": "2026-11-28T12:00:00Z"}
    sent, _ = visitor.is_sent("Whole", options=options)
    visitor.waits_for(sent, "delivered_at", "the receipt")
    found = visitor.in_worker("registration.getNotifications().then(([one]) => ({badge: one.badge, image: one.image, dir: one.dir,"
                              " lang: one.lang, silent: one.silent, timestamp: one.timestamp,"
                              " require_interaction: one.requireInteraction,"
                              " actions: one.actions.map(({action, title}) => ({action, title}))}))")
    wanted = {**options, "timestamp": 1_795_867_200_000, "actions": [{"action": "pay", "title": "Pay"}]}
    narrator.equal(found, wanted, "the notification has every option of the content")


def alerts_again(visitor, narrator):
    narrator.chapter("A notification replaces another")
    visitor.clears_what_is_shown()
    visitor.in_worker("self.options = []")
    alerts = lambda: visitor.in_worker("self.options.map(({renotify}) => renotify)")
    sent, first = visitor.is_sent("Shipped", topic="order-9")
    visitor.waits_for(sent, "delivered_at", "the receipt")
    visitor.is_pushed_and_shown(json.dumps(first))
    sent, second = visitor.is_sent("Delivered", topic="order-9")
    visitor.waits_for(sent, "delivered_at", "the receipt")
    visitor.is_pushed_and_shown(json.dumps(second))
    narrator.equal(alerts(), [False, False, True, False], "another notification alerts again, a repeat does not")
    sent, _ = visitor.is_sent("Quietly", topic="order-9", options={"renotify": False})
    visitor.waits_for(sent, "delivered_at", "the receipt")
    narrator.equal(alerts()[4:], [False], "with renotify false, it does not alert")
    narrator.equal([one["title"] for one in visitor.shown()], ["Quietly"], "only the last one is shown")
    visitor.in_worker("self.refusesOption = 'badge'")
    sent, _ = visitor.is_sent("Returned", topic="order-9")
    visitor.waits_for(sent, "delivered_at", "the receipt")
    narrator.equal(alerts()[5:], [True], "if the browser refuses another option, it alerts nevertheless")
    visitor.in_worker("self.refusesOption = null")
    visitor.clears_what_is_shown()


CHAPTERS = (names_what_is_wrong, accepts_a_key_in_any_base64, subscribes_without_a_database, stays_within_the_policy, loads_images, logs_out,
            leaves_workers_of_others, shows_every_option, alerts_again)
