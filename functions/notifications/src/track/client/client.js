// The service's part of a page:
//
//     <script src="https://<api>/v1/client/client.js"></script>
//
//     await notifications.subscribe({         // in the handler of a click: browsers ask for permission only then
//       serviceWorker: "/worker.js",          // yours, which imports v1/client/worker.js
//       scope: "/",                           // optional: by default the worker's folder; this page may be outside
//       api: "https://<api>",                 // or publicKey: "...", as GET /v1/vapid-public-key gives it
//       registerUrl: "/my/push-subscription", // your backend: takes {subscription, old_endpoint} and does
//     });                                     // PUT /v1/recipients/{id}/devices with the subscription
//
//     await notifications.converted(19.9);    // what the last clicked notification led to, in euro (or nothing)
//     await notifications.converted(19.9, { url: "https://<api>/v1/receipts", token }); // the token from this page's URL
//
// A device is registered with a token that no page may hold, so that your backend does it. Call subscribe() at every
// visit of somebody who has agreed: it renews what the service knows, and costs nothing when that is known already.
"use strict";

globalThis.notifications = (() => {
  const CLICK_COUNTS_MS = 7 * 24 * 3_600_000; // what comes later has other causes
  const MOST = 1_000_000;

  const on = notificationsDatabase;
  const outbox = notificationsOutbox;

  const keyOf = async ({ publicKey, api }) => {
    if (publicKey) return publicKey;
    const answer = await fetch(`${api}/v1/vapid-public-key`);
    if (!answer.ok) throw new Error(`the public key cannot be read: ${answer.status}`);
    return (await answer.json()).public_key;
  };

  const sameKey = (subscription, publicKey) => {
    const bytes = new Uint8Array(subscription.options.applicationServerKey || []);
    const text = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    return text === publicKey;
  };

  // `navigator.serviceWorker.ready` would wait for ever on a page outside the worker's scope.
  const activated = (registration) => new Promise((resolve, reject) => {
    if (registration.active) return resolve();
    const worker = registration.installing || registration.waiting;
    if (!worker) return reject(new Error("the service worker cannot be installed"));
    worker.addEventListener("statechange", () => {
      if (worker.state === "activated") resolve();
      if (worker.state === "redundant") reject(new Error("the service worker cannot be installed"));
    });
  });

  const register = async (registerUrl, body) => {
    const answer = await fetch(registerUrl, {
      method: "POST", credentials: "include", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`the subscription was not registered: ${answer.status}`);
  };

  // Asks for permission, subscribes, and hands the subscription to your backend. null: the person said no.
  const subscribe = async ({ serviceWorker, scope, publicKey, api, registerUrl }) => {
    // First of all: some browsers ask only while the click that led here is fresh.
    if ((await Notification.requestPermission()) !== "granted") return null;
    const registration = await navigator.serviceWorker.register(serviceWorker, scope ? { scope } : {});
    await activated(registration);
    const key = await keyOf({ publicKey, api });
    // For the worker, whose own URL is another one.
    const settings = { publicKey: key, api, registerUrl: new URL(registerUrl, location).href };
    await on("kept", "readwrite", (store) => store.put(settings, "settings"));
    const known = await registration.pushManager.getSubscription();
    // A browser refuses to subscribe with another key before the old subscription is gone.
    if (known && !sameKey(known, key)) await known.unsubscribe();
    const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    const old = known && known.endpoint !== subscription.endpoint ? known.endpoint : null;
    await register(registerUrl, { subscription, old_endpoint: old });
    return subscription;
  };

  const lastClick = async () => {
    const clicked = await on("kept", "readonly", (store) => store.get("clicked"));
    return clicked && Date.now() - clicked.clicked_at <= CLICK_COUNTS_MS ? clicked : null;
  };

  // Unless another was clicked meanwhile.
  const forget = ({ token }) => on("kept", "readwrite", (store) => {
    const asked = store.get("clicked");
    asked.onsuccess = () => { if (asked.result?.token === token) store.delete("clicked"); };
    return asked;
  });

  // Tells that the notification that was clicked last, within seven days, or the one given, did what it was sent for,
  // once. true: it is told, or will be when the network is back. false: none was clicked, or the service has forgotten it
  // or knows another value.
  const converted = async (value, given) => {
    if (value !== undefined && !(value >= 0 && value <= MOST)) throw new RangeError(`a value is from 0 to ${MOST}`);
    const receipt = given || (await lastClick());
    if (!receipt) return false;
    const body = { token: receipt.token, event: "converted", at: new Date().toISOString() };
    if (value !== undefined) body.value_micros = Math.round(value * 1e6);
    const outcome = await outbox.send({ kind: "receipt", url: receipt.url, body });
    if (!given) await forget(receipt);
    if (outcome === "kept") outbox.insist().catch(() => undefined);
    return outcome !== "refused";
  };

  // What a worker could not send. Who never agreed has nothing to send, and no database.
  if (globalThis.Notification?.permission === "granted") outbox.flush().catch(() => undefined);

  return { subscribe, converted };
})();
