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
  "ios-home-screen": "For notifications, add this site to your home screen: Share, then Add to Home Screen.",
  "insecure-context": "Notifications require https.",
};

const subscribe = async () => {
  try {
    const subscription = await notifications.subscribe(options);
    localStorage.notified = subscription ? "yes" : "";
    say(subscription ? "Notifications are on." : "Notifications stay off. You can allow them in the browser's site settings.");
  } catch (error) {
    if (!(error instanceof notifications.NotificationsError)) throw error;
    say(REASONS[error.reason] ?? `Notifications could not be switched on (${error.code}). Try again later.`);
  }
};

const { supported, reason } = notifications.support();
element("subscribe").hidden = !supported;
if (!supported) say(REASONS[reason] ?? "This browser does not support notifications.");

element("subscribe").addEventListener("click", subscribe);
// Renews the registration at every visit of a person who has agreed.
if (supported && notifications.permission === "granted" && localStorage.notified) subscribe();

// A click on a notification. With its own router, the app navigates without a new document.
notifications.addEventListener("click", (event) => {
  const { url, action, data } = event.detail;
  say(`Clicked${action ? ` ${action}` : ""}: ${JSON.stringify(data ?? null)}`);
  if (location.search.includes("router=own")) {
    event.preventDefault();
    goTo(url);
  }
});

element("send").addEventListener("click", () => fetch("/my/test-notification", { method: "POST" }));

// Unsubscribes first, while the backend still has the session, then logs out.
element("log-out").addEventListener("click", async () => {
  localStorage.notified = "";
  await notifications.unsubscribe().catch((error) => say(error.message));
  await fetch("/my/log-out", { method: "POST" });
  say("You are logged out. Notifications are off in this browser.");
});
