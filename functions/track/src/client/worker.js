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
  const windows = notificationsWindows;
  const TURN_MS = 2_500;

  // ---- receipts

  const tell = async (receipt, event) => {
    if (!receipt) return;
    const body = { token: receipt.token, event, at: new Date().toISOString() };
    const entry = { kind: "receipt", url: receipt.url, body };
    await outbox.insist(await outbox.send(entry), entry);
  };

  // ---- what is pushed

  const neutral = () => {
    const { notificationsNeutral: chosen = {} } = self;
    return chosen && { tag: "neutral", title: self.location.hostname, ...chosen };
  };

  const read = (data) => {
    try {
      const message = data.json();
      return typeof message.title === "string" ? message : null;
    } catch {
      return null; // empty, or not one of this service
    }
  };

  // Another notification of the same tag would be replaced without a sound; a repeat of this one shall be.
  const replaces = async ({ tag, id }) => {
    const shown = await self.registration.getNotifications({ tag }).catch(() => []);
    return shown.length > 0 && !shown.some(({ data }) => data?.id === id);
  };

  const show = async (message) => {
    const { title, body, icon, tag, url, data, id, receipt, badge, image, silent, dir, lang, timestamp } = message;
    const actions = Array.isArray(message.actions) ? message.actions : [];
    const links = Object.fromEntries(actions.map((one) => [one.action, one.url]));
    const plain = { body, icon, tag, data: { id, url, data, receipt, links } };
    const renotify = message.renotify ?? (await replaces(message));
    const requireInteraction = message.require_interaction;
    const whole = { ...plain, badge, image, actions, silent, dir, lang, timestamp, requireInteraction, renotify };
    // Without what this browser refuses, rather than not at all.
    await self.registration.showNotification(title, whole)
      .catch(() => self.registration.showNotification(title, plain));
  };

  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  // One after another, so that each finds the one before; but none waits for long.
  let last = Promise.resolve();
  const showInTurn = (message) => {
    last = Promise.race([last, pause(TURN_MS)]).then(() => show(message));
    const shown = last;
    last = last.catch(() => undefined);
    return shown.then(() => tell(message.receipt, "delivered"));
  };

  self.addEventListener("push", (event) => {
    const message = read(event.data) || neutral();
    if (message) event.waitUntil(showInTurn(message));
  });

  // ---- clicks

  const asWebUrl = (text) => {
    try {
      const { protocol, href } = new URL(text);
      return /^https?:$/.test(protocol) ? href : null;
    } catch {
      return null;
    }
  };

  // Where a click on the notification, or on one of its buttons, leads: to the site itself if no URL was given.
  const clickOn = ({ title, data }, action) => {
    const { id, url, data: own, links = {} } = data || {};
    const target = asWebUrl(Object.hasOwn(links, action) ? links[action] || url : url);
    return { id, title, url: target || self.registration.scope, action, data: own, stays: !target };
  };

  // For `converted` in a page.
  const remember = async (receipt) => {
    if (!receipt) return;
    await on("kept", "readwrite", (store) => store.put({ ...receipt, clicked_at: Date.now() }, "clicked"));
  };

  self.addEventListener("notificationclick", (event) => {
    const { notification, action } = event;
    const { receipt } = notification.data || {};
    notification.close();
    const shown = windows.show(clickOn(notification, action));
    event.waitUntil(Promise.allSettled([shown, remember(receipt), tell(receipt, "clicked")]));
  });

  self.addEventListener("notificationclose", (event) => {
    const { receipt } = event.notification.data || {};
    event.waitUntil(tell(receipt, "dismissed"));
  });

  // ---- a subscription that the browser gave up

  // The service's key of today: the old one may be why the subscription ended.
  const presentKey = async (api) => {
    if (!api) return null;
    const read = async () => (await (await fetch(`${api}/v1/vapid-public-key`)).json()).public_key;
    return read().catch(() => null);
  };

  const subscribeAgain = async ({ oldSubscription, newSubscription }) => {
    const settings = await on("kept", "readonly", (store) => store.get("settings")).catch(() => null);
    if (!settings?.registerUrl) return; // unsubscribed, or without a database: the next visit's subscribe() mends it
    const { api, publicKey, registerUrl } = settings;
    let subscription = newSubscription;
    const subscribe = async () => {
      const key = (await presentKey(api)) || publicKey;
      const options = { userVisibleOnly: true, applicationServerKey: key };
      subscription = await self.registration.pushManager.subscribe(options).catch(() => null);
      return Boolean(subscription);
    };
    const isSubscribed = subscription || (await subscribe()) || (await outbox.patiently(subscribe));
    if (!isSubscribed) return;
    const body = { subscription, old_endpoint: oldSubscription?.endpoint ?? null };
    // As its JSON: a subscription itself cannot be stored.
    const entry = { kind: "subscription", url: registerUrl, body: JSON.parse(JSON.stringify(body)) };
    await outbox.insist(await outbox.send(entry), entry);
  };

  self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(subscribeAgain(event)));

  // ---- what waits

  self.addEventListener("activate", (event) => event.waitUntil(Promise.race([outbox.flush(), pause(TURN_MS)])));
  self.addEventListener("sync", (event) => {
    if (event.tag !== outbox.NAME) return;
    event.waitUntil(outbox.flush().then((isEmpty) => isEmpty || Promise.reject(new Error("some still wait"))));
  });
})();
