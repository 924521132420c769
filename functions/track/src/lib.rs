//! The function `track`: processes receipts, clicks, unsubscriptions, and the feedback of SES and SNS.
//!
//! Recipients have no account. A message carries signed, expiring [tokens](Permit), each of which allows one action.

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
