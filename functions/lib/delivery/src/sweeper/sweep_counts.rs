//! Counts of one sweep, for the log and for CloudWatch.

use std::fmt;

use platform::emf::{Metric, MetricValue};

/// Result of a sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepCounts {
    /// Number of due notifications found, at most the sweep's limit per shard.
    pub found: usize,
    /// Number of notifications processed.
    pub worked: usize,
    /// Number of notifications that failed. They stay due.
    pub failed: usize,
    /// Number of notifications found but not reached, for lack of time or beyond the sweep's limit.
    pub left: usize,
    /// Time since the oldest found notification came due, in milliseconds; 0 if none was found.
    pub oldest_ms: i64,
}

impl SweepCounts {
    /// Returns the figures of this sweep for CloudWatch.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts stay far below 2^52
    pub fn figures(&self) -> [MetricValue; 3] {
        [
            (Metric::DueFound, Some(self.found as f64)),
            (Metric::DueLeft, Some(self.left as f64)),
            (Metric::OldestDueAge, Some(self.oldest_ms as f64 / 1e3)),
        ]
    }
}

impl fmt::Display for SweepCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, worked, failed, left, .. } = self;
        write!(f, "worked on {worked} of {found} due notifications, {failed} failed, {left} not reached")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_shows_n_of_m() {
        let sweep = SweepCounts { found: 7, worked: 4, failed: 1, left: 2, oldest_ms: 61_500 };
        assert_eq!(sweep.to_string(), "worked on 4 of 7 due notifications, 1 failed, 2 not reached");
        let told = [(Metric::DueFound, Some(7.0)), (Metric::DueLeft, Some(2.0)), (Metric::OldestDueAge, Some(61.5))];
        assert_eq!(sweep.figures(), told);
    }
}
