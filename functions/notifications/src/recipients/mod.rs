//! The people: ids and keys, how each can be reached, and what they said they want.

mod api;
mod certificate;
mod device_mark;
#[cfg(test)]
mod device_tests;
mod etag;
mod id;
mod merge_patch;
mod preferences;
mod profile;
mod profile_routes;
mod read_only;
mod recipient;
mod registration;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub mod sample;
mod staleness;
mod suppression;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;
mod view;

pub use api::RecipientsApi;
pub use certificate::Certificate;
pub use device_mark::DeviceMark;
pub use etag::{ProfileVersion, entity_tag};
pub use id::{InvalidRecipientId, KeyHasher, RecipientId, RecipientKey, base32};
pub use merge_patch::ProfilePatch;
pub use preferences::{Preferences, QuietHours};
pub use profile::Profile;
pub use read_only::ReadOnly;
pub use recipient::{Device, MAX_ATTRIBUTES_BYTES, MAX_DEVICES, Recipient};
pub use registration::{Registration, is_use_due, registration};
pub use staleness::{DeviceAge, Stale};
pub use suppression::{Address, AddressHash, SuppressionReason};
pub use view::RecipientView;
