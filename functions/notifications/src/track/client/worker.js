// The service's part of a service worker. In your own worker:
//
//     self.notificationsNeutral = { title: "Shop", body: "There is something new." }; // optional, see below
//     importScripts("https://<api>/v1/client/worker.js");
//
// It shows what is pushed, tells what becomes of it, opens its link, and subscribes again when the browser drops a
// subscription. A push that it cannot read is shown as `notificationsNeutral`, by default with the name of your host:
// browsers take the subscription from those who show nothing. `false` shows nothing, for a worker that handles pushes of
// other senders itself.
"use strict";

(() => {
  const on = notificationsDatabase;
  const outbox = notificationsOutbox;

  // ---- receipts

  const tell = async (receipt, event) => {
    if (!receipt) return;
    const body = { token: receipt.token, event, at: new Date().toISOString() };
    const outcome = await outbox.send({ kind: "receipt", url: receipt.url, body });
    await (outcome === "kept" ? outbox.insist() : outbox.flush());
  };

  // ---- what is pushed

  const neutral = () => {
    const { notificationsNeutral: chosen = { title: self.location.hostname } } = self;
    return chosen && { tag: "neutral", url: self.registration.scope, ...chosen };
  };

  const read = (data) => {
    try {
      const message = data.json();
      return typeof message.title === "string" ? message : null;
    } catch {
      return null; // empty, or not one of this service
    }
  };

  const show = async (message) => {
    const { title, body, icon, tag, url, data, id, receipt } = message;
    await self.registration.showNotification(title, { body, icon, tag, data: { id, url, data, receipt } });
    await tell(receipt, "delivered");
  };

  self.addEventListener("push", (event) => {
    const message = read(event.data) || neutral();
    if (message) event.waitUntil(show(message));
  });

  // A window of yours that shows the page already, else a new one. Only the web is opened.
  const openPage = async (url) => {
    if (!url) return;
    const { protocol, href } = new URL(url, self.location);
    if (!/^https?:$/.test(protocol)) return;
    const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const shown = windows.find((one) => one.url === href);
    await (shown ? shown.focus() : self.clients.openWindow(href));
  };

  // For `converted` in a page.
  const remember = async (receipt) => {
    if (!receipt) return;
    await on("kept", "readwrite", (store) => store.put({ ...receipt, clicked_at: Date.now() }, "clicked"));
  };

  self.addEventListener("notificationclick", (event) => {
    const { url, receipt } = event.notification.data || {};
    event.notification.close();
    event.waitUntil(Promise.allSettled([openPage(url), remember(receipt), tell(receipt, "clicked")]));
  });

  self.addEventListener("notificationclose", (event) => {
    const { receipt } = event.notification.data || {};
    event.waitUntil(tell(receipt, "dismissed"));
  });

  // ---- a subscription that the browser gave up

  // The service's key of today: the old one may be why the subscription ended.
  const presentKey = async (api) => {
    if (!api) return null;
    const answer = await fetch(`${api}/v1/vapid-public-key`).catch(() => null);
    return answer?.ok ? (await answer.json()).public_key : null;
  };

  const subscribeAgain = async ({ oldSubscription, newSubscription }) => {
    const { api, publicKey, registerUrl } = (await on("kept", "readonly", (store) => store.get("settings"))) || {};
    let subscription = newSubscription;
    const subscribe = async () => {
      const key = (await presentKey(api)) || publicKey || oldSubscription?.options?.applicationServerKey;
      const options = { userVisibleOnly: true, applicationServerKey: key };
      subscription = key && (await self.registration.pushManager.subscribe(options).catch(() => null));
      return Boolean(subscription);
    };
    const isSubscribed = subscription || (await subscribe()) || (await outbox.patiently(subscribe));
    if (!isSubscribed || !registerUrl) return; // the next visit's subscribe() mends it
    const body = { subscription, old_endpoint: oldSubscription?.endpoint ?? null };
    // As its JSON: a subscription itself cannot be stored.
    const kept = await outbox.send({ kind: "subscription", url: registerUrl, body: JSON.parse(JSON.stringify(body)) });
    if (kept === "kept") await outbox.insist();
  };

  self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(subscribeAgain(event)));

  // ---- what waits

  self.addEventListener("activate", (event) => event.waitUntil(outbox.flush()));
  self.addEventListener("sync", (event) => {
    if (event.tag !== outbox.NAME) return;
    event.waitUntil(outbox.flush().then((isEmpty) => isEmpty || Promise.reject(new Error("some still wait"))));
  });
})();
