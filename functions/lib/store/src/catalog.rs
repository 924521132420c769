//! Catalog in the settings table: rows that operators change by API and that sending functions read.
//!
//! ```text
//! pk    catalog                    sk    type#<name>, template#<name>, caps    a row: definition as JSON, revision, times
//! pk    audit#type#<name>          sk    <milliseconds>#<revision>    one change of that row; 400 days
//! ```
//!
//! One Query returns all rows. A row and its audit record are written in one transaction. [`super::TemplateStore`]
//! writes the rows of templates.

use std::fmt;

use aws::DynamoClient;
use aws_sdk_dynamodb::types::AttributeValue;

use super::catalog_row::{self, CatalogRow, audit_partition, commit_change, delete, put, put_record, row};
use super::{ItemReader, ItemWriter, MalformedItemError, Page, StoreError};
use crate::direct::GetItem;
use domain::{CatalogChange, TypeId};

pub(super) const PARTITION: &str = "catalog";
/// Beginning of the sort keys of templates.
pub(super) const TEMPLATE: &str = "template#";
const CAPS: &str = "caps";

/// Name of a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CatalogKey {
    /// A type of notification.
    Type(TypeId),
    /// A template, by its name.
    Template(String),
    /// The rules of the frequency caps.
    Caps,
}

impl CatalogKey {
    fn text(&self) -> String {
        match self {
            Self::Type(id) => format!("type#{id}"),
            Self::Template(name) => format!("{TEMPLATE}{name}"),
            Self::Caps => CAPS.to_owned(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == CAPS {
            return Some(Self::Caps);
        }
        if let Some(name) = text.strip_prefix(TEMPLATE) {
            return Some(Self::Template(name.to_owned()));
        }
        let (kind, name) = text.split_once('#')?;
        (kind == "type").then(|| TypeId::parse(name).map(Self::Type)).flatten()
    }

    /// Returns the id of a type; `None` for any other row.
    #[must_use]
    pub fn into_type(self) -> Option<TypeId> {
        match self {
            Self::Type(id) => Some(id),
            Self::Template(_) | Self::Caps => None,
        }
    }
}

impl fmt::Display for CatalogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// All rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    /// Rows in the order of their keys.
    pub rows: Vec<(CatalogKey, CatalogRow)>,
    /// Keys of rows whose attributes are malformed.
    pub malformed: Vec<CatalogKey>,
}

/// Store of the catalog.
#[derive(Debug, Clone)]
pub struct CatalogStore {
    client: DynamoClient,
    table: String,
}

impl CatalogStore {
    /// Creates a store for the settings table.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Returns all rows. `is_consistent` reads the latest state, at twice the price.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn read(&self, is_consistent: bool) -> Result<Catalog, StoreError> {
        let query = self.client.query().table_name(&self.table).consistent_read(is_consistent);
        let query = query.key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", AttributeValue::S(PARTITION.to_owned()));
        let mut pages = query.into_paginator().send();
        let mut catalog = Catalog::default();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| StoreError::of("Query", error))?;
            for item in page.items() {
                // A later release may write rows of other kinds.
                let Some(key) = ItemReader(item).text("sk").ok().and_then(CatalogKey::parse) else { continue };
                match row(item) {
                    Ok(row) => catalog.rows.push((key, row)),
                    Err(_) => catalog.malformed.push(key),
                }
            }
        }
        Ok(catalog)
    }

    /// Returns the latest state of a row.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the row is malformed.
    pub async fn get(&self, key: &CatalogKey) -> Result<Option<CatalogRow>, StoreError> {
        let key = ItemWriter::default().text("pk", PARTITION).text("sk", key.text()).finish();
        let found = GetItem::new(&self.table, key).consistent().send(&self.client).await?;
        Ok(found.as_ref().map(row).transpose()?)
    }

    /// Writes a row, or removes it if `new` is `None`, with its audit record. Returns `false` if the stored row is no
    /// longer `old`.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn replace(
        &self,
        key: &CatalogKey,
        old: Option<&CatalogRow>,
        new: Option<&CatalogRow>,
        change: &CatalogChange,
    ) -> Result<bool, StoreError> {
        let row = match new {
            Some(row) => put(&self.table, catalog_row::item(PARTITION, key.text(), row)?, old)?,
            None => delete(&self.table, PARTITION, &key.text(), old)?,
        };
        let record = put_record(&self.table, &key.text(), change)?;
        commit_change(&self.client, &[row, record]).await
    }

    /// Returns changes of a row, newest first, after the change with the sort key `after`.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or a record is malformed.
    pub async fn changes(
        &self,
        key: &CatalogKey,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<CatalogChange>, StoreError> {
        let query = self.client.query().table_name(&self.table).key_condition_expression("pk = :pk AND sk < :upper");
        let query = query
            .expression_attribute_values(":pk", AttributeValue::S(audit_partition(&key.text())))
            .expression_attribute_values(":upper", AttributeValue::S(after.unwrap_or("~").to_owned()))
            .scan_index_forward(false)
            // One item more than a page holds shows that another page follows.
            .limit(i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX));
        let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let mut found = page.items.unwrap_or_default();
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| more);
        let next = last.map(|last| ItemReader(last).text("sk").map(str::to_owned)).transpose()?;
        let record = |item| ItemReader(item).maybe_json("record")?.ok_or(MalformedItemError("record"));
        Ok(Page { items: found.iter().map(record).collect::<Result<_, _>>()?, next })
    }
}

#[cfg(test)]
#[path = "catalog_tests.rs"]
mod tests;
