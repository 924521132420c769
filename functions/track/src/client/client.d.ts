// Types of client.mjs and client.js. Save this file beside your sources under a module's name, such as notifications.d.mts.

/** Cause of a failed call. */
export type NotificationsErrorCode =
  | "unsupported" | "not-configured" | "service-unavailable" | "worker-failed" | "subscribe-failed"
  | "registration-failed" | "unsubscribe-failed";

/** Missing feature of a browser. `ios-home-screen`: the person must add the site to the home screen first. */
export type UnsupportedReason =
  | "insecure-context" | "no-service-worker" | "no-push" | "no-notifications" | "ios-home-screen";

export class NotificationsError extends Error {
  readonly name: "NotificationsError";
  readonly code: NotificationsErrorCode;
  /** Set for the code `unsupported`. */
  readonly reason?: UnsupportedReason;
  /** HTTP status that caused the error, if there is one. */
  readonly status?: number;
  /** The browser's own error, if there is one. */
  readonly cause?: unknown;
}

interface SubscribeBasics {
  /** URL of your service worker, or your own registration of it. */
  serviceWorker: string | URL | ServiceWorkerRegistration;
  /** Scope of the worker. Default: its folder. */
  scope?: string;
  /** `module` for a worker that is an ES module. */
  type?: WorkerType;
  /** Route of your backend that accepts a {@link Registration} by POST. */
  registerUrl: string | URL;
}

/** Options of subscribe(). The public key is `publicKey`, or is read from `api`. */
export type SubscribeOptions = SubscribeBasics & (
  | { api: string | URL; publicKey?: string }
  | { api?: string | URL; publicKey: string }
);

export interface UnsubscribeOptions {
  /** Default: the value given to subscribe(). */
  registerUrl?: string | URL;
  /** Default: the value given to subscribe(). */
  scope?: string;
}

/** Request body for your backend. If `subscription` is null, remove the device at `old_endpoint`. */
export interface Registration {
  subscription: PushSubscriptionJSON | null;
  old_endpoint: string | null;
}

export interface NotificationClick<Data = unknown> {
  /** Id of the notification; undefined for a push that could not be parsed. */
  id?: string;
  title: string;
  /** Target of the click. */
  url: string;
  /** Name of the button; empty for a click on the notification itself. */
  action: string;
  /** `content.data`. */
  data?: Data;
}

/** Event of a click. After `preventDefault()`, the page is not navigated: navigate to `detail.url` yourself. */
export type NotificationClickEvent<Data = unknown> = CustomEvent<NotificationClick<Data>>;

export interface ConversionReceipt {
  url: string | URL;
  token: string;
}

export interface Notifications {
  readonly supported: boolean;
  readonly permission: NotificationPermission | "unsupported";
  support(): { supported: true; reason: null } | { supported: false; reason: UnsupportedReason };
  /** Resolves to null if the person refuses. */
  subscribe(options: SubscribeOptions): Promise<PushSubscription | null>;
  /** Resolves to false if there was no subscription. */
  unsubscribe(options?: UnsubscribeOptions): Promise<boolean>;
  /** Resolves to false if nothing was clicked, or if the service refuses the report. `value` is in euro. */
  converted(value?: number | null, given?: ConversionReceipt): Promise<boolean>;
  onclick: ((event: NotificationClickEvent<any>) => void) | null;
  addEventListener<Data = unknown>(
    type: "click", listener: (event: NotificationClickEvent<Data>) => void, options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Data = unknown>(
    type: "click", listener: (event: NotificationClickEvent<Data>) => void, options?: boolean | EventListenerOptions,
  ): void;
  readonly NotificationsError: typeof NotificationsError;
}

export const subscribe: Notifications["subscribe"];
export const unsubscribe: Notifications["unsubscribe"];
export const converted: Notifications["converted"];
export const support: Notifications["support"];

declare const notifications: Notifications;
export default notifications;

declare global {
  /** Set by both forms of the script. */
  var notifications: Notifications;
}
