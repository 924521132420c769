//! JSON values that are replaced as a whole, with optimistic locking by a version number.

use aws::DynamoClient;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Item, ItemReader, ItemWriter, MalformedItemError, StoreError};
use crate::direct::{GetItem, PutItem};

/// Name of the attribute with the value.
const VALUE: &str = "state";

/// Value with the version that the next write requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    pub(super) version: i64,
}

/// Place of a value: table, partition key and sort key.
#[derive(Debug, Clone, Copy)]
pub(super) struct ItemPlace<'a> {
    pub client: &'a DynamoClient,
    pub table: &'a str,
    pub partition: &'a str,
    pub sort: &'a str,
}

/// Reads the value of an item.
pub(super) fn versioned<T: DeserializeOwned>(item: &Item) -> Result<Versioned<T>, MalformedItemError> {
    let item = ItemReader(item);
    let value = item.maybe_json(VALUE)?.ok_or(MalformedItemError(VALUE))?;
    Ok(Versioned { value, version: item.maybe_number("version")?.ok_or(MalformedItemError("version"))? })
}

impl ItemPlace<'_> {
    fn key(&self) -> ItemWriter {
        ItemWriter::default().text("pk", self.partition).text("sk", self.sort)
    }

    /// Returns the value, with a consistent read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the value is malformed.
    pub async fn read<T: DeserializeOwned>(&self) -> Result<Option<Versioned<T>>, StoreError> {
        let item = GetItem::new(self.table, self.key().finish()).consistent().send(self.client).await?;
        Ok(item.map(|item| versioned(&item)).transpose()?)
    }

    /// Replaces the value if the stored one is still `read`; `None` stands for no value. Returns `None` if another
    /// writer was first. The item expires at `until`.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn replace<T: Serialize>(
        &self,
        read: Option<&Versioned<T>>,
        value: T,
        until: Timestamp,
    ) -> Result<Option<Versioned<T>>, StoreError> {
        let version = read.map_or(0, |read| read.version);
        let text = serde_json::to_string(&value).map_err(|_| MalformedItemError(VALUE))?;
        let item = self.key().text(VALUE, text).number("version", version + 1).number("expires_at", until.as_second());
        let put = PutItem::new(self.table, item);
        let put = match read {
            None => put.condition("attribute_not_exists(pk)"),
            Some(_) => put.condition("version = :read").value(":read", AttributeValue::N(version.to_string())),
        };
        match put.send(self.client).await {
            Ok(()) => Ok(Some(Versioned { value, version: version + 1 })),
            Err(error) if error.is_condition_failed() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
