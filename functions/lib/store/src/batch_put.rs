//! Writes any number of items, without conditions.

use std::time::Duration;

use aws::DynamoClient;
use futures_util::{StreamExt, TryStreamExt};

use super::{Item, StoreError};
use crate::direct::batch_write;
use platform::{backoff, random};

/// Maximum number of items of one call.
const MAX_ITEMS: usize = 25;
/// Maximum number of calls for these items, including those for unprocessed ones.
const ROUNDS: u32 = 6;
/// Number of calls at once.
const MAX_CONCURRENT_BATCHES: usize = 4;

/// Writes the items in calls of 25. An item that exists is replaced.
///
/// # Errors
/// If a call to DynamoDB fails, or items stay unprocessed. Some items may be written then.
pub(super) async fn batch_put(client: &DynamoClient, table: &str, items: Vec<Item>) -> Result<(), StoreError> {
    let mut batches = Vec::with_capacity(items.len().div_ceil(MAX_ITEMS));
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        batches.push(items.by_ref().take(MAX_ITEMS).collect::<Vec<_>>());
    }
    let batches = futures_util::stream::iter(batches).map(|batch| put_all(client, table, batch));
    batches.buffer_unordered(MAX_CONCURRENT_BATCHES).try_collect().await
}

async fn put_all(client: &DynamoClient, table: &str, mut items: Vec<Item>) -> Result<(), StoreError> {
    for round in 1.. {
        items = batch_write(client, table, &items).await?;
        if items.is_empty() {
            break;
        }
        if round == ROUNDS {
            return Err(StoreError::Transient { call: "BatchWriteItem", cause: "items stay unprocessed".to_owned() });
        }
        let pause_ms = backoff::delay_ms(round, Some(20 << round), random::unit());
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
    Ok(())
}
