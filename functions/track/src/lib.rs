//! The function `track`: processes receipts, clicks, unsubscriptions, and the feedback of SES and SNS.
//!
//! Recipients have no account. A message carries signed, expiring [tokens](Permit), each of which allows one action.

mod api;
mod client;
pub mod config;
mod contract;
mod feedback;
mod feedback_processor;
pub mod handler;
mod mail_event;
mod page;
mod page_texts;
mod preference_form;
mod preference_page;
mod preference_routes;
mod receipt_merge;
mod request;
mod sms_log;

pub use api::TrackApi;
pub use contract::CONTRACT;
pub use feedback::{Feedback, FeedbackKind};
pub use feedback_processor::{FeedbackProcessor, FeedbackSummary};
pub use mail_event::{MailEvent, MailReport};
pub use request::{MAX_VALUE_MICROS, ReceiptRequest};
pub use sms_log::{SmsLog, SmsReport};
