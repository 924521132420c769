//! Counts that one process reports for a host, and the state that all processes share.

use super::{Breaker, SlotCounts};

/// Attempts of one process to a host, not yet stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerReport {
    /// Failures and successes by slot.
    pub tally: SlotCounts,
    /// Start of the earliest failed attempt, in milliseconds since the epoch.
    pub began_ms: i64,
    /// Number of failures.
    pub failures: usize,
    /// Latest time until which a failed attempt's answer asked to wait; `None` if no answer did.
    pub retry_after_until_ms: Option<i64>,
    /// Time of the report, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// State that is stored for a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredBreaker {
    /// Breaker of the host.
    pub breaker: Breaker,
    /// Counts that all processes reported since the breaker closed.
    pub tally: SlotCounts,
}
