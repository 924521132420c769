//! The people: ids and keys, how each can be reached, and what they said they want.

mod id;
mod preferences;
mod recipient;

pub use id::{InvalidRecipientId, KeyHasher, RecipientId, RecipientKey, base32};
pub use preferences::{Preferences, QuietHours};
pub use recipient::{Device, MAX_ATTRIBUTES_BYTES, MAX_DEVICES, Recipient};
