//! A window's counters, from a few reads.

use super::MetricsStore;
use crate::rollup::{Counters, Read, Window, reads};
use crate::store::StoreError;

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
}
