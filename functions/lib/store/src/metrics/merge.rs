//! Minutes into hours, hours into days: each time computed anew and overwritten, so that once or twice is the same.

use std::fmt;

use jiff::Timestamp;

use super::counters::{COUNTERS, add_from, encode};
use super::marker::{Marker, token};
use super::{Key, MetricsStore};
use crate::{ItemReader, ItemWriter, StoreError};
use metrics::{Counters, Unit};

/// The most hours, and the most days, that one run takes on.
const AT_MOST: usize = 48;

/// The attribute that changes with every merge.
const MERGE: &str = "merge";

/// How much of the work of one kind was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Done in this run.
    pub done: usize,
    /// Ready to be done when it began.
    pub of: usize,
}

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Merged {
    /// Hours, from their minutes.
    pub hours: Progress,
    /// Days, from their hours.
    pub days: Progress,
}

/// `2 of 2 hours, 0 of 1 days`.
impl fmt::Display for Merged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hours, days } = self;
        write!(f, "{} of {} hours, {} of {} days", hours.done, hours.of, days.done, days.of)
    }
}

impl MetricsStore {
    /// Merges what is marked and at rest, the most recent first. What fails, or is overtaken by another run, keeps its
    /// marker for the next one.
    ///
    /// # Errors
    /// When it cannot even be told what there is to do.
    pub async fn merge(&self, now: Timestamp) -> Result<Merged, StoreError> {
        Ok(Merged { hours: self.merge_all(Unit::Hour, now).await?, days: self.merge_all(Unit::Day, now).await? })
    }

    async fn merge_all(&self, unit: Unit, now: Timestamp) -> Result<Progress, StoreError> {
        let mut ready = self.markers(unit).await?;
        ready.retain(|marker| marker.is_at_rest(now));
        let mut progress = Progress { done: 0, of: ready.len() };
        for marker in ready.iter().rev().take(AT_MOST) {
            match self.merge_one(marker, now).await {
                Ok(()) => progress.done += 1,
                Err(error) => tracing::warn!(%error, bucket = %marker.bucket, "not merged; the next run will"),
            }
        }
        Ok(progress)
    }

    async fn merge_one(&self, marker: &Marker, now: Timestamp) -> Result<(), StoreError> {
        let bucket = marker.bucket;
        let key = Key { partition: bucket.partition(), sort: bucket.sort_key() };
        // Read before the parts: a run that read its parts later and was faster makes the write below fail.
        let held = self.get(&key).await?.unwrap_or_default();
        let counters = self.sum(bucket.children_partition().unwrap_or_default(), None).await?;
        if let Some(parent) = bucket.parent() {
            self.mark(parent, now).await?;
        }
        let mut item = ItemWriter::default()
            .text("pk", key.partition)
            .text("sk", key.sort)
            .text(MERGE, token(now))
            .number("expires_at", bucket.expires_at())
            .finish();
        item.insert(COUNTERS.to_owned(), encode(&counters));
        self.replace(item, MERGE, ItemReader(&held).maybe_text(MERGE)?).await?;
        self.unmark(marker).await
    }

    /// The sum of a partition's items, or of those between two sort keys.
    pub(super) async fn sum(
        &self,
        partition: String,
        between: Option<(String, String)>,
    ) -> Result<Counters, StoreError> {
        let mut sum = Counters::default();
        for item in self.items(partition, between).await? {
            add_from(&item, &mut sum)?;
        }
        Ok(sum)
    }
}
