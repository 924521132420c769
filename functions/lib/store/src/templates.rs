//! Templates in the settings table.
//!
//! ```text
//! pk    catalog                 sk    template#<name>        title, state, live and latest version; revision, times
//! pk    template#<name>         sk    draft#<part>           the draft as JSON
//! pk    template#<name>         sk    version#<n>#<part>     a version as JSON; never changes
//! pk    template#<name>         sk    published#<n>          time and author of a version
//! pk    audit#template#<name>   sk    <milliseconds>#<revision>    one change of the row; 400 days
//! ```
//!
//! The rows are in the partition of the [catalog](super::CatalogStore). So one Query returns the live version of each
//! template to sending functions. A body that is larger than an item can be is stored in parts. A change is one
//! transaction: the row on condition of its revision, the body, and the audit record.

use aws::DynamoClient;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde_json::Value;

use super::catalog::{PARTITION, TEMPLATE};
use super::catalog_row::{self, CatalogRow, commit_change, put, put_always, put_record, row};
use super::{ItemReader, ItemWriter, MalformedItemError, StoreError};
use crate::direct::GetItem;
use domain::{Actor, CatalogChange};
use platform::alarm::AlarmLine;

/// Maximum size of a part of a body. An item of DynamoDB has at most 400 KB.
const PART_BYTES: usize = 350_000;
/// Maximum number of parts of a body. A transaction of DynamoDB has at most 4 MB.
const MAX_PARTS: usize = 10;

/// Body of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateBody {
    /// The draft. It has one part: the API accepts no larger one.
    Draft,
    /// A version.
    Version(u32),
}

/// Change of a template.
#[derive(Debug)]
pub struct TemplateWrite<'a> {
    /// Row that was read; `None` for a new template.
    pub old: Option<&'a CatalogRow>,
    /// Row after the change.
    pub new: &'a CatalogRow,
    /// Bodies that the change writes.
    pub bodies: &'a [(TemplateBody, &'a Value)],
    /// Audit record.
    pub change: &'a CatalogChange,
}

/// Published version without its body.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedVersion {
    /// Number, from 1.
    pub version: u32,
    /// Time of publishing.
    pub published_at: Timestamp,
    /// Author.
    pub by: Actor,
}

/// Store of templates.
#[derive(Debug, Clone)]
pub struct TemplateStore {
    client: DynamoClient,
    table: String,
}

impl TemplateBody {
    fn prefix(self) -> String {
        match self {
            Self::Draft => "draft#".to_owned(),
            Self::Version(number) => format!("version#{number:06}#"),
        }
    }
}

impl TemplateStore {
    /// Creates a store for the settings table.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Returns the rows of all templates with their names, in the order of the names. A malformed row is logged and
    /// left out.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn list(&self) -> Result<Vec<(String, CatalogRow)>, StoreError> {
        let items = self.query(PARTITION.to_owned(), TEMPLATE).await?;
        let named = items.iter().filter_map(|item| {
            let name = ItemReader(item).text("sk").ok()?.strip_prefix(TEMPLATE)?.to_owned();
            match row(item) {
                Ok(row) => Some((name, row)),
                Err(error) => {
                    let alarm = AlarmLine::CatalogMalformed.as_str();
                    tracing::error!(alarm, name, %error, "left out a malformed template");
                    None
                }
            }
        });
        Ok(named.collect())
    }

    /// Returns the row of a template.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the row is malformed.
    pub async fn row(&self, name: &str) -> Result<Option<CatalogRow>, StoreError> {
        let key = ItemWriter::default().text("pk", PARTITION).text("sk", row_key(name)).finish();
        let found = GetItem::new(&self.table, key).consistent().send(&self.client).await?;
        Ok(found.as_ref().map(row).transpose()?)
    }

    /// Returns a body.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the body is malformed.
    pub async fn body(&self, name: &str, body: TemplateBody) -> Result<Option<Value>, StoreError> {
        let items = self.query(partition(name), &body.prefix()).await?;
        if items.is_empty() {
            return Ok(None);
        }
        let parts: Vec<&str> = items.iter().map(|item| ItemReader(item).text("part")).collect::<Result<_, _>>()?;
        Ok(Some(serde_json::from_str(&parts.concat()).map_err(|_| MalformedItemError("part"))?))
    }

    /// Returns all published versions, oldest first.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or an item is malformed.
    pub async fn versions(&self, name: &str) -> Result<Vec<PublishedVersion>, StoreError> {
        let items = self.query(partition(name), "published#").await?;
        let version = |item| {
            let item = ItemReader(item);
            let number = item.maybe_number("version")?.and_then(|number| u32::try_from(number).ok());
            Ok(PublishedVersion {
                version: number.ok_or(MalformedItemError("version"))?,
                published_at: item.time("published_at")?,
                by: item.maybe_json("by")?.ok_or(MalformedItemError("by"))?,
            })
        };
        Ok(items.iter().map(version).collect::<Result<_, MalformedItemError>>()?)
    }

    /// Writes a change. Returns `false` if the stored row is no longer `old`.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the body is larger than [`TemplateStore::fits`] allows.
    pub async fn write(&self, name: &str, write: &TemplateWrite<'_>) -> Result<bool, StoreError> {
        let row = catalog_row::item(PARTITION, row_key(name), write.new)?;
        let record = put_record(&self.table, &partition(name), write.change)?;
        let mut items = vec![put(&self.table, row, write.old)?, record];
        for (body, json) in write.bodies {
            let text = serde_json::to_string(json).map_err(|_| MalformedItemError("part"))?;
            for (index, part) in parts(&text).into_iter().enumerate() {
                let item = ItemWriter::default().text("pk", partition(name));
                let item = item.text("sk", format!("{}{index:02}", body.prefix())).text("part", part);
                items.push(put_always(&self.table, item)?);
            }
            if let TemplateBody::Version(number) = body {
                let by = serde_json::to_string(&write.change.by).map_err(|_| MalformedItemError("by"))?;
                let item = ItemWriter::default()
                    .text("pk", partition(name))
                    .text("sk", format!("published#{number:06}"))
                    .number("version", *number)
                    .time("published_at", write.change.at)
                    .text("by", by);
                items.push(put_always(&self.table, item)?);
            }
        }
        commit_change(&self.client, &items).await
    }

    /// Returns `true` if a body can be stored.
    #[must_use]
    pub fn fits(body: &Value) -> bool {
        serde_json::to_string(body).is_ok_and(|text| text.len() <= (MAX_PARTS - 1) * PART_BYTES)
    }

    async fn query(&self, partition: String, prefix: &str) -> Result<Vec<super::Item>, StoreError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", AttributeValue::S(partition))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()));
        let mut pages = query.into_paginator().send();
        let mut items = Vec::new();
        while let Some(page) = pages.next().await {
            items.extend(page.map_err(|error| StoreError::of("Query", error))?.items.unwrap_or_default());
        }
        Ok(items)
    }
}

/// Returns the sort key of a template's row.
fn row_key(name: &str) -> String {
    format!("{TEMPLATE}{name}")
}

/// Returns the partition of a template's bodies.
fn partition(name: &str) -> String {
    format!("template#{name}")
}

/// Splits a text into parts of at most [`PART_BYTES`], between characters.
fn parts(text: &str) -> Vec<&str> {
    let (mut rest, mut parts) = (text, Vec::new());
    while rest.len() > PART_BYTES {
        let end = (0..=PART_BYTES).rev().find(|end| rest.is_char_boundary(*end)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use platform::caller::Author;
    use serde_json::json;

    use super::*;
    use crate::testing::Dynamo;

    const TABLE: &str = "settings";

    fn revised(revision: u64, latest: u32) -> CatalogRow {
        let at = Timestamp::from_second(100).unwrap();
        let definition = json!({"title": "T", "latest": latest}).as_object().unwrap().clone();
        CatalogRow { definition, revision, created_at: at, updated_at: at }
    }

    async fn store() -> (Dynamo, TemplateStore) {
        let dynamo = Dynamo::start().await;
        dynamo.create_table(TABLE).await;
        let store = TemplateStore::new(dynamo.client(), TABLE);
        (dynamo, store)
    }

    async fn write(
        store: &TemplateStore,
        old: Option<&CatalogRow>,
        new: &CatalogRow,
        body: TemplateBody,
        json: &Value,
    ) -> bool {
        let by = Actor::Api(Author::of_id("ops"));
        let change = CatalogChange::between(
            old.map(|row| &row.definition),
            Some(&new.definition),
            new.revision,
            by,
            new.updated_at,
        );
        let write = TemplateWrite { old, new, bodies: &[(body, json)], change: &change.unwrap() };
        store.write("welcome", &write).await.unwrap()
    }

    #[tokio::test]
    async fn a_large_version_is_split_and_read_back() {
        let (_dynamo, store) = store().await;
        let (first, second) = (revised(1, 0), revised(2, 1));
        assert!(write(&store, None, &first, TemplateBody::Draft, &json!({"a": 1})).await);
        let large = json!({"html": "è".repeat(500_000)});
        assert!(TemplateStore::fits(&large) && parts(&large.to_string()).len() == 3);
        assert!(write(&store, Some(&first), &second, TemplateBody::Version(1), &large).await);
        assert_eq!(store.body("welcome", TemplateBody::Version(1)).await.unwrap(), Some(large));
        assert_eq!(store.body("welcome", TemplateBody::Draft).await.unwrap(), Some(json!({"a": 1})));
        assert_eq!(store.body("welcome", TemplateBody::Version(2)).await.unwrap(), None);
        let versions = store.versions("welcome").await.unwrap();
        assert_eq!(versions.iter().map(|version| version.version).collect::<Vec<_>>(), [1]);
        assert_eq!(store.list().await.unwrap(), [("welcome".to_owned(), second.clone())]);
        assert_eq!(store.row("welcome").await.unwrap(), Some(second));
    }

    #[tokio::test]
    async fn a_change_of_a_row_that_is_no_longer_the_one_that_was_read_writes_nothing() {
        let (_dynamo, store) = store().await;
        let (first, second) = (revised(1, 0), revised(2, 1));
        write(&store, None, &first, TemplateBody::Draft, &json!(1)).await;
        assert!(!write(&store, None, &second, TemplateBody::Draft, &json!(2)).await);
        assert!(!write(&store, Some(&second), &revised(3, 2), TemplateBody::Draft, &json!(3)).await);
        assert_eq!(store.body("welcome", TemplateBody::Draft).await.unwrap(), Some(json!(1)));
    }

    #[test]
    fn a_body_of_more_than_a_transaction_does_not_fit() {
        assert!(!TemplateStore::fits(&json!("x".repeat(4_000_000))));
    }
}
