//! The recipients table. A profile and its devices are stored under the recipient's key. For each endpoint, an owner
//! item under the endpoint's keyed hash names the recipient.
//!
//! One transaction writes or deletes a device together with its owner item, so neither exists alone. Each transaction
//! that adds a device also increments the profile's registrations. Two concurrent transactions therefore cannot create
//! a 21st device.
//!
//! | call | reads (Query or GetItem) | writes (DynamoDB's units for small items; a transaction costs double) |
//! |---|---|---|
//! | load | 1 | |
//! | put a profile | 1, and 1 for each address, for its suppression | 1 |
//! | register a known device | 1 | 0; 1 at most once a day or when its keys changed |
//! | register a new device | 2 | 6: profile, device, owner |
//! | move a device here | 2 | 8: the same and the other recipient's device |
//! | register in the place of an old device | 2 | 4 more: the old device and its owner |
//! | remove a device | | 4: device, owner |
//! | record a receipt from a device | 1 | 0; 1 at most once a day |
//! | unsubscribe from a type, or subscribe again | | 1 |
//! | put preferences | 1 | 1 |
//! | claim a slot of the frequency caps, or give it back | | 1 |

mod caps;
mod devices;
mod erase_items;
mod items;
mod opt_out;
#[cfg(test)]
mod registration_tests;
mod sms_count;
mod suppressions;
mod sweep;
#[cfg(test)]
mod units_tests;
mod write_if;

pub use caps::CapClaimResult;
pub use devices::Registered;
pub use opt_out::{OptOutResult, Unsubscription};
pub use sms_count::UsedCount;
pub use suppressions::{StoredSuppression, SuppressionsStore};
pub use sweep::{SweepPage, SweepPosition, SweptDevice};
pub use write_if::WriteIf;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::{Item, ItemWriter, StoreError};
use domain::channel::Channel;
use domain::recipient::{Profile, Recipient, RecipientId, RecipientKey};
use items::PROFILE;

/// Store of the recipients table.
#[derive(Debug, Clone)]
pub struct RecipientsStore {
    client: Client,
    table: String,
}

impl RecipientsStore {
    /// Creates a store for `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Returns the table's name.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// Returns a recipient with all devices, by a Query. Returns `None` without a profile, even if other items are
    /// left.
    ///
    /// The read is consistent, also for sending. It costs half a read unit more, a tenth of the price of one write.
    /// Without it, a caller that registers a recipient and sends at once could receive a final "unknown recipient".
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or an item is malformed.
    pub async fn load(&self, key: &RecipientKey) -> Result<Option<Recipient>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(key.as_str().to_owned()))
            .consistent_read(true);
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let page = query.clone().set_exclusive_start_key(start).send().await;
            let page = page.map_err(|error| StoreError::of("Query", error))?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items::recipient(key, &items)?);
            }
        }
    }

    /// Replaces a recipient's profile in one write without a read, if the condition holds. Devices do not change.
    /// `suppressed` are the channels on which the profile's addresses are suppressed.
    /// Returns the stored recipient without devices; `revision` 1 means new. Returns `None` if the condition does not
    /// hold.
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

    /// Deletes a profile if the condition holds. Returns true if the profile is deleted. A missing profile counts as
    /// deleted: by this call, whose response was lost, or by another erasure.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn delete_profile_if(&self, key: &RecipientKey, write_if: WriteIf) -> Result<bool, StoreError> {
        let values = write_if.values();
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .set_condition_expression(write_if.expression().map(str::to_owned))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match delete.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(refused)) => Ok(refused.item().is_none()),
                _ => Err(StoreError::of("DeleteItem", error)),
            },
        }
    }
}

/// Returns the key of an item of this table.
fn item_key(pk: &str, sk: &str) -> Item {
    ItemWriter::default().text("pk", pk).text("sk", sk).finish()
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
