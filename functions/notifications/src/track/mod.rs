//! What becomes of a notification on the person's side: receipts, clicks, the wish to hear no more, and what SES and SNS tell.
//!
//! Nobody here has an account. A message carries signed, expiring [tokens](Permit), and each allows one thing.

mod api;
mod client;
mod contract;
mod feedback;
mod hearing;
mod links;
mod mail_event;
mod noting;
mod page;
mod request;
mod sms_log;
mod token;

pub use api::TrackApi;
pub use contract::CONTRACT;
pub use feedback::{Feedback, Said};
pub use hearing::{Heard, Hearing};
pub use links::{Links, NotABaseUrl, PublicBaseUrl, PushLinks, with_token};
pub use mail_event::{MailEvent, MailReport};
pub use request::{MAX_VALUE_MICROS, ReceiptRequest};
pub use sms_log::{SmsLog, SmsReport};
pub use token::{Permit, TOKEN_CHARS, TokenError, TokenKeys};
