//! What the guard looks at: counts of both sides of the rollout by the minute, and how they become a rate.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// What one side of the rollout did in one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arm {
    /// Notifications that ended, other than by a gate's no or their caller's.
    pub closed: i64,
    /// Those of them that ended `failed`, `uncertain` or `expired`.
    pub ended_badly: i64,
    /// Notifications that ended after a device was tried for them: version 1 had a chance with them.
    pub push_closed: i64,
    /// Those of them that ended `failed` or `expired`.
    pub push_ended_badly: i64,
    /// Notifications whose first push attempts were made; devices that turned out to be gone are left out.
    pub first_pushes: i64,
    /// Those of them whose first push attempts failed.
    pub first_pushes_failed: i64,
}

/// One minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minute {
    /// When it began.
    pub begins: Timestamp,
    /// Version 1.
    pub v1: Arm,
    /// Version 2.
    pub v2: Arm,
}

/// Which error rate. People are told of all failures; version 2 goes by those that version 1 could have avoided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Notifications that ended badly, of those that ended.
    EndedBadly,
    /// The same of those that a device was tried for: what e-mail and SMS fail at, version 1 would not have sent at all.
    PushEndedBadly,
    /// First push attempts that failed, so that a good fallback does not hide a broken push.
    FirstPushesFailed,
}

/// A share as its two counts, compared without rounding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// How many.
    pub part: i64,
    /// Out of how many: the sample.
    pub whole: i64,
}

/// An error rate as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// Which rate.
    pub measure: Measure,
    /// Version 2's.
    pub v2: Share,
    /// Version 1's in the same minutes.
    pub v1: Share,
    /// How many minutes it is of.
    pub minutes: usize,
}

impl Arm {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            closed: self.closed + other.closed,
            ended_badly: self.ended_badly + other.ended_badly,
            push_closed: self.push_closed + other.push_closed,
            push_ended_badly: self.push_ended_badly + other.push_ended_badly,
            first_pushes: self.first_pushes + other.first_pushes,
            first_pushes_failed: self.first_pushes_failed + other.first_pushes_failed,
        }
    }
}

impl Measure {
    /// Those that people are told of.
    pub const TOLD: [Self; 2] = [Self::EndedBadly, Self::FirstPushesFailed];
    /// Those that version 2 is taken back for: going back would help.
    pub const JUDGED: [Self; 2] = [Self::PushEndedBadly, Self::FirstPushesFailed];

    const fn of(self, arm: Arm) -> Share {
        match self {
            Self::EndedBadly => Share { part: arm.ended_badly, whole: arm.closed },
            Self::PushEndedBadly => Share { part: arm.push_ended_badly, whole: arm.push_closed },
            Self::FirstPushesFailed => Share { part: arm.first_pushes_failed, whole: arm.first_pushes },
        }
    }

    /// The rate over the shortest run of the newest minutes, at least `shortest` of them, in which version 2 has a sample of
    /// `at_least`; `None` where there is none. `minutes` come oldest first.
    #[must_use]
    pub fn read(self, minutes: &[Minute], shortest: usize, at_least: u32) -> Option<Reading> {
        let mut reading = Reading { measure: self, v2: Share::default(), v1: Share::default(), minutes: 0 };
        for minute in minutes.iter().rev() {
            reading.v2 = reading.v2.plus(self.of(minute.v2));
            reading.v1 = reading.v1.plus(self.of(minute.v1));
            reading.minutes += 1;
            if reading.minutes >= shortest && reading.v2.is_sample(at_least) {
                return Some(reading);
            }
        }
        None
    }
}

impl Share {
    /// Whether the sample is large enough to say anything.
    #[must_use]
    pub fn is_sample(self, at_least: u32) -> bool {
        self.whole >= i64::from(at_least.max(1))
    }

    /// Whether it is above so many percent; exactly so many are not.
    #[must_use]
    pub fn is_above(self, percent: u32) -> bool {
        self.part.saturating_mul(100) > self.whole.saturating_mul(i64::from(percent))
    }

    /// Whether it is so many percent or more.
    #[must_use]
    pub fn is_at_least(self, percent: u32) -> bool {
        self.whole > 0 && self.part.saturating_mul(100) >= self.whole.saturating_mul(i64::from(percent))
    }

    /// Whether this rate is at least so many percent of another rate.
    #[must_use]
    pub fn is_at_least_of(self, percent: u32, other: Self) -> bool {
        let scaled = |part: i64, whole: i64| i128::from(part) * i128::from(whole);
        scaled(self.part, other.whole) * 100 >= scaled(other.part, self.whole) * i128::from(percent)
    }

    /// Which of two rates is the worse.
    #[must_use]
    pub fn is_worse_than(self, other: Self) -> bool {
        i128::from(self.part) * i128::from(other.whole) > i128::from(other.part) * i128::from(self.whole)
    }

    const fn plus(self, other: Self) -> Self {
        Self { part: self.part.saturating_add(other.part), whole: self.whole.saturating_add(other.whole) }
    }
}

/// The minutes that may be held against the present percentage: whole ones since it was set, and no older than `most`.
#[must_use]
pub fn since(minutes: &[Minute], changed_at: Option<Timestamp>, most: SignedDuration, now: Timestamp) -> &[Minute] {
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
    fn the_shortest_run_of_newest_minutes_with_a_sample_is_read() {
        let minute = |at: i64, closed| Minute {
            begins: Timestamp::from_second(at * 60).unwrap_or_default(),
            v1: Arm::default(),
            v2: Arm { closed, ended_badly: at, ..Arm::default() },
        };
        let minutes = [minute(0, 100), minute(1, 30), minute(2, 10), minute(3, 10)];
        let read = |shortest, at_least| {
            Measure::EndedBadly.read(&minutes, shortest, at_least).map(|it| (it.minutes, it.v2.part, it.v2.whole))
        };
        assert_eq!(read(1, 10), Some((1, 3, 10)));
        assert_eq!(read(1, 50), Some((3, 6, 50)));
        assert_eq!(read(4, 50), Some((4, 6, 150)));
        assert_eq!(read(1, 151), None);
        assert_eq!(read(5, 1), None);
    }

    #[test]
    fn minutes_from_before_a_change_are_not_held_against_it() {
        let at = |second| Timestamp::from_second(second).unwrap_or_default();
        let minutes: Vec<_> =
            (0..10).map(|n| Minute { begins: at(n * 60), v1: Arm::default(), v2: Arm::default() }).collect();
        let count = |changed_at: Option<i64>, most_minutes| {
            since(&minutes, changed_at.map(at), SignedDuration::from_mins(most_minutes), at(600)).len()
        };
        assert_eq!((count(None, 15), count(None, 4)), (10, 4));
        assert_eq!((count(Some(301), 15), count(Some(300), 15), count(Some(0), 2)), (4, 5, 2));
    }
}
