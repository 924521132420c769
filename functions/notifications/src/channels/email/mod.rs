//! E-mail by SES: one real MIME message for each notification, sent at most once.

mod address;
mod answer;
mod html;
mod message;
mod provider;

pub use address::{EmailAddress, EmailAddressError};
pub use html::escaped;
pub use message::{EmailMessage, MAX_SUBJECT_CHARS};
pub use provider::{EmailClient, NOTIFICATION_TAG};
