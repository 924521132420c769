//! `GetItem`, `PutItem`, `Scan` and `BatchWriteItem` as direct calls, without the general machinery of the SDK. Sends
//! and campaigns make these calls for each person. All other calls use the SDK.

mod borrowed;
mod json;

use std::collections::HashMap;

use aws::DynamoClient;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};

pub(crate) use self::borrowed::BorrowedItem;
use self::json::StoredItem;
use crate::{Item, ItemWriter, StoreError};

/// Read of one item.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetItem<'a> {
    table_name: &'a str,
    #[serde(serialize_with = "json::item")]
    key: Item,
    consistent_read: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    projection_expression: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "json::names")]
    expression_attribute_names: Vec<(&'a str, &'a str)>,
}

impl<'a> GetItem<'a> {
    /// Starts a read that may miss the writes of the last second.
    pub(crate) const fn new(table_name: &'a str, key: Item) -> Self {
        Self {
            table_name,
            key,
            consistent_read: false,
            projection_expression: None,
            expression_attribute_names: Vec::new(),
        }
    }

    /// Sees all earlier writes, at twice the price.
    pub(crate) const fn consistent(mut self) -> Self {
        self.consistent_read = true;
        self
    }

    /// Returns only these attributes.
    pub(crate) const fn projection(mut self, expression: &'a str) -> Self {
        self.projection_expression = Some(expression);
        self
    }

    /// Declares a name that the expression uses.
    pub(crate) fn name(mut self, name: &'a str, attribute: &'a str) -> Self {
        self.expression_attribute_names.push((name, attribute));
        self
    }

    /// Makes the call. Returns `None` if there is no such item.
    ///
    /// # Errors
    /// If the call fails.
    pub(crate) async fn send(self, client: &DynamoClient) -> Result<Option<Item>, StoreError> {
        let answer = self.answer(client).await?;
        Ok(answer.read::<Found<StoredItem>>()?.item.map(StoredItem::into_item))
    }

    /// Makes the call. The item of the answer can be borrowed.
    ///
    /// # Errors
    /// If the call fails.
    pub(crate) async fn answer(self, client: &DynamoClient) -> Result<CallAnswer, StoreError> {
        call(client, ("GetItem", "DynamoDB_20120810.GetItem"), &self).await
    }
}

/// Write of one item.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutItem<'a> {
    table_name: &'a str,
    item: ItemWriter,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition_expression: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "json::names")]
    expression_attribute_names: Vec<(&'a str, &'a str)>,
    #[serde(skip_serializing_if = "Item::is_empty", serialize_with = "json::item")]
    expression_attribute_values: Item,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_values_on_condition_check_failure: Option<&'static str>,
}

/// Write that was not made.
pub(crate) struct PutError {
    /// The reason.
    pub error: StoreError,
    /// The stored item, if the condition did not hold.
    pub stored: Option<Item>,
}

impl<'a> PutItem<'a> {
    /// Starts a write that replaces the item with this key.
    pub(crate) fn new(table_name: &'a str, item: impl Into<ItemWriter>) -> Self {
        Self {
            table_name,
            item: item.into(),
            condition_expression: None,
            expression_attribute_names: Vec::new(),
            expression_attribute_values: Item::new(),
            return_values_on_condition_check_failure: None,
        }
    }

    /// Writes only if this condition holds.
    pub(crate) const fn condition(mut self, expression: &'a str) -> Self {
        self.condition_expression = Some(expression);
        self
    }

    /// Declares a name that the condition uses.
    pub(crate) fn name(mut self, name: &'a str, attribute: &'a str) -> Self {
        self.expression_attribute_names.push((name, attribute));
        self
    }

    /// Declares a value that the condition uses.
    pub(crate) fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.expression_attribute_values.insert(name.to_owned(), value);
        self
    }

    /// Declares all values that the condition uses.
    pub(crate) fn values(mut self, values: Item) -> Self {
        self.expression_attribute_values = values;
        self
    }

    /// Makes the call.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] if the condition does not hold.
    pub(crate) async fn send(self, client: &DynamoClient) -> Result<(), StoreError> {
        call(client, PUT, &self).await.map(drop)
    }

    /// Makes the call. If the condition does not hold, the error contains the stored item.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(crate) async fn send_or_return_stored(mut self, client: &DynamoClient) -> Result<(), PutError> {
        self.return_values_on_condition_check_failure = Some("ALL_OLD");
        #[derive(Deserialize)]
        struct Refusal {
            #[serde(rename = "Item")]
            item: Option<StoredItem>,
        }
        let (name, target) = PUT;
        let body = serde_json::to_vec(&self).map_err(|_| PutError { error: unbuilt(name), stored: None })?;
        let Err(error) = client.direct().call(target, body).await else { return Ok(()) };
        let refusal = serde_json::from_slice::<Refusal>(error.body()).ok();
        let stored = refusal.and_then(|refusal| refusal.item).map(StoredItem::into_item);
        Err(PutError { error: StoreError::of_call(name, error), stored })
    }
}

/// Read of a page of one segment of a table. It may miss the writes of the last second.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Scan<'a> {
    table_name: &'a str,
    segment: i32,
    total_segments: i32,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "json::maybe_item")]
    exclusive_start_key: Option<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    projection_expression: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "json::names")]
    expression_attribute_names: Vec<(&'a str, &'a str)>,
}

/// Page of a scan.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ScannedPage<I> {
    #[serde(default = "Vec::new")]
    pub items: Vec<I>,
    /// Key of the last item that was read; `None` after the last page.
    pub last_evaluated_key: Option<I>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found<I> {
    item: Option<I>,
}

/// CallAnswer of a read. Items borrow from it.
pub(crate) struct CallAnswer {
    call: &'static str,
    body: Bytes,
}

impl CallAnswer {
    /// Returns the item of a `GetItem`.
    ///
    /// # Errors
    /// If the answer cannot be read.
    pub(crate) fn item(&self) -> Result<Option<BorrowedItem<'_>>, StoreError> {
        Ok(self.read::<Found<BorrowedItem<'_>>>()?.item)
    }

    /// Returns the page of a `Scan`.
    ///
    /// # Errors
    /// If the answer cannot be read.
    pub(crate) fn page(&self) -> Result<ScannedPage<BorrowedItem<'_>>, StoreError> {
        self.read()
    }

    fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, StoreError> {
        let cause = |_| "the answer could not be read".to_owned();
        let read = serde_json::from_slice(&self.body).map_err(cause);
        read.map_err(|cause| StoreError::Transient { call: self.call, cause })
    }
}

impl<'a> Scan<'a> {
    /// Starts a read of a page of `segment` of `total_segments`, after the item with the key `after`.
    pub(crate) const fn new(
        table_name: &'a str,
        (segment, total_segments): (i32, i32),
        after: Option<Item>,
        limit: Option<i32>,
    ) -> Self {
        Self {
            table_name,
            segment,
            total_segments,
            exclusive_start_key: after,
            limit,
            projection_expression: None,
            expression_attribute_names: Vec::new(),
        }
    }

    /// Returns only these attributes.
    pub(crate) const fn projection(mut self, expression: &'a str) -> Self {
        self.projection_expression = Some(expression);
        self
    }

    /// Declares a name that the expression uses.
    pub(crate) fn name(mut self, name: &'a str, attribute: &'a str) -> Self {
        self.expression_attribute_names.push((name, attribute));
        self
    }

    /// Makes the call. The answer has a page.
    ///
    /// # Errors
    /// If the call fails.
    pub(crate) async fn answer(self, client: &DynamoClient) -> Result<CallAnswer, StoreError> {
        call(client, ("Scan", "DynamoDB_20120810.Scan"), &self).await
    }
}

/// Batch that failed.
#[derive(Debug)]
pub(crate) struct BatchError {
    /// The reason.
    pub error: StoreError,
    /// `true` if some of the items may be written.
    pub may_be_written: bool,
}

/// Writes up to 25 items without conditions, with one attempt: a repeat could replace what other writers have made of
/// the items since. Returns those that DynamoDB did not process.
///
/// # Errors
/// If the call fails.
pub(crate) async fn batch_write(
    client: &DynamoClient,
    table: &str,
    items: &[ItemWriter],
) -> Result<Vec<ItemWriter>, BatchError> {
    const CALL: &str = "BatchWriteItem";
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Written {
        #[serde(default)]
        unprocessed_items: HashMap<String, Vec<Unprocessed>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Unprocessed {
        put_request: Put,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Put {
        item: StoredItem,
    }
    let request = BatchWrite { request_items: Puts { table, items } };
    let body = serde_json::to_vec(&request);
    let body = body.map_err(|_| BatchError { error: unbuilt(CALL), may_be_written: false })?;
    let answer = client.direct().call_once("DynamoDB_20120810.BatchWriteItem", body).await.map_err(|error| {
        let may_be_written = error.may_be_executed();
        BatchError { error: StoreError::of_call(CALL, error), may_be_written }
    })?;
    let answer = CallAnswer { call: CALL, body: answer };
    let mut written = answer.read::<Written>().map_err(|error| BatchError { error, may_be_written: true })?;
    let left = written.unprocessed_items.remove(table).unwrap_or_default();
    Ok(left.into_iter().map(|left| left.put_request.item.into_item().into()).collect())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BatchWrite<'a> {
    request_items: Puts<'a>,
}

/// `{"<table>": [{"PutRequest": {"Item": ...}}, ...]}`.
struct Puts<'a> {
    table: &'a str,
    items: &'a [ItemWriter],
}

impl Serialize for Puts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Request<'a> {
            put_request: Put<'a>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Put<'a> {
            item: &'a ItemWriter,
        }
        let requests: Vec<_> = self.items.iter().map(|item| Request { put_request: Put { item } }).collect();
        serializer.collect_map([(self.table, requests)])
    }
}

/// Name and target of a call.
type Operation = (&'static str, &'static str);

const PUT: Operation = ("PutItem", "DynamoDB_20120810.PutItem");

async fn call(
    client: &DynamoClient,
    (name, target): Operation,
    request: &impl Serialize,
) -> Result<CallAnswer, StoreError> {
    let body = serde_json::to_vec(request).map_err(|_| unbuilt(name))?;
    let body = client.direct().call(target, body).await.map_err(|error| StoreError::of_call(name, error))?;
    Ok(CallAnswer { call: name, body })
}

fn unbuilt(call: &'static str) -> StoreError {
    StoreError::Refused { call, cause: "the request could not be built".to_owned() }
}

#[cfg(test)]
mod tests;
