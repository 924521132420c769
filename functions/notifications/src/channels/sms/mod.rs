//! SMS by SNS: as few parts as the text allows, sent at most once.

mod answer;
mod countries;
mod message;
mod mobiles;
mod parts;
mod phone;
mod provider;
mod wording;

pub use countries::has_calling_code;
pub use message::{DEFAULT_MAX_PARTS, SmsMessage, SmsRules, clamped};
pub use mobiles::NotMobile;
pub use parts::{Encoding, SmsParts, parts};
pub use phone::{MobileNumberError, PhoneNumber, PhoneNumberError};
pub use provider::{SenderId, SenderIdError, SmsClient};
