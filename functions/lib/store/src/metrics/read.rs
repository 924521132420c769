//! A window's counters, from a few reads.

use jiff::{SignedDuration, Timestamp};

use super::MetricsStore;
use super::counters::add_from;
use crate::{ItemReader, StoreError};
use metrics::{Bucket, Counters, Read, Unit, Window, reads};

/// Sorts after every shard that may follow a minute's two digits.
const AFTER_ANY_SHARD: char = '~';

impl MetricsStore {
    /// Everything counted in a window, whether merged yet or not.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is not what this version wrote.
    pub async fn read(&self, window: Window) -> Result<Counters, StoreError> {
        let unmerged = self.unmerged().await?;
        let mut sum = Counters::default();
        for Read { partition, first, last } in reads(window, &unmerged) {
            let part = self.sum(partition, Some((first, format!("{last}{AFTER_ANY_SHARD}")))).await?;
            sum.merge(&part);
        }
        Ok(sum)
    }

    /// The last `most` minutes one by one, oldest first, the present one and those without anything included: one Query for
    /// each hour that they touch.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn minutes(&self, most: i64, now: Timestamp) -> Result<Vec<(Timestamp, Counters)>, StoreError> {
        let minute = |ago| now.saturating_sub(SignedDuration::from_mins(ago)).unwrap_or(Timestamp::MIN);
        let buckets: Vec<_> = (0..most).rev().map(|ago| Bucket::containing(Unit::Minute, minute(ago))).collect();
        let mut minutes = Vec::with_capacity(buckets.len());
        for hour in buckets.chunk_by(|one, other| one.parent() == other.parent()) {
            let (first, last) = (hour[0], hour[hour.len() - 1]);
            let between = (first.sort_key(), format!("{}{AFTER_ANY_SHARD}", last.sort_key()));
            let items = self.items(first.partition(), Some(between)).await?;
            for bucket in hour {
                let mut sum = Counters::default();
                for item in &items {
                    if ItemReader(item).text("sk")?.starts_with(&bucket.sort_key()) {
                        add_from(item, &mut sum)?;
                    }
                }
                minutes.push((bucket.start(), sum));
            }
        }
        Ok(minutes)
    }
}
