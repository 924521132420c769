//! Trail of all audit records, newest first: the index `trail` of the settings table.
//!
//! An audit record is in the partition of the parameter or row that changed. Two more attributes, `trail` and `kind`,
//! place it in the index too. Records of releases without these attributes are not in the index.

use std::collections::HashMap;

use aws::DynamoClient;
use aws_sdk_dynamodb::types::AttributeValue;

use super::{Item, ItemReader, ItemWriter, MalformedItemError, Page, StoreError};
use domain::{AuditRecord, CatalogChange};

/// Name of the index.
const INDEX: &str = "trail";
/// Value of the attribute `trail` of every audit record.
const TRAIL: &str = "audit";
/// Beginning of the partition keys of audit records.
const PARTITION: &str = "audit#";
/// Maximum number of Queries of a page.
const MAX_QUERIES: usize = 2;
/// Number of records that a Query with a filter evaluates.
const EVALUATED: i32 = 500;

/// Adds the attributes that place an audit record in the index.
pub(super) fn placed(item: ItemWriter, kind: &str) -> ItemWriter {
    item.text("trail", TRAIL).text("kind", kind)
}

/// Audit record with the parameter or row that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct TrailEntry {
    /// Kind of the record, such as `type`.
    pub kind: String,
    /// Name of the parameter or row, such as `settings` or `type#PAYMENT_DUE`.
    pub subject: String,
    /// The change.
    pub change: TrailChange,
}

/// Content of an audit record.
#[derive(Debug, Clone, PartialEq)]
pub enum TrailChange {
    /// Change of a parameter.
    Parameter(Box<AuditRecord>),
    /// Change of a row.
    Row(Box<CatalogChange>),
}

/// Store of the trail.
#[derive(Debug, Clone)]
pub struct AuditTrail {
    client: DynamoClient,
    table: String,
}

impl AuditTrail {
    /// Creates a store for the settings table.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Returns records, newest first, after the position `after`. It makes at most two Queries. With a kind, a page may
    /// therefore have fewer records than `limit` although more follow.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or a record is malformed.
    pub async fn page(
        &self,
        kind: Option<&str>,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<TrailEntry>, StoreError> {
        let mut start = after.and_then(start_key);
        let mut found: Vec<Item> = Vec::new();
        for _ in 0..MAX_QUERIES {
            // One record more than the page holds shows that another page follows.
            let missing = i32::try_from(limit + 1 - found.len().min(limit)).unwrap_or(i32::MAX);
            let query = self.client.query().table_name(&self.table).index_name(INDEX).scan_index_forward(false);
            let query = query
                .key_condition_expression("trail = :trail")
                .expression_attribute_values(":trail", AttributeValue::S(TRAIL.to_owned()))
                .set_exclusive_start_key(start);
            let query = match kind {
                None => query.limit(missing),
                Some(kind) => query
                    .limit(EVALUATED)
                    .filter_expression("#kind = :kind")
                    .expression_attribute_names("#kind", "kind")
                    .expression_attribute_values(":kind", AttributeValue::S(kind.to_owned())),
            };
            let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
            found.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if found.len() > limit || start.is_none() {
                break;
            }
        }
        let next = match found.get(limit) {
            Some(_) => found.get(limit.saturating_sub(1)).cloned(),
            None => start,
        };
        found.truncate(limit);
        let next = next.as_ref().map(position).transpose()?;
        Ok(Page { items: found.iter().map(entry).collect::<Result<_, _>>()?, next })
    }

    /// Returns the records of one parameter or row, newest first, after the position `after`. It makes one Query of the
    /// partition of this subject, so it does not need the index. DynamoDB refuses the position of a record of another
    /// subject. [`Self::is_position_of`] checks for that.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or a record is malformed.
    pub async fn page_of(
        &self,
        kind: &str,
        subject: &str,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<TrailEntry>, StoreError> {
        let subject = partition_subject(kind, subject);
        let mut start = after.and_then(start_key);
        if let Some(start) = &mut start {
            start.remove("trail");
        }
        let query = self.client.query().table_name(&self.table).key_condition_expression("pk = :pk");
        let query = query
            .expression_attribute_values(":pk", AttributeValue::S(format!("{PARTITION}{subject}")))
            .scan_index_forward(false)
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start);
        let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let mut found = page.items.unwrap_or_default();
        let is_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| is_more).map(position).transpose()?;
        let items = found.iter().map(|item| entry_of(kind, item)).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    /// Returns `true` if a text is a position that [`Self::page`] may return.
    #[must_use]
    pub fn is_position(text: &str) -> bool {
        text.len() <= 300 && text.chars().all(|letter| letter.is_ascii_graphic()) && start_key(text).is_some()
    }

    /// Returns `true` if a text is a position that [`Self::page_of`] may return for this subject.
    #[must_use]
    pub fn is_position_of(text: &str, kind: &str, subject: &str) -> bool {
        let named = text.split_once('@').map(|(_, named)| named);
        Self::is_position(text) && named == Some(partition_subject(kind, subject).as_str())
    }
}

/// Returns the name of a subject in the key of its partition.
fn partition_subject(kind: &str, subject: &str) -> String {
    match kind {
        "rollout" | "settings" | "caps" => subject.to_owned(),
        _ => format!("{kind}#{subject}"),
    }
}

fn entry(item: &Item) -> Result<TrailEntry, MalformedItemError> {
    entry_of(ItemReader(item).text("kind")?, item)
}

fn entry_of(kind: &str, item: &Item) -> Result<TrailEntry, MalformedItemError> {
    let item = ItemReader(item);
    let (kind, partition) = (kind.to_owned(), item.text("pk")?);
    let subject = partition.strip_prefix(PARTITION).ok_or(MalformedItemError("pk"))?.to_owned();
    let change = match subject.contains('#') || subject == "caps" {
        true => TrailChange::Row(item.maybe_json("record")?.ok_or(MalformedItemError("record"))?),
        false => TrailChange::Parameter(item.maybe_json("record")?.ok_or(MalformedItemError("record"))?),
    };
    Ok(TrailEntry { kind, subject, change })
}

/// Returns the position of a record: its sort key and its subject.
fn position(item: &Item) -> Result<String, MalformedItemError> {
    let item = ItemReader(item);
    let subject = item.text("pk")?.strip_prefix(PARTITION).ok_or(MalformedItemError("pk"))?;
    Ok(format!("{}@{subject}", item.text("sk")?))
}

fn start_key(position: &str) -> Option<HashMap<String, AttributeValue>> {
    let (sort, subject) = position.split_once('@')?;
    let is_sort = sort.len() > 16 && sort.bytes().all(|byte| byte.is_ascii_digit() || byte == b'#');
    let text = |text: String| AttributeValue::S(text);
    let key = [
        ("trail", text(TRAIL.to_owned())),
        ("pk", text(format!("{PARTITION}{subject}"))),
        ("sk", text(sort.to_owned())),
    ];
    is_sort.then(|| key.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::Timestamp;
    use serde_json::{Map, json};

    use super::*;
    use crate::testing_tables::{SETTINGS, tables};
    use crate::{AuditStore, CatalogKey, CatalogRow, CatalogStore};
    use domain::{Actor, ManagedParameter, TypeId};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn percentage(second: i64) -> AuditRecord {
        let (parameter, by) = (ManagedParameter::RolloutPercentage, Actor::Guard);
        let (old, new) = (None, "0".to_owned());
        AuditRecord {
            at: at(second),
            parameter,
            version: second,
            by,
            old,
            new,
            reason: None,
            numbers: None,
            fields: None,
        }
    }

    async fn create_type(catalog: &CatalogStore, name: &str, second: i64) {
        let definition: Map<_, _> = json!({"title": name}).as_object().unwrap().clone();
        let change = CatalogChange::between(None, Some(&definition), 1, Actor::Service, at(second)).unwrap();
        let row = CatalogRow { definition, revision: 1, created_at: at(second), updated_at: at(second) };
        let key = CatalogKey::Type(TypeId::parse(name).unwrap());
        assert!(catalog.replace(&key, None, Some(&row), &change).await.unwrap());
    }

    /// Reads all pages; each has at most `limit` records.
    async fn all(trail: &AuditTrail, kind: Option<&str>, limit: usize) -> Vec<String> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = trail.page(kind, limit, after.as_deref()).await.unwrap();
            assert!(page.items.len() <= limit);
            found.extend(page.items.into_iter().map(|entry| entry.subject));
            after = page.next;
            let Some(next) = &after else { return found };
            assert!(AuditTrail::is_position(next), "{next}");
        }
    }

    #[tokio::test]
    async fn every_change_stands_in_the_trail_once_newest_first() {
        let dynamo = tables().await;
        let (audit, catalog) =
            (AuditStore::new(dynamo.client(), SETTINGS), CatalogStore::new(dynamo.client(), SETTINGS));
        let trail = AuditTrail::new(dynamo.client(), SETTINGS);
        assert!(all(&trail, None, 1).await.is_empty());
        for number in 0..4 {
            audit.add(&percentage(10 * number)).await.unwrap();
            create_type(&catalog, &format!("T{number}"), 10 * number).await;
        }
        for limit in [1, 2, 3, 8, 100] {
            let found = all(&trail, None, limit).await;
            let types: Vec<_> = found.iter().filter(|subject| subject.starts_with("type#")).collect();
            assert_eq!(types, ["type#T3", "type#T2", "type#T1", "type#T0"], "{limit}");
            assert_eq!(found.len(), 8);
            assert_eq!(all(&trail, Some("rollout"), limit).await, ["rollout-percentage"; 4], "{limit}");
            assert!(all(&trail, Some("template"), limit).await.is_empty());
        }
        let page = trail.page_of("type", "T2", 1, None).await.unwrap();
        assert_eq!((page.items[0].subject.as_str(), page.items.len(), &page.next), ("type#T2", 1, &None));
        let first = trail.page_of("rollout", "rollout-percentage", 3, None).await.unwrap();
        let rest = trail.page_of("rollout", "rollout-percentage", 3, first.next.as_deref()).await.unwrap();
        assert_eq!((first.items.len(), rest.items.len(), &rest.next), (3, 1, &None));
        let next = first.next.unwrap();
        assert!(AuditTrail::is_position_of(&next, "rollout", "rollout-percentage"), "{next}");
        assert!(!AuditTrail::is_position_of(&next, "type", "T2"), "{next}");
        assert!(trail.page_of("template", "T2", 3, None).await.unwrap().items.is_empty());
        let page = trail.page(Some("type"), 1, None).await.unwrap();
        assert!(matches!(&page.items[0].change, TrailChange::Row(change) if change.at == at(30)));
    }

    #[test]
    fn a_position_is_a_sort_key_and_a_subject() {
        assert!(AuditTrail::is_position("000000000010000#000000001@type#A"));
        for text in ["", "@", "1@x", "000000000010000#000000001", "000000000010000#00000000x@a", "a b@c"] {
            assert!(!AuditTrail::is_position(text), "{text}");
        }
    }
}
