// The service's part of a page; docs/browser.md shows a whole site.
//
//     <script src="https://<api>/v1/client/client.js"></script>                  sets `notifications`, or
//     import notifications from "https://<api>/v1/client/client.mjs";
//
//     await notifications.subscribe({         // in the handler of a click: browsers ask for permission only then
//       serviceWorker: "/worker.js",          // yours, which imports v1/client/worker.js
//       api: "https://<api>",                 // or publicKey: "...", as GET /v1/vapid-public-key gives it
//       registerUrl: "/my/push-subscription", // your backend: takes {subscription, old_endpoint}
//     });
//     await notifications.unsubscribe();      // before somebody logs out
//     await notifications.converted(19.9);    // what the last clicked notification led to, in euro (or nothing)
//     notifications.onclick = (event) => {};  // event.detail: {id, title, url, action, data}
//
// A device is registered with a token that no page may hold, so that your backend does it. Call subscribe() at every
// visit of somebody who has agreed: it renews what the service knows, and costs nothing when that is known already.
"use strict";

globalThis.notifications = (() => {
  const CLICK_COUNTS_MS = 7 * 24 * 3_600_000; // what comes later has other causes
  const MOST = 1_000_000;
  const KEY_BYTES = 65; // of an uncompressed point of P-256, which begins with 4

  const on = notificationsDatabase;
  const outbox = notificationsOutbox;
  const { NotificationsError, support, check, permission, workers } = notificationsSupport;

  // ---- settings

  const asUrl = (name, text) => {
    try {
      return new URL(text, location).href;
    } catch (cause) {
      throw new NotificationsError("not-configured", `${name} is not a URL`, { cause });
    }
  };

  const base64url = (bytes) => btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  // The key in the only form that browsers take, whichever base64 it came in.
  const asKey = (key) => {
    try {
      const bytes = atob(key.replaceAll("-", "+").replaceAll("_", "/"));
      if (bytes.length === KEY_BYTES && bytes.charCodeAt(0) === 4) return base64url(bytes);
    } catch { /* not base64 */ }
    return null;
  };

  const settingsOf = (options) => {
    const { serviceWorker, publicKey, api, registerUrl } = options ?? {};
    const needed = { serviceWorker, registerUrl, "api or publicKey": api || publicKey };
    const name = Object.keys(needed).find((one) => !needed[one]);
    if (name) throw new NotificationsError("not-configured", `subscribe() needs ${name}`);
    if (publicKey && !asKey(publicKey)) throw new NotificationsError("not-configured", "publicKey is not a VAPID public key");
    return {
      publicKey: publicKey && asKey(publicKey), api: api && asUrl("api", api).replace(/\/+$/, ""),
      registerUrl: asUrl("registerUrl", registerUrl),
    };
  };

  const keyOf = async ({ publicKey, api }) => {
    if (publicKey) return publicKey;
    try {
      const answer = await fetch(`${api}/v1/vapid-public-key`);
      const key = answer.ok && asKey((await answer.json()).public_key);
      if (key) return key;
      throw new NotificationsError("service-unavailable", `api gives no public key: ${answer.status}`, { status: answer.status });
    } catch (cause) {
      if (cause instanceof NotificationsError) throw cause;
      throw new NotificationsError("service-unavailable", "api does not answer: is it right, and in connect-src?", { cause });
    }
  };

  const sameKey = (subscription, publicKey) => {
    const bytes = new Uint8Array(subscription.options?.applicationServerKey || []);
    return base64url(String.fromCharCode(...bytes)) === publicKey;
  };

  // ---- the service worker

  // `navigator.serviceWorker.ready` would wait for ever on a page outside the worker's scope.
  const activated = (registration) => new Promise((resolve, reject) => {
    if (registration.active) return resolve(registration);
    const worker = registration.installing || registration.waiting;
    const fail = () => reject(new Error("it cannot be installed"));
    if (!worker) return fail();
    worker.addEventListener("statechange", () => {
      if (worker.state === "activated") resolve(registration);
      if (worker.state === "redundant") fail();
    });
  });

  // Its URL, or a registration of your own.
  const install = async ({ serviceWorker, scope, type }) => {
    try {
      if (typeof serviceWorker === "object" && serviceWorker.pushManager) return await activated(serviceWorker);
      return await activated(await workers().register(serviceWorker, { ...(scope && { scope }), ...(type && { type }) }));
    } catch (cause) {
      throw new NotificationsError("worker-failed", `the service worker: ${cause?.message}`, { cause });
    }
  };

  // ---- the subscription

  const subscribeWith = async ({ pushManager }, key) => {
    try {
      const known = await pushManager.getSubscription();
      // A browser refuses to subscribe with another key before the old subscription is gone.
      if (known && !sameKey(known, key)) await known.unsubscribe();
      return [await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }), known];
    } catch (cause) {
      throw new NotificationsError("subscribe-failed", `the browser does not subscribe: ${cause?.message}`, { cause });
    }
  };

  const register = async (registerUrl, body) => {
    const failed = (why, more) => new NotificationsError("registration-failed", `the subscription was not registered: ${why}`, more);
    const answer = await fetch(registerUrl, {
      method: "POST", credentials: "include", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    }).catch((cause) => { throw failed("registerUrl does not answer", { cause }); });
    if (!answer.ok) throw failed(answer.status, { status: answer.status });
  };

  // Asks for permission, subscribes, and hands the subscription to your backend. null: the person said no.
  const subscribe = async (options) => {
    check();
    const settings = settingsOf(options);
    // Before anything that takes time: some browsers ask only while the click that led here is fresh.
    if ((await Notification.requestPermission()) !== "granted") return null;
    const registration = await install(options);
    const publicKey = await keyOf(settings);
    // For the worker, whose own URL is another one. It is asked in vain where there is no database.
    const kept = { ...settings, publicKey, scope: registration.scope };
    await on("kept", "readwrite", (store) => store.put(kept, "settings")).catch(() => undefined);
    const [subscription, known] = await subscribeWith(registration, publicKey);
    const old = known && known.endpoint !== subscription.endpoint ? known.endpoint : null;
    await register(settings.registerUrl, { subscription, old_endpoint: old });
    return subscription;
  };

  const giveUp = async (registration, registerUrl) => {
    let subscription;
    try {
      subscription = await registration.pushManager.getSubscription();
      await subscription?.unsubscribe();
    } catch (cause) {
      throw new NotificationsError("unsubscribe-failed", "the browser keeps its subscription", { cause });
    }
    // What is shown may be none of the next person's business.
    const shown = await registration.getNotifications().catch(() => []);
    shown.forEach((one) => one.close());
    if (!subscription || !registerUrl) return Boolean(subscription);
    // If your backend cannot take it now, it is sent later; nothing is pushed meanwhile.
    const body = { subscription: null, old_endpoint: subscription.endpoint };
    const entry = { kind: "unsubscription", url: registerUrl, body };
    const outcome = await outbox.send(entry);
    if (outcome !== "taken") outbox.insist(outcome, entry);
    return true;
  };

  const registrations = async (where) => {
    try {
      return where ? [await workers().getRegistration(where)] : await workers().getRegistrations();
    } catch (cause) {
      throw new NotificationsError("not-configured", "scope is none of this site", { cause });
    }
  };

  // Ends the browser's subscription, takes away what is shown, and tells your backend. false: there was none.
  const unsubscribe = async (options) => {
    if (!support().supported) return false;
    const { registerUrl, scope } = options ?? {};
    const settings = await on("kept", "readonly", (store) => store.get("settings")).catch(() => null);
    const backend = registerUrl ? asUrl("registerUrl", registerUrl) : settings?.registerUrl;
    // The worker would subscribe again, and what waits would reach your backend as the next person's.
    await on("kept", "readwrite", (store) => store.clear()).catch(() => undefined);
    await outbox.drop("subscription");
    const where = scope || settings?.scope;
    const found = await registrations(where);
    const ended = await Promise.all(found.filter(Boolean).map((one) => giveUp(one, backend)));
    return ended.includes(true);
  };

  // ---- conversions

  const lastClick = async () => {
    const clicked = await on("kept", "readonly", (store) => store.get("clicked")).catch(() => null);
    return clicked && Date.now() - clicked.clicked_at <= CLICK_COUNTS_MS ? clicked : null;
  };

  // Unless another was clicked meanwhile.
  const forget = ({ token }) => on("kept", "readwrite", (store) => {
    const asked = store.get("clicked");
    asked.onsuccess = () => { if (asked.result?.token === token) store.delete("clicked"); };
    return asked;
  }).catch(() => undefined);

  // Tells that the notification that was clicked last, within seven days, or the one given, did what it was sent for,
  // once. true: it is told, or will be when the network is back. false: none was clicked, or the service has forgotten it
  // or knows another value.
  const converted = async (value, given) => {
    const hasValue = value !== undefined && value !== null;
    if (hasValue && !(value >= 0 && value <= MOST)) throw new RangeError(`a value is from 0 to ${MOST}`);
    const receipt = given || (await lastClick());
    if (!receipt) return false;
    const body = { token: receipt.token, event: "converted", at: new Date().toISOString() };
    if (hasValue) body.value_micros = Math.round(value * 1e6);
    const entry = { kind: "receipt", url: String(receipt.url), body }; // a URL object cannot be stored
    const outcome = await outbox.send(entry);
    if (!given) await forget(receipt);
    if (outcome !== "taken") outbox.insist(outcome, entry);
    return outcome !== "refused";
  };

  // What a worker could not send. Who never agreed has nothing to send, and no database.
  if (permission() === "granted") outbox.flush();

  const own = { subscribe, unsubscribe, converted, support, NotificationsError };
  const read = { supported: { get: () => support().supported }, permission: { get: permission } };
  return Object.defineProperties(Object.assign(notificationsClicks, own), read);
})();
