//! Audit records in the settings table: `pk = audit#<parameter>`, `sk = <milliseconds>#<version>`. Both come from the
//! parameter's history in SSM. A change is therefore stored once, even if several functions find it.
//! One short query per parameter returns the latest changes. If a parameter is deleted and created again, its records
//! do not collide with the old ones.

use aws::DynamoClient;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};

use super::audit_trail;
use super::{ItemReader, ItemWriter, MalformedItemError, StoreError};
use crate::direct::PutItem;
use domain::{AuditRecord, ManagedParameter};

/// Retention of a record: 400 days.
const RETENTION: SignedDuration = SignedDuration::from_hours(24 * 400);

/// Store of audit records.
#[derive(Debug, Clone)]
pub struct AuditStore {
    client: DynamoClient,
    table: String,
}

impl AuditStore {
    /// Creates a store for the settings table.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Stores a change unless it is stored already. Returns true if it was new.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn add(&self, record: &AuditRecord) -> Result<bool, StoreError> {
        let text = serde_json::to_string(record).map_err(|_| MalformedItemError("record"))?;
        let gone = record.at.checked_add(RETENTION).unwrap_or(Timestamp::MAX);
        let item = ItemWriter::default()
            .text("pk", partition(record.parameter))
            .text("sk", format!("{:015}#{:09}", record.at.as_millisecond(), record.version))
            .text("record", text)
            .time("at", record.at)
            .number("expires_at", gone.as_second());
        let item = audit_trail::placed(item, kind(record.parameter));
        let put = PutItem::new(&self.table, item).condition("attribute_not_exists(pk)");
        match put.send(&self.client).await {
            Ok(()) => Ok(true),
            Err(StoreError::ConditionFailed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns the last `limit` changes of all parameters, newest first.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or a record is malformed.
    pub async fn last(&self, limit: usize) -> Result<Vec<AuditRecord>, StoreError> {
        let of_each = ManagedParameter::ALL.map(|parameter| self.newest(parameter, limit));
        let mut all: Vec<_> = futures_util::future::try_join_all(of_each).await?.into_iter().flatten().collect();
        all.sort_by(|a, b| b.at.cmp(&a.at).then(b.version.cmp(&a.version)));
        all.truncate(limit);
        Ok(all)
    }

    /// Returns the changes of all parameters from `from` (inclusive) to `to` (exclusive), oldest first.
    ///
    /// # Errors
    /// As [`Self::last`].
    pub async fn between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<AuditRecord>, StoreError> {
        let of_each = ManagedParameter::ALL.map(|parameter| self.since(parameter, from));
        let mut all: Vec<_> = futures_util::future::try_join_all(of_each).await?.into_iter().flatten().collect();
        all.retain(|record| (from..to).contains(&record.at));
        all.sort_by(|a, b| a.at.cmp(&b.at).then(a.version.cmp(&b.version)));
        Ok(all)
    }

    /// Returns one parameter's changes, newest first. Reads pages until a page ends before `from`.
    async fn since(&self, parameter: ManagedParameter, from: Timestamp) -> Result<Vec<AuditRecord>, StoreError> {
        let query = self.client.query().table_name(&self.table).key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", AttributeValue::S(partition(parameter)));
        let mut pages = query.scan_index_forward(false).limit(100).into_paginator().send();
        let mut found: Vec<AuditRecord> = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| StoreError::of("Query", error))?;
            let record = |item| ItemReader(item).maybe_json("record")?.ok_or(MalformedItemError("record"));
            found.extend(page.items().iter().map(record).collect::<Result<Vec<_>, _>>()?);
            if found.last().is_some_and(|oldest| oldest.at < from) {
                break;
            }
        }
        Ok(found)
    }

    /// Returns the last `limit` changes of one parameter, newest first.
    ///
    /// # Errors
    /// As [`Self::last`].
    pub async fn newest(&self, parameter: ManagedParameter, limit: usize) -> Result<Vec<AuditRecord>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(partition(parameter)))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let record = |item| ItemReader(item).maybe_json("record")?.ok_or(MalformedItemError("record"));
        Ok(page.items.unwrap_or_default().iter().map(record).collect::<Result<_, _>>()?)
    }
}

/// Returns the kind of a parameter's changes in the trail.
const fn kind(parameter: ManagedParameter) -> &'static str {
    match parameter {
        ManagedParameter::RolloutPercentage | ManagedParameter::RolloutUsers => "rollout",
        ManagedParameter::Settings => "settings",
    }
}

fn partition(parameter: ManagedParameter) -> String {
    format!("audit#{parameter}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::Dynamo;
    use domain::Actor;

    fn record(parameter: ManagedParameter, version: i64, second: i64) -> AuditRecord {
        AuditRecord {
            at: Timestamp::from_second(second).unwrap(),
            parameter,
            version,
            by: Actor::Guard,
            old: None,
            new: "0".to_owned(),
            reason: None,
            numbers: None,
            fields: None,
        }
    }

    #[tokio::test]
    async fn a_change_is_stored_once_and_the_latest_changes_are_first() {
        let dynamo = Dynamo::start().await;
        dynamo.create_table("settings").await;
        let audit = AuditStore::new(dynamo.client(), "settings");
        for version in 8..=11 {
            assert!(audit.add(&record(ManagedParameter::RolloutPercentage, version, version * 10)).await.unwrap());
        }
        assert!(audit.add(&record(ManagedParameter::Settings, 2, 95)).await.unwrap());
        let other = AuditRecord {
            by: Actor::Operator { name: "x".to_owned().into() },
            ..record(ManagedParameter::RolloutPercentage, 9, 90)
        };
        assert!(!audit.add(&other).await.unwrap(), "the first record of a change is kept");
        let last = audit.last(3).await.unwrap();
        let found: Vec<_> = last.iter().map(|record| (record.parameter, record.version)).collect();
        let percentage = ManagedParameter::RolloutPercentage;
        assert!(audit.add(&record(percentage, 1, 120)).await.unwrap(), "the parameter was created again");
        assert_eq!(audit.last(1).await.unwrap()[0].version, 1);
        assert_eq!(found, [(percentage, 11), (percentage, 10), (ManagedParameter::Settings, 2)]);
    }

    #[tokio::test]
    async fn the_changes_of_a_window_are_in_order_over_several_pages() {
        let dynamo = Dynamo::start().await;
        dynamo.create_table("settings").await;
        let audit = AuditStore::new(dynamo.client(), "settings");
        for version in 1..=230 {
            audit.add(&record(ManagedParameter::RolloutPercentage, version, version * 10)).await.unwrap();
        }
        audit.add(&record(ManagedParameter::Settings, 1, 505)).await.unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let found = audit.between(at(500), at(520)).await.unwrap();
        assert_eq!(found.iter().map(|record| record.at.as_second()).collect::<Vec<_>>(), [500, 505, 510]);
        assert_eq!(audit.between(at(0), at(10_000)).await.unwrap().len(), 231);
    }
}
