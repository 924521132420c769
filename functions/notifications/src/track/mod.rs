//! What becomes of a notification on the person's side: receipts, clicks, and the wish to hear no more.
//!
//! Nobody here has an account. A message carries signed, expiring [tokens](Permit), and each allows one thing.

mod api;
mod client;
mod links;
mod page;
mod receipt;
mod request;
mod token;

pub use api::TrackApi;
pub use links::{Links, MAX_BASE_BYTES, NotABaseUrl, PublicBaseUrl, ReceiptLink};
pub use receipt::{Effect, Event, Receipt};
pub use request::{MAX_VALUE_MICROS, ReceiptRequest};
pub use token::{Permit, TOKEN_CHARS, TokenError, TokenKeys};
