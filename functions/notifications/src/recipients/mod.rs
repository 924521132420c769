//! The people: ids and keys, how each can be reached, and what they said they want.

mod api;
mod certificate;
mod device_mark;
mod id;
mod preferences;
mod profile;
mod recipient;
mod registration;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub mod sample;
mod staleness;
mod suppression;
mod view;

#[cfg(test)]
pub use api::ERASING;
pub use api::RecipientsApi;
pub use certificate::Certificate;
pub use device_mark::DeviceMark;
pub use id::{InvalidRecipientId, KeyHasher, RecipientId, RecipientKey, base32};
pub use preferences::{Preferences, QuietHours};
pub use profile::Profile;
pub use recipient::{Device, MAX_ATTRIBUTES_BYTES, MAX_DEVICES, Recipient};
pub use registration::{Registration, is_use_due, registration};
pub use staleness::{DeviceAge, Stale};
pub use suppression::{Address, AddressHash, SuppressionReason};
pub use view::RecipientView;
