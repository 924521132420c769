// Script of the notification service for pages. docs/browser.md describes a complete site.
//
//     <script src="https://<api>/v1/client/client.js"></script>                  sets `notifications`, or
//     import notifications from "https://<api>/v1/client/client.mjs";
//
//     await notifications.subscribe({         // in the handler of a click: browsers ask for permission only then
//       serviceWorker: "/worker.js",          // your worker, which imports v1/client/worker.js
//       api: "https://<api>",                 // or publicKey: "...", the result of GET /v1/vapid-public-key
//       registerUrl: "/my/push-subscription", // your backend, which accepts {subscription, old_endpoint}
//     });
//     await notifications.unsubscribe();      // before the person logs out
//     await notifications.converted(19.9);    // value in euro (optional) of the last clicked notification
//     notifications.onclick = (event) => {};  // event.detail: {id, title, url, action, data}
//
// Your backend registers the device, because that requires a token that a page must not have. If the person has agreed,
// call subscribe() at every visit: it renews the registration. Without a change, that is free of cost.
"use strict";

globalThis.notifications = (() => {
  const CLICK_VALID_MS = 7 * 24 * 3_600_000; // a later conversion has other causes
  const MAX_VALUE = 1_000_000;
  const WORKER_REPLY_MS = 2_000; // time for a worker to start and to answer
  const KEY_BYTES = 65; // an uncompressed point of P-256, which begins with 4

  const inStore = notificationsDatabase;
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

  // Converts a key from base64 or base64url to unpadded base64url, the only form that browsers accept. null: no key.
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
    if (name) throw new NotificationsError("not-configured", `subscribe() requires ${name}`);
    if (publicKey && !asKey(publicKey)) throw new NotificationsError("not-configured", "publicKey is not a VAPID public key");
    return {
      publicKey: publicKey && asKey(publicKey), api: api && asUrl("api", api).replace(/\/+$/, ""),
      registerUrl: asUrl("registerUrl", registerUrl),
    };
  };

  const keyOf = async ({ publicKey, api }) => {
    if (publicKey) return publicKey;
    try {
      const response = await fetch(`${api}/v1/vapid-public-key`);
      const { ok, status } = response;
      const key = ok && asKey((await response.json()).public_key);
      if (key) return key;
      throw new NotificationsError("service-unavailable", `api returned no public key: status ${status}`, { status });
    } catch (cause) {
      if (cause instanceof NotificationsError) throw cause;
      throw new NotificationsError("service-unavailable", "api does not respond; check the URL and connect-src", { cause });
    }
  };

  const sameKey = (subscription, publicKey) => {
    const bytes = new Uint8Array(subscription.options?.applicationServerKey || []);
    return base64url(String.fromCharCode(...bytes)) === publicKey;
  };

  // ---- the service worker

  // Waits for activation. `navigator.serviceWorker.ready` would never resolve on a page outside the worker's scope.
  const activated = (registration) => new Promise((resolve, reject) => {
    if (registration.active) return resolve(registration);
    const worker = registration.installing || registration.waiting;
    const fail = () => reject(new Error("installation failed"));
    if (!worker) return fail();
    worker.addEventListener("statechange", () => {
      if (worker.state === "activated") resolve(registration);
      if (worker.state === "redundant") fail();
    });
  });

  // Registers the worker by its URL, or uses the site's own registration.
  const install = async ({ serviceWorker, scope, type }) => {
    try {
      if (typeof serviceWorker === "object" && serviceWorker.pushManager) return await activated(serviceWorker);
      return await activated(await workers().register(serviceWorker, { ...(scope && { scope }), ...(type && { type }) }));
    } catch (cause) {
      throw new NotificationsError("worker-failed", `the service worker cannot be used: ${cause?.message}`, { cause });
    }
  };

  // ---- the subscription

  const subscribeWith = async ({ pushManager }, key) => {
    try {
      const existing = await pushManager.getSubscription();
      // A browser refuses another key until the old subscription is removed.
      if (existing && !sameKey(existing, key)) await existing.unsubscribe();
      return [await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }), existing];
    } catch (cause) {
      throw new NotificationsError("subscribe-failed", `the browser cannot subscribe: ${cause?.message}`, { cause });
    }
  };

  const register = async (registerUrl, body) => {
    const failed = (why, more) => new NotificationsError("registration-failed", `the subscription was not registered: ${why}`, more);
    const { ok, status } = await fetch(registerUrl, {
      method: "POST", credentials: "include", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    }).catch((cause) => { throw failed("registerUrl does not respond", { cause }); });
    if (!ok) throw failed(`registerUrl returned status ${status}`, { status });
  };

  // Requests permission, subscribes, and passes the subscription to your backend. null: the person refused.
  const subscribe = async (options) => {
    check();
    const settings = settingsOf(options);
    // Before any step that takes time: some browsers show the request only directly after a click.
    if ((await Notification.requestPermission()) !== "granted") return null;
    const registration = await install(options);
    const publicKey = await keyOf(settings);
    // Stored for the worker, which has another base URL. Without a database, the worker cannot renew the subscription.
    const stored = { ...settings, publicKey, scope: registration.scope };
    await inStore("kept", "readwrite", (store) => store.put(stored, "settings")).catch(() => undefined);
    const [subscription, existing] = await subscribeWith(registration, publicKey);
    const old = existing && existing.endpoint !== subscription.endpoint ? existing.endpoint : null;
    await register(settings.registerUrl, { subscription, old_endpoint: old });
    return subscription;
  };

  const endSubscription = async (registration, registerUrl) => {
    let subscription;
    try {
      subscription = await registration.pushManager.getSubscription();
      const ended = !subscription || (await subscription.unsubscribe()) || !(await registration.pushManager.getSubscription());
      if (!ended) throw new Error("the browser still has the subscription");
    } catch (cause) {
      throw new NotificationsError("unsubscribe-failed", "the browser cannot end its subscription", { cause });
    }
    // The next person must not see notifications of this one.
    const shown = await registration.getNotifications().catch(() => []);
    shown.forEach((one) => one.close());
    if (!subscription || !registerUrl) return Boolean(subscription);
    // If your backend does not accept the request now, it is sent later. The browser receives no push meanwhile.
    const body = { subscription: null, old_endpoint: subscription.endpoint };
    const entry = { kind: "unsubscription", url: registerUrl, body };
    const outcome = await outbox.send(entry);
    if (outcome !== "accepted") outbox.persistWithRetry(outcome, entry);
    return true;
  };

  // A worker with this service's script replies.
  const hasOurScript = ({ active }) => new Promise((resolve) => {
    if (!active) return resolve(false);
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(true);
    setTimeout(() => resolve(false), WORKER_REPLY_MS);
    active.postMessage({ type: "notifications-identify" }, [port2]);
  });

  // Registrations of this service's worker: the one of the scope, or each that has its script. Other workers of the site
  // may belong to other vendors, and keep their subscriptions.
  const registrations = async (where) => {
    try {
      const scope = where && new URL(where, location).href;
      const found = where ? [await workers().getRegistration(where)] : await workers().getRegistrations();
      const isOurs = async (one) => one && (one.scope === scope || (await hasOurScript(one)));
      const ours = await Promise.all(found.map(isOurs));
      return found.filter((_, index) => ours[index]);
    } catch (cause) {
      throw new NotificationsError("not-configured", "scope is not on this site", { cause });
    }
  };

  // Ends the browser's subscription, closes shown notifications, and informs your backend. false: no subscription.
  const unsubscribe = async (options) => {
    if (!support().supported) return false;
    const { registerUrl, scope } = options ?? {};
    const settings = await inStore("kept", "readonly", (store) => store.get("settings")).catch(() => null);
    const backend = registerUrl ? asUrl("registerUrl", registerUrl) : settings?.registerUrl;
    const found = await registrations(scope || settings?.scope);
    // From here on, the worker must not subscribe again, and your backend must not register stored entries for the next
    // person. The settings are deleted after the subscription, so that a call that fails can be repeated.
    await inStore("kept", "readwrite", (store) => {
      store.delete("clicked");
      return settings ? store.put({ ...settings, isEnding: true }, "settings") : store.delete("settings");
    }).catch(() => undefined);
    await outbox.drop("subscription");
    const ended = await Promise.all(found.map((one) => endSubscription(one, backend)));
    await inStore("kept", "readwrite", (store) => store.delete("settings")).catch(() => undefined);
    return ended.includes(true);
  };

  // ---- conversions

  const lastClick = async () => {
    const clicked = await inStore("kept", "readonly", (store) => store.get("clicked")).catch(() => null);
    return clicked && Date.now() - clicked.clicked_at <= CLICK_VALID_MS ? clicked : null;
  };

  // Deletes the stored click, unless it is another one by now.
  const deleteClick = ({ token }) => inStore("kept", "readwrite", (store) => {
    const request = store.get("clicked");
    request.onsuccess = () => { if (request.result?.token === token) store.delete("clicked"); };
    return request;
  }).catch(() => undefined);

  // Reports a conversion of the given notification, or of the last one clicked within seven days, once. true: it was
  // reported, or is stored until the network is back. false: nothing was clicked, or the service refused the report,
  // because the notification no longer exists or has another value.
  const converted = async (value, given) => {
    const hasValue = value !== undefined && value !== null;
    if (hasValue && !(value >= 0 && value <= MAX_VALUE)) throw new RangeError(`value must be a number from 0 to ${MAX_VALUE}`);
    const receipt = given || (await lastClick());
    if (!receipt) return false;
    const body = { token: receipt.token, event: "converted", at: new Date().toISOString() };
    if (hasValue) body.value_micros = Math.round(value * 1e6);
    const entry = { kind: "receipt", url: String(receipt.url), body }; // a URL object cannot be stored
    const outcome = await outbox.send(entry);
    if (!given) await deleteClick(receipt);
    if (outcome !== "accepted") outbox.persistWithRetry(outcome, entry);
    return outcome !== "refused";
  };

  // Sends entries that the worker could not send. Without permission there are none, and no database is created.
  if (permission() === "granted") outbox.flush();

  const own = { subscribe, unsubscribe, converted, support, NotificationsError };
  const read = { supported: { get: () => support().supported }, permission: { get: permission } };
  return Object.defineProperties(Object.assign(notificationsClicks, own), read);
})();
