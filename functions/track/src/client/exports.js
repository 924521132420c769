// The same as an ES module.
export default globalThis.notifications;
export const { subscribe, unsubscribe, converted, support, NotificationsError } = globalThis.notifications;
