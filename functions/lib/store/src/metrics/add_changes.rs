//! Counts each record once in its minute.

use jiff::Timestamp;

use super::counters::{COUNTERS, add_from, encode};
use super::{Key, MetricsStore};
use crate::{Item, ItemReader, ItemWriter, MalformedItemError, StoreError};
use metrics::change::by_minute;
use metrics::{Bucket, MinuteCounters, NotificationChange, ProcessedRanges, Sequence};

/// Attribute that names the records included, in the format of [`ProcessedRanges`]. It changes with every write.
const PROCESSED: &str = "counted";

/// Maximum number of tries per minute. One shard has one reader, so only an invocation presumed dead can interfere.
const MAX_MERGE_TRIES: usize = 5;

/// Result of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchResult {
    /// Number of minutes in which records were counted.
    pub minutes: usize,
    /// First record of each minute that could not be written. Lambda must redeliver all records from the lowest on.
    pub failed: Vec<Sequence>,
}

impl MetricsStore {
    /// Counts the changes of a gapless part of one shard, in the shard's order. Changes that are counted already are
    /// skipped. A part may therefore be delivered again as a whole, in pieces, with other records, or long after later
    /// records. `poison` are the records of the part that could not be read; these records stay uncounted.
    pub async fn add_changes(
        &self,
        shard: &str,
        changes: &[NotificationChange],
        poison: &[Sequence],
        now: Timestamp,
    ) -> BatchResult {
        let mut result = BatchResult::default();
        let mut marked: Option<Bucket> = None;
        for (minute, changes) in by_minute(changes) {
            let hour = minute.parent().filter(|hour| marked != Some(*hour));
            match self.mark_and_add(shard, hour, minute, (&changes, poison), now).await {
                Ok(is_written) => {
                    result.minutes += usize::from(is_written);
                    marked = hour.or(marked);
                }
                Err(error) => {
                    tracing::warn!(%error, %minute, "failed to count records of a minute; Lambda redelivers them");
                    result.failed.extend(changes.iter().map(|change| change.sequence.clone()).min());
                }
            }
        }
        result
    }

    async fn mark_and_add(
        &self,
        shard: &str,
        hour: Option<Bucket>,
        minute: Bucket,
        slice: MinuteSlice<'_>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if let Some(hour) = hour {
            self.mark(hour, now).await?;
        }
        self.add_to_minute(shard, minute, slice).await
    }

    async fn add_to_minute(
        &self,
        shard: &str,
        minute: Bucket,
        (changes, poison): MinuteSlice<'_>,
    ) -> Result<bool, StoreError> {
        let key = Key { partition: minute.partition(), sort: format!("{}#{shard}", minute.sort_key()) };
        for _ in 0..MAX_MERGE_TRIES {
            let item = self.get(&key).await?;
            let stored = item.as_ref().map(minute_from_item).transpose()?;
            let Some(next) = stored.clone().unwrap_or_default().with(changes, poison) else {
                return Ok(false);
            };
            match self.replace_minute(&key, minute, &next, stored.as_ref()).await {
                Err(error) if error.is_condition_failed() => {}
                written => return written.map(|()| true),
            }
        }
        Err(StoreError::ConditionFailed { call: "PutItem" })
    }

    async fn replace_minute(
        &self,
        key: &Key,
        minute: Bucket,
        next: &MinuteCounters,
        stored: Option<&MinuteCounters>,
    ) -> Result<(), StoreError> {
        let mut item = ItemWriter::default()
            .text("pk", key.partition.as_str())
            .text("sk", key.sort.as_str())
            .text(PROCESSED, next.processed.to_string())
            .number("expires_at", minute.expires_at())
            .finish();
        item.insert(COUNTERS.to_owned(), encode(&next.counters));
        let stored = stored.map(|stored| stored.processed.to_string());
        self.replace(item, PROCESSED, stored.as_deref()).await
    }
}

/// Input for one minute: its changes, and the unreadable records of the whole part.
type MinuteSlice<'a> = (&'a [&'a NotificationChange], &'a [Sequence]);

/// Reads the minute from an item.
fn minute_from_item(item: &Item) -> Result<MinuteCounters, MalformedItemError> {
    let processed = ProcessedRanges::parse(ItemReader(item).text(PROCESSED)?).ok_or(MalformedItemError(PROCESSED))?;
    let mut minute = MinuteCounters { processed, ..MinuteCounters::default() };
    add_from(item, &mut minute.counters)?;
    Ok(minute)
}
