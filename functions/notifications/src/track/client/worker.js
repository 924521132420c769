// The service's part of a service worker. In your own worker:
//
//     importScripts("https://<api>/v1/client/worker.js");
//
// It shows what is pushed, tells what becomes of it, opens its link, and subscribes again when the browser drops a
// subscription.
"use strict";

(() => {
  const QUEUE_LENGTH = 50; // receipts kept while there is no network
  const TRIES = 5; // for each of them

  const on = notificationsDatabase;
  const kept = (name) => on("kept", "readonly", (store) => store.get(name));
  const keep = (name, value) => on("kept", "readwrite", (store) => store.put(value, name));

  // ---- receipts

  // text/plain needs no preflight, so a receipt is one request. true: done with it, whatever the answer was.
  const post = async ({ url, body }) => {
    try {
      const answer = await fetch(url, {
        method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "text/plain" },
        credentials: "omit", keepalive: true,
      });
      return answer.status < 500 && answer.status !== 429;
    } catch {
      return false;
    }
  };

  const tell = async (receipt, event) => {
    if (!receipt) return;
    const told = { url: receipt.url, body: { token: receipt.token, event, at: new Date().toISOString() } };
    if (!(await post(told))) await on("receipts", "readwrite", (store) => store.add({ ...told, tries: 1 }));
    else await retry();
  };

  // Sends what waited. A repeated receipt changes nothing at the service, so a lost answer does no harm.
  const retry = async () => {
    const keys = await on("receipts", "readonly", (store) => store.getAllKeys());
    const waiting = await on("receipts", "readonly", (store) => store.getAll());
    for (const [place, key] of keys.entries()) {
      const told = waiting[place];
      const isDone = place < keys.length - QUEUE_LENGTH || (await post(told)) || told.tries + 1 >= TRIES;
      await on("receipts", "readwrite", (store) =>
        isDone ? store.delete(key) : store.put({ ...told, tries: told.tries + 1 }, key));
      if (!isDone) return; // no network: the others wait with it
    }
  };

  // ---- what is pushed

  const show = async (message) => {
    const { title, body, icon, tag, url, data, id, receipt } = message;
    await self.registration.showNotification(title, { body, icon, tag, data: { id, url, data, receipt } });
    await tell(receipt, "delivered");
  };

  self.addEventListener("push", (event) => {
    let message;
    try {
      message = event.data.json();
    } catch {
      return; // not one of this service
    }
    if (message && typeof message.title === "string") event.waitUntil(show(message));
  });

  // A window of yours that shows the page already, else a new one. Only the web is opened.
  const openPage = async (url) => {
    if (!url || !/^https?:$/.test(new URL(url, self.location).protocol)) return;
    const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const shown = windows.find((one) => one.url === new URL(url, self.location).href);
    await (shown ? shown.focus() : self.clients.openWindow(url));
  };

  self.addEventListener("notificationclick", (event) => {
    const { url, receipt } = event.notification.data || {};
    event.notification.close();
    const remember = receipt ? keep("clicked", receipt) : Promise.resolve();
    event.waitUntil(Promise.allSettled([openPage(url), remember, tell(receipt, "clicked")]));
  });

  self.addEventListener("notificationclose", (event) => {
    const { receipt } = event.notification.data || {};
    event.waitUntil(tell(receipt, "dismissed"));
  });

  // ---- a subscription that the browser gave up

  const subscribeAgain = async (event) => {
    const settings = await kept("settings");
    const applicationServerKey = event.oldSubscription?.options?.applicationServerKey || settings?.publicKey;
    const subscription = event.newSubscription
      || (applicationServerKey
        && (await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey })));
    if (!subscription || !settings?.registerUrl) return;
    await fetch(settings.registerUrl, {
      method: "POST", credentials: "include", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ subscription, old_endpoint: event.oldSubscription?.endpoint ?? null }),
    });
  };

  self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(subscribeAgain(event)));
  self.addEventListener("activate", (event) => event.waitUntil(retry()));
})();
