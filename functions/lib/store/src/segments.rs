//! Segments in the settings table, and the state of exact counts.
//!
//! ```text
//! pk    segments                   sk    <id>      a row: definition as JSON, revision, times
//! pk    audit#segment#<id>         sk    <milliseconds>#<revision>    one change of that row; 400 days
//! pk    segment-counts             sk    <id>      state of an exact count as JSON, version; one day
//! ```

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::catalog_row::{CatalogRow, commit_change, delete, item, put, put_record, row};
use super::{Item, ItemReader, ItemWriter, Malformed, StoreError};
use domain::CatalogChange;

const PARTITION: &str = "segments";
const COUNTS: &str = "segment-counts";
/// Retention of an exact count.
const COUNT_RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// Store of segments.
#[derive(Debug, Clone)]
pub struct SegmentStore {
    client: Client,
    table: String,
}

/// State of an exact count, with the version that the next write requires.
#[derive(Debug, Clone)]
pub struct StoredCount<T> {
    /// State.
    pub state: T,
    version: i64,
}

impl SegmentStore {
    /// Creates a store for the settings table.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Returns all segments in the order of their ids, with a consistent read. Malformed rows are left out.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn all(&self) -> Result<Vec<(String, CatalogRow)>, StoreError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", AttributeValue::S(PARTITION.to_owned()));
        let mut pages = query.into_paginator().send();
        let mut segments = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| StoreError::of("Query", error))?;
            let stored = |item: &Item| Some((ItemReader(item).text("sk").ok()?.to_owned(), row(item).ok()?));
            segments.extend(page.items().iter().filter_map(stored));
        }
        Ok(segments)
    }

    /// Returns a segment, with a consistent read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the row is malformed.
    pub async fn get(&self, id: &str) -> Result<Option<CatalogRow>, StoreError> {
        Ok(self.item(PARTITION, id).await?.as_ref().map(row).transpose()?)
    }

    /// Writes a segment, or removes it if `new` is `None`, with its audit record. Returns `false` if the stored row is no
    /// longer `old`.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn replace(
        &self,
        id: &str,
        old: Option<&CatalogRow>,
        new: Option<&CatalogRow>,
        change: &CatalogChange,
    ) -> Result<bool, StoreError> {
        let row = match new {
            Some(row) => put(&self.table, item(PARTITION, id.to_owned(), row)?, old)?,
            None => delete(&self.table, PARTITION, id, old)?,
        };
        let record = put_record(&self.table, &format!("segment#{id}"), change)?;
        commit_change(&self.client, &[row, record]).await
    }

    /// Returns the state of an exact count, with a consistent read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the state is malformed.
    pub async fn count<T: DeserializeOwned>(&self, id: &str) -> Result<Option<StoredCount<T>>, StoreError> {
        let Some(item) = self.item(COUNTS, id).await? else { return Ok(None) };
        let item = ItemReader(&item);
        let state = item.maybe_json("state")?.ok_or(Malformed("state"))?;
        Ok(Some(StoredCount { state, version: item.maybe_number("version")?.ok_or(Malformed("version"))? }))
    }

    /// Stores the state of an exact count if the stored one is still `read`. Returns `false` if another request continued
    /// or cancelled the count.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn save_count<T: Serialize>(
        &self,
        id: &str,
        read: Option<&StoredCount<T>>,
        state: &T,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let version = read.map_or(0, |read| read.version);
        let text = serde_json::to_string(state).map_err(|_| Malformed("state"))?;
        let until = now.checked_add(COUNT_RETENTION).unwrap_or(Timestamp::MAX);
        let item = ItemWriter::default()
            .text("pk", COUNTS)
            .text("sk", id)
            .text("state", text)
            .number("version", version + 1)
            .number("expires_at", until.as_second());
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item.finish()));
        let put = match read {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(_) => put
                .condition_expression("version = :read")
                .expression_attribute_values(":read", AttributeValue::N(version.to_string())),
        };
        match put.send().await.map_err(|error| StoreError::of("PutItem", error)) {
            Ok(_) => Ok(true),
            Err(error) if error.is_condition_failed() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes the state of an exact count. A repeat changes nothing.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn delete_count(&self, id: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key(COUNTS, id)));
        delete.send().await.map(drop).map_err(|error| StoreError::of("DeleteItem", error))
    }

    async fn item(&self, partition: &str, id: &str) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let found = get.set_key(Some(key(partition, id))).send().await;
        Ok(found.map_err(|error| StoreError::of("GetItem", error))?.item)
    }
}

fn key(partition: &str, id: &str) -> Item {
    ItemWriter::default().text("pk", partition).text("sk", id).finish()
}
