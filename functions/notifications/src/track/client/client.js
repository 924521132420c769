// The service's part of a page:
//
//     <script src="https://<api>/v1/client/client.js"></script>
//
//     await notifications.subscribe({
//       serviceWorker: "/worker.js",          // yours, which imports v1/client/worker.js
//       api: "https://<api>",                 // or publicKey: "...", as GET /v1/vapid-public-key gives it
//       registerUrl: "/my/push-subscription", // your backend: takes {subscription, old_endpoint} and does
//     });                                     // PUT /v1/recipients/{id}/devices with the subscription
//
//     await notifications.converted(19.9);    // what the last clicked notification led to, in euro (or nothing)
//
// A device is registered with a token that no page may hold, so that your backend does it. Call subscribe() at every
// visit of somebody who has agreed: it renews what the service knows, and costs nothing when that is known already.
"use strict";

globalThis.notifications = (() => {
  const on = notificationsDatabase;

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

  const send = async (registerUrl, body) => {
    const answer = await fetch(registerUrl, {
      method: "POST", credentials: "include", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`the subscription was not registered: ${answer.status}`);
  };

  // Asks for permission, subscribes, and hands the subscription to your backend. null: the person said no.
  const subscribe = async ({ serviceWorker, publicKey, api, registerUrl }) => {
    const registration = await navigator.serviceWorker.register(serviceWorker);
    if ((await Notification.requestPermission()) !== "granted") return null;
    await navigator.serviceWorker.ready;
    const key = await keyOf({ publicKey, api });
    await on("kept", "readwrite", (store) => store.put({ publicKey: key, registerUrl }, "settings"));
    const known = await registration.pushManager.getSubscription();
    // A browser refuses to subscribe with another key before the old subscription is gone.
    if (known && !sameKey(known, key)) await known.unsubscribe();
    const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    const old = known && known.endpoint !== subscription.endpoint ? known.endpoint : null;
    await send(registerUrl, { subscription, old_endpoint: old });
    return subscription;
  };

  // Tells that the notification that was clicked last did what it was sent for, once. false: none was clicked.
  const converted = async (value) => {
    const receipt = await on("kept", "readonly", (store) => store.get("clicked"));
    if (!receipt) return false;
    const body = { token: receipt.token, event: "converted", at: new Date().toISOString() };
    if (value !== undefined) body.value_micros = Math.round(value * 1e6);
    const answer = await fetch(receipt.url, {
      method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "text/plain" },
      credentials: "omit", keepalive: true,
    });
    if (!answer.ok) throw new Error(`the conversion was not taken: ${answer.status}`);
    await on("kept", "readwrite", (store) => store.delete("clicked"));
    return true;
  };

  return { subscribe, converted };
})();
