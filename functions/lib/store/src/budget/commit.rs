//! One transaction, tried again when others hold the same items.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use ring::rand::SystemRandom;

use crate::{Item, StoreError};
use aws::deadline;
use domain::recipient::base32;
use platform::random;

/// The bounds of the waits: the first, doubling, up to the last. Seven of them are 2 s at most and 1 s as a rule.
const FIRST_MS: i64 = 50;
const LAST_MS: i64 = 400;

/// What became of a transaction.
#[derive(Debug)]
pub(super) enum Committed {
    /// All of it is written.
    Yes,
    /// Nothing is, since the condition of this part does not hold.
    Refused {
        /// Counted from 0.
        part: usize,
        /// The item that it found.
        item: Option<Item>,
    },
    /// Nothing is, since others held the same items whenever it was tried.
    Busy,
}

/// Tries `items` as one transaction, up to `tries` times and within the deadline that holds.
///
/// # Errors
/// When DynamoDB refuses it, or does not answer: then it may be written.
pub(super) async fn commit(client: &Client, items: &[TransactWriteItem], tries: u32) -> Result<Committed, StoreError> {
    // One token for all tries: what a try did though its answer was lost, the next one finds done.
    let token = token();
    let mut unknown = false;
    for made in 1.. {
        let call = client.transact_write_items().set_client_request_token(token.clone());
        let Err(error) = call.set_transact_items(Some(items.to_vec())).send().await else {
            return Ok(Committed::Yes);
        };
        let cancelled = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => Some(cancelled),
            _ => None,
        };
        let reasons = cancelled.map(|cancelled| cancelled.cancellation_reasons()).unwrap_or_default();
        let is_refused = |code: Option<&str>| code == Some("ConditionalCheckFailed");
        if let Some(part) = reasons.iter().position(|reason| is_refused(reason.code())) {
            return Ok(Committed::Refused { part, item: reasons[part].item().cloned() });
        }
        unknown |= cancelled.is_none();
        let error = StoreError::of_transaction(error);
        if !error.is_transient() {
            return Err(error);
        }
        let pause = pause(made);
        if made == tries || deadline::left().is_some_and(|left| left <= pause) {
            return if unknown { Err(error) } else { Ok(Committed::Busy) };
        }
        tokio::time::sleep(pause).await;
    }
    Ok(Committed::Busy)
}

/// Full jitter: those who met are to come back at different times.
fn pause(made: u32) -> Duration {
    let most_ms = (FIRST_MS << (made - 1).min(10)).min(LAST_MS);
    Duration::from_millis(u64::try_from(random::up_to(most_ms)).unwrap_or(0))
}

/// Names one transaction; without randomness the SDK makes one up for each try.
fn token() -> Option<String> {
    let random = ring::rand::generate::<[u8; 16]>(&SystemRandom::new()).ok()?;
    Some(base32::encode_128(u128::from_be_bytes(random.expose())))
}
