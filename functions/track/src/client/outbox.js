// Outbox: delivers receipts and changes of the subscription, even if the network or the server is unavailable at first.
// Part of every script, so that a page sends the entries that its worker could not send. Repeats are harmless: the
// service counts nothing twice. No function here rejects.
"use strict";

self.notificationsOutbox = (() => {
  const MAX_ENTRIES = 50; // the oldest entries are deleted
  const MAX_AGE_MS = 7 * 24 * 3_600_000;
  const RETRY_DELAYS_MS = [1_000, 3_000, 9_000]; // retries within the event that created the entry
  const RESPONSE_TIMEOUT_MS = 10_000;
  const LOCK_TIMEOUT_MS = 1_000;
  const NAME = "push-notifications-outbox"; // name of the lock, and of the background sync
  const BUSY_STATUSES = [429, 502, 503, 504];
  const FINAL_OUTCOMES = ["accepted", "refused"];

  const inStore = notificationsDatabase;

  // A receipt is text/plain, because that needs no preflight request. A subscription goes to your backend with cookies.
  const asRequest = ({ kind, body }) => {
    const isReceipt = kind === "receipt";
    return {
      method: "POST", body: JSON.stringify(body), keepalive: true, signal: AbortSignal.timeout?.(RESPONSE_TIMEOUT_MS),
      credentials: isReceipt ? "omit" : "include",
      headers: { "Content-Type": isReceipt ? "text/plain" : "application/json" },
    };
  };

  // Sends an entry. Outcomes: "accepted"; "refused": do not retry; "failed": retry this entry later; "busy": retry all
  // entries of this URL later.
  const post = async (entry) => {
    try {
      const { ok, status } = await fetch(entry.url, asRequest(entry));
      if (ok) return "accepted";
      if (BUSY_STATUSES.includes(status)) return "busy";
      return status < 500 && entry.kind === "receipt" ? "refused" : "failed"; // a backend may require a login first
    } catch {
      return "busy";
    }
  };

  const persist = (entry) => inStore("outbox", "readwrite", (store) => {
    const added = store.add({ ...entry, kept_at: Date.now() });
    store.getAllKeys().onsuccess = ({ target }) => target.result.slice(0, -MAX_ENTRIES).forEach((key) => store.delete(key));
    return added;
  });

  // Sends an entry, or stores it for later. Outcomes: "accepted", "refused", "stored"; "lost" without a database.
  const send = async (entry) => {
    const outcome = await post(entry);
    return FINAL_OUTCOMES.includes(outcome) ? outcome : persist(entry).then(() => "stored", () => "lost");
  };

  // Runs `work` under a lock, so that only one script of the site sends. A frozen page may hold the lock for ever. So
  // after LOCK_TIMEOUT_MS the work runs without it. Sending twice is harmless.
  const withLock = (work) => {
    if (!navigator.locks) return work();
    return navigator.locks.request(NAME, { signal: AbortSignal.timeout?.(LOCK_TIMEOUT_MS) }, work).catch(work);
  };

  // Deletes the entries of one kind.
  const drop = (kind) => inStore("outbox", "readwrite", (store) => {
    const request = store.getAll();
    request.onsuccess = () => request.result.filter((one) => one.kind === kind).forEach(({ key }) => store.delete(key));
    return request;
  }).catch(() => undefined);

  // Another script may have sent an entry meanwhile, if it did not wait for the lock.
  const isStored = ({ key }) =>
    inStore("outbox", "readonly", (store) => store.getKey(key)).then((found) => found !== undefined, () => true);

  const sendStored = () => withLock(async () => {
    const busyUrls = new Set();
    let remaining = 0;
    for (const entry of await inStore("outbox", "readonly", (store) => store.getAll()).catch(() => [])) {
      if (!(await isStored(entry))) continue;
      const isOld = Date.now() - entry.kept_at > MAX_AGE_MS;
      const outcome = isOld ? "refused" : busyUrls.has(entry.url) ? "busy" : await post(entry);
      if (outcome === "busy") busyUrls.add(entry.url);
      if (outcome === "busy" || outcome === "failed") remaining += 1;
      else await inStore("outbox", "readwrite", (store) => store.delete(entry.key)).catch(() => undefined);
    }
    return remaining === 0;
  });

  // Sends each stored entry once. true: none remains. Within a script, one flush follows the other, however long it takes.
  // Calls during a flush share the next one.
  let lastFlush = Promise.resolve();
  let nextFlush = null;
  const flush = () => {
    const start = () => {
      nextFlush = null;
      return sendStored();
    };
    nextFlush ??= lastFlush.then(start, start);
    lastFlush = nextFlush;
    return nextFlush;
  };

  // Retries after RETRY_DELAYS_MS until `work` returns true. false: every retry failed.
  const retry = async (work) => {
    for (const delay of RETRY_DELAYS_MS) {
      await new Promise((resolve) => setTimeout(resolve, delay));
      if (await work()) return true;
    }
    return false;
  };

  // Continues after `send`, within the same event. An accepted entry is followed by the stored ones. Another entry is
  // retried; if that fails, the background sync, the next push or the next page sends it.
  const persistWithRetry = async (outcome, entry) => {
    if (outcome === "lost") await retry(async () => FINAL_OUTCOMES.includes(await post(entry)));
    else if (outcome !== "stored") await flush();
    else if (!(await retry(flush))) await self.registration?.sync?.register(NAME).catch(() => undefined);
  };

  return { send, drop, flush, retry, persistWithRetry, NAME };
})();

