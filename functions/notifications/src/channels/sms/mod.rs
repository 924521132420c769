//! SMS by SNS: as few parts as the text allows, sent at most once.

mod answer;
mod countries;
mod message;
mod parts;
mod phone;
mod provider;

pub use message::{DEFAULT_MAX_PARTS, SmsMessage};
pub use parts::{Encoding, SmsParts, parts};
pub use phone::{PhoneNumber, PhoneNumberError};
pub use provider::{SenderId, SenderIdError, SmsClient};
