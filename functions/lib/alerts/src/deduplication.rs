//! Deduplication of alerts. An alert of one id is published when it begins, when it gets worse, and once an hour while
//! it continues. Other occurrences are only counted.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use domain::Severity;

/// Time after which an alert that continues is published again.
const REPEAT_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// Time without an occurrence after which an alert has ended.
const QUIET_PERIOD: SignedDuration = SignedDuration::from_mins(10);

/// Times and number of an alert's occurrences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertTimeline {
    /// Time of the first occurrence.
    pub began_at_ms: i64,
    /// Time of the last occurrence.
    pub last_at_ms: i64,
    /// Time of the last publication.
    #[serde(rename = "said_at_ms")]
    pub published_at_ms: i64,
    /// Number of occurrences since the alert began.
    pub times: u32,
    /// Highest severity that was published.
    pub severity: Severity,
}

impl AlertTimeline {
    /// Returns `true` if the alert has not occurred for 10 minutes.
    #[must_use]
    pub fn has_ended(&self, now: Timestamp) -> bool {
        now.as_millisecond().saturating_sub(self.last_at_ms) >= milliseconds(QUIET_PERIOD)
    }
}

/// Decision about one occurrence, with the timeline after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deduplication {
    /// Publish the alert.
    Publish(AlertTimeline),
    /// Only count the occurrence.
    Count(AlertTimeline),
}

/// Decides about an occurrence of this severity. `earlier` is the timeline of the earlier occurrences.
#[must_use]
pub fn deduplicate(earlier: Option<AlertTimeline>, severity: Severity, now: Timestamp) -> Deduplication {
    let now_ms = now.as_millisecond();
    let Some(earlier) = earlier.filter(|earlier| !earlier.has_ended(now)) else {
        return Deduplication::Publish(AlertTimeline {
            began_at_ms: now_ms,
            last_at_ms: now_ms,
            published_at_ms: now_ms,
            times: 1,
            severity,
        });
    };
    let last_at_ms = now_ms.max(earlier.last_at_ms);
    let counted = AlertTimeline { last_at_ms, times: earlier.times.saturating_add(1), ..earlier };
    let is_worse = severity > earlier.severity;
    if is_worse || now_ms.saturating_sub(earlier.published_at_ms) >= milliseconds(REPEAT_INTERVAL) {
        let severity = severity.max(earlier.severity);
        Deduplication::Publish(AlertTimeline { published_at_ms: now_ms, severity, ..counted })
    } else {
        Deduplication::Count(counted)
    }
}

pub(super) fn milliseconds(duration: SignedDuration) -> i64 {
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

    fn decided(decision: Deduplication) -> (bool, AlertTimeline) {
        match decision {
            Deduplication::Publish(timeline) => (true, timeline),
            Deduplication::Count(timeline) => (false, timeline),
        }
    }

    #[test]
    fn an_alert_that_continues_is_published_once_an_hour_with_its_count() {
        let mut timeline = None;
        let mut times = Vec::new();
        for minute in 0..=125 {
            let (publishes, next) = decided(deduplicate(timeline, Severity::P1, at(minute)));
            timeline = Some(next);
            if publishes {
                times.push((minute, next.times));
            }
        }
        assert_eq!(times, [(0, 1), (60, 61), (120, 121)]);
    }

    #[test]
    fn a_higher_severity_is_published_at_once_and_a_lower_one_is_not() {
        let (_, first) = decided(deduplicate(None, Severity::P1, at(0)));
        let (publishes, worse) = decided(deduplicate(Some(first), Severity::P0, at(1)));
        assert!(publishes && worse.severity == Severity::P0);
        let (publishes, better) = decided(deduplicate(Some(worse), Severity::P2, at(2)));
        assert!(!publishes && better.severity == Severity::P0);
    }

    #[test]
    fn after_the_quiet_period_an_alert_begins_again() {
        let (_, first) = decided(deduplicate(None, Severity::P2, at(0)));
        assert!(!decided(deduplicate(Some(first), Severity::P2, at(9))).0 && !first.has_ended(at(9)));
        let (publishes, again) = decided(deduplicate(Some(first), Severity::P2, at(10)));
        assert!(publishes && first.has_ended(at(10)));
        assert_eq!((again.times, again.began_at_ms), (1, at(10).as_millisecond()));
    }

    proptest! {
        /// For any number of occurrences, one hour has at most one publication per severity.
        #[test]
        fn publications_of_an_hour_are_limited(raised in proptest::collection::vec((0i64..60, 0usize..3), 0..200)) {
            let severities = [Severity::P2, Severity::P1, Severity::P0];
            let mut raised = raised;
            raised.sort_unstable();
            // One occurrence a minute, so that the alert does not end in between.
            let raised = (0..60).map(|minute| (minute, 0)).chain(raised);
            let mut raised: Vec<_> = raised.collect();
            raised.sort_unstable();
            let (mut timeline, mut times) = (None, 0);
            for (minute, severity) in raised {
                let (publishes, next) = decided(deduplicate(timeline, severities[severity], at(minute)));
                timeline = Some(next);
                times += usize::from(publishes);
            }
            prop_assert!(times <= 3, "{times}");
        }
    }
}
