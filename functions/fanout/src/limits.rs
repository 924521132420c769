//! Time limits of an invocation that works on a task.

use delivery::hard_deadline;
use jiff::{SignedDuration, Timestamp};
use platform::time_limits::{SWEEP_END_MARGIN, SWEEP_NOTIFICATION_LIMIT};

/// Shortest time that a page is begun with.
pub const SHORTEST_PAGE: SignedDuration = SignedDuration::from_secs(1);

/// Time limits of an invocation.
#[derive(Debug, Clone, Copy)]
pub struct WorkerLimits {
    /// Time after which no person is begun.
    pub begin_until: Timestamp,
    /// Time by which the work on the last person must end.
    pub stop_at: Timestamp,
    /// Time from which others may take the task over.
    pub lease_until: Timestamp,
}

impl WorkerLimits {
    /// Returns the limits of an invocation that Lambda ends at `ends_at_ms`.
    pub fn of(ends_at_ms: u64) -> Self {
        let ends_at = i64::try_from(ends_at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let stop_at = ends_at.unwrap_or(Timestamp::MAX) - SWEEP_END_MARGIN;
        Self { begin_until: stop_at - SWEEP_NOTIFICATION_LIMIT, stop_at, lease_until: hard_deadline(ends_at_ms) }
    }

    /// Returns the time by which the work on a person that begins at `now` must end.
    pub fn work_until(self, now: Timestamp) -> Timestamp {
        self.stop_at.min(now.checked_add(SWEEP_NOTIFICATION_LIMIT).unwrap_or(self.stop_at))
    }
}
