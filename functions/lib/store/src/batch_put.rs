//! Writes any number of new items, 25 with each call. `BatchWriteItem` has no conditions. So the items of a call whose
//! answer was lost are written one by one, on the condition that they do not exist.

use std::time::Duration;

use aws::DynamoClient;
use futures_util::{StreamExt, TryStreamExt};

use super::{ItemWriter, StoreError};
use crate::direct::{BatchError, PutItem, batch_write};
use platform::{backoff, random};

/// Maximum number of items of one call.
const MAX_ITEMS: usize = 25;
/// Maximum number of calls for these items, including those for unprocessed ones.
const ROUNDS: u32 = 6;
/// Number of calls at once.
const MAX_CONCURRENT_BATCHES: usize = 4;

/// Number of single writes at once after a lost answer.
const MAX_CONCURRENT_PUTS: usize = 8;

/// Writes new items in calls of 25. The caller holds the only right to create them.
///
/// # Errors
/// If a call to DynamoDB fails, or items stay unprocessed. Some items may be written then.
pub(super) async fn batch_put(client: &DynamoClient, table: &str, items: Vec<ItemWriter>) -> Result<(), StoreError> {
    let mut batches = Vec::with_capacity(items.len().div_ceil(MAX_ITEMS));
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        batches.push(items.by_ref().take(MAX_ITEMS).collect::<Vec<_>>());
    }
    let batches = futures_util::stream::iter(batches).map(|batch| put_all(client, table, batch));
    batches.buffer_unordered(MAX_CONCURRENT_BATCHES).try_collect().await
}

async fn put_all(client: &DynamoClient, table: &str, mut items: Vec<ItemWriter>) -> Result<(), StoreError> {
    for round in 1.. {
        items = match batch_write(client, table, &items).await {
            Ok(unprocessed) => unprocessed,
            Err(BatchError { may_be_written: true, error }) => {
                tracing::warn!(%error, "lost the answer to a batch; writing its missing items");
                return put_missing(client, table, items).await;
            }
            Err(BatchError { error, .. }) => return Err(error),
        };
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

/// Writes the items that do not exist. Other writers may have changed the others since, such as a receipt.
async fn put_missing(client: &DynamoClient, table: &str, items: Vec<ItemWriter>) -> Result<(), StoreError> {
    let puts = items.into_iter().map(|item| async move {
        match PutItem::new(table, item).condition("attribute_not_exists(pk)").send(client).await {
            Err(error) if error.is_condition_failed() => Ok(()),
            written => written,
        }
    });
    futures_util::stream::iter(puts).buffer_unordered(MAX_CONCURRENT_PUTS).try_collect().await
}
