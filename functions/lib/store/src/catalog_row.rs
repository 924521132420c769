//! Rows of the catalog and of templates: their items, conditional writes, and audit records.
//!
//! A row and its audit record are written in one transaction. Its condition: the row is the one that was read.

use aws::DynamoClient;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::audit_trail;
use super::transaction::{CommitResult, commit};
use super::{Item, ItemReader, ItemWriter, MalformedItemError, StoreError};
use domain::CatalogChange;

pub(super) const CALL: &str = "TransactWriteItems";
/// Condition that the stored row is the one that was read. A row that was removed and created again has another time.
pub(super) const IS_UNCHANGED: &str = "revision = :revision AND created_at = :created_at";
/// Retention of an audit record: 400 days.
const RETENTION: SignedDuration = SignedDuration::from_hours(24 * 400);
/// Maximum number of tries of a write if other transactions conflict.
const MAX_COMMIT_TRIES: u32 = 4;

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogRow {
    /// The definition.
    pub definition: Map<String, Value>,
    /// Number of writes of the row, from 1.
    pub revision: u64,
    /// Time of the first write.
    pub created_at: Timestamp,
    /// Time of the last write.
    pub updated_at: Timestamp,
}

impl CatalogRow {
    /// Returns the read-only fields that every response with a row has, with their values.
    #[must_use]
    pub fn read_only(&self) -> [(&'static str, Value); 3] {
        let (revision, created_at, updated_at) = (self.revision, self.created_at, self.updated_at);
        [("revision", json!(revision)), ("created_at", json!(created_at)), ("updated_at", json!(updated_at))]
    }

    /// Returns the row after a change of `old`; for a new row, `old` is `None`.
    #[must_use]
    pub fn revised(definition: Map<String, Value>, old: Option<&Self>, now: Timestamp) -> Self {
        Self {
            definition,
            revision: old.map_or(1, |old| old.revision + 1),
            created_at: old.map_or(now, |old| old.created_at),
            updated_at: now,
        }
    }

    /// Returns the entity tag of the row, without its quotes. A row that was removed and created again has other tags.
    #[must_use]
    pub fn entity_tag(&self) -> String {
        format!("{:x}-{:x}", self.created_at.as_millisecond(), self.revision)
    }
}

pub(super) fn millis(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_millisecond().to_string())
}

pub(super) fn row(item: &Item) -> Result<CatalogRow, MalformedItemError> {
    let item = ItemReader(item);
    let revision = item.maybe_number("revision")?.and_then(|number| u64::try_from(number).ok());
    Ok(CatalogRow {
        definition: item.maybe_json("definition")?.ok_or(MalformedItemError("definition"))?,
        revision: revision.ok_or(MalformedItemError("revision"))?,
        created_at: item.time("created_at")?,
        updated_at: item.time("updated_at")?,
    })
}

/// Returns the item of a row.
pub(super) fn item(partition: &str, key: String, row: &CatalogRow) -> Result<ItemWriter, StoreError> {
    let definition = serde_json::to_string(&row.definition).map_err(|_| MalformedItemError("definition"))?;
    Ok(ItemWriter::default()
        .text("pk", partition)
        .text("sk", key)
        .text("definition", definition)
        .number("revision", row.revision)
        .time("created_at", row.created_at)
        .time("updated_at", row.updated_at))
}

/// Returns the write of a row, on the condition that the stored row is `old`; `None` for a new row.
pub(super) fn put(table: &str, item: ItemWriter, old: Option<&CatalogRow>) -> Result<TransactWriteItem, StoreError> {
    let put = Put::builder().table_name(table).set_item(Some(item.finish()));
    let put = match old {
        None => put.condition_expression("attribute_not_exists(pk)"),
        Some(old) => put
            .condition_expression(IS_UNCHANGED)
            .expression_attribute_values(":revision", AttributeValue::N(old.revision.to_string()))
            .expression_attribute_values(":created_at", millis(old.created_at)),
    };
    built(put.build())
}

/// Returns the write of an item, on the condition that there is none, or that it has expired. DynamoDB may delete an
/// expired item days later.
pub(super) fn put_over_expired(table: &str, item: ItemWriter, now: Timestamp) -> Result<TransactWriteItem, StoreError> {
    let put = Put::builder().table_name(table).set_item(Some(item.finish()));
    let put = put.condition_expression("attribute_not_exists(pk) OR expires_at <= :now");
    built(put.expression_attribute_values(":now", AttributeValue::N(now.as_second().to_string())).build())
}

/// Returns the removal of a row, on the condition that the stored row is `old`.
pub(super) fn delete(
    table: &str,
    partition: &str,
    key: &str,
    old: Option<&CatalogRow>,
) -> Result<TransactWriteItem, StoreError> {
    let (revision, created_at) = old.map_or((0, Timestamp::UNIX_EPOCH), |old| (old.revision, old.created_at));
    let delete = Delete::builder()
        .table_name(table)
        .key("pk", AttributeValue::S(partition.to_owned()))
        .key("sk", AttributeValue::S(key.to_owned()))
        .condition_expression(IS_UNCHANGED)
        .expression_attribute_values(":revision", AttributeValue::N(revision.to_string()))
        .expression_attribute_values(":created_at", millis(created_at));
    let delete = delete.build().map_err(|error| StoreError::of_build(CALL, &error))?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

/// Returns the write of an item without a condition.
pub(super) fn put_always(table: &str, item: ItemWriter) -> Result<TransactWriteItem, StoreError> {
    built(Put::builder().table_name(table).set_item(Some(item.finish())).build())
}

/// Returns the write of the audit record of a row.
pub(super) fn put_record(table: &str, row: &str, change: &CatalogChange) -> Result<TransactWriteItem, StoreError> {
    put_always(table, record(row, change)?)
}

/// Returns the audit record of a row.
pub(super) fn record(row: &str, change: &CatalogChange) -> Result<ItemWriter, StoreError> {
    let text = serde_json::to_string(change).map_err(|_| MalformedItemError("record"))?;
    let gone = change.at.checked_add(RETENTION).unwrap_or(Timestamp::MAX);
    let item = ItemWriter::default()
        .text("pk", audit_partition(row))
        .text("sk", format!("{:015}#{:09}", change.at.as_millisecond(), change.revision))
        .text("record", text)
        .number("expires_at", gone.as_second());
    let kind = row.split('#').next().unwrap_or_default();
    Ok(audit_trail::placed(item, kind))
}

/// Returns the partition of a row's audit records.
pub(super) fn audit_partition(row: &str) -> String {
    format!("audit#{row}")
}

/// Writes a change as one transaction. Returns `false` if a condition does not hold.
///
/// # Errors
/// If the call to DynamoDB fails, or other transactions conflict in every try.
pub(super) async fn commit_change(client: &DynamoClient, items: &[TransactWriteItem]) -> Result<bool, StoreError> {
    match commit(client, items, MAX_COMMIT_TRIES).await? {
        CommitResult::Committed => Ok(true),
        CommitResult::ConditionFailed { .. } => Ok(false),
        CommitResult::Contended => {
            let cause = "TransactionConflict in every try".to_owned();
            Err(StoreError::Transient { call: CALL, cause })
        }
    }
}

fn built(put: Result<Put, aws_sdk_dynamodb::error::BuildError>) -> Result<TransactWriteItem, StoreError> {
    let put = put.map_err(|error| StoreError::of_build(CALL, &error))?;
    Ok(TransactWriteItem::builder().put(put).build())
}
