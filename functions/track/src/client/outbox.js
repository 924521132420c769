// Delivery of what has to reach a server although the network, or the server, is away: receipts, and changes of the
// subscription. Part of every script, so that a page sends what its worker could not. Repeating does no harm: the service
// counts nothing twice. No function here rejects.
"use strict";

self.notificationsOutbox = (() => {
  const LENGTH = 50; // then the oldest are given up
  const KEPT_MS = 7 * 24 * 3_600_000;
  const WAITS_MS = [1_000, 3_000, 9_000]; // until the next try, while the event lasts that made it
  const ANSWER_MS = 10_000;
  const LOCK_MS = 1_000;
  const NAME = "push-notifications-outbox"; // of the lock, and of the browser's background sync
  const BUSY = [429, 502, 503, 504];
  const OVER = ["taken", "refused"];

  const on = notificationsDatabase;

  // text/plain needs no preflight, so a receipt is one request. A subscription goes to your backend, as from your page.
  const asRequest = ({ kind, body }) => {
    const isReceipt = kind === "receipt";
    return {
      method: "POST", body: JSON.stringify(body), keepalive: true, signal: AbortSignal.timeout?.(ANSWER_MS),
      credentials: isReceipt ? "omit" : "include",
      headers: { "Content-Type": isReceipt ? "text/plain" : "application/json" },
    };
  };

  // "taken"; "refused": for ever; "failed": this one may be taken later; "busy": so may all that go there.
  const post = async (entry) => {
    try {
      const { ok, status } = await fetch(entry.url, asRequest(entry));
      if (ok) return "taken";
      if (BUSY.includes(status)) return "busy";
      return status < 500 && entry.kind === "receipt" ? "refused" : "failed"; // a backend may ask to log in first
    } catch {
      return "busy";
    }
  };

  const keep = (entry) => on("outbox", "readwrite", (store) => {
    const added = store.add({ ...entry, kept_at: Date.now() });
    store.getAllKeys().onsuccess = ({ target }) => target.result.slice(0, -LENGTH).forEach((key) => store.delete(key));
    return added;
  });

  // Sends now, or keeps it for later. "taken", "refused", "kept", or "lost" without a database.
  const send = async (entry) => {
    const outcome = await post(entry);
    return OVER.includes(outcome) ? outcome : keep(entry).then(() => "kept", () => "lost");
  };

  // Runs `work` while nothing else of the site sends. A page that the browser has frozen keeps its place in the queue of the
  // lock for ever, so after LOCK_MS the work is done without it: sending twice does no harm.
  const alone = (work) => {
    if (!navigator.locks) return work();
    return navigator.locks.request(NAME, { signal: AbortSignal.timeout?.(LOCK_MS) }, work).catch(work);
  };

  // Removes what waits of a kind.
  const drop = (kind) => on("outbox", "readwrite", (store) => {
    const asked = store.getAll();
    asked.onsuccess = () => asked.result.filter((one) => one.kind === kind).forEach(({ key }) => store.delete(key));
    return asked;
  }).catch(() => undefined);

  // Sends what waits, once. true: nothing waits any more.
  const flush = () => alone(async () => {
    const away = new Set();
    let left = 0;
    for (const entry of await on("outbox", "readonly", (store) => store.getAll()).catch(() => [])) {
      const isOld = Date.now() - entry.kept_at > KEPT_MS;
      const outcome = isOld ? "refused" : away.has(entry.url) ? "busy" : await post(entry);
      if (outcome === "busy") away.add(entry.url);
      if (outcome === "busy" || outcome === "failed") left += 1;
      else await on("outbox", "readwrite", (store) => store.delete(entry.key)).catch(() => undefined);
    }
    return left === 0;
  });

  // Tries again, and again, until `work` answers true. false: it never did.
  const patiently = async (work) => {
    for (const wait of WAITS_MS) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      if (await work()) return true;
    }
    return false;
  };

  // After `send`, while the event lasts: sends what waits, or tries again what was not taken, which is then left to the
  // background sync, the next push and the next page.
  const insist = async (outcome, entry) => {
    if (outcome === "lost") await patiently(async () => OVER.includes(await post(entry)));
    else if (outcome !== "kept") await flush();
    else if (!(await patiently(flush))) await self.registration?.sync?.register(NAME).catch(() => undefined);
  };

  return { send, drop, flush, patiently, insist, NAME };
})();

