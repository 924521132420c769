//! The recipients table: a profile and its devices under the recipient's key, and beside them, under the keyed hash of
//! each endpoint, whose it is.
//!
//! A device and its owner item are written and deleted together, in one transaction, so neither is ever without the
//! other. Every transaction that adds a device also counts the profile's registrations on, which is what keeps two of them
//! at once from making a 21st device.
//!
//! | call | reads (Query or GetItem) | writes (DynamoDB's units for small items; a transaction costs double) |
//! |---|---|---|
//! | load | 1 | |
//! | put a profile | 1, and 1 for each address: is it suppressed? | 1 |
//! | register a known device | 1 | 0; 1 at most once a day or when its keys changed |
//! | register a new device | 2 | 6: profile, device, owner |
//! | move a device here | 2 | 8: the same and the other recipient's device |
//! | register in the place of an old device | 2 | 4 more: the old device and its owner |
//! | remove a device | | 4: device, owner |
//! | hear of a device by a receipt | 1 | 0; 1 at most once a day |
//! | unsubscribe from a type, or subscribe again | | 1 |

mod caps;
mod condition;
mod devices;
mod items;
mod opt_out;
mod parts;
mod suppressions;
mod sweep;
#[cfg(test)]
mod units_tests;

pub use condition::WriteIf;
pub use devices::Registered;
pub use opt_out::OptedOut;
pub use suppressions::SuppressionsStore;
pub use sweep::{SweepPage, SweepPosition, SweptDevice};

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::{Item, ItemWriter, StoreError};
use domain::channel::Channel;
use domain::recipient::{Profile, Recipient, RecipientId, RecipientKey};
use items::PROFILE;

/// The adapter of the recipients table.
#[derive(Debug, Clone)]
pub struct RecipientsStore {
    client: Client,
    table: String,
}

impl RecipientsStore {
    /// An adapter of `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The table's name.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// A recipient with all devices, in one Query; `None` when there is no profile, whatever else may be left of one.
    ///
    /// The read is consistent, also for sending: half a read unit more is a tenth of the price of one write, and without it
    /// a caller who registers somebody and sends in the next breath could be told for good that nobody knows them.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is malformed.
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

    /// Replaces a recipient's profile, and none of the devices, in one write without a read, if the condition holds. The types
    /// that its person unsubscribed from stay.
    /// `suppressed` are the channels on which its addresses are suppressed.
    /// Gives the recipient as stored, without devices; `revision` 1 says that it is new. `None` when the condition does not hold.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
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
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .update_expression(change.expression)
            .set_condition_expression(write_if.expression().map(str::to_owned))
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(stored) => Ok(Some(items::profile(key, &stored.attributes.unwrap_or_default())?)),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    // The SDK repeats a write whose answer was lost, and the repeat meets the first one's result.
                    let stored = refused.item().map(|item| items::profile(key, item)).transpose()?;
                    let is_ours = |stored: &Recipient| stored.updated_at == now && Profile::of(stored) == *profile;
                    Ok(stored.filter(|stored| write_if.is_followed_by(stored) && is_ours(stored)))
                }
                _ => Err(StoreError::of("UpdateItem", error)),
            },
        }
    }

    /// Deletes a profile if the condition holds: whether it did. One that is gone by now was deleted by the same call, whose
    /// answer was lost, or by another erasure.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
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

/// The key of an item of this table.
fn item_key(pk: &str, sk: &str) -> Item {
    ItemWriter::default().text("pk", pk).text("sk", sk).finish()
}

#[cfg(test)]
impl RecipientsStore {
    /// Replaces a profile, whatever is stored.
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
