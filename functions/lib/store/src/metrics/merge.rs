//! Merges minutes into hours and hours into days. Each merge computes the sum again and overwrites it, so it is
//! idempotent.

use std::fmt;

use jiff::Timestamp;

use super::counters::{COUNTERS, add_from, encode};
use super::marker::{Marker, token};
use super::{Key, MetricsStore};
use crate::{ItemReader, ItemWriter, StoreError};
use metrics::{Counters, Unit};

/// Maximum number of hours, and of days, that one run merges.
const MAX_PER_RUN: usize = 48;

/// Attribute that changes with every merge.
const MERGE: &str = "merge";

/// Progress of a run for one unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeProgress {
    /// Number of buckets that this run merged.
    pub done: usize,
    /// Number of buckets that were ready at the start of the run.
    pub of: usize,
}

/// Summary of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeSummary {
    /// Hours, merged from their minutes.
    pub hours: MergeProgress,
    /// Days, merged from their hours.
    pub days: MergeProgress,
}

/// Formats the summary as `2 of 2 hours, 0 of 1 days`.
impl fmt::Display for MergeSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hours, days } = self;
        write!(f, "{} of {} hours, {} of {} days", hours.done, hours.of, days.done, days.of)
    }
}

impl MetricsStore {
    /// Merges the buckets whose markers are settled, the most recent first. If a merge fails or is overtaken by another
    /// run, its marker stays for the next run.
    ///
    /// # Errors
    /// If the markers cannot be read.
    pub async fn merge(&self, now: Timestamp) -> Result<MergeSummary, StoreError> {
        Ok(MergeSummary { hours: self.merge_all(Unit::Hour, now).await?, days: self.merge_all(Unit::Day, now).await? })
    }

    async fn merge_all(&self, unit: Unit, now: Timestamp) -> Result<MergeProgress, StoreError> {
        let mut ready = self.markers(unit).await?;
        ready.retain(|marker| marker.is_settled(now));
        let mut progress = MergeProgress { done: 0, of: ready.len() };
        for marker in ready.iter().rev().take(MAX_PER_RUN) {
            match self.merge_one(marker, now).await {
                Ok(()) => progress.done += 1,
                Err(error) => {
                    tracing::warn!(%error, bucket = %marker.bucket, "failed to merge bucket; the next run retries")
                }
            }
        }
        Ok(progress)
    }

    async fn merge_one(&self, marker: &Marker, now: Timestamp) -> Result<(), StoreError> {
        let bucket = marker.bucket;
        let key = Key { partition: bucket.partition(), sort: bucket.sort_key() };
        // Read before the children. If another run read the children later and wrote first, the write below fails.
        let stored = self.get(&key).await?.unwrap_or_default();
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
        self.replace(item, MERGE, ItemReader(&stored).maybe_text(MERGE)?).await?;
        self.unmark(marker).await
    }

    /// Returns the sum of a partition's items, or of those between two sort keys.
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
