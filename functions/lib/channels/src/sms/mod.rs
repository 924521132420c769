//! SMS by SNS: as few parts as the text allows, sent at most once.

mod answer;
mod message;
pub mod parts;
mod provider;
mod wording;

pub use message::{DEFAULT_MAX_PARTS, SmsMessage, SmsRules, clamped};
pub use parts::{Encoding, SmsParts, parts};
pub use provider::{SenderId, SenderIdError, SmsClient};
