// Storage of the scripts: the database "push-notifications-client" of your origin, with what waits to be sent in "outbox",
// and the settings of the page and the last click in "kept". First part of every script.
"use strict";

self.notificationsDatabase = (() => {
  const OPEN_MS = 2_500; // some browsers never answer, in private windows for example

  const open = () => new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("the database does not open")), OPEN_MS);
    const asked = indexedDB.open("push-notifications-client", 1); // may throw, which rejects
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("outbox", { keyPath: "key", autoIncrement: true });
      asked.result.createObjectStore("kept");
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
    asked.onblocked = () => reject(new Error("the database is blocked"));
  });

  // Runs `work` on a store and answers with the result of the request that it returns. Rejects where there is no database:
  // every caller must go on without it.
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

