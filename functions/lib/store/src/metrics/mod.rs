//! The metrics table: records are folded into minutes exactly once, minutes are merged into hours and hours into days.
//!
//! | pk | sk | what |
//! |---|---|---|
//! | `minute#2026-11-23T10` | `05#<stream shard>` | counters, and which records of that shard are in them |
//! | `hour#2026-11-23` | `10` | the sum of the hour's minutes, as of its last merge |
//! | `day#2026-11` | `23` | the sum of the day's hours, as of its last merge |
//! | `unmerged#hour`, `unmerged#day` | `2026-11-23T10`, `2026-11-23` | that hour or day may hold less than its parts |
//!
//! All counters of a bucket are one attribute, written whole on the condition that nobody wrote since it was read: an
//! update that names each counter would meet DynamoDB's limits of 4 KB and 300 operators per expression, and cutting it
//! up would part counters from the sequence numbers that say what is in them.

mod counters;
mod fold;
mod marker;
mod merge;
mod read;

pub use fold::Folded;
pub use merge::{Merged, Progress};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::{Item, StoreError};

/// The adapter of the metrics table.
#[derive(Debug, Clone)]
pub struct MetricsStore {
    client: Client,
    table: String,
}

/// An item's key.
struct Key {
    partition: String,
    sort: String,
}

impl MetricsStore {
    /// An adapter of this table.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// One item as it is now.
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get =
            get.key("pk", AttributeValue::S(key.partition.clone())).key("sk", AttributeValue::S(key.sort.clone()));
        let answer = get.send().await.map_err(|error| StoreError::of("GetItem", error))?;
        Ok(answer.item)
    }

    /// Writes an item whole if its attribute `guard` still is what it was when it was read; `None` was no item.
    async fn replace(&self, item: Item, guard: &str, held: Option<&str>) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let put = match held {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(held) => put
                .condition_expression("#guard = :held")
                .expression_attribute_names("#guard", guard)
                .expression_attribute_values(":held", AttributeValue::S(held.to_owned())),
        };
        put.send().await.map(drop).map_err(|error| StoreError::of("PutItem", error))
    }

    /// Every item of a partition as it is now, by sort key, or those between two keys, both included.
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
