//! Reads a window's counters with a few Queries.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::MetricsStore;
use super::counters::add_from;
use crate::{ItemReader, MalformedItemError, StoreError};
use metrics::{Bucket, Counters, RangeQuery, Unit, Window, plan_queries, plan_queries_of};

/// Character that sorts after every shard, as the suffix of a minute's two digits.
const AFTER_ANY_SHARD: char = '~';

impl MetricsStore {
    /// Returns the sum of the counters of a window. It includes counters that are not merged yet.
    ///
    /// # Errors
    /// If DynamoDB does not respond, or an item is malformed.
    pub async fn read(&self, window: Window) -> Result<Counters, StoreError> {
        let unmerged = self.unmerged().await?;
        let mut sum = Counters::default();
        for RangeQuery { partition, first, last } in plan_queries(window, &unmerged) {
            let part = self.sum(partition, Some((first, format!("{last}{AFTER_ANY_SHARD}")))).await?;
            sum.merge(&part);
        }
        Ok(sum)
    }

    /// Returns the counters of each bucket of a unit that the window has a part of, oldest first. Empty buckets are
    /// included. The sum of all is that of [`Self::read`], from as few Queries.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn read_by(&self, window: Window, step: Unit) -> Result<Vec<(Bucket, Counters)>, StoreError> {
        let unmerged = self.unmerged().await?;
        let mut series: BTreeMap<_, _> = window.buckets(step).map(|bucket| (bucket, Counters::default())).collect();
        for RangeQuery { partition, first, last } in plan_queries_of(window, step, &unmerged) {
            let items = self.items(partition.clone(), Some((first, format!("{last}{AFTER_ANY_SHARD}")))).await?;
            for item in &items {
                let part = Bucket::of_keys(&partition, ItemReader(item).text("sk")?).ok_or(MalformedItemError("sk"))?;
                add_from(item, series.entry(Bucket::containing(step, part.start())).or_default())?;
            }
        }
        Ok(series.into_iter().collect())
    }

    /// Returns the counters of each of the last `most` minutes, oldest first. The current minute and empty minutes are
    /// included. It takes one Query for each hour that contains one of the minutes.
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
