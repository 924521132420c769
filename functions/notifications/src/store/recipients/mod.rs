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
//! | put a profile | 1 for each address: is it suppressed? | 1 |
//! | register a known device | 1 | 0; 1 at most once a day or when its keys changed |
//! | register a new device | 2 | 6: profile, device, owner |
//! | move a device here | 2 | 8: the same and the other recipient's device |
//! | register in the place of an old device | 2 | 4 more: the old device and its owner |
//! | remove a device | | 4: device, owner |
//! | hear of a device by a receipt | 1 | 0; 1 at most once a day |
//! | unsubscribe from a type, or subscribe again | | 1 |

mod caps;
mod devices;
mod items;
mod opt_out;
mod parts;
mod suppressions;
mod sweep;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;

pub use devices::Registered;
pub use opt_out::OptedOut;
pub use suppressions::SuppressionsStore;
pub use sweep::{SweepPage, SweepPosition, SweptDevice};

use super::{Item, ItemWriter, StoreError};
use crate::channels::Channel;
use crate::recipients::{Profile, Recipient, RecipientId, RecipientKey};
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

    /// Replaces a recipient's profile, and none of the devices, in one write without a read; the last writer wins. The types
    /// that its person unsubscribed from stay.
    /// `suppressed` are the channels on which its addresses are suppressed.
    /// Gives the recipient as stored, without devices; `revision` 1 says that it is new.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn put_profile(
        &self,
        id: &RecipientId,
        key: &RecipientKey,
        profile: &Profile,
        suppressed: &BTreeSet<Channel>,
        now: Timestamp,
    ) -> Result<Recipient, StoreError> {
        let change = items::profile_update(id, profile, suppressed, now);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .update_expression(change.expression)
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values))
            .return_values(ReturnValue::AllNew);
        let stored = update.send().await.map_err(|error| StoreError::of("UpdateItem", error))?;
        let stored = stored.attributes.unwrap_or_default();
        Ok(items::profile(key, &stored)?)
    }
}

/// The key of an item of this table.
fn item_key(pk: &str, sk: &str) -> Item {
    ItemWriter::default().text("pk", pk).text("sk", sk).finish()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod units_tests;
