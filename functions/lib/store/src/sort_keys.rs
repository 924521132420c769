//! What is stored under one recipient, by the keys alone: what erasing goes by.

use aws_sdk_dynamodb::Client;

use super::{ItemReader, ItemWriter, StoreError};
use domain::recipient::RecipientKey;

/// Up to a page of a table's sort keys under a recipient, consistently.
///
/// # Errors
/// When DynamoDB does not answer.
pub(super) async fn sort_keys(client: &Client, table: &str, key: &RecipientKey) -> Result<Vec<String>, StoreError> {
    let query = client
        .query()
        .table_name(table)
        .key_condition_expression("pk = :pk")
        .set_expression_attribute_values(Some(ItemWriter::default().text(":pk", key.as_str()).finish()))
        .projection_expression("sk")
        .consistent_read(true);
    let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
    let items = page.items.unwrap_or_default();
    items.iter().map(|item| Ok(ItemReader(item).text("sk")?.to_owned())).collect()
}
