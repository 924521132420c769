//! Suppressed addresses. Each has one item in the control table, and the profiles with that address have a flag.
//!
//! The item is authoritative. The flag lets the single read of a send find the suppression. A profile gets its flags
//! when it is put. It also gets one when feedback about a message to this recipient suppresses its address. Another
//! profile with the same address may lack the flag for a while. The pre-send check before a paid call finds the
//! suppression and sets the flag.

use std::collections::BTreeSet;

use aws::DynamoClient;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::items::{PROFILE, SUPPRESSED};
use super::{control_key, item_key};
use crate::direct::{GetItem, PutItem};
use crate::{Item, ItemReader, ItemWriter, MalformedItemError, StoreError};
use domain::channel::Channel;
use domain::recipient::{Address, KeyHasher, Profile, RecipientKey, SuppressionReason};

/// A suppression as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSuppression {
    /// Code of the reason.
    pub reason: String,
    /// Time of the suppression.
    pub suppressed_at: Timestamp,
}

impl StoredSuppression {
    fn of(item: &Item) -> Result<Self, MalformedItemError> {
        let reader = ItemReader(item);
        Ok(Self { reason: reader.text("reason")?.to_owned(), suppressed_at: reader.time("suppressed_at")? })
    }
}

/// Store of suppressed addresses in the control table, and of the flags in the recipients table.
#[derive(Debug, Clone)]
pub struct SuppressionsStore {
    client: DynamoClient,
    recipients: String,
    control: String,
    hasher: KeyHasher,
}

impl SuppressionsStore {
    /// Creates a store for the table of recipients and the table `control`.
    #[must_use]
    pub fn new(
        client: DynamoClient,
        recipients: impl Into<String>,
        control: impl Into<String>,
        hasher: KeyHasher,
    ) -> Self {
        Self { client, recipients: recipients.into(), control: control.into(), hasher }
    }

    /// Suppresses an address permanently, for all recipients with this address, and flags the profile of the recipient
    /// `known_by`. The first reason is kept. The call is idempotent. It costs one or two writes, and one when repeated.
    ///
    /// # Errors
    /// If a call to DynamoDB fails. A repeated call completes the suppression.
    pub async fn suppress(
        &self,
        address: Address<'_>,
        reason: SuppressionReason,
        known_by: Option<&RecipientKey>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = self.key(address);
        item.extend(ItemWriter::default().text("reason", reason.as_str()).time("suppressed_at", now).finish());
        let put = PutItem::new(&self.control, item).condition("attribute_not_exists(pk)");
        put.send(&self.client).await.or_else(ignore_failed_condition)?;
        match known_by {
            Some(key) => self.flag(key, address).await,
            None => Ok(()),
        }
    }

    /// Flags on a profile that its address is suppressed, if the profile still has this address.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn flag(&self, key: &RecipientKey, address: Address<'_>) -> Result<(), StoreError> {
        let field = if address.channel() == Channel::Email { "email" } else { "phone" };
        let update = self
            .client
            .update_item()
            .table_name(&self.recipients)
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .update_expression("ADD #suppressed :channel")
            .condition_expression("#field = :address")
            .expression_attribute_names("#suppressed", SUPPRESSED)
            .expression_attribute_names("#field", field)
            .expression_attribute_values(":channel", AttributeValue::Ss(vec![address.channel().to_string()]))
            .expression_attribute_values(":address", AttributeValue::S(address.expose().to_owned()));
        update_if_needed(update).await
    }

    /// Lifts the suppression of an address for all recipients with this address, and removes the flag of this profile.
    /// Other profiles lose their flags when they are put. The call is idempotent and costs two writes.
    ///
    /// # Errors
    /// If a call to DynamoDB fails. A repeated call completes the change.
    pub async fn lift(&self, key: &RecipientKey, address: Address<'_>) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.control).set_key(Some(self.key(address)));
        delete.send().await.map_err(|error| StoreError::of("DeleteItem", error))?;
        let update = self
            .client
            .update_item()
            .table_name(&self.recipients)
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .update_expression("DELETE #suppressed :channel")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#suppressed", SUPPRESSED)
            .expression_attribute_values(":channel", AttributeValue::Ss(vec![address.channel().to_string()]));
        update_if_needed(update).await
    }

    /// Returns true if an address is suppressed, with a consistent read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn is_suppressed(&self, address: Address<'_>) -> Result<bool, StoreError> {
        let get = GetItem::new(&self.control, self.key(address)).consistent().projection("pk");
        Ok(get.send(&self.client).await?.is_some())
    }

    /// Returns the suppression of an address, with a consistent read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the item is malformed.
    pub async fn find(&self, address: Address<'_>) -> Result<Option<StoredSuppression>, StoreError> {
        let found = GetItem::new(&self.control, self.key(address)).consistent().send(&self.client).await?;
        found.map(|item| Ok(StoredSuppression::of(&item)?)).transpose()
    }

    /// Returns the channels on which a profile's addresses are suppressed. Costs one read for each address.
    ///
    /// # Errors
    /// If a call to DynamoDB fails.
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
        control_key(&format!("suppressed#{}", address.hashed(&self.hasher)))
    }
}

async fn update_if_needed(update: UpdateItemFluentBuilder) -> Result<(), StoreError> {
    update.send().await.map_err(|error| StoreError::of("UpdateItem", error)).map(drop).or_else(ignore_failed_condition)
}

/// Ignores a failed condition, because it means that nothing needs to be written.
fn ignore_failed_condition(error: StoreError) -> Result<(), StoreError> {
    if error.is_condition_failed() { Ok(()) } else { Err(error) }
}
