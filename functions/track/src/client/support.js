// Errors with a code, and the check for browser support of web push. Part of a page's script.
"use strict";

self.notificationsSupport = (() => {
  // code: "unsupported", "not-configured", "service-unavailable", "worker-failed", "subscribe-failed",
  // "registration-failed" or "unsubscribe-failed". reason: for "unsupported". status: of the HTTP response, if there was
  // one. cause: the browser's own error, if there was one.
  class NotificationsError extends Error {
    constructor(code, message, { cause, ...more } = {}) {
      super(message, { cause });
      this.name = "NotificationsError";
      Object.assign(this, { code, ...more });
    }
  }

  // Undefined if the browser has none. In some frames, reading the property throws.
  const workers = () => { try { return navigator.serviceWorker; } catch { return undefined; } };

  const isApple = () => /iPhone|iPad|iPod/.test(navigator.userAgent)
    || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1); // an iPad identifies itself as a Mac

  const missing = () => {
    if (!self.isSecureContext) return "insecure-context"; // secure: https, and http on localhost
    const needs = { "no-service-worker": workers(), "no-push": self.PushManager, "no-notifications": self.Notification };
    const reason = Object.keys(needs).find((name) => !needs[name]) ?? null;
    return reason && isApple() && !navigator.standalone ? "ios-home-screen" : reason;
  };

  // Returns {supported, reason}. "ios-home-screen": the person must add the site to the home screen.
  const support = () => {
    const reason = missing();
    return { supported: reason === null, reason };
  };

  const check = () => {
    const { supported, reason } = support();
    if (!supported) throw new NotificationsError("unsupported", `the browser does not support web push: ${reason}`, { reason });
  };

  const permission = () => self.Notification?.permission ?? "unsupported";

  return { NotificationsError, support, check, permission, workers };
})();

