//! Small JSON records in the control table, each under a name. A record is read and written as a whole, with optimistic
//! locking by a version number.

use aws::DynamoClient;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::versioned::Versioned;
use super::{ItemReader, ItemWriter, MalformedItemError, StoreError};
use crate::direct::{GetItem, PutItem};

/// Store of one record.
#[derive(Debug, Clone)]
pub struct RecordStore {
    client: DynamoClient,
    table: String,
    name: &'static str,
}

impl RecordStore {
    /// Creates a store for the record `name`.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>, name: &'static str) -> Self {
        Self { client, table: table.into(), name }
    }

    /// Returns the record, or the default if it does not exist, with a consistent read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the record is malformed.
    pub async fn read<T: DeserializeOwned + Default>(&self) -> Result<Versioned<T>, StoreError> {
        let key = ItemWriter::default().text("pk", self.name).finish();
        let found = GetItem::new(&self.table, key).consistent().send(&self.client).await?;
        let Some(item) = found else { return Ok(Versioned { value: T::default(), version: 0 }) };
        let item = ItemReader(&item);
        let value = item.maybe_json("value")?.ok_or(MalformedItemError("value"))?;
        Ok(Versioned { value, version: item.maybe_number("version")?.ok_or(MalformedItemError("version"))? })
    }

    /// Replaces the record if its version is still the one that was read. Returns the new record.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] if another writer wrote in between.
    pub async fn replace<T: Serialize>(&self, read: &Versioned<T>, value: T) -> Result<Versioned<T>, StoreError> {
        let version = read.version + 1;
        let text = serde_json::to_string(&value).map_err(|_| StoreError::Malformed(MalformedItemError("value")))?;
        let item = ItemWriter::default().text("pk", self.name).text("value", text).number("version", version);
        let put = PutItem::new(&self.table, item)
            .condition("attribute_not_exists(pk) OR version = :read")
            .value(":read", AttributeValue::N(read.version.to_string()));
        put.send(&self.client).await?;
        Ok(Versioned { value, version })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing_tables::{CONTROL, tables};

    #[tokio::test]
    async fn a_record_is_replaced_only_if_its_version_is_unchanged() {
        let dynamo = tables().await;
        let record = RecordStore::new(dynamo.client(), CONTROL, "test#record");
        let first = record.read::<Vec<u32>>().await.unwrap();
        assert_eq!(first.value, Vec::<u32>::new());
        record.replace(&first, vec![1]).await.unwrap();
        assert!(record.replace(&first, vec![2]).await.unwrap_err().is_condition_failed());
        let second = record.read::<Vec<u32>>().await.unwrap();
        record.replace(&second, vec![1, 2]).await.unwrap();
        assert_eq!(record.read::<Vec<u32>>().await.unwrap().value, [1, 2]);
    }
}
