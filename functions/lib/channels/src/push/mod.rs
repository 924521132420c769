//! Web push (RFC 8030, 8291, 8292): free, and the first thing tried.
//!
//! Endpoints and keys come from outside and are hostile until their own types have parsed them ([`PushEndpoint`],
//! [`SubscriptionKeys`]); only then does `web-push` see them. It signs and names the headers, our `ece` seals, and the
//! provider's answer is read here, because the crate loses `Retry-After` and three of the statuses that matter.

mod answer;
mod connect;
mod message;
mod provider;
mod receipt_link;
mod request;
mod vapid;

pub use answer::outcome;
pub use connect::{ExtraClient, PublicClient, extra_client, public_client};
pub use message::{MAX_PAYLOAD_BYTES, MAX_TTL_SECONDS, PayloadProblem, PushContent, PushMessage};
pub use provider::{PUSH_SERVICES, PushClient};
pub use receipt_link::{MAX_BASE_BYTES, RECEIPT_TOKEN_CHARS, ReceiptLink};
pub use request::{SealError, sealed_request};
pub use vapid::{VapidCache, VapidKey, VapidProblem, VapidSubject};

#[cfg(test)]
mod tests;
