//! Lists a recipient's items by their keys, for erasure.

use aws_sdk_dynamodb::Client;

use super::{ItemReader, ItemWriter, StoreError};
use domain::recipient::RecipientKey;

/// Returns up to a page of a recipient's sort keys in a table, with a consistent read.
///
/// # Errors
/// If the call to DynamoDB fails.
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
