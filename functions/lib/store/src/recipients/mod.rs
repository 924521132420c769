//! The recipients table: one item for each recipient, with the profile and its devices. A Scan of the table reads
//! people and nothing else.
//!
//! Items beside the profile are in the control table: owners of endpoints, suppressed addresses, claims of the
//! frequency caps, and counts of SMS. For each endpoint, an owner item under the endpoint's keyed hash names the
//! recipient. One transaction writes or deletes a device together with its owner item, so neither exists alone.
//!
//! | call | reads (GetItem) | writes (DynamoDB's units for items up to 1 KB; a transaction costs double) |
//! |---|---|---|
//! | load; with the claims of the caps | 1; 2 | |
//! | put a profile | 1, and 1 for each address, for its suppression | 1 |
//! | register a known device | 1 | 0; 1 at most once a day or when its keys changed |
//! | register a new device | 2 | 4: profile, owner |
//! | move a device here | 3 | 6: the same and the other recipient's profile |
//! | register in the place of an old device | 2 | 2 more: the old device's owner |
//! | remove a device | | 4: profile, owner |
//! | record a receipt from a device | 1 | 0; 1 at most once a day |
//! | unsubscribe from a type, or subscribe again | | 1 |
//! | put preferences | 1 | 1 |
//! | claim a slot of the frequency caps, or give it back | | 1 |

mod caps;
mod device_change;
mod device_scan;
mod devices;
mod erase_items;
mod items;
mod opt_out;
mod people_scan;
#[cfg(test)]
mod registration_tests;
mod sms_count;
mod suppressions;
#[cfg(test)]
mod units_tests;
mod write_if;

pub use caps::CapClaimResult;
pub use device_scan::{DevicePage, ScanPosition, ScannedDevice};
pub use devices::RegistrationResult;
pub(super) use erase_items::{ControlItems, ProfileDeletion};
pub use opt_out::{OptOutResult, Unsubscription};
pub use people_scan::PeoplePage;
pub use sms_count::UsedCount;
pub use suppressions::{StoredSuppression, SuppressionsStore};
pub use write_if::WriteIf;

use std::collections::BTreeSet;

use aws::DynamoClient;
use jiff::Timestamp;

use super::{Item, ItemWriter, StoreError};
use crate::direct::GetItem;
use domain::channel::Channel;
use domain::recipient::{Profile, Recipient, RecipientId, RecipientKey};
use items::PROFILE;

/// Store of the recipients table, and of what the control table keeps about recipients.
#[derive(Debug, Clone)]
pub struct RecipientsStore {
    client: DynamoClient,
    table: String,
    control: String,
}

impl RecipientsStore {
    /// Creates a store for the table of recipients and the table `control`.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>, control: impl Into<String>) -> Self {
        Self { client, table: table.into(), control: control.into() }
    }

    /// Returns a recipient with all devices, by one GetItem. Returns `None` without a profile.
    ///
    /// The read is consistent, also for sending. It costs half a read unit more, a tenth of the price of one write.
    /// Without it, a caller that registers a recipient and sends at once could receive a final "unknown recipient".
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the item is malformed.
    pub async fn load(&self, key: &RecipientKey) -> Result<Option<Recipient>, StoreError> {
        self.load_with(key, true).await
    }

    /// Does the same as [`load`](Self::load) and reads the claims of the frequency caps at the same time.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_with_caps(&self, key: &RecipientKey) -> Result<Option<Recipient>, StoreError> {
        let (recipient, caps) = tokio::try_join!(self.load(key), self.caps(key))?;
        Ok(recipient.map(|recipient| Recipient { caps, ..recipient }))
    }

    /// Does the same as [`load`](Self::load) at half the price, for a write that repeats its check.
    async fn load_inconsistently(&self, key: &RecipientKey) -> Result<Option<Recipient>, StoreError> {
        self.load_with(key, false).await
    }

    async fn load_with(&self, key: &RecipientKey, is_consistent: bool) -> Result<Option<Recipient>, StoreError> {
        let get = GetItem::new(&self.table, item_key(key.as_str(), PROFILE));
        let get = if is_consistent { get.consistent() } else { get };
        let answer = get.answer(&self.client).await?;
        Ok(answer.item()?.map(|item| items::recipient(key, &item)).transpose()?)
    }

    /// Replaces a recipient's profile in one write without a read, if the condition holds. Devices do not change.
    /// `suppressed` are the channels on which the profile's addresses are suppressed.
    /// Returns the stored recipient; `revision` 1 means new. Returns `None` if the condition does not hold.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn put_profile_if(
        &self,
        id: &RecipientId,
        key: &RecipientKey,
        profile: &Profile,
        suppressed: &BTreeSet<Channel>,
        write_if: WriteIf,
        now: Timestamp,
    ) -> Result<Option<Recipient>, StoreError> {
        let mut change = items::profile_update(id, profile, suppressed, now);
        change.values.extend(write_if.values());
        let is_ours = |stored: &Recipient| stored.updated_at == now && Profile::of(stored) == *profile;
        self.update_profile_if(key, change, write_if, is_ours).await
    }
}

/// Returns the key of an item of this table.
fn item_key(pk: &str, sk: &str) -> Item {
    ItemWriter::default().text("pk", pk).text("sk", sk).finish()
}

/// Returns the key of an item of the control table.
fn control_key(pk: &str) -> Item {
    ItemWriter::default().text("pk", pk).finish()
}

#[cfg(test)]
impl RecipientsStore {
    /// Replaces a profile unconditionally.
    pub async fn put_profile(
        &self,
        id: &RecipientId,
        key: &RecipientKey,
        profile: &Profile,
        suppressed: &BTreeSet<Channel>,
        now: Timestamp,
    ) -> Result<Recipient, StoreError> {
        let stored = self.put_profile_if(id, key, profile, suppressed, WriteIf::Always, now).await?;
        stored.ok_or(StoreError::ConditionFailed { call: "UpdateItem" })
    }
}

#[cfg(test)]
mod tests;
