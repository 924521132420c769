//! What becomes of a notification on the person's side: receipts, clicks, the wish to hear no more, and what SES and SNS tell.
//!
//! Nobody here has an account. A message carries signed, expiring [tokens](Permit), and each allows one thing.

mod api;
mod client;
pub mod config;
mod contract;
mod feedback;
pub mod handler;
mod hearing;
mod mail_event;
mod noting;
mod page;
mod request;
mod sms_log;

pub use api::TrackApi;
pub use contract::CONTRACT;
pub use feedback::{Feedback, Said};
pub use hearing::{Heard, Hearing};
pub use mail_event::{MailEvent, MailReport};
pub use request::{MAX_VALUE_MICROS, ReceiptRequest};
pub use sms_log::{SmsLog, SmsReport};
