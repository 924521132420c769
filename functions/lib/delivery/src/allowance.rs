//! Time limits of work on a notification, fitted into the time-out of the function.
//!
//! ```text
//! begin ──► reads ──► claim ──► paid call ──► outcome ──► reserve ──► the function's end ──► others may take over
//!                       ▲ claim_timeout         ▲ persist_deadline                             ▲ lease_until
//! ```
//!
//! Calls of AWS before the claim end at the request's own deadline. The claim ends when `claim_timeout` has passed.
//! Storing the outcome is retried until `persist_deadline`. The time-out of a paid call is shorter than the time
//! between the two.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use platform::time_limits::{CLOCK_SKEW_MARGIN, INVOCATION_END_MARGIN};

/// Maximum time of a paid call, from the claim to its outcome. The call's own time-outs add up to less.
pub const PAID_CALL_LIMIT: SignedDuration = SignedDuration::from_millis(6_500);
/// Shortest time for which a push is started, including the report to the breaker.
pub const MIN_PUSH_TIME: SignedDuration = SignedDuration::from_millis(1_000);
/// Time that is reserved for storing the result.
const STORE_RESERVE: SignedDuration = SignedDuration::from_millis(300);
/// Time that remains for storing the outcome of a paid call if its claim took as long as it may.
const PERSIST_RESERVE: SignedDuration = SignedDuration::from_secs(1);

/// Time limits of an invocation's work on a notification.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// Time by which the result should be stored: nothing starts that would end later.
    pub work_until: Timestamp,
    /// Time from which others may take the notification over: the latest end of this function, plus clock skew.
    pub lease_until: Timestamp,
}

impl Allowance {
    /// Returns `true` if work that takes `needed` can start at `at` and still be stored in time.
    #[must_use]
    pub fn fits(self, needed: SignedDuration, at: Timestamp) -> bool {
        self.work_until.duration_since(at) >= needed + STORE_RESERVE
    }

    /// Returns the maximum time of a push that starts at `at`.
    #[must_use]
    pub fn push_timeout(self, at: Timestamp) -> SignedDuration {
        self.work_until.duration_since(at) - STORE_RESERVE
    }

    /// Returns the maximum time from `now` to store a claim, so that the call and its outcome still fit.
    #[must_use]
    pub fn claim_timeout(self, now: Timestamp) -> Duration {
        time_left(self.persist_deadline() - PERSIST_RESERVE - PAID_CALL_LIMIT, now)
    }

    /// Returns the time from `now` during which storing the result of a paid call may be retried.
    #[must_use]
    pub fn persist_timeout(self, now: Timestamp) -> Duration {
        time_left(self.persist_deadline(), now)
    }

    fn persist_deadline(self) -> Timestamp {
        self.lease_until
            - CLOCK_SKEW_MARGIN
            - SignedDuration::try_from(INVOCATION_END_MARGIN).unwrap_or(SignedDuration::ZERO)
    }
}

/// Returns the time at which an invocation with this deadline (milliseconds since the epoch) has certainly ended.
///
/// Clock skew is included. Leases end at this time, not earlier.
#[must_use]
pub fn hard_deadline(deadline_ms: u64) -> Timestamp {
    invocation_end(deadline_ms).checked_add(CLOCK_SKEW_MARGIN).unwrap_or(Timestamp::MAX)
}

/// Returns the time at which Lambda ends an invocation with this deadline (milliseconds since the epoch).
#[must_use]
pub fn invocation_end(deadline_ms: u64) -> Timestamp {
    let end = i64::try_from(deadline_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    end.unwrap_or(Timestamp::MAX)
}

/// Returns the time from `now` to `until`, or zero if `until` has passed.
#[must_use]
pub fn time_left(until: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use aws::{ATTEMPT_TIMEOUT, OPERATION_TIMEOUT, PAID_SEND_TIMEOUT};
    use platform::time_limits::{
        BATCH_REQUEST_LIMIT, ERASURE_REQUEST_LIMIT, NOTIFICATION_WORK_LIMIT, PACED_PAGE_LIMIT, PACED_TASK_LIMIT,
        SINGLE_REQUEST_LIMIT, START_WAIT_LIMIT, WORK_END_MARGIN,
    };

    const API_GATEWAY: Duration = Duration::from_secs(30);

    /// Time-out of a function, as in template.yaml.
    fn timeout(function: &str) -> Duration {
        let template = include_str!("../../../../template.yaml");
        let (_, block) = template.split_once(&format!("\n  {function}:\n")).unwrap();
        let (_, seconds) = block.split_once("      Timeout: ").unwrap();
        Duration::from_secs(seconds.lines().next().unwrap().parse().unwrap())
    }

    /// Returns the latest start of a paid call's claim, and the maximum time of that claim. The invocation begins at
    /// the epoch.
    fn latest_claim(function: &str, work_until: Duration) -> (Duration, Duration) {
        let work_until = Timestamp::UNIX_EPOCH + SignedDuration::try_from(work_until).unwrap();
        let lease_until = hard_deadline(u64::try_from(timeout(function).as_millis()).unwrap());
        let starts = work_until - PAID_CALL_LIMIT - STORE_RESERVE;
        let allowance = Allowance { work_until, lease_until };
        assert!(allowance.fits(PAID_CALL_LIMIT, starts));
        (time_left(starts, Timestamp::UNIX_EPOCH), allowance.claim_timeout(starts))
    }

    fn seconds(duration: SignedDuration) -> Duration {
        Duration::try_from(duration).unwrap()
    }

    #[test]
    fn one_call_has_time_for_a_second_attempt_and_a_paid_one_ends_before_it_is_waited_for() {
        assert!(OPERATION_TIMEOUT >= 2 * ATTEMPT_TIMEOUT && PAID_SEND_TIMEOUT < seconds(PAID_CALL_LIMIT));
    }

    #[test]
    fn wherever_a_claim_may_begin_the_call_and_its_outcome_still_fit_into_the_function() {
        let sweep = timeout("CascadeFunction") - seconds(WORK_END_MARGIN);
        for (function, work_until) in [
            ("SendFunction", seconds(SINGLE_REQUEST_LIMIT)),
            ("SendFunction", seconds(BATCH_REQUEST_LIMIT)),
            ("CascadeFunction", sweep),
        ] {
            let (starts, claim) = latest_claim(function, work_until);
            assert!(claim >= Duration::from_secs(2), "{function}: {claim:?} for a claim");
            let outcome = starts + claim + PAID_SEND_TIMEOUT + seconds(PERSIST_RESERVE);
            assert!(outcome + INVOCATION_END_MARGIN <= timeout(function), "{function}: {outcome:?}");
        }
        assert!(seconds(NOTIFICATION_WORK_LIMIT) < sweep);
    }

    #[test]
    fn a_worker_ends_a_task_at_a_pace_and_a_page_of_it_before_lambda_ends_the_worker() {
        let worker = timeout("FanoutFunction") - seconds(WORK_END_MARGIN);
        assert!(PACED_TASK_LIMIT < worker && PACED_PAGE_LIMIT + seconds(NOTIFICATION_WORK_LIMIT) < worker);
    }

    #[test]
    fn every_function_that_answers_callers_ends_well_before_api_gateway_gives_up() {
        for function in ["SendFunction", "RecipientsFunction"] {
            assert!(timeout(function) + Duration::from_secs(5) <= API_GATEWAY, "{function}");
        }
        assert!(seconds(BATCH_REQUEST_LIMIT) + INVOCATION_END_MARGIN < timeout("SendFunction"));
        assert!(START_WAIT_LIMIT + ERASURE_REQUEST_LIMIT + INVOCATION_END_MARGIN <= timeout("RecipientsFunction"));
    }

    #[test]
    fn no_function_can_be_ended_by_the_one_call_that_it_waits_for() {
        // Later calls end INVOCATION_END_MARGIN before the function: aws/deadline.rs.
        for function in ["SendFunction", "CascadeFunction", "RollupFunction", "CleanupFunction", "RecipientsFunction"] {
            assert!(START_WAIT_LIMIT + OPERATION_TIMEOUT + INVOCATION_END_MARGIN < timeout(function), "{function}");
        }
    }
}
