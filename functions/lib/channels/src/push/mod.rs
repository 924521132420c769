//! Web push (RFC 8030, 8291, 8292), which is free and tried first.
//!
//! Endpoints and keys come from outside and may be hostile. `web-push` receives them only after their own types have
//! parsed them ([`PushEndpoint`], [`SubscriptionKeys`]). `web-push` signs and names the headers, and the crate `ece`
//! of this workspace encrypts. The provider's answer is read here, because `web-push` loses `Retry-After` and three
//! of the relevant statuses.

mod answer;
mod connect;
mod message;
mod provider;
mod receipt_link;
mod request;
mod vapid;

pub use answer::outcome;
pub use connect::{ExtraClient, PublicClient, extra_client, public_client};
pub use message::{MAX_PAYLOAD_BYTES, PayloadError, PushContent, PushMessage};
pub use provider::{PUSH_SERVICES, PushClient};
pub use receipt_link::{MAX_BASE_BYTES, RECEIPT_TOKEN_CHARS, ReceiptLink};
pub use request::{SealError, sealed_request};
pub use vapid::{VapidCache, VapidError, VapidKey, VapidSubject};

#[cfg(test)]
mod tests;
