self.notificationsNeutral = { title: "Shop", body: "There is something new." };
importScripts("{api}/v1/client/worker.js");
