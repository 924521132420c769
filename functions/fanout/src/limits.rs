//! Time limits of an invocation that processes a task, and the start times of people at a pace.

use std::time::Duration;

use delivery::{hard_deadline, invocation_end};
use jiff::{SignedDuration, Timestamp};
use platform::time_limits::{NOTIFICATION_WORK_LIMIT, WORK_END_MARGIN};
use tokio::time::Instant;

/// Longest pause between two checks for the end of the work.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// Minimum remaining time for the start of a page.
pub const SHORTEST_PAGE: SignedDuration = SignedDuration::from_secs(1);

/// Time limits of an invocation.
#[derive(Debug, Clone, Copy)]
pub struct WorkerLimits {
    /// Time after which no person is started.
    pub start_until: Timestamp,
    /// Time by which the work on the last person must end.
    pub stop_at: Timestamp,
    /// Time from which other workers may take over the task.
    pub lease_until: Timestamp,
}

impl WorkerLimits {
    /// Returns the limits of an invocation that Lambda ends at `ends_at_ms`.
    pub fn of(ends_at_ms: u64) -> Self {
        let stop_at = invocation_end(ends_at_ms) - WORK_END_MARGIN;
        Self { start_until: stop_at - NOTIFICATION_WORK_LIMIT, stop_at, lease_until: hard_deadline(ends_at_ms) }
    }

    /// Returns the limits of a task of a campaign that sends nothing after this time.
    pub fn until(self, sends_until: Timestamp) -> Self {
        Self { start_until: self.start_until.min(sends_until), ..self }
    }

    /// Returns the time by which the work on a person that starts at `now` must end.
    pub fn work_until(self, now: Timestamp) -> Timestamp {
        self.stop_at.min(now.checked_add(NOTIFICATION_WORK_LIMIT).unwrap_or(self.stop_at))
    }
}

/// Waits until the start time of a person, or until the work is over.
pub async fn wait_until(start: Instant, is_over: impl Fn() -> bool) {
    while !is_over() {
        let left = start.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LONGEST_WAIT)).await;
    }
}

/// Returns the delays after which the people of a page start, counted from the start of the page. People who were
/// handled before add no delay. So the next worker of a partly done page continues at once.
pub fn start_delays(
    interval_ms: Option<u32>,
    were_handled: impl Iterator<Item = bool>,
) -> impl Iterator<Item = Duration> {
    let interval = Duration::from_millis(interval_ms.unwrap_or(0).into());
    were_handled.scan(Duration::ZERO, move |next, was_handled| {
        let delay = if was_handled { Duration::ZERO } else { *next };
        *next += if was_handled { Duration::ZERO } else { interval };
        Some(delay)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_start_one_after_the_other_and_those_who_were_handled_add_no_delay() {
        let ms = |interval, handled: &[bool]| -> Vec<u128> {
            start_delays(interval, handled.iter().copied()).map(|delay| delay.as_millis()).collect()
        };
        assert_eq!(ms(Some(1_429), &[true, true, false, true, false]), [0, 0, 0, 0, 1_429]);
        assert_eq!(ms(None, &[false, false]), [0, 0]);
    }
}
