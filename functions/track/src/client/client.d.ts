// Types of client.mjs and client.js. Save it beside your sources under a module's name, such as notifications.d.mts.

/** Why a call failed. */
export type NotificationsErrorCode =
  | "unsupported" | "not-configured" | "service-unavailable" | "worker-failed" | "subscribe-failed"
  | "registration-failed" | "unsubscribe-failed";

/** What a browser lacks. `ios-home-screen`: the site must be added to the home screen first. */
export type UnsupportedReason =
  | "insecure-context" | "no-service-worker" | "no-push" | "no-notifications" | "ios-home-screen";

export class NotificationsError extends Error {
  readonly name: "NotificationsError";
  readonly code: NotificationsErrorCode;
  /** Of `unsupported`. */
  readonly reason?: UnsupportedReason;
  /** HTTP status that led to it, if one did. */
  readonly status?: number;
  /** The browser's own error, if there is one. */
  readonly cause?: unknown;
}

interface SubscribeBasics {
  /** URL of your service worker, or a registration of your own. */
  serviceWorker: string | URL | ServiceWorkerRegistration;
  /** Scope of the worker; its folder by default. */
  scope?: string;
  /** `module` for a worker that is an ES module. */
  type?: WorkerType;
  /** Route of your backend that takes a {@link Registration} by POST. */
  registerUrl: string | URL;
}

/** Where the public key comes from: the service, or you. */
export type SubscribeOptions = SubscribeBasics & (
  | { api: string | URL; publicKey?: string }
  | { api?: string | URL; publicKey: string }
);

export interface UnsubscribeOptions {
  /** By default as subscribe() had it. */
  registerUrl?: string | URL;
  /** By default as subscribe() had it. */
  scope?: string;
}

/** What your backend is sent. Without a `subscription`, the device at `old_endpoint` is to be removed. */
export interface Registration {
  subscription: PushSubscriptionJSON | null;
  old_endpoint: string | null;
}

export interface NotificationClick<Data = unknown> {
  /** Id of the notification; undefined of a push that could not be read. */
  id?: string;
  title: string;
  /** URL that the click leads to. */
  url: string;
  /** Name of the button; empty of a click on the notification itself. */
  action: string;
  /** `content.data`. */
  data?: Data;
}

/** `preventDefault()` keeps the page where it is: you lead to `detail.url` yourself. */
export type NotificationClickEvent<Data = unknown> = CustomEvent<NotificationClick<Data>>;

export interface ConversionReceipt {
  url: string | URL;
  token: string;
}

export interface Notifications {
  readonly supported: boolean;
  readonly permission: NotificationPermission | "unsupported";
  support(): { supported: true; reason: null } | { supported: false; reason: UnsupportedReason };
  /** null: the person said no. */
  subscribe(options: SubscribeOptions): Promise<PushSubscription | null>;
  /** false: there was no subscription. */
  unsubscribe(options?: UnsubscribeOptions): Promise<boolean>;
  /** false: nothing was clicked, or the service refuses it. `value` in euro. */
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
