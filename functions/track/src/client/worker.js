// Script of the notification service for your service worker:
//
//     self.notificationsNeutral = { title: "Shop", body: "There is something new." }; // optional, see below
//     importScripts("https://<api>/v1/client/worker.js");
//
// It shows pushes, sends receipts, opens the page of a click, and subscribes again if the browser drops a subscription.
// A push that it cannot parse is shown as `notificationsNeutral`, whose default title is your host's name, because
// browsers withdraw the subscription of a site that shows nothing. With `false`, nothing is shown: for a worker that
// handles pushes of other senders itself.
"use strict";

(() => {
  const inStore = notificationsDatabase;
  const outbox = notificationsOutbox;
  const windows = notificationsWindows;
  const MAX_WAIT_MS = 2_500;

  // ---- receipts

  const sendReceipt = async (receipt, event) => {
    if (!receipt) return;
    const body = { token: receipt.token, event, at: new Date().toISOString() };
    const entry = { kind: "receipt", url: receipt.url, body };
    await outbox.persistWithRetry(await outbox.send(entry), entry);
  };

  // ---- pushes

  const neutral = () => {
    const { notificationsNeutral: chosen = {} } = self;
    return chosen && { tag: "neutral", title: self.location.hostname, ...chosen };
  };

  const read = (data) => {
    try {
      const message = data.json();
      return typeof message.title === "string" ? message : null;
    } catch {
      return null; // empty, or not from this service
    }
  };

  // Returns true if another notification of the same tag is replaced: only then the browser must alert again.
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
    const full = { ...plain, badge, image, actions, silent, dir, lang, timestamp, requireInteraction, renotify };
    // If the browser refuses an option, the notification is shown without the optional ones. A replacement alerts again,
    // if the browser supports that.
    const tries = [full, ...(tag ? [{ ...plain, renotify }] : []), plain];
    const showAs = (options) => self.registration.showNotification(title, options);
    await tries.slice(1).reduce((shown, options) => shown.catch(() => showAs(options)), showAs(full));
  };

  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  // One after another, so that each finds the previous one. None waits longer than MAX_WAIT_MS.
  let last = Promise.resolve();
  const showInTurn = (message) => {
    last = Promise.race([last, pause(MAX_WAIT_MS)]).then(() => show(message));
    const shown = last;
    last = last.catch(() => undefined);
    return shown.then(() => sendReceipt(message.receipt, "delivered"));
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

  // Target of a click on the notification or on a button. Without a URL, it is the worker's scope.
  const clickOn = ({ title, data }, action) => {
    const { id, url, data: own, links = {} } = data || {};
    const target = asWebUrl(Object.hasOwn(links, action) ? links[action] || url : url);
    return { id, title, url: target || self.registration.scope, action, data: own, stays: !target };
  };

  // Stores a click for `converted` of the page's script.
  const storeClick = async (receipt) => {
    if (!receipt) return;
    await inStore("kept", "readwrite", (store) => store.put({ ...receipt, clicked_at: Date.now() }, "clicked"));
  };

  self.addEventListener("notificationclick", (event) => {
    const { notification, action } = event;
    const { receipt } = notification.data || {};
    notification.close();
    const shown = windows.show(clickOn(notification, action));
    event.waitUntil(Promise.allSettled([shown, storeClick(receipt), sendReceipt(receipt, "clicked")]));
  });

  self.addEventListener("notificationclose", (event) => {
    const { receipt } = event.notification.data || {};
    event.waitUntil(sendReceipt(receipt, "dismissed"));
  });

  // ---- renewal of a dropped subscription

  // Current public key of the service. A changed key may be the reason that the subscription ended.
  const currentKey = async (api) => {
    if (!api) return null;
    const read = async () => (await (await fetch(`${api}/v1/vapid-public-key`)).json()).public_key;
    return read().catch(() => null);
  };

  const subscribeAgain = async ({ oldSubscription, newSubscription }) => {
    const settings = await inStore("kept", "readonly", (store) => store.get("settings")).catch(() => null);
    if (!settings?.registerUrl || settings.isEnding) return; // unsubscribed, or no database: the next subscribe() renews it
    const { api, publicKey, registerUrl } = settings;
    let subscription = newSubscription;
    const subscribe = async () => {
      const key = (await currentKey(api)) || publicKey;
      const options = { userVisibleOnly: true, applicationServerKey: key };
      subscription = await self.registration.pushManager.subscribe(options).catch(() => null);
      return Boolean(subscription);
    };
    const isSubscribed = subscription || (await subscribe()) || (await outbox.retry(subscribe));
    if (!isSubscribed) return;
    const body = { subscription, old_endpoint: oldSubscription?.endpoint ?? null };
    // As JSON, because the database cannot store a PushSubscription.
    const entry = { kind: "subscription", url: registerUrl, body: JSON.parse(JSON.stringify(body)) };
    await outbox.persistWithRetry(await outbox.send(entry), entry);
  };

  self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(subscribeAgain(event)));

  // ---- the page's question, whether this worker has this script

  self.addEventListener("message", ({ data, ports }) => {
    if (data?.type === "notifications-identify") ports[0]?.postMessage(true);
  });

  // ---- stored entries

  self.addEventListener("activate", (event) => event.waitUntil(Promise.race([outbox.flush(), pause(MAX_WAIT_MS)])));
  self.addEventListener("sync", (event) => {
    if (event.tag !== outbox.NAME) return;
    event.waitUntil(outbox.flush().then((isEmpty) => isEmpty || Promise.reject(new Error("entries remain in the outbox"))));
  });
})();
