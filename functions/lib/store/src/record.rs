//! Small records of the control table that are read and written whole: a JSON text under a name, replaced on the condition
//! that nobody wrote since it was read.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ItemReader, ItemWriter, Malformed, StoreError};

/// The adapter of one record.
#[derive(Debug, Clone)]
pub struct RecordStore {
    client: Client,
    table: String,
    name: &'static str,
}

/// A record as it was read: its value, and what the next write asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<T> {
    /// The value; the default where there is none yet.
    pub value: T,
    version: i64,
}

impl RecordStore {
    /// The record `name` of the control table.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, name: &'static str) -> Self {
        Self { client, table: table.into(), name }
    }

    /// The record as it is now.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the record is not what this version wrote.
    pub async fn read<T: DeserializeOwned + Default>(&self) -> Result<Recorded<T>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key("pk", AttributeValue::S(self.name.to_owned()));
        let found = get.send().await.map_err(|error| StoreError::of("GetItem", error))?;
        let Some(item) = found.item else { return Ok(Recorded { value: T::default(), version: 0 }) };
        let item = ItemReader(&item);
        let value = item.maybe_json("value")?.ok_or(Malformed("value"))?;
        Ok(Recorded { value, version: item.maybe_number("version")?.ok_or(Malformed("version"))? })
    }

    /// Replaces what was read, and answers with the record as it is then.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] when somebody wrote since.
    pub async fn replace<T: Serialize>(&self, read: &Recorded<T>, value: T) -> Result<Recorded<T>, StoreError> {
        let version = read.version + 1;
        let text = serde_json::to_string(&value).map_err(|_| StoreError::Malformed(Malformed("value")))?;
        let item = ItemWriter::default().text("pk", self.name).text("value", text).number("version", version);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.finish()))
            .condition_expression("attribute_not_exists(pk) OR version = :read")
            .expression_attribute_values(":read", AttributeValue::N(read.version.to_string()));
        put.send().await.map_err(|error| StoreError::of("PutItem", error))?;
        Ok(Recorded { value, version })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing_tables::{CONTROL, tables};

    #[tokio::test]
    async fn a_record_is_replaced_only_by_who_read_it_last() {
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
