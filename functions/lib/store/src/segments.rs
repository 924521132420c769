//! Segments in the settings table, and the state of exact counts.
//!
//! ```text
//! pk    segments                   sk    <id>      a row: definition as JSON, revision, times
//! pk    segments                   sk    #version  number of all writes
//! pk    audit#segment#<id>         sk    <milliseconds>#<revision>    one change of that row; 400 days
//! pk    segment-counts             sk    <id>      state of an exact count as JSON, version; one day
//! ```
//!
//! Segments may name one another. So each write has the condition that no segment was written since all of them were
//! read. Thus concurrent writes together cannot make a cycle, a reference to a missing segment, or one segment too
//! many.

use aws::DynamoClient;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::catalog_row::{CALL, CatalogRow, commit_change, delete, item, put, put_record, record, row};
use super::versioned::{ItemPlace, Versioned};
use super::{Item, ItemReader, ItemWriter, StoreError};
use crate::direct::PutItem;
use domain::CatalogChange;

const PARTITION: &str = "segments";
/// Sort key of the version, which no id of a segment can be.
const VERSION: &str = "#version";
const COUNTS: &str = "segment-counts";
/// Retention of an exact count.
const COUNT_RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// Store of segments.
#[derive(Debug, Clone)]
pub struct SegmentStore {
    client: DynamoClient,
    table: String,
}

/// All segments, with the version that the next write requires.
#[derive(Debug, Clone, Default)]
pub struct StoredSegments {
    /// Rows by their ids, in the order of the ids.
    pub rows: Vec<(String, CatalogRow)>,
    version: Option<i64>,
}

impl StoredSegments {
    /// Returns the ids with the definitions.
    pub fn definitions(&self) -> impl Iterator<Item = (&str, &Map<String, Value>)> {
        self.rows.iter().map(|(id, row)| (id.as_str(), &row.definition))
    }

    /// Returns the row of a segment.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&CatalogRow> {
        self.rows.iter().find(|(stored, _)| stored == id).map(|(_, row)| row)
    }
}

impl SegmentStore {
    /// Creates a store for the settings table.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Returns all segments in the order of their ids, with a consistent read. Malformed rows are left out.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn all(&self) -> Result<StoredSegments, StoreError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", AttributeValue::S(PARTITION.to_owned()));
        let mut pages = query.into_paginator().send();
        let mut stored = StoredSegments::default();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| StoreError::of("Query", error))?;
            for item in page.items() {
                match ItemReader(item).text("sk")? {
                    VERSION => stored.version = ItemReader(item).maybe_number("version")?,
                    id => stored.rows.extend(row(item).ok().map(|row| (id.to_owned(), row))),
                }
            }
        }
        Ok(stored)
    }

    /// Writes a segment, or removes it if `new` is `None`, with its audit record. Returns `false` if any segment was
    /// written since `read`.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn replace(
        &self,
        id: &str,
        read: &StoredSegments,
        new: Option<&CatalogRow>,
        change: &CatalogChange,
    ) -> Result<bool, StoreError> {
        let old = read.get(id);
        let row = match new {
            Some(row) => put(&self.table, item(PARTITION, id.to_owned(), row)?, old)?,
            None => delete(&self.table, PARTITION, id, old)?,
        };
        let record = put_record(&self.table, &format!("segment#{id}"), change)?;
        commit_change(&self.client, &[self.next_version(read)?, row, record]).await
    }

    /// Stores the record of an event that does not write the segment. If another record of the segment has the same
    /// millisecond, the event gets the next one.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn record(&self, id: &str, mut event: CatalogChange) -> Result<(), StoreError> {
        loop {
            let item = record(&format!("segment#{id}"), &event)?.finish();
            let put = PutItem::new(&self.table, item).condition("attribute_not_exists(pk)");
            match put.send(&self.client).await {
                Ok(()) => return Ok(()),
                Err(StoreError::ConditionFailed { .. }) => event.at += SignedDuration::from_millis(1),
                Err(error) => return Err(error),
            }
        }
    }

    /// Builds the write of the next version, on the condition that the stored one is that of `read`.
    fn next_version(&self, read: &StoredSegments) -> Result<TransactWriteItem, StoreError> {
        let next = ItemWriter::default()
            .text("pk", PARTITION)
            .text("sk", VERSION)
            .number("version", read.version.unwrap_or(0) + 1);
        let put = Put::builder().table_name(&self.table).set_item(Some(next.finish()));
        let put = match read.version {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(version) => put
                .condition_expression("version = :read")
                .expression_attribute_values(":read", AttributeValue::N(version.to_string())),
        };
        let put = put.build().map_err(|error| StoreError::of_build(CALL, &error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Returns the state of an exact count, with a consistent read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the state is malformed.
    pub async fn count<T: DeserializeOwned>(&self, id: &str) -> Result<Option<Versioned<T>>, StoreError> {
        self.count_place(id).read().await
    }

    /// Stores the state of an exact count if the stored one is still `read`. Returns `false` if another request
    /// continued or cancelled the count.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn save_count<T: Serialize>(
        &self,
        id: &str,
        read: Option<&Versioned<T>>,
        state: T,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let until = now.checked_add(COUNT_RETENTION).unwrap_or(Timestamp::MAX);
        Ok(self.count_place(id).replace(read, state, until).await?.is_some())
    }

    /// Deletes the state of an exact count. A repeat changes nothing.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn delete_count(&self, id: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key(COUNTS, id)));
        delete.send().await.map(drop).map_err(|error| StoreError::of("DeleteItem", error))
    }

    fn count_place<'a>(&'a self, id: &'a str) -> ItemPlace<'a> {
        ItemPlace { client: &self.client, table: &self.table, partition: COUNTS, sort: id }
    }
}

fn key(partition: &str, id: &str) -> Item {
    ItemWriter::default().text("pk", partition).text("sk", id).finish()
}
