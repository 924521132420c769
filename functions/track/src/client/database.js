// Storage of the scripts: the database "push-notifications-client" of your origin. Its store "outbox" has entries to be
// sent. Its store "kept" has the page's settings and the last click. First part of every script.
"use strict";

self.notificationsDatabase = (() => {
  const OPEN_TIMEOUT_MS = 2_500; // some browsers never respond, for example in private windows

  const open = () => new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("the database did not open in time")), OPEN_TIMEOUT_MS);
    const request = indexedDB.open("push-notifications-client", 1); // an exception rejects the promise
    request.onupgradeneeded = () => {
      request.result.createObjectStore("outbox", { keyPath: "key", autoIncrement: true });
      request.result.createObjectStore("kept");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("the database is blocked"));
  });

  // Runs `work` on a store and resolves to the result of the request that `work` returns. Rejects if there is no
  // database: every caller must continue without it.
  return async (store, mode, work) => {
    const database = await open();
    try {
      return await new Promise((resolve, reject) => {
        const transaction = database.transaction(store, mode);
        const request = work(transaction.objectStore(store));
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = transaction.onerror = () => reject(transaction.error);
      });
    } finally {
      database.close();
    }
  };
})();

