//! Recipients: ids and keys, addresses and devices, and preferences.

mod choices;
mod device_mark;
mod etag;
mod id;
mod imported_choices;
mod model;
mod person_choices;
mod preferences;
mod profile;
pub mod read_only;
pub mod registration;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
pub mod sample;
mod staleness;
mod suppression;
mod view;
mod zone;

pub use choices::{Choice, ChoiceAuthor, ChoiceScope, ChoiceView, Choices, CoveredWish};
pub use device_mark::DeviceMark;
pub use etag::{ProfileVersion, entity_tag};
pub use id::{KeyHasher, RecipientId, RecipientIdError, RecipientKey, base32};
pub use imported_choices::ImportedChoices;
pub use model::{Device, MAX_ATTRIBUTES_BYTES, MAX_DEVICES, Recipient};
pub use person_choices::PersonChoices;
pub use preferences::{ChosenQuietHours, Preferences, PreferencesView, StatedPreferences};
pub use profile::Profile;
pub use read_only::ReadOnly;
pub use registration::{Registration, is_use_due, registration};
pub use staleness::{DeviceAge, StaleReason};
pub use suppression::{Address, AddressHash, SuppressionReason};
pub use view::RecipientView;
pub use zone::{LocalZone, ZoneSource};
