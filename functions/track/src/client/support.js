// Errors with a code, and what a browser lacks for web push. Part of a page's script.
"use strict";

self.notificationsSupport = (() => {
  // code: "unsupported", "not-configured", "service-unavailable", "worker-failed", "subscribe-failed",
  // "registration-failed" or "unsubscribe-failed". reason: of "unsupported". status: of an HTTP answer. cause: the
  // browser's own error.
  class NotificationsError extends Error {
    constructor(code, message, { cause, ...more } = {}) {
      super(message, { cause });
      this.name = "NotificationsError";
      Object.assign(this, { code, ...more });
    }
  }

  // Undefined where there is none; in some frames the question alone throws.
  const workers = () => { try { return navigator.serviceWorker; } catch { return undefined; } };

  const isApple = () => /iPhone|iPad|iPod/.test(navigator.userAgent)
    || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1); // an iPad says that it is a Mac

  const missing = () => {
    if (!self.isSecureContext) return "insecure-context"; // only https, and http on this machine
    const needs = { "no-service-worker": workers(), "no-push": self.PushManager, "no-notifications": self.Notification };
    const reason = Object.keys(needs).find((name) => !needs[name]) ?? null;
    return reason && isApple() && !navigator.standalone ? "ios-home-screen" : reason;
  };

  // {supported, reason}: "ios-home-screen" is cured by adding the site to the home screen.
  const support = () => {
    const reason = missing();
    return { supported: reason === null, reason };
  };

  const check = () => {
    const { supported, reason } = support();
    if (!supported) throw new NotificationsError("unsupported", `this browser cannot be notified: ${reason}`, { reason });
  };

  const permission = () => self.Notification?.permission ?? "unsupported";

  return { NotificationsError, support, check, permission, workers };
})();

