//! E-mail by SES: one MIME message for each notification, sent at most once.

mod answer;
mod header;
mod html;
mod message;
mod provider;
mod sender;

pub use html::escaped;
pub use message::{EmailMessage, MAX_SUBJECT_CHARS};
pub use provider::{EmailClient, NOTIFICATION_TAG};
pub use sender::{Sender, SenderAddressError, SenderName, SenderNameError};
