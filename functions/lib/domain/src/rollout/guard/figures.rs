//! Figures of the guard: counts of both arms of the rollout by the minute, and the rates computed from them.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Counts of one arm in one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arm {
    /// Notifications that ended, without those that a gate skipped or the caller cancelled.
    pub closed: i64,
    /// Number of them that ended `failed`, `uncertain` or `expired`.
    pub ended_badly: i64,
    /// Notifications that ended after a push attempt, so version 1 could have delivered them.
    pub push_closed: i64,
    /// Number of them that ended `failed` or `expired`.
    pub push_ended_badly: i64,
    /// Number of the latter whose first push met an unavailable push service.
    pub push_ended_badly_unavailable: i64,
    /// Notifications whose first push was made. Devices that no longer exist are left out.
    pub first_pushes: i64,
    /// Number of them whose first push failed: no device's push service accepted it.
    pub first_pushes_failed: i64,
    /// Number of the latter that met an unavailable push service: it throttled, had an error of its own, or did not
    /// answer.
    pub first_pushes_unavailable: i64,
}

/// Counts of both arms in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinuteCounts {
    /// Begin of the minute.
    pub begins: Timestamp,
    /// Counts of version 1.
    pub v1: Arm,
    /// Counts of version 2.
    pub v2: Arm,
}

/// Error rate. Alerts use the rates of all failures. The guard uses the rates of failures that version 1 could have
/// avoided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorRateKind {
    /// Notifications that ended badly, of those that ended.
    EndedBadly,
    /// Notifications that ended badly after a push attempt, of those that ended after one. Failures of e-mail and SMS
    /// alone are left out, because version 1 would not have sent these messages.
    PushEndedBadly,
    /// First pushes that failed. This rate shows a broken push that a good fallback would hide.
    FirstPushesFailed,
}

/// Share as two counts, which is compared without rounding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Number of cases.
    pub part: i64,
    /// Size of the sample.
    pub whole: i64,
}

/// Measured error rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MeasuredRate {
    /// Kind of the rate.
    pub measure: ErrorRateKind,
    /// Rate of version 2.
    pub v2: Share,
    /// Number of version 2's failures for which a push service was unavailable. Version 1 makes the same push, so these
    /// count only in comparison with it.
    pub v2_unavailable: i64,
    /// Rate of version 1 in the same minutes.
    pub v1: Share,
    /// Number of minutes.
    pub minutes: usize,
}

impl Arm {
    /// Returns the sums of the counts.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            closed: self.closed + other.closed,
            ended_badly: self.ended_badly + other.ended_badly,
            push_closed: self.push_closed + other.push_closed,
            push_ended_badly: self.push_ended_badly + other.push_ended_badly,
            push_ended_badly_unavailable: self.push_ended_badly_unavailable + other.push_ended_badly_unavailable,
            first_pushes: self.first_pushes + other.first_pushes,
            first_pushes_failed: self.first_pushes_failed + other.first_pushes_failed,
            first_pushes_unavailable: self.first_pushes_unavailable + other.first_pushes_unavailable,
        }
    }
}

impl ErrorRateKind {
    /// Rates that alerts report.
    pub const FOR_ALERTS: [Self; 2] = [Self::EndedBadly, Self::FirstPushesFailed];
    /// Rates for which the guard lowers the percentage, because version 1 would avoid these failures.
    pub const FOR_GUARD: [Self; 2] = [Self::PushEndedBadly, Self::FirstPushesFailed];

    /// Returns the subject of an alert about this rate.
    #[must_use]
    pub const fn subject(self) -> &'static str {
        match self {
            Self::EndedBadly => "ended-badly",
            Self::PushEndedBadly => "push-ended-badly",
            Self::FirstPushesFailed => "first-pushes-failed",
        }
    }

    const fn of(self, arm: Arm) -> Share {
        match self {
            Self::EndedBadly => Share { part: arm.ended_badly, whole: arm.closed },
            Self::PushEndedBadly => Share { part: arm.push_ended_badly, whole: arm.push_closed },
            Self::FirstPushesFailed => Share { part: arm.first_pushes_failed, whole: arm.first_pushes },
        }
    }

    /// Returns the number of failures for which a push service was unavailable.
    const fn unavailable_of(self, arm: Arm) -> i64 {
        match self {
            Self::EndedBadly => 0,
            Self::PushEndedBadly => arm.push_ended_badly_unavailable,
            Self::FirstPushesFailed => arm.first_pushes_unavailable,
        }
    }

    /// Returns version 1's rate in all these minutes.
    pub(super) fn of_version_1(self, minutes: &[MinuteCounts]) -> Share {
        minutes.iter().fold(Share::default(), |sum, minute| sum.plus(self.of(minute.v1)))
    }

    /// Returns the rate of the shortest period that ends with the newest minute, has at least `shortest` minutes, and
    /// has a sample of `at_least` for version 2. Returns `None` if there is no such period. `minutes` must be sorted,
    /// oldest first.
    #[must_use]
    pub fn read(self, minutes: &[MinuteCounts], shortest: usize, at_least: u32) -> Option<MeasuredRate> {
        let (v1, v2) = (Share::default(), Share::default());
        let mut rate = MeasuredRate { measure: self, v2, v2_unavailable: 0, v1, minutes: 0 };
        for minute in minutes.iter().rev() {
            rate.v2 = rate.v2.plus(self.of(minute.v2));
            rate.v2_unavailable = rate.v2_unavailable.saturating_add(self.unavailable_of(minute.v2));
            rate.v1 = rate.v1.plus(self.of(minute.v1));
            rate.minutes += 1;
            if rate.minutes >= shortest && rate.v2.is_sample(at_least) {
                return Some(rate);
            }
        }
        None
    }
}

impl MeasuredRate {
    /// Returns version 2's rate without the failures for which a push service was unavailable.
    #[must_use]
    pub const fn v2_while_available(&self) -> Share {
        Share { part: self.v2.part.saturating_sub(self.v2_unavailable), whole: self.v2.whole }
    }
}

impl Share {
    /// Returns `true` if the sample has the required size.
    #[must_use]
    pub fn is_sample(self, at_least: u32) -> bool {
        self.whole >= i64::from(at_least.max(1))
    }

    /// Returns `true` if the share is above `percent`. An equal share is not.
    #[must_use]
    pub fn is_above(self, percent: u32) -> bool {
        self.part.saturating_mul(100) > self.whole.saturating_mul(i64::from(percent))
    }

    /// Returns `true` if the share is `percent` or more. An empty sample is not.
    #[must_use]
    pub fn is_at_least(self, percent: u32) -> bool {
        self.whole > 0 && self.part.saturating_mul(100) >= self.whole.saturating_mul(i64::from(percent))
    }

    /// Returns `true` if this rate is at least `percent` of the other rate.
    #[must_use]
    pub fn is_at_least_of(self, percent: u32, other: Self) -> bool {
        let scaled = |part: i64, whole: i64| i128::from(part) * i128::from(whole);
        scaled(self.part, other.whole) * 100 >= scaled(other.part, self.whole) * i128::from(percent)
    }

    /// Returns `true` if this rate is higher than the other.
    #[must_use]
    pub fn is_worse_than(self, other: Self) -> bool {
        i128::from(self.part) * i128::from(other.whole) > i128::from(other.part) * i128::from(self.whole)
    }

    const fn plus(self, other: Self) -> Self {
        Self { part: self.part.saturating_add(other.part), whole: self.whole.saturating_add(other.whole) }
    }
}

/// Returns the minutes that count for the present percentage. They began after its last change and are not older than
/// `most`.
#[must_use]
pub fn minutes_since(
    minutes: &[MinuteCounts],
    changed_at: Option<Timestamp>,
    most: SignedDuration,
    now: Timestamp,
) -> &[MinuteCounts] {
    let oldest = now.saturating_sub(most).unwrap_or(Timestamp::MIN);
    let from = changed_at.map_or(oldest, |changed_at| changed_at.max(oldest));
    let first = minutes.partition_point(|minute| minute.begins < from);
    &minutes[first..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(part: i64, whole: i64) -> Share {
        Share { part, whole }
    }

    #[test]
    fn a_share_is_compared_exactly() {
        assert!(!share(20, 100).is_above(20) && share(201, 1_000).is_above(20));
        assert!(share(10, 100).is_at_least(10) && !share(99, 1_000).is_at_least(10));
        assert!(!share(0, 0).is_above(0) && !share(0, 0).is_at_least(0));
        assert!(share(2, 3).is_worse_than(share(199, 300)) && !share(2, 3).is_worse_than(share(4, 6)));
    }

    #[test]
    fn one_rate_is_some_percent_of_another() {
        assert!(share(4, 10).is_at_least_of(67, share(59, 100)));
        assert!(!share(4, 10).is_at_least_of(67, share(60, 100)));
        assert!(share(5, 10).is_at_least_of(100, share(50, 100)));
    }

    #[test]
    fn the_shortest_recent_period_with_a_sample_is_measured() {
        let minute = |at: i64, closed| MinuteCounts {
            begins: Timestamp::from_second(at * 60).unwrap_or_default(),
            v1: Arm::default(),
            v2: Arm { closed, ended_badly: at, ..Arm::default() },
        };
        let minutes = [minute(0, 100), minute(1, 30), minute(2, 10), minute(3, 10)];
        let read = |shortest, at_least| {
            ErrorRateKind::EndedBadly.read(&minutes, shortest, at_least).map(|it| (it.minutes, it.v2.part, it.v2.whole))
        };
        assert_eq!(read(1, 10), Some((1, 3, 10)));
        assert_eq!(read(1, 50), Some((3, 6, 50)));
        assert_eq!(read(4, 50), Some((4, 6, 150)));
        assert_eq!(read(1, 151), None);
        assert_eq!(read(5, 1), None);
    }

    #[test]
    fn minutes_before_a_change_do_not_count() {
        let at = |second| Timestamp::from_second(second).unwrap_or_default();
        let minutes: Vec<_> =
            (0..10).map(|n| MinuteCounts { begins: at(n * 60), v1: Arm::default(), v2: Arm::default() }).collect();
        let count = |changed_at: Option<i64>, most_minutes| {
            minutes_since(&minutes, changed_at.map(at), SignedDuration::from_mins(most_minutes), at(600)).len()
        };
        assert_eq!((count(None, 15), count(None, 4)), (10, 4));
        assert_eq!((count(Some(301), 15), count(Some(300), 15), count(Some(0), 2)), (4, 5, 2));
    }
}
