//! Records into minutes, exactly once.

use jiff::Timestamp;

use super::counters::{COUNTERS, add_from, encode};
use super::{Key, MetricsStore};
use crate::rollup::change::{after, by_minute};
use crate::rollup::{Bucket, Change, Counters, Sequence};
use crate::store::{ItemReader, ItemWriter, StoreError};

/// The attribute that says which records are in: the last one's place in its shard.
const LAST_SEQUENCE: &str = "last_sequence";

/// How often a minute is tried. One shard has one reader, so only a run thought dead can come in between.
const TRIES: usize = 5;

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folded {
    /// How many minutes took something in.
    pub minutes: usize,
    /// The first record of each minute that could not be written; everything from the lowest on is to be delivered again.
    pub failed: Vec<Sequence>,
}

impl MetricsStore {
    /// Counts the changes of one shard, in the shard's order. Whatever was counted before is not counted again, so a
    /// batch may come back whole, in parts, or with others.
    pub async fn fold(&self, shard: &str, changes: &[Change], now: Timestamp) -> Folded {
        let mut folded = Folded::default();
        let mut marked: Option<Bucket> = None;
        for (minute, changes) in by_minute(changes) {
            let hour = minute.parent().filter(|hour| marked != Some(*hour));
            match self.mark_and_fold(shard, hour, minute, &changes, now).await {
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
        changes: &[&Change],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if let Some(hour) = hour {
            self.mark(hour, now).await?;
        }
        self.fold_minute(shard, minute, changes).await
    }

    async fn fold_minute(&self, shard: &str, minute: Bucket, changes: &[&Change]) -> Result<bool, StoreError> {
        let key = Key { partition: minute.partition(), sort: format!("{}#{shard}", minute.sort_key()) };
        for _ in 0..TRIES {
            let held = self.get(&key).await?.unwrap_or_default();
            let last = ItemReader(&held).maybe_text(LAST_SEQUENCE)?;
            let Some((mut counters, newest)) = after(last, changes) else {
                return Ok(false);
            };
            if last.is_some() {
                add_from(&held, &mut counters)?;
            }
            match self.replace_minute(&key, minute, &counters, newest, last).await {
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
        counters: &Counters,
        newest: String,
        last: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut item = ItemWriter::default()
            .text("pk", key.partition.as_str())
            .text("sk", key.sort.as_str())
            .text(LAST_SEQUENCE, newest)
            .number("expires_at", minute.expires_at())
            .finish();
        item.insert(COUNTERS.to_owned(), encode(counters));
        self.replace(item, LAST_SEQUENCE, last).await
    }
}
