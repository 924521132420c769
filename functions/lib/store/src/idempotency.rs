//! Idempotency records in the control table. A request with an idempotency key costs one write. Its completion is read
//! from the notifications.

use aws::DynamoClient;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};

use super::{ItemReader, ItemWriter, StoreError};
use crate::direct::{GetItem, PutItem};

/// Retention of an idempotency key: 24 hours.
pub const KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Stored record of an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Hash of the first request's body.
    pub body: String,
    /// Time of the first request. The ids of all its notifications are made from this time.
    pub first_seen: Timestamp,
    /// Time until which the request that owns the key may still be running.
    pub running_until: Timestamp,
}

/// Store of idempotency records.
#[derive(Debug, Clone)]
pub struct IdempotencyStore {
    client: DynamoClient,
    table: String,
}

impl IdempotencyStore {
    /// Creates a store for the control table.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Stores `record` under `key` unless a valid record exists. Otherwise returns the existing record.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn begin(&self, key: &str, record: &IdempotencyRecord) -> Result<Option<IdempotencyRecord>, StoreError> {
        let forgotten = record.first_seen - KEY_LIFETIME;
        let put = PutItem::new(&self.table, item_of(key, record))
            .condition("attribute_not_exists(pk) OR first_seen <= :forgotten")
            .value(":forgotten", number(forgotten));
        match put.send(&self.client).await {
            Ok(()) => Ok(None),
            Err(StoreError::ConditionFailed { .. }) => self.read(key).await.map(Some),
            Err(error) => Err(error),
        }
    }

    /// Returns the valid record under `key`.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn find(&self, key: &str, now: Timestamp) -> Result<Option<IdempotencyRecord>, StoreError> {
        match self.read(key).await {
            Ok(found) => Ok(Some(found).filter(|found| found.first_seen > now - KEY_LIFETIME)),
            Err(StoreError::ConditionFailed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes a key over from a crashed request, with a conditional write. Only one of several concurrent calls
    /// succeeds.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] if another request took the key over.
    pub async fn take_over(&self, key: &str, found: &IdempotencyRecord, until: Timestamp) -> Result<(), StoreError> {
        self.set_running_until(key, found.running_until, until).await
    }

    /// Releases the key after a failed request, so that the next request with this key can run at once.
    pub async fn release(&self, key: &str, running_until: Timestamp, now: Timestamp) {
        if let Err(error) = self.set_running_until(key, running_until, now).await {
            tracing::warn!(%error, "failed to release idempotency key; it stays taken until its request's deadline");
        }
    }

    async fn set_running_until(&self, key: &str, from: Timestamp, to: Timestamp) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(key.to_owned()))
            .update_expression("SET running_until = :to")
            .condition_expression("running_until = :from")
            .expression_attribute_values(":from", number(from))
            .expression_attribute_values(":to", number(to));
        update.send().await.map(drop).map_err(|error| StoreError::of("UpdateItem", error))
    }

    async fn read(&self, key: &str) -> Result<IdempotencyRecord, StoreError> {
        let key = ItemWriter::default().text("pk", key).finish();
        let found = GetItem::new(&self.table, key).consistent().send(&self.client).await?;
        let item = found.ok_or(StoreError::ConditionFailed { call: "GetItem" })?;
        let item = ItemReader(&item);
        Ok(IdempotencyRecord {
            body: item.text("body")?.to_owned(),
            first_seen: item.time("first_seen")?,
            running_until: item.time("running_until")?,
        })
    }
}

fn item_of(key: &str, record: &IdempotencyRecord) -> ItemWriter {
    ItemWriter::default()
        .text("pk", key)
        .text("body", record.body.as_str())
        .time("first_seen", record.first_seen)
        .time("running_until", record.running_until)
        .number("expires_at", (record.first_seen + KEY_LIFETIME).as_second())
}

fn number(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_millisecond().to_string())
}
