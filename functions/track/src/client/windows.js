// The way from a click to the page: finds a window of the site, brings it to the front and leads it to the click's URL, or
// opens a new one, and hands the click to the page's script. Part of the worker's script.
"use strict";

self.notificationsWindows = (() => {
  const ANSWER_MS = 300; // for a page that may claim a click; browsers let a click open windows for a second only
  const FOCUS_MS = 500;
  const LOAD_MS = 60_000; // until a page that was opened has asked for its click

  let opening = []; // clicks whose page is loading: {click, client (a promise), at}

  const soon = (ms, promise) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, ms, null))]);
  const orNull = async (work) => { try { return await work(); } catch { return null; } };

  // `Client.url` is the URL that a page was loaded with, not what it shows: so windows are not told apart by it.
  const windowFor = async ({ url }) => {
    if (new URL(url).origin !== self.location.origin) return null;
    const all = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const windows = all.filter((one) => one.frameType !== "nested");
    const { scope } = self.registration;
    return windows.find((one) => one.url.startsWith(scope)) || windows[0] || null; // the last one used comes first
  };

  // Gives the click to a page. null: no script of ours is there. {claimed: true}: the page leads to it by itself.
  const ask = (client, message) => soon(ANSWER_MS, new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    client.postMessage(message, [port2]);
  }));

  const loads = (click, client) => {
    const now = Date.now();
    opening = [...opening.filter(({ at }) => now - at < LOAD_MS), { click, client, at: now }];
    return client;
  };

  const open = async (click) => {
    const client = orNull(() => self.clients.openWindow(click.url));
    await loads(click, client);
  };

  const lead = async (window, click) => {
    const answer = await orNull(() => ask(window, { type: "notifications-click", click }));
    if (answer?.claimed || click.stays) return;
    const moved = orNull(async () => (await window.navigate(click.url)) || window);
    loads(click, moved);
    if (await moved) return;
    // Browsers let a worker navigate its own pages only: the page does it, if it can.
    const goes = answer && (await orNull(() => ask(window, { type: "notifications-go", click })));
    if (!goes) await open(click);
  };

  // Shows the page of a click, {url, stays, ...}: `stays` leaves an open page where it is.
  const show = async (click) => {
    const found = await orNull(() => windowFor(click));
    const focused = found && (await soon(FOCUS_MS, orNull(() => found.focus())));
    await (focused ? lead(found, click) : open(click));
  };

  // A page's script has loaded: is a click meant for it?
  const greet = async (source) => {
    for (const one of [...opening]) {
      const client = await one.client;
      const isMeant = client ? client.id === source.id : one.click.url === source.url;
      if (!isMeant || !opening.includes(one)) continue;
      opening = opening.filter((other) => other !== one);
      await orNull(() => ask(source, { type: "notifications-click", click: one.click, isLate: true }));
    }
  };

  self.addEventListener("message", (event) => {
    if (event.data?.type === "notifications-ready" && event.source) event.waitUntil(greet(event.source));
  });

  return { show };
})();

