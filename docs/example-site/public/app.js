// A single-page app with notifications.
import notifications from "{api}/v1/client/client.mjs";

const element = (id) => document.getElementById(id);
const say = (text) => { element("state").textContent = text; };

// ---- pages of the app: the address changes, the document does not

const show = () => { element("page").textContent = `You are at ${location.pathname}${location.hash}`; };
const goTo = (url) => {
  history.pushState(null, "", url);
  show();
};
addEventListener("popstate", show);
document.querySelector("nav").addEventListener("click", (event) => {
  if (!event.target.href) return;
  event.preventDefault();
  goTo(event.target.href);
});
show();

// ---- notifications

const options = {
  serviceWorker: "/worker.js",
  api: "{api}",
  registerUrl: "/my/push-subscription",
};

const REASONS = {
  "ios-home-screen": "To be notified, add this site to your home screen: Share, then Add to Home Screen.",
  "insecure-context": "Notifications need https.",
};

const subscribe = async () => {
  try {
    const subscription = await notifications.subscribe(options);
    localStorage.notified = subscription ? "yes" : "";
    say(subscription ? "You will be notified." : "You said no. The browser's settings of this site take it back.");
  } catch (error) {
    if (!(error instanceof notifications.NotificationsError)) throw error;
    say(REASONS[error.reason] ?? `That did not work (${error.code}). Please try again later.`);
  }
};

const { supported, reason } = notifications.support();
element("subscribe").hidden = !supported;
if (!supported) say(REASONS[reason] ?? "This browser cannot notify you.");

element("subscribe").addEventListener("click", subscribe);
// At every visit of a person who has agreed: it renews the registration.
if (supported && notifications.permission === "granted" && localStorage.notified) subscribe();

// A click on a notification: this app has a router of its own, so the document stays.
notifications.addEventListener("click", (event) => {
  const { url, action, data } = event.detail;
  say(`Clicked${action ? ` ${action}` : ""}: ${JSON.stringify(data ?? null)}`);
  if (location.search.includes("router=own")) {
    event.preventDefault();
    goTo(url);
  }
});

element("send").addEventListener("click", () => fetch("/my/test-notification", { method: "POST" }));

// First unsubscribe, while the backend still has the session; then log out.
element("log-out").addEventListener("click", async () => {
  localStorage.notified = "";
  await notifications.unsubscribe().catch((error) => say(error.message));
  await fetch("/my/log-out", { method: "POST" });
  say("You are logged out, and this browser is not notified any more.");
});
