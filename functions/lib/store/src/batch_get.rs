//! Reads any number of items by their keys.

use std::time::Duration;

use aws::DynamoClient;
use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::{Item, StoreError};
use platform::{backoff, random};

/// Maximum number of keys of one call.
const MAX_KEYS: usize = 100;
/// Maximum number of calls for these keys, including those for unprocessed keys.
const ROUNDS: u32 = 5;

/// Consistency of a read of several items with earlier writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consistency {
    /// The read contains all of them.
    Consistent,
    /// The read may lack those of the last second, at half the price.
    Eventual,
}

/// Returns the items with these keys in a table, in any order. Keys without an item are left out. `projection` limits
/// the attributes.
///
/// # Errors
/// If a call to DynamoDB fails, or keys stay unprocessed.
pub(super) async fn batch_get(
    client: &DynamoClient,
    table: &str,
    keys: &[Item],
    projection: Option<&str>,
    consistency: Consistency,
) -> Result<Vec<Item>, StoreError> {
    let mut found = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(MAX_KEYS) {
        let mut wanted = chunk.to_vec();
        for round in 1.. {
            let keys = KeysAndAttributes::builder().set_keys(Some(wanted));
            let keys = keys.consistent_read(consistency == Consistency::Consistent);
            let keys = keys.set_projection_expression(projection.map(str::to_owned)).build();
            let keys = keys.map_err(|error| StoreError::of_build("BatchGetItem", &error))?;
            let call = client.batch_get_item().request_items(table, keys).send();
            let page = call.await.map_err(|error| StoreError::of("BatchGetItem", error))?;
            found.extend(page.responses.unwrap_or_default().remove(table).unwrap_or_default());
            let left = page.unprocessed_keys.unwrap_or_default().remove(table);
            wanted = left.map(|keys| keys.keys).unwrap_or_default();
            if wanted.is_empty() {
                break;
            }
            if round == ROUNDS {
                return Err(StoreError::Transient { call: "BatchGetItem", cause: "keys stay unprocessed".to_owned() });
            }
            let pause_ms = backoff::delay_ms(round, Some(20 << round), random::unit());
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
    }
    Ok(found)
}
