// Clicks on notifications, as the page hears of them: events "click" of `notifications`. Part of a page's script.
"use strict";

self.notificationsClicks = (() => {
  const target = new EventTarget();
  let onclick = null;
  let heardBy = 0;
  let waiting = null; // the last click that came before anybody listened

  // true: the page leads to it by itself.
  const hear = ({ id, title, url, action, data }) => {
    const event = new CustomEvent("click", { cancelable: true, detail: { id, title, url, action, data } });
    try { onclick?.call(target, event); } catch (error) { self.reportError?.(error); }
    target.dispatchEvent(event);
    return event.defaultPrevented;
  };

  const listening = () => {
    if (!waiting) return;
    const click = waiting;
    waiting = null;
    queueMicrotask(() => hear(click));
  };

  const { addEventListener } = target;
  target.addEventListener = (type, ...rest) => {
    addEventListener.call(target, type, ...rest);
    if (type !== "click") return;
    heardBy += 1;
    listening();
  };
  Object.defineProperty(target, "onclick", {
    enumerable: true,
    get: () => onclick,
    set: (handler) => {
      onclick = typeof handler === "function" ? handler : null;
      if (onclick) listening();
    },
  });

  const answer = {
    "notifications-click": ({ click }) => {
      if (heardBy > 0 || onclick) return { claimed: hear(click) };
      waiting = click;
      return { claimed: false };
    },
    "notifications-go": ({ click }) => {
      location.assign(click.url);
      return { goes: true };
    },
  };

  // From the service worker of this site and from nobody else.
  const workers = notificationsSupport.workers();
  workers?.addEventListener("message", ({ data, ports }) => {
    const reply = answer[data?.type];
    if (reply) ports[0]?.postMessage(reply(data));
  });

  // A click may have opened this page: its worker waits for this word. Also of workers whose scope is elsewhere.
  const greet = async () => {
    for (const { active } of await workers.getRegistrations()) active?.postMessage({ type: "notifications-ready" });
  };
  if (workers) greet().catch(() => undefined);

  return target;
})();

