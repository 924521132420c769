//! Cached configuration, and the rules of its age.

use super::parameter_snapshot::ParsedConfig;

/// Period without a call of SSM after a failed read: an outage does not cost every caller a time-out.
const HOLD_OFF_MS: i64 = 5_000;
/// The same while the catalog has never been read, and nothing can be decided: shorter than the `Retry-After` of a 503.
const CATALOG_HOLD_OFF_MS: i64 = 1_000;
/// Maximum age of a value that is used without waiting while a read is running.
const MAX_STALE_MS: i64 = 20_000;

/// Values in force, with the times of their reads.
#[derive(Debug, Default)]
pub struct CachedConfig {
    pub known: ParsedConfig,
    /// Start of the read that gave the values; `None` before the first.
    pub read_at_ms: Option<i64>,
    /// Time of the last call of SSM, and the time until which SSM need not be called again.
    pub called_at_ms: i64,
    pub next_call_at_ms: i64,
    /// Time of the last read of the catalog for a name that was not known.
    pub new_names_at_ms: i64,
    pub ssm_is_down: bool,
}

/// Returns the period without a call after a failed read.
pub fn hold_off_ms(known: &ParsedConfig) -> i64 {
    if known.awaits_catalog() { CATALOG_HOLD_OFF_MS } else { HOLD_OFF_MS }
}

impl CachedConfig {
    /// Returns `true` if the values are new enough, or a read failed within the hold-off.
    pub fn is_fresh(&self, now_ms: i64) -> bool {
        // If the clock was set back, the age is unknown and SSM is called.
        (self.called_at_ms..self.next_call_at_ms).contains(&now_ms)
    }

    /// Returns `true` if the values may be used while a read is running.
    pub fn is_usable_while_reading(&self, now_ms: i64) -> bool {
        self.read_at_ms.is_some_and(|read_at_ms| (0..MAX_STALE_MS).contains(&(now_ms - read_at_ms)))
    }
}
