// Clicks on notifications: events "click" of `notifications`. Part of a page's script.
"use strict";

self.notificationsClicks = (() => {
  const target = new EventTarget();
  let onclick = null;
  let listeners = 0;
  let pendingClick = null; // the last click that arrived before the first listener

  // Returns true if a listener claimed the click: the page navigates by itself.
  const dispatch = ({ id, title, url, action, data }) => {
    const event = new CustomEvent("click", { cancelable: true, detail: { id, title, url, action, data } });
    try { onclick?.call(target, event); } catch (error) { self.reportError?.(error); }
    target.dispatchEvent(event);
    return event.defaultPrevented;
  };

  const dispatchPending = () => {
    if (!pendingClick) return;
    const click = pendingClick;
    pendingClick = null;
    queueMicrotask(() => dispatch(click));
  };

  const { addEventListener } = target;
  target.addEventListener = (type, ...rest) => {
    addEventListener.call(target, type, ...rest);
    if (type !== "click") return;
    listeners += 1;
    dispatchPending();
  };
  Object.defineProperty(target, "onclick", {
    enumerable: true,
    get: () => onclick,
    set: (handler) => {
      onclick = typeof handler === "function" ? handler : null;
      if (onclick) dispatchPending();
    },
  });

  const replies = {
    "notifications-click": ({ click }) => {
      if (listeners > 0 || onclick) return { claimed: dispatch(click) };
      pendingClick = click;
      return { claimed: false };
    },
    "notifications-go": ({ click }) => {
      location.assign(click.url);
      return { goes: true };
    },
  };

  // Messages come from the service workers of this site only.
  const workers = notificationsSupport.workers();
  workers?.addEventListener("message", ({ data, ports }) => {
    const reply = replies[data?.type];
    if (reply) ports[0]?.postMessage(reply(data));
  });

  // A click may have opened this page. Its worker waits for this message, even if the page is outside its scope.
  const announceReady = async () => {
    for (const { active } of await workers.getRegistrations()) active?.postMessage({ type: "notifications-ready" });
  };
  if (workers) announceReady().catch(() => undefined);

  return target;
})();

