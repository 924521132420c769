//! Quiet hours: windows of the local week in which notifications are held.

mod hours_and_minutes;

use std::fmt;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Maximum number of windows in one definition.
pub const MAX_QUIET_WINDOWS: usize = 14;
/// Maximum number of windows that follow one another without a gap. Windows of two definitions can cover the week.
const MAX_ADJACENT: usize = 200;
const MINUTES_PER_DAY: usize = 24 * 60;

/// Window in local time, from `start` until just before `end`. If `end` is earlier than `start`, the window includes
/// midnight. As JSON: `{"start": "22:00", "end": "07:30", "days": ["fri", "sat"]}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietWindow {
    /// First minute of the window.
    #[serde(with = "hours_and_minutes")]
    pub start: Time,
    /// First minute after the window.
    #[serde(with = "hours_and_minutes")]
    pub end: Time,
    /// Days on which the window begins.
    #[serde(default, skip_serializing_if = "Weekdays::is_every_day")]
    pub days: Weekdays,
}

/// Quiet hours of a recipient: a first window, and further ones. As JSON, the fields of the first window with `also`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// First minute of the first window.
    #[serde(with = "hours_and_minutes")]
    pub start: Time,
    /// First minute after the first window.
    #[serde(with = "hours_and_minutes")]
    pub end: Time,
    /// Days on which the first window begins.
    #[serde(default, skip_serializing_if = "Weekdays::is_every_day")]
    pub days: Weekdays,
    /// Further windows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<QuietWindow>,
}

/// Set of weekdays that is not empty. As JSON: a list such as `["mon", "tue"]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekdays(u8);

/// Names of the weekdays, from Monday.
const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Default for Weekdays {
    fn default() -> Self {
        Self(0b0111_1111)
    }
}

impl Weekdays {
    /// Returns `true` if the set has every day.
    #[must_use]
    pub fn is_every_day(&self) -> bool {
        *self == Self::default()
    }

    /// Returns `true` if the set has this day.
    #[must_use]
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & (1 << day.to_monday_zero_offset()) != 0
    }
}

impl Serialize for Weekdays {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(NAMES.iter().enumerate().filter(|(at, _)| self.0 & (1 << at) != 0).map(|(_, name)| name))
    }
}

impl<'de> Deserialize<'de> for Weekdays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ByName)
    }
}

/// Visitor that reads the names of weekdays.
struct ByName;

impl<'de> Visitor<'de> for ByName {
    type Value = Weekdays;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of mon, tue, wed, thu, fri, sat and sun")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Weekdays, A::Error> {
        let mut days = 0;
        while let Some(name) = list.next_element::<String>()? {
            let at = NAMES.iter().position(|known| *known == name);
            days |=
                1 << at.ok_or_else(|| de::Error::custom("must be a list of mon, tue, wed, thu, fri, sat and sun"))?;
        }
        if days == 0 {
            return Err(de::Error::custom("must name at least one day; without it, the window is daily"));
        }
        Ok(Weekdays(days))
    }
}

impl QuietHours {
    /// Returns all windows.
    pub fn windows(&self) -> impl Iterator<Item = QuietWindow> {
        let first = QuietWindow { start: self.start, end: self.end, days: self.days };
        std::iter::once(first).chain(self.also.iter().copied())
    }
}

/// Error of windows that cannot be meant, with the index of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuietHoursError {
    /// There are more than [`MAX_QUIET_WINDOWS`].
    TooMany,
    /// The window at this index has no length, or 24 hours.
    WholeDay(usize),
    /// Together, the windows leave no minute of the week.
    WholeWeek,
}

/// Checks the windows of one definition.
///
/// # Errors
/// Returns the first error.
pub fn check_quiet_windows(windows: impl Iterator<Item = QuietWindow>) -> Result<(), QuietHoursError> {
    let mut is_quiet = vec![false; 7 * MINUTES_PER_DAY];
    for (index, window) in windows.enumerate() {
        if index >= MAX_QUIET_WINDOWS {
            return Err(QuietHoursError::TooMany);
        }
        if window.start == window.end {
            return Err(QuietHoursError::WholeDay(index));
        }
        for day in 0..7 {
            let begins = window.days.0 & (1 << day) != 0;
            let from = day * MINUTES_PER_DAY + minute(window.start);
            let length = (minute(window.end) + MINUTES_PER_DAY - minute(window.start)) % MINUTES_PER_DAY;
            (from..from + length).filter(|_| begins).for_each(|at| is_quiet[at % (7 * MINUTES_PER_DAY)] = true);
        }
    }
    if is_quiet.iter().all(|quiet| *quiet) { Err(QuietHoursError::WholeWeek) } else { Ok(()) }
}

fn minute(time: Time) -> usize {
    usize::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).unwrap_or(0)
}

/// Returns the first moment from `now` that is outside all windows; `None` if `now` is. The end of a window is the
/// first moment at which the local time is `end`, or a clock change skips `end`.
#[must_use]
pub fn quiet_until(windows: &[QuietWindow], now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let mut open = now;
    for _ in 0..MAX_ADJACENT {
        let local = zone.to_datetime(open);
        let Some(end) = windows.iter().find_map(|window| window.end_at(local)) else { break };
        open = first_showing(end, open, zone)?;
    }
    (open > now).then_some(open)
}

impl QuietWindow {
    /// Returns the end of the window if it contains `local`.
    fn end_at(&self, local: DateTime) -> Option<DateTime> {
        let (today, time) = (local.date(), local.time());
        let begins_on = |date: Date| self.days.contains(date.weekday());
        let includes_midnight = self.end < self.start;
        if time >= self.start && begins_on(today) && (includes_midnight || time < self.end) {
            let date = if includes_midnight { today.checked_add(1.day()).ok()? } else { today };
            return Some(date.to_datetime(self.end));
        }
        let began_yesterday = includes_midnight && time < self.end && begins_on(today.yesterday().ok()?);
        began_yesterday.then(|| today.to_datetime(self.end))
    }
}

/// Returns the first moment after `now` at which the local time is `local`, or a clock change skips `local`.
fn first_showing(local: DateTime, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ambiguous.unambiguous().ok(),
        // The clock change is the first transition after the skipped time, read with the offset after the change.
        AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().ok()?;
            zone.following(before).next().map(|transition| transition.timestamp())
        }
        // This local time occurs twice: the first occurrence counts unless it has passed.
        AmbiguousOffset::Fold { .. } => {
            let first = ambiguous.earlier().ok()?;
            if first > now { Some(first) } else { ambiguous.later().ok() }
        }
    }
}

#[cfg(test)]
mod tests;
