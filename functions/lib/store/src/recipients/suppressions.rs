//! Suppressed addresses: one item for each, and on the profiles that have one, a flag.
//!
//! The flag lets the one Query of a send know it; the item is the truth. A profile gets its flags when it is put, and when
//! its address is suppressed on its account. Somebody else's profile with the same address may lack it for a while: it is
//! found, and flagged, by the last look before a paid call.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::item_key;
use super::items::{PROFILE, SUPPRESSED};
use crate::{Item, ItemWriter, StoreError};
use domain::channel::Channel;
use domain::recipient::{Address, KeyHasher, Profile, RecipientKey, SuppressionReason};

/// The sort key of a suppressed address.
const ADDRESS: &str = "address";

/// The adapter of what the recipients table knows of addresses.
#[derive(Debug, Clone)]
pub struct SuppressionsStore {
    client: Client,
    table: String,
    hasher: KeyHasher,
}

impl SuppressionsStore {
    /// An adapter of `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, hasher: KeyHasher) -> Self {
        Self { client, table: table.into(), hasher }
    }

    /// Suppresses an address for good, for everybody who has it, and flags the profile on whose account it came to that. The
    /// first reason stays. Twice is as once: one or two writes, the second time one.
    ///
    /// # Errors
    /// When DynamoDB does not answer; the same call again completes it.
    pub async fn suppress(
        &self,
        address: Address<'_>,
        reason: SuppressionReason,
        known_by: Option<&RecipientKey>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = self.key(address);
        item.extend(ItemWriter::default().text("reason", reason.as_str()).time("suppressed_at", now).finish());
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").send().await;
        put.map_err(|error| StoreError::of("PutItem", error)).map(drop).or_else(unless_refused)?;
        match known_by {
            Some(key) => self.flag(key, address).await,
            None => Ok(()),
        }
    }

    /// Notes on a profile that its address is suppressed, if it still is its address.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn flag(&self, key: &RecipientKey, address: Address<'_>) -> Result<(), StoreError> {
        let field = if address.channel() == Channel::Email { "email" } else { "phone" };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .update_expression("ADD #suppressed :channel")
            .condition_expression("#field = :address")
            .expression_attribute_names("#suppressed", SUPPRESSED)
            .expression_attribute_names("#field", field)
            .expression_attribute_values(":channel", AttributeValue::Ss(vec![address.channel().to_string()]))
            .expression_attribute_values(":address", AttributeValue::S(address.expose().to_owned()));
        update.send().await.map_err(|error| StoreError::of("UpdateItem", error)).map(drop).or_else(unless_refused)
    }

    /// Lets an address be written to again, for everybody who has it, and takes the flag off this profile; other profiles lose
    /// theirs when they are put. Twice is as once: two writes.
    ///
    /// # Errors
    /// When DynamoDB does not answer; the same call again completes it.
    pub async fn lift(&self, key: &RecipientKey, address: Address<'_>) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(self.key(address)));
        delete.send().await.map_err(|error| StoreError::of("DeleteItem", error))?;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .update_expression("DELETE #suppressed :channel")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#suppressed", SUPPRESSED)
            .expression_attribute_values(":channel", AttributeValue::Ss(vec![address.channel().to_string()]));
        update.send().await.map_err(|error| StoreError::of("UpdateItem", error)).map(drop).or_else(unless_refused)
    }

    /// Whether an address is suppressed, asked consistently.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn is_suppressed(&self, address: Address<'_>) -> Result<bool, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(self.key(address)));
        let found = get.projection_expression("pk").consistent_read(true).send().await;
        Ok(found.map_err(|error| StoreError::of("GetItem", error))?.item.is_some())
    }

    /// The channels on which a profile's addresses are suppressed: a read for each address.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn of(&self, profile: &Profile) -> Result<BTreeSet<Channel>, StoreError> {
        let email = profile.email.as_ref().map(Address::Email);
        let phone = profile.phone.as_ref().map(Address::Phone);
        let asked = [email, phone].into_iter().flatten().map(async |address| {
            let is_suppressed = self.is_suppressed(address).await?;
            Ok::<_, StoreError>(is_suppressed.then_some(address.channel()))
        });
        Ok(futures_util::future::try_join_all(asked).await?.into_iter().flatten().collect())
    }

    fn key(&self, address: Address<'_>) -> Item {
        item_key(&format!("suppressed#{}", address.hashed(&self.hasher)), ADDRESS)
    }
}

/// That a condition did not hold means here that there is nothing to do.
fn unless_refused(error: StoreError) -> Result<(), StoreError> {
    if error.is_condition_failed() { Ok(()) } else { Err(error) }
}
