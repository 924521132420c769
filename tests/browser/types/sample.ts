// Sample that uses every declaration of the page's script, for the type checker only.
import notifications, { NotificationsError, converted, subscribe, support, unsubscribe } from "./notifications.mjs";
import type { NotificationClickEvent, Registration, SubscribeOptions } from "./notifications.mjs";

const options: SubscribeOptions = {
  serviceWorker: "/worker.js", api: "https://api.example.com", registerUrl: "/my/push-subscription",
};

export const agree = async (registration: ServiceWorkerRegistration): Promise<string> => {
  const check = support();
  if (!check.supported) return check.reason;
  try {
    const subscription = await subscribe(options);
    await subscribe({ ...options, serviceWorker: registration, publicKey: "B...", type: "module", scope: "/" });
    return subscription ? subscription.endpoint : notifications.permission;
  } catch (error) {
    if (error instanceof NotificationsError) return `${error.code} ${error.reason ?? error.status ?? ""}`;
    throw error;
  }
};

export const leave = (): Promise<boolean> => unsubscribe().then(() => notifications.unsubscribe({ registerUrl: "/my/push-subscription" }));

export const bought = (): Promise<boolean> => converted(19.9, { url: "https://api.example.com/v1/receipts", token: "t" });

interface Order { order: number }
notifications.addEventListener<Order>("click", (event: NotificationClickEvent<Order>) => {
  event.preventDefault();
  const order: number | undefined = event.detail.data?.order;
  globalThis.notifications.onclick = ({ detail }) => console.log(order, detail.url, detail.action, detail.id, detail.title);
});

export const registration: Registration = { subscription: null, old_endpoint: "https://push.example/1" };

// ---- errors that the type checker must find

// @ts-expect-error: neither api nor publicKey
const withoutKey: SubscribeOptions = { serviceWorker: "/worker.js", registerUrl: "/r" };
// @ts-expect-error: no worker
const withoutWorker: SubscribeOptions = { api: "https://api.example.com", registerUrl: "/r" };
// @ts-expect-error: an amount, not a text
void converted("19.9");
// @ts-expect-error: it may be null
void subscribe(options).then((subscription) => subscription.endpoint);
// @ts-expect-error: read only
notifications.supported = true;
void withoutKey;
void withoutWorker;
