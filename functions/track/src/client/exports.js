// Exports of the ES module.
export default globalThis.notifications;
export const { subscribe, unsubscribe, converted, support, NotificationsError } = globalThis.notifications;
