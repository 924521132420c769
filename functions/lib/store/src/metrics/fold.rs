//! Counts each record once in its minute.

use jiff::Timestamp;

use super::counters::{COUNTERS, add_from, encode};
use super::{Key, MetricsStore};
use crate::{Item, ItemReader, ItemWriter, Malformed, StoreError};
use metrics::change::by_minute;
use metrics::{Bucket, Change, Counted, Minute, Sequence};

/// Attribute that names the records included, in the format of [`Counted`]. It changes with every write.
const COUNTED: &str = "counted";

/// Maximum number of tries per minute. One shard has one reader, so only an invocation presumed dead can interfere.
const TRIES: usize = 5;

/// Result of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folded {
    /// Number of minutes in which records were counted.
    pub minutes: usize,
    /// First record of each minute that could not be written. Lambda must redeliver all records from the lowest on.
    pub failed: Vec<Sequence>,
}

impl MetricsStore {
    /// Counts the changes of a gapless part of one shard, in the shard's order. Changes that are counted already are
    /// skipped. A part may therefore be delivered again as a whole, in pieces, with other records, or long after later
    /// records. `poison` are the records of the part that could not be read; these records stay uncounted.
    pub async fn fold(&self, shard: &str, changes: &[Change], poison: &[Sequence], now: Timestamp) -> Folded {
        let mut folded = Folded::default();
        let mut marked: Option<Bucket> = None;
        for (minute, changes) in by_minute(changes) {
            let hour = minute.parent().filter(|hour| marked != Some(*hour));
            match self.mark_and_fold(shard, hour, minute, (&changes, poison), now).await {
                Ok(took) => {
                    folded.minutes += usize::from(took);
                    marked = hour.or(marked);
                }
                Err(error) => {
                    tracing::warn!(%error, %minute, "a minute's records were not counted; they will come again");
                    folded.failed.extend(changes.iter().map(|change| change.sequence.clone()).min());
                }
            }
        }
        folded
    }

    async fn mark_and_fold(
        &self,
        shard: &str,
        hour: Option<Bucket>,
        minute: Bucket,
        stretch: Stretch<'_>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if let Some(hour) = hour {
            self.mark(hour, now).await?;
        }
        self.fold_minute(shard, minute, stretch).await
    }

    async fn fold_minute(
        &self,
        shard: &str,
        minute: Bucket,
        (changes, poison): Stretch<'_>,
    ) -> Result<bool, StoreError> {
        let key = Key { partition: minute.partition(), sort: format!("{}#{shard}", minute.sort_key()) };
        for _ in 0..TRIES {
            let item = self.get(&key).await?;
            let held = item.as_ref().map(held).transpose()?;
            let Some(next) = held.clone().unwrap_or_default().with(changes, poison) else {
                return Ok(false);
            };
            match self.replace_minute(&key, minute, &next, held.as_ref()).await {
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
        next: &Minute,
        held: Option<&Minute>,
    ) -> Result<(), StoreError> {
        let mut item = ItemWriter::default()
            .text("pk", key.partition.as_str())
            .text("sk", key.sort.as_str())
            .text(COUNTED, next.counted.to_string())
            .number("expires_at", minute.expires_at())
            .finish();
        item.insert(COUNTERS.to_owned(), encode(&next.counters));
        let held = held.map(|held| held.counted.to_string());
        self.replace(item, COUNTED, held.as_deref()).await
    }
}

/// Input for one minute: its changes, and the unreadable records of the whole part.
type Stretch<'a> = (&'a [&'a Change], &'a [Sequence]);

/// Reads the minute from an item.
fn held(item: &Item) -> Result<Minute, Malformed> {
    let counted = Counted::parse(ItemReader(item).text(COUNTED)?).ok_or(Malformed(COUNTED))?;
    let mut held = Minute { counted, ..Minute::default() };
    add_from(item, &mut held.counters)?;
    Ok(held)
}
