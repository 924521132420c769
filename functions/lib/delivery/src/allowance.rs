//! How long an invocation may work on a notification, and how the time-outs of what it calls fit into its own.
//!
//! ```text
//! begin ──► reads ──► claim ──► paid call ──► outcome ──► last word ──► the function's end ──► others may take over
//!                       ▲ claim_by              ▲ outcome_by                                     ▲ lease_until
//! ```
//!
//! No call of AWS before the claim outlives the request's own deadline, the claim none but `claim_by`, and the outcome is
//! insisted on until `outcome_by`; a paid call's own time-out is shorter than what lies between the two.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use aws::deadline::LAST_WORD;

/// How long a paid call may take, from the claim to its outcome: its own time-outs add up to less.
pub const PAID_CALL: SignedDuration = SignedDuration::from_millis(6_500);
/// The least time a push is worth starting for, telling the breaker of it included.
pub const SHORTEST_PUSH: SignedDuration = SignedDuration::from_millis(1_000);
/// What is kept back for storing the result.
const TO_STORE: SignedDuration = SignedDuration::from_millis(300);
/// What a paid call leaves for storing its outcome even when its claim took as long as it may.
const TO_INSIST: SignedDuration = SignedDuration::from_secs(1);
/// How far apart the clocks of two functions may be.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);

/// How long an invocation may work on a notification.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// When the result should be stored: nothing is begun that ends later.
    pub work_until: Timestamp,
    /// When others may take the notification over: later than this function can live, clock skew included.
    pub lease_until: Timestamp,
}

impl Allowance {
    /// Whether something that takes `needed` can start at `at` and still be stored in time.
    #[must_use]
    pub fn fits(self, needed: SignedDuration, at: Timestamp) -> bool {
        self.work_until.duration_since(at) >= needed + TO_STORE
    }

    /// How long a push that starts at `at` may take.
    #[must_use]
    pub fn patience(self, at: Timestamp) -> SignedDuration {
        self.work_until.duration_since(at) - TO_STORE
    }

    /// How long storing a claim may take from `now`, for the call and its outcome to fit behind it.
    #[must_use]
    pub fn to_claim(self, now: Timestamp) -> Duration {
        left(self.outcome_by() - TO_INSIST - PAID_CALL, now)
    }

    /// How long storing what a paid call came to may be insisted on from `now`.
    #[must_use]
    pub fn to_insist(self, now: Timestamp) -> Duration {
        left(self.outcome_by(), now)
    }

    fn outcome_by(self) -> Timestamp {
        self.lease_until - CLOCK_SKEW - SignedDuration::try_from(LAST_WORD).unwrap_or(SignedDuration::ZERO)
    }
}

/// When an invocation with this deadline (milliseconds since the epoch) can no longer be alive anywhere, with room for
/// clocks that differ: leases end then, and not before.
#[must_use]
pub fn gone_by(deadline_ms: u64) -> Timestamp {
    let deadline = i64::try_from(deadline_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    deadline.and_then(|deadline| deadline.checked_add(CLOCK_SKEW).ok()).unwrap_or(Timestamp::MAX)
}

/// From `now` to `until`; nothing when that has passed.
#[must_use]
pub fn left(until: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::sweep::{EACH, TO_FINISH};
    use super::*;
    use aws::{ATTEMPT, OPERATION, PAID_SEND};
    use platform::startup::PATIENCE;
    use platform::time_limits::{BATCH, ERASING, SINGLE};

    const API_GATEWAY: Duration = Duration::from_secs(30);

    /// A function's own time-out, as template.yaml has it.
    fn timeout(function: &str) -> Duration {
        let template = include_str!("../../../../template.yaml");
        let (_, block) = template.split_once(&format!("\n  {function}:\n")).unwrap();
        let (_, seconds) = block.split_once("      Timeout: ").unwrap();
        Duration::from_secs(seconds.lines().next().unwrap().parse().unwrap())
    }

    /// Of an invocation that begins at the epoch: the latest start of a paid call's claim, and how long that may take.
    fn latest_claim(function: &str, work_until: Duration) -> (Duration, Duration) {
        let work_until = Timestamp::UNIX_EPOCH + SignedDuration::try_from(work_until).unwrap();
        let lease_until = gone_by(u64::try_from(timeout(function).as_millis()).unwrap());
        let starts = work_until - PAID_CALL - TO_STORE;
        let allowance = Allowance { work_until, lease_until };
        assert!(allowance.fits(PAID_CALL, starts));
        (left(starts, Timestamp::UNIX_EPOCH), allowance.to_claim(starts))
    }

    fn seconds(duration: SignedDuration) -> Duration {
        Duration::try_from(duration).unwrap()
    }

    #[test]
    fn one_call_has_time_for_a_second_attempt_and_a_paid_one_ends_before_it_is_waited_for() {
        assert!(OPERATION >= 2 * ATTEMPT && PAID_SEND < seconds(PAID_CALL));
    }

    #[test]
    fn wherever_a_claim_may_begin_the_call_and_its_outcome_still_fit_into_the_function() {
        let sweep = timeout("CascadeFunction") - seconds(TO_FINISH);
        for (function, work_until) in
            [("SendFunction", seconds(SINGLE)), ("SendFunction", seconds(BATCH)), ("CascadeFunction", sweep)]
        {
            let (starts, claim) = latest_claim(function, work_until);
            assert!(claim >= Duration::from_secs(2), "{function}: {claim:?} for a claim");
            let outcome = starts + claim + PAID_SEND + seconds(TO_INSIST);
            assert!(outcome + LAST_WORD <= timeout(function), "{function}: {outcome:?}");
        }
        assert!(seconds(EACH) < sweep);
    }

    #[test]
    fn every_function_that_answers_callers_ends_well_before_api_gateway_gives_up() {
        for function in ["SendFunction", "RecipientsFunction"] {
            assert!(timeout(function) + Duration::from_secs(5) <= API_GATEWAY, "{function}");
        }
        assert!(seconds(BATCH) + LAST_WORD < timeout("SendFunction"));
        assert!(PATIENCE + ERASING + LAST_WORD <= timeout("RecipientsFunction"));
    }

    #[test]
    fn no_function_can_be_ended_by_the_one_call_that_it_waits_for() {
        // Beyond that every call ends LAST_WORD before the function: aws/deadline.rs.
        for function in ["SendFunction", "CascadeFunction", "RollupFunction", "CleanupFunction", "RecipientsFunction"] {
            assert!(PATIENCE + OPERATION + LAST_WORD < timeout(function), "{function}");
        }
    }
}
