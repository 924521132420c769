"""The two scripts for browsers, in a real one, over a deployed local stack.

    python infra/local/with_stack.py python tests/browser/run.py        (make browser)

Real are the browser, its service worker with every handler, its notifications and database, every request to the
stack, and the encrypted pushes of the stack, which this process takes in and opens as a push service and a browser would. Not real
is what needs the push service of the browser's maker: `pushManager.subscribe` answers with a subscription of ours, the opened
message is handed to the worker by the DevTools command that its "Push" button uses, and since nobody can touch a notification of a
headless browser, clicks, dismissals and lost subscriptions are events made in the worker.
"""

import json
import os
import pathlib
import sys
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "infra" / "local"))

from chromium import Chromium, Refused
from shop import Site
from story.deployed import Deployed
from story.narrator import Narrator, NotSo
from story.push_service import PushService

EVENT_SECONDS = 20
RECIPIENT = "browser-person"

# What stands in for the push service of the browser's maker, in pages and in workers.
SUBSCRIPTIONS = """
(() => {
  const given = %s;
  const make = (options) => {
    const key = options.applicationServerKey;
    const bytes = typeof key === "string"
      ? Uint8Array.from(atob(key.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0)).buffer : key;
    return { ...given, options: { userVisibleOnly: options.userVisibleOnly, applicationServerKey: bytes },
             toJSON: () => given, unsubscribe: async () => true };
  };
  PushManager.prototype.subscribe = async function (options) { return self.subscription = make(options); };
  PushManager.prototype.getSubscription = async () => self.subscription || null;
})();
"""


class Story:
    """One person with one browser, from the first visit on."""

    def __init__(self, narrator, stack, push_service, browser):
        self.narrator, self.stack, self.push_service, self.chromium = narrator, stack, push_service, browser
        self.site = self.page = self.worker = self.registration = None

    def registers(self, subscription):
        """What the company's backend does with a subscription."""
        self.stack.call("recipients", "PUT", f"/v1/recipients/{RECIPIENT}/devices", subscription)

    def subscribes(self):
        self.narrator.chapter("A page subscribes a browser")
        device = self.push_service.subscribe()
        self.chromium.call("Browser.grantPermissions", permissions=["notifications"], origin=self.site.origin)
        self.page = self.chromium.attach(self.chromium.targets("page")[0]["targetId"])
        self.chromium.call("Page.enable", self.page)
        stub = SUBSCRIPTIONS % json.dumps(device.subscription())
        self.chromium.call("Page.addScriptToEvaluateOnNewDocument", self.page, source=stub)
        self.chromium.call("ServiceWorker.enable", self.page)
        self.chromium.call("Page.navigate", self.page, url=f"{self.site.origin}/")
        api, register = self.stack.api_url, f"{self.site.origin}/my/push-subscription"
        self.narrator.wait(lambda: self.evaluates("typeof notifications === 'object'"), EVENT_SECONDS, "client.js loads")
        self.evaluates(f"notifications.subscribe({{serviceWorker: '/worker.js', api: '{api}', registerUrl: '{register}'}})"
                       ".then((subscription) => subscription.endpoint)")
        found = self.stack.expect(200, "recipients", "GET", f"/v1/recipients/{RECIPIENT}").json["devices"]
        self.narrator.equal(len(found), 1, "its backend has registered the device")
        key = self.evaluates("btoa(String.fromCharCode(...new Uint8Array(subscription.options.applicationServerKey)))")
        self.narrator.equal(key.replace("+", "-").replace("/", "_").rstrip("="), self.stack.vapid_public_key,
                            "with the stack's own key")
        versions = self.narrator.wait(self._registrations, EVENT_SECONDS, "the service worker is registered")
        self.registration = versions[-1]["registrationId"]
        self.worker = self.narrator.wait(self._attach_worker, EVENT_SECONDS, "the service worker runs")
        return device

    def _registrations(self):
        updates = self.chromium.happened("ServiceWorker.workerRegistrationUpdated")
        return [one for update in updates for one in update["registrations"] if self.site.origin in one["scopeURL"]]

    def _attach_worker(self):
        workers = [one for one in self.chromium.targets("service_worker") if self.site.origin in one["url"]]
        return self.chromium.attach(workers[0]["targetId"]) if workers else None

    def evaluates(self, script):
        return self.chromium.evaluate(self.page, script)

    def in_worker(self, script):
        return self.chromium.evaluate(self.worker, script)

    def sends(self, device, title, **extra):
        """Sends a push, takes it in as the push service, and hands it to the worker as the browser would."""
        content = {"title": title, "body": "Your order is on its way.", "url": f"{self.site.origin}/orders/7"}
        sent = self.stack.expect(202, "send", "POST", "/v1/notifications",
                                 {"to": RECIPIENT, "channels": ["push"], "content": content, **extra}).json
        message = device.messages[-1].message
        assert message["id"] == sent["id"], "the last push is of this notification"
        self.chromium.call("ServiceWorker.deliverPushMessage", self.page, origin=self.site.origin,
                           registrationId=self.registration, data=json.dumps(message))
        return sent["id"], message

    def notification(self, notification_id):
        return self.stack.expect(200, "send", "GET", f"/v1/notifications/{notification_id}").json

    def waits_for(self, notification_id, field, what):
        return self.narrator.wait(lambda: self.notification(notification_id)[field], EVENT_SECONDS, what, pause=0.1)

    def shown(self):
        script = ("self.registration.getNotifications().then((all) => "
                  "all.map(({title, body, tag}) => ({title, body, tag})))")
        return self.in_worker(script)

    def on_notification(self, event):
        """A click on, or the dismissal of, what is shown: the event is ours, its notification the browser's."""
        return self.in_worker(
            "self.registration.getNotifications().then((all) => {"
            f" self.dispatchEvent(new NotificationEvent('{event}', {{notification: all[0]}})); return all.length; }})")

    def is_shown_and_clicked(self, device):
        self.narrator.chapter("A push is shown, delivered, clicked, and leads to something")
        sent, message = self.sends(device, "Order 7")
        self.waits_for(sent, "delivered_at", "the receipt")
        self.narrator.equal(self.notification(sent)["status"], "delivered", "the browser's receipt made it delivered")
        self.narrator.equal(self.shown(), [{"title": "Order 7", "body": "Your order is on its way.", "tag": message["tag"]}],
                            "the notification is shown with title, body and tag")
        self.in_worker("self.opened = []; self.clients.openWindow = async (url) => { self.opened.push(url); return null; }")
        self.on_notification("notificationclick")
        self.waits_for(sent, "clicked_at", "the receipt of the click")
        self.narrator.equal(self.in_worker("self.opened"), [f"{self.site.origin}/orders/7"], "a click opens the message's URL")
        self.narrator.equal(self.shown(), [], "and takes the notification away")
        self.narrator.equal(self.evaluates("notifications.converted(19.9)"), True, "the page tells of a conversion")
        found = self.notification(sent)
        self.narrator.equal(found["conversion_value_micros"], 19_900_000, "which the notification shows with its value")
        self.narrator.equal(self.evaluates("notifications.converted(19.9)"), False, "once")

    def is_replaced_and_dismissed(self, device):
        self.narrator.chapter("A later one of the same topic replaces it, and is put away unread")
        first, _ = self.sends(device, "Order 7", topic="order-7")
        self.waits_for(first, "delivered_at", "the first receipt")
        second, _ = self.sends(device, "Order 7, again", topic="order-7")
        self.waits_for(second, "delivered_at", "the second receipt")
        self.narrator.equal([one["title"] for one in self.shown()], ["Order 7, again"], "one notification is shown, the later one")
        self.on_notification("notificationclose")
        self.waits_for(second, "dismissed_at", "the receipt of the dismissal")
        self.narrator.equal(self.notification(second)["clicked_at"], None, "it was dismissed and not clicked")

    def loses_its_network(self, device):
        self.narrator.chapter("A receipt waits for the network")
        self._network(offline=True)
        first, _ = self.sends(device, "While away")
        waiting = "notificationsDatabase('receipts', 'readonly', (store) => store.count())"
        self.narrator.wait(lambda: self.in_worker(waiting) == 1, EVENT_SECONDS, "the receipt waits", pause=0.1)
        self.narrator.equal(self.notification(first)["delivered_at"], None, "nothing came through")
        self._network(offline=False)
        second, _ = self.sends(device, "Back again")
        self.waits_for(first, "delivered_at", "the receipt that waited")
        delivered = (self.notification(first)["delivered_at"], self.notification(second)["delivered_at"])
        self.narrator.check(delivered[0] < delivered[1], "it came with the next one, and tells its own time", delivered)
        self.narrator.wait(lambda: self.in_worker(waiting) == 0, EVENT_SECONDS, "nothing waits any more", pause=0.1)

    def _network(self, offline):
        self.chromium.call("Network.enable", self.worker)
        self.chromium.call("Network.emulateNetworkConditions", self.worker, offline=offline, latency=0,
                           downloadThroughput=-1, uploadThroughput=-1)

    def is_subscribed_anew(self):
        self.narrator.chapter("The browser drops its subscription")
        old = self.site.registered[-1]["subscription"]["endpoint"]
        renewed = self.push_service.subscribe()
        self.in_worker(SUBSCRIPTIONS % json.dumps(renewed.subscription()))
        # An event that a script makes may not keep the worker awake (waitUntil throws); its handler has run by then.
        self.in_worker(
            f"self.dispatchEvent(Object.assign(new Event('pushsubscriptionchange'), {{oldSubscription: {{endpoint: '{old}'}},"
            " newSubscription: null, waitUntil: () => undefined}))")
        self.narrator.wait(lambda: len(self.site.registered) == 2, EVENT_SECONDS, "the worker tells the site", pause=0.1)
        self.narrator.equal(self.site.registered[-1], {"subscription": renewed.subscription(), "old_endpoint": old},
                            "it hands over the new subscription and names the old one")
        sent, _ = self.sends(renewed, "On the new one")
        self.waits_for(sent, "delivered_at", "the receipt on the new subscription")
        self.narrator.ok("a push to the new subscription is shown and confirmed")


def tell(narrator, stack, push_service, browser):
    story = Story(narrator, stack, push_service, browser)
    stack.put_parameter("RolloutPercentageParameter", "100")
    with Site(stack.api_url, story.registers) as story.site:
        device = story.subscribes()
        story.is_shown_and_clicked(device)
        story.is_replaced_and_dismissed(device)
        story.loses_its_network(device)
        story.is_subscribed_anew()


def main():
    narrator, stack = Narrator(), Deployed.from_environment()
    with PushService(os.environ["PUSH_ORIGIN"], stack.vapid_public_key) as push_service, Chromium() as browser:
        try:
            tell(narrator, stack, push_service, browser)
        except Exception as error:
            if not isinstance(error, (NotSo, OSError, Refused)):
                traceback.print_exc()
            print(f"  FAILED  {error or type(error).__name__}", flush=True)
            for event in browser.events:
                if event.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                    print(f"          {json.dumps(event['params'])[:400]}", flush=True)
            sys.exit(1)
    print(f"\ndone: {narrator.checks} checks in a browser in {narrator.seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
