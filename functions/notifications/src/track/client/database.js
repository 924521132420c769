// What the scripts must remember, in the database "notifications" of your origin: in "receipts" those that wait for the
// network, in "kept" the settings of the page and the receipt of the last click. Stands before both scripts.
"use strict";

self.notificationsDatabase = (() => {
  const open = () => new Promise((resolve, reject) => {
    const asked = indexedDB.open("notifications", 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("receipts", { autoIncrement: true });
      asked.result.createObjectStore("kept");
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });

  // Runs `work` on a store and answers with the result of the request that it returns.
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

