//! The metrics table. Each stream record is counted once in its minute. Minutes are merged into hours, hours into days.
//!
//! | pk | sk | content |
//! |---|---|---|
//! | `minute#2026-11-23T10` | `05#<stream shard>` | counters, and the records of that shard that they include |
//! | `hour#2026-11-23` | `10` | sum of the hour's minutes, as of its last merge |
//! | `day#2026-11` | `23` | sum of the day's hours, as of its last merge |
//! | `unmerged#hour`, `unmerged#day` | `2026-11-23T10`, `2026-11-23` | marker: the hour or day may be out of date |
//!
//! All counters of a bucket are one attribute. A conditional write replaces the item as a whole.
//! An update of single counters could exceed DynamoDB's limits of 4 KB and 300 operators per expression. Several
//! updates would separate the counters from the sequence numbers of the records that they include.

mod add_changes;
mod counters;
mod marker;
mod merge;
mod read;

pub use add_changes::BatchResult;
pub use merge::{MergeProgress, MergeSummary};

use aws::DynamoClient;
use aws_sdk_dynamodb::types::AttributeValue;

use super::{Item, ItemWriter, StoreError};
use crate::direct::{GetItem, PutItem};

/// Store of the metrics table.
#[derive(Debug, Clone)]
pub struct MetricsStore {
    client: DynamoClient,
    table: String,
}

/// Key of an item.
struct Key {
    partition: String,
    sort: String,
}

impl MetricsStore {
    /// Creates a store for this table.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Returns one item, with a consistent read.
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let key = ItemWriter::default().text("pk", key.partition.as_str()).text("sk", key.sort.as_str()).finish();
        GetItem::new(&self.table, key).consistent().send(&self.client).await
    }

    /// Replaces an item if its attribute `guard` still has the value `held`. `None` requires that no item exists.
    async fn replace(&self, item: Item, guard: &str, held: Option<&str>) -> Result<(), StoreError> {
        let put = PutItem::new(&self.table, item);
        let put = match held {
            None => put.condition("attribute_not_exists(pk)"),
            Some(held) => {
                put.condition("#guard = :held").name("#guard", guard).value(":held", AttributeValue::S(held.to_owned()))
            }
        };
        put.send(&self.client).await
    }

    /// Returns the items of a partition by sort key, with a consistent read. `between` limits the sort keys
    /// (inclusive).
    async fn items(&self, partition: String, between: Option<(String, String)>) -> Result<Vec<Item>, StoreError> {
        let mut query = self.client.query().table_name(&self.table).consistent_read(true);
        query = query.expression_attribute_values(":pk", AttributeValue::S(partition));
        query = match between {
            None => query.key_condition_expression("pk = :pk"),
            Some((first, last)) => query
                .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":first", AttributeValue::S(first))
                .expression_attribute_values(":last", AttributeValue::S(last)),
        };
        let items = query.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        items.map_err(|error| StoreError::of("Query", error))
    }
}

#[cfg(test)]
mod tests;
