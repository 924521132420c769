// Opens the page of a click. If there is a window in the worker's scope, it is brought to the front and navigated to the
// click's URL. Otherwise a new window is opened. The page's script receives the click. Part of the worker's script.
"use strict";

self.notificationsWindows = (() => {
  const RESPONSE_TIMEOUT_MS = 300; // time to claim a click; a browser allows openWindow for about a second after a click
  const FOCUS_TIMEOUT_MS = 500;
  const LOAD_TIMEOUT_MS = 60_000; // time for an opened page to request its click

  let loading = []; // clicks whose page is loading: {click, client (a promise), at}

  const withTimeout = (ms, promise) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, ms, null))]);
  const orNull = async (work) => { try { return await work(); } catch { return null; } };

  // `Client.url` is the URL with which a page was loaded, not the one it shows now. So it does not identify a window.
  const windowFor = async ({ url }) => {
    if (new URL(url).origin !== self.location.origin) return null;
    const all = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const windows = all.filter((one) => one.frameType !== "nested");
    // The most recently used is first. A window outside the scope shows another part of the site, and is not navigated.
    return windows.find((one) => one.url.startsWith(self.registration.scope)) || null;
  };

  // Passes a message to a page and returns the reply. null: the page does not have client.js. {claimed: true}: the page
  // navigates by itself.
  const request = (client, message) => withTimeout(RESPONSE_TIMEOUT_MS, new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    client.postMessage(message, [port2]);
  }));

  const trackLoading = (click, client) => {
    const now = Date.now();
    loading = [...loading.filter(({ at }) => now - at < LOAD_TIMEOUT_MS), { click, client, at: now }];
    return client;
  };

  const open = async (click) => {
    const client = orNull(() => self.clients.openWindow(click.url));
    await trackLoading(click, client);
  };

  const navigate = async (window, click) => {
    const reply = await orNull(() => request(window, { type: "notifications-click", click }));
    if (reply?.claimed || click.stays) return;
    const navigated = orNull(async () => (await window.navigate(click.url)) || window);
    trackLoading(click, navigated);
    if (await navigated) return;
    // A worker may navigate the pages that it controls only. So the page is asked to navigate itself.
    const goes = reply && (await orNull(() => request(window, { type: "notifications-go", click })));
    if (!goes) await open(click);
  };

  // Shows the page of a click, {url, stays, ...}. `stays`: an open page is not navigated.
  const show = async (click) => {
    const found = await orNull(() => windowFor(click));
    const focused = found && (await withTimeout(FOCUS_TIMEOUT_MS, orNull(() => found.focus())));
    await (focused ? navigate(found, click) : open(click));
  };

  // Passes a click to a page that has loaded its script, if the page was opened for that click.
  const deliverToNewPage = async (source) => {
    for (const one of [...loading]) {
      const client = await one.client;
      const isTarget = client ? client.id === source.id : one.click.url === source.url;
      if (!isTarget || !loading.includes(one)) continue;
      loading = loading.filter((other) => other !== one);
      await orNull(() => request(source, { type: "notifications-click", click: one.click, isLate: true }));
    }
  };

  self.addEventListener("message", (event) => {
    if (event.data?.type === "notifications-ready" && event.source) event.waitUntil(deliverToNewPage(event.source));
  });

  return { show };
})();

