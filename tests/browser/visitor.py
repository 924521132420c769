"""A person with a browser on a company's site: the actions and checks that the chapters use."""

import json

from example_site import register
from shop import RECEIPTS, REGISTER, Shop

EVENT_SECONDS = 20
RECIPIENT = "browser-person"

# Replacement for the browser vendor's push service, in pages and in workers.
SUBSCRIPTIONS = """
(() => {
  const given = %s;
  const make = (options) => {
    const key = options.applicationServerKey;
    if (typeof key === "string" && !/^[\\w-]+$/.test(key)) throw new DOMException("not base64url", "InvalidCharacterError");
    const bytes = typeof key === "string"
      ? Uint8Array.from(atob(key.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0)).buffer : key;
    return { ...given, options: { userVisibleOnly: options.userVisibleOnly, applicationServerKey: bytes },
             toJSON: () => given, unsubscribe: async () => { self.subscription = null; return true; } };
  };
  PushManager.prototype.subscribe = async function (options) { return self.subscription = make(options); };
  PushManager.prototype.getSubscription = async () => self.subscription || null;
})();
"""
# Retries without waits: the waits are recorded instead. Background syncs are recorded, and triggered by the test.
NO_RETRY_WAITS = """
  self.originalSetTimeout ||= self.setTimeout;
  self.waits = []; self.synced = [];
  self.setTimeout = (work, ms, ...given) => {
    const isOurs = [1000, 3000, 9000].includes(ms);
    if (isOurs) self.waits.push(ms);
    return self.originalSetTimeout(work, isOurs ? 0 : ms, ...given);
  };
  SyncManager.prototype.register = async (tag) => { self.synced.push(tag); };
"""
WAITING = "notificationsDatabase('outbox', 'readonly', (store) => store.count())"
# Records shown notifications and opened windows. Chromium does not list a notification while it is being shown.
RECORDER = """
(() => {
  const { showNotification } = ServiceWorkerRegistration.prototype;
  self.showings = 0; self.opened = []; self.focused = []; self.options = [];
  ServiceWorkerRegistration.prototype.showNotification = async function (...given) {
    if (self.refusesOption && self.refusesOption in given[1]) throw new TypeError("this browser refuses an option");
    await showNotification.apply(this, given);
    self.options.push(given[1]);
    self.showings += 1;
  };
  self.clients.openWindow = async (url) => { self.opened.push(url); return null; };
})()
"""
KEY_IN_USE = ("btoa(String.fromCharCode(...new Uint8Array(subscription.options.applicationServerKey)))"
              ".replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')")


class Visitor:
    """The person's page, service worker and notifications."""

    def __init__(self, narrator, stack, push_service, browser):
        self.narrator, self.stack, self.push_service, self.chromium = narrator, stack, push_service, browser
        self.site = Shop(stack.api_url, self._registers)
        self.page = self.worker = self.registration = self.device = None

    def _registers(self, registration):
        """Registers {subscription, old_endpoint}, as the company's backend does."""
        return register(self, RECIPIENT, registration)

    def call(self, scope, method, path, body=None):
        """Calls the service, as the example's backend does."""
        return self.stack.call(scope, method, path, body).status

    def devices(self):
        return self.stack.expect(200, "recipients", "GET", f"/v1/recipients/{RECIPIENT}").json["devices"]

    # ---- the page

    def opens_the_site(self):
        self.device = self.push_service.subscribe()
        self.page = self.chromium.attach(self.chromium.targets("page")[0]["targetId"])
        self.chromium.call("Page.enable", self.page)
        stub = SUBSCRIPTIONS % json.dumps(self.device.subscription())
        self.chromium.call("Page.addScriptToEvaluateOnNewDocument", self.page, source=stub)
        self.chromium.call("ServiceWorker.enable", self.page)
        self.visits("/")

    def visits(self, path):
        self.chromium.call("Page.navigate", self.page, url=self.site.origin + path)
        self.waits(lambda: self.evaluates(f"location.pathname + location.search === '{path}' && typeof notifications === 'object'"
                                          " && document.readyState === 'complete'"), "client.js loads")

    def says(self, setting):
        """Sets the person's decision on the permission: `granted` or `denied`."""
        self.chromium.call("Browser.setPermission", permission={"name": "notifications"}, setting=setting,
                           origin=self.site.origin)

    def subscribes(self, worker="/worker.js"):
        """Calls `subscribe` in the page, and returns the endpoint or None."""
        return self.evaluates(
            f"notifications.subscribe({{serviceWorker: '{worker}', api: '{self.stack.api_url}', registerUrl: '{REGISTER}'}})"
            ".then((subscription) => subscription && subscription.endpoint)")

    def meets_the_worker(self):
        def registrations():
            updates = self.chromium.happened("ServiceWorker.workerRegistrationUpdated")
            return [one for update in updates for one in update["registrations"] if self.site.origin in one["scopeURL"]]

        def attach():
            workers = [one for one in self.chromium.targets("service_worker") if self.site.origin in one["url"]]
            return self.chromium.attach(workers[0]["targetId"]) if workers else None

        self.registration = self.waits(registrations, "the service worker is registered")[-1]["registrationId"]
        self.worker = self.waits(attach, "the service worker runs")
        self.in_worker(RECORDER)

    def evaluates(self, script):
        return self.chromium.evaluate(self.page, script)

    # ---- the worker

    def in_worker(self, script):
        return self.chromium.evaluate(self.worker, script)

    def skips_retry_waits(self):
        self.in_worker(NO_RETRY_WAITS)

    def waiting(self):
        return self.in_worker(WAITING)

    def shown(self):
        script = ("self.registration.getNotifications().then((all) => "
                  "all.map(({title, body, tag}) => ({title, body, tag})))")
        return self.in_worker(script)

    def clears_what_is_shown(self):
        self.in_worker("self.registration.getNotifications().then((all) => all.forEach((one) => one.close()))")
        # Closing takes time, and would also close the next notification of the same tag.
        self.waits(lambda: not self.shown(), "nothing is shown")

    def on_notification(self, event, action=""):
        """Dispatches a click on, or the dismissal of, the shown notification."""
        return self.in_worker(
            "self.registration.getNotifications().then((all) => {"
            f" self.dispatchEvent(new NotificationEvent('{event}', {{notification: all[0], action: '{action}'}}));"
            " return all.length; })")

    def loses_its_subscription(self, old):
        """Dispatches `pushsubscriptionchange`. `old` is the ended subscription, as JavaScript."""
        # For an event that a script creates, waitUntil throws. So it is replaced.
        self.in_worker(
            f"self.dispatchEvent(Object.assign(new Event('pushsubscriptionchange'), {{oldSubscription: {old},"
            " newSubscription: null, waitUntil: () => undefined}))")

    def network(self, is_there):
        self.chromium.call("Network.enable", self.worker)
        self.chromium.call("Network.emulateNetworkConditions", self.worker, offline=not is_there, latency=0,
                           downloadThroughput=-1, uploadThroughput=-1)

    # ---- notifications

    def is_sent(self, title, by_the_site=False, path="/orders/7", options=None, **extra):
        """Sends a push, receives it as the push service, and delivers it to the worker. Its receipts go to the service,
        or through the site."""
        content = {"title": title, "body": "Your order is on its way.", **(options or {})}
        if path:
            content["url"] = f"{self.site.origin}{path}"
        sent = self.stack.expect(202, "send", "POST", "/v1/notifications",
                                 {"to": RECIPIENT, "channels": ["push"], "content": content, **extra}).json
        message = self.device.messages[-1].message
        assert message["id"] == sent["id"], "the last push is of this notification"
        if by_the_site:
            message["receipt"]["url"] = self.site.origin + RECEIPTS
        self.is_pushed(json.dumps(message))
        return sent["id"], message

    def is_pushed(self, data):
        self.chromium.call("ServiceWorker.deliverPushMessage", self.page, origin=self.site.origin,
                           registrationId=self.registration, data=data)

    def is_pushed_and_shown(self, data):
        before = self.in_worker("self.showings")
        self.is_pushed(data)
        self.waits(lambda: self.in_worker("self.showings") > before, "a notification")
        return self.shown()

    def focusing(self, works):
        """Sets the result of bringing a window to the front. Deletes the records of opened windows."""
        answer = "return this" if works else "throw new DOMException('Not allowed', 'InvalidAccessError')"
        self.in_worker("self.opened = []; self.focused = []; WindowClient.prototype.focus = "
                       f"async function () {{ self.focused.push(this.url); {answer}; }}")

    def clicks(self, title, action="", **sent):
        """Receives a message and clicks it. Returns the notification's id."""
        self.clears_what_is_shown()
        notification_id, _ = self.is_sent(title, **sent)
        self.waits_for(notification_id, "delivered_at", "the receipt")
        self.on_notification("notificationclick", action)
        self.waits_for(notification_id, "clicked_at", "the receipt of the click")
        return notification_id

    def opens(self, path):
        """Checks that a window with this URL, or page of the site, is opened, and no other."""
        url = self.site.origin + path if path.startswith("/") else path
        self.waits(lambda: self.in_worker("self.opened.length"), "a window")
        self.narrator.equal(self.in_worker("self.opened"), [url], f"a window with {path} is opened")

    def tabs(self):
        return len(self.chromium.targets("page"))

    def page_shows(self, text):
        """Waits until the site's app shows a text about a click."""
        self.waits(lambda: text in self.evaluates("document.getElementById('state')?.textContent ?? ''"), f"the page shows {text}")

    def notification(self, notification_id):
        return self.stack.expect(200, "send", "GET", f"/v1/notifications/{notification_id}").json

    def waits(self, ask, what):
        return self.narrator.wait(ask, EVENT_SECONDS, what, pause=0.05)

    def waits_for(self, notification_id, field, what):
        return self.waits(lambda: self.notification(notification_id)[field], what)

    def statuses(self, path=RECEIPTS):
        return [status for status, _ in self.site.answered(path)]
