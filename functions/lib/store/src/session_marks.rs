//! Marks that end sessions of the web console, in the settings table.
//!
//! pk    console-sessions          sk    everyone, or person#<name>    sessions that began before `ended_at` are over
//! pk    audit#sessions#<sk>       sk    <milliseconds>#<revision>     who ended them; 400 days
//!
//! The name of a person is that of the audit, or the subject of the login.

use aws::DynamoClient;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, json};

use super::catalog_row::{commit_change, put_always, put_record};
use super::{Item, ItemReader, ItemWriter, MalformedItemError, StoreError};
use domain::{Actor, CatalogChange};

const PARTITION: &str = "console-sessions";
/// Sort key of the mark for all sessions.
const EVERYONE: &str = "everyone";
/// Beginning of the sort key of the mark for one person.
const PERSON: &str = "person#";
/// Retention of a mark. A session lasts for 8 hours.
const RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// Mark: sessions that began before `ended_at` are over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionMark {
    /// Name of the person, or subject of the login; `None` for everyone.
    pub person: Option<String>,
    /// End.
    pub ended_at: Timestamp,
}

/// Store of the marks.
#[derive(Debug, Clone)]
pub struct SessionMarkStore {
    client: DynamoClient,
    table: String,
}

impl SessionMarkStore {
    /// Creates a store for the settings table.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Ends the sessions of a person, or of everyone, that began before `now`. The mark and its audit record are one
    /// transaction.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn end(&self, person: Option<&str>, by: Actor, now: Timestamp) -> Result<(), StoreError> {
        let sort = person.map_or_else(|| EVERYONE.to_owned(), |person| format!("{PERSON}{person}"));
        let mark = ItemWriter::default()
            .text("pk", PARTITION)
            .text("sk", sort)
            .number("ended_at", now.as_millisecond())
            .number("expires_at", now.checked_add(RETENTION).unwrap_or(Timestamp::MAX).as_second());
        let after: Map<_, _> = [("ended_at".to_owned(), json!(now))].into_iter().collect();
        let change =
            CatalogChange::between(Some(&Map::new()), Some(&after), 1, by, now).ok_or(MalformedItemError("record"))?;
        let row = format!("sessions#{}", person.unwrap_or(EVERYONE));
        let items = [put_always(&self.table, mark)?, put_record(&self.table, &row, &change)?];
        commit_change(&self.client, &items).await.map(drop)
    }

    /// Returns all marks.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or a mark is malformed.
    pub async fn all(&self) -> Result<Vec<SessionMark>, StoreError> {
        let query = self.client.query().table_name(&self.table).key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", AttributeValue::S(PARTITION.to_owned()));
        let items = query.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let items = items.map_err(|error| StoreError::of("Query", error))?;
        items.iter().map(|item| mark(item).map_err(StoreError::from)).collect()
    }
}

fn mark(item: &Item) -> Result<SessionMark, MalformedItemError> {
    let item = ItemReader(item);
    let person = item.text("sk")?.strip_prefix(PERSON).map(str::to_owned);
    Ok(SessionMark { person, ended_at: item.time("ended_at")? })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::AuditTrail;
    use crate::testing_tables::{SETTINGS, tables};

    #[tokio::test]
    async fn a_mark_replaces_the_one_before_and_is_recorded() {
        let dynamo = tables().await;
        let store = SessionMarkStore::new(dynamo.client(), SETTINGS);
        assert!(store.all().await.unwrap().is_empty());
        let at = |second| Timestamp::from_second(second).unwrap();
        for second in [10, 20] {
            store.end(Some("ada@example.com"), Actor::Service, at(second)).await.unwrap();
        }
        store.end(None, Actor::Service, at(30)).await.unwrap();
        let marks = store.all().await.unwrap();
        let expected = [(None, at(30)), (Some("ada@example.com".to_owned()), at(20))];
        assert_eq!(marks, expected.map(|(person, ended_at)| SessionMark { person, ended_at }));
        let trail = AuditTrail::new(dynamo.client(), SETTINGS);
        let records = trail.page_of("sessions", "ada@example.com", 10, None).await.unwrap().items;
        assert_eq!((records.len(), records[0].subject.as_str()), (2, "sessions#ada@example.com"));
    }
}
