//! Saying a thing once: repeated alerts of one key fold into one, which is said again when it gets worse, when an hour has
//! passed, and when it is over.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use domain::Severity;

/// How long an alert that goes on is not repeated.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// How long nothing must be heard of a state before it is over.
const QUIET: SignedDuration = SignedDuration::from_mins(10);

/// What was said of a key so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When it began.
    pub began_at_ms: i64,
    /// When it was last raised.
    pub last_at_ms: i64,
    /// When it was last said.
    pub said_at_ms: i64,
    /// How often it was raised since it began.
    pub times: u32,
    /// The worst that was said.
    pub severity: Severity,
}

/// What becomes of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// Say it.
    Say(Told),
    /// Only count it.
    Count(Told),
}

/// Whether an alert of this severity is said, after what was `told` of its key before.
#[must_use]
pub fn fold(told: Option<Told>, severity: Severity, now: Timestamp) -> Fold {
    let now_ms = now.as_millisecond();
    let Some(told) = told.filter(|told| !is_over(told, now)) else {
        return Fold::Say(Told { began_at_ms: now_ms, last_at_ms: now_ms, said_at_ms: now_ms, times: 1, severity });
    };
    let counted = Told { last_at_ms: now_ms.max(told.last_at_ms), times: told.times.saturating_add(1), ..told };
    let is_worse = severity > told.severity;
    if is_worse || now_ms.saturating_sub(told.said_at_ms) >= ms(AGAIN_AFTER) {
        Fold::Say(Told { said_at_ms: now_ms, severity: severity.max(told.severity), ..counted })
    } else {
        Fold::Count(counted)
    }
}

/// Whether nothing was heard of it for long enough.
#[must_use]
pub fn is_over(told: &Told, now: Timestamp) -> bool {
    now.as_millisecond().saturating_sub(told.last_at_ms) >= ms(QUIET)
}

pub(super) fn ms(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    fn said(fold: Fold) -> (bool, Told) {
        match fold {
            Fold::Say(told) => (true, told),
            Fold::Count(told) => (false, told),
        }
    }

    #[test]
    fn a_state_that_goes_on_is_said_once_an_hour_with_its_count() {
        let mut told = None;
        let mut times = Vec::new();
        for minute in 0..=125 {
            let (say, next) = said(fold(told, Severity::P1, at(minute)));
            told = Some(next);
            if say {
                times.push((minute, next.times));
            }
        }
        assert_eq!(times, [(0, 1), (60, 61), (120, 121)]);
    }

    #[test]
    fn what_gets_worse_is_said_at_once_and_what_gets_better_is_not() {
        let (_, first) = said(fold(None, Severity::P1, at(0)));
        let (say, worse) = said(fold(Some(first), Severity::P0, at(1)));
        assert!(say && worse.severity == Severity::P0);
        let (say, better) = said(fold(Some(worse), Severity::P2, at(2)));
        assert!(!say && better.severity == Severity::P0);
    }

    #[test]
    fn after_a_quiet_time_it_begins_anew() {
        let (_, first) = said(fold(None, Severity::P2, at(0)));
        assert!(!said(fold(Some(first), Severity::P2, at(9))).0 && !is_over(&first, at(9)));
        let (say, anew) = said(fold(Some(first), Severity::P2, at(10)));
        assert!(say && is_over(&first, at(10)));
        assert_eq!((anew.times, anew.began_at_ms), (1, at(10).as_millisecond()));
    }

    proptest! {
        /// However often it is raised, an hour hears of it at most once for each severity.
        #[test]
        fn nobody_is_flooded(raised in proptest::collection::vec((0i64..60, 0usize..3), 0..200)) {
            let severities = [Severity::P2, Severity::P1, Severity::P0];
            let mut raised = raised;
            raised.sort_unstable();
            // Never quiet for long, or it would be another incident.
            let raised = (0..60).map(|minute| (minute, 0)).chain(raised);
            let mut raised: Vec<_> = raised.collect();
            raised.sort_unstable();
            let (mut told, mut times) = (None, 0);
            for (minute, severity) in raised {
                let (say, next) = said(fold(told, severities[severity], at(minute)));
                told = Some(next);
                times += usize::from(say);
            }
            prop_assert!(times <= 3, "{times}");
        }
    }
}
