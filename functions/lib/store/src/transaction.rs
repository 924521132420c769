//! Transaction with retries after conflicts with other transactions.

use aws::DynamoClient;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use ring::rand::SystemRandom;

use crate::{Item, StoreError};
use aws::deadline;
use domain::recipient::base32;
use platform::backoff;

/// Bounds of the pauses, in milliseconds: the first one, doubled up to the last one. Seven pauses add up to 2 s at most
/// and 1 s on average.
const PAUSES_MS: (i64, i64) = (50, 400);

/// Result of a transaction.
#[derive(Debug)]
pub(super) enum CommitResult {
    /// All items are written.
    Committed,
    /// Nothing is written, because the condition of this item does not hold.
    ConditionFailed {
        /// Index of the item, from 0.
        part: usize,
        /// The stored item.
        item: Option<Item>,
    },
    /// Nothing is written, because every try conflicted with another transaction.
    Contended,
}

/// Writes `items` as one transaction, with up to `tries` tries within the current deadline.
///
/// # Errors
/// If DynamoDB refuses the transaction, or its response is lost. In the second case it may be written.
pub(super) async fn commit(
    client: &DynamoClient,
    items: &[TransactWriteItem],
    tries: u32,
) -> Result<CommitResult, StoreError> {
    // All tries have the same token. If the response of a try was lost, the next try does not write again.
    let token = token();
    let mut unknown = false;
    for made in 1.. {
        let call = client.transact_write_items().set_client_request_token(token.clone());
        let Err(error) = call.set_transact_items(Some(items.to_vec())).send().await else {
            return Ok(CommitResult::Committed);
        };
        let cancelled = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => Some(cancelled),
            _ => None,
        };
        let reasons = cancelled.map(|cancelled| cancelled.cancellation_reasons()).unwrap_or_default();
        let is_refused = |code: Option<&str>| code == Some("ConditionalCheckFailed");
        if let Some(part) = reasons.iter().position(|reason| is_refused(reason.code())) {
            return Ok(CommitResult::ConditionFailed { part, item: reasons[part].item().cloned() });
        }
        unknown |= cancelled.is_none();
        let error = StoreError::of_transaction(error);
        if !error.is_transient() {
            return Err(error);
        }
        let pause = backoff::pause(made, PAUSES_MS);
        if made == tries || deadline::left().is_some_and(|left| left <= pause) {
            return if unknown { Err(error) } else { Ok(CommitResult::Contended) };
        }
        tokio::time::sleep(pause).await;
    }
    Ok(CommitResult::Contended)
}

/// Returns the token of one transaction. If the random source fails, the SDK chooses a new token for each try.
fn token() -> Option<String> {
    let random = ring::rand::generate::<[u8; 16]>(&SystemRandom::new()).ok()?;
    Some(base32::encode_128(u128::from_be_bytes(random.expose())))
}
