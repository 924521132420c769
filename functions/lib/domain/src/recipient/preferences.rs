//! Preferences of a recipient: types and channels that the recipient opted out of, and quiet hours.

use std::collections::BTreeSet;

use jiff::civil::{DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::channel::Channel;

/// Preferences of a recipient. The default allows everything at any time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preferences {
    /// Types that the recipient opted out of.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub opted_out_types: BTreeSet<String>,
    /// Channels that the recipient opted out of.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub opted_out_channels: BTreeSet<Channel>,
    /// Hours in which notifications that are not critical are held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
}

impl Preferences {
    /// Returns `true` if the recipient did not opt out of this type.
    #[must_use]
    pub fn wants_type(&self, kind: &str) -> bool {
        !self.opted_out_types.contains(kind)
    }

    /// Adds the opt-outs of `earlier`, so that none of them is lost.
    #[must_use]
    pub fn with_opt_outs_of(mut self, earlier: &Self) -> Self {
        self.opted_out_types.extend(earlier.opted_out_types.iter().cloned());
        self.opted_out_channels.extend(&earlier.opted_out_channels);
        self
    }

    /// Returns `true` if the recipient did not opt out of this channel.
    #[must_use]
    pub fn wants_channel(&self, channel: Channel) -> bool {
        !self.opted_out_channels.contains(&channel)
    }
}

/// Daily window in the recipient's local time, from `start` until just before `end`. If `end` is earlier than `start`,
/// the window includes midnight. As JSON: `{"start":"22:00","end":"07:30"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// First minute of the window.
    #[serde(with = "hours_and_minutes")]
    pub start: Time,
    /// First minute after the window.
    #[serde(with = "hours_and_minutes")]
    pub end: Time,
}

impl QuietHours {
    /// Returns the end of the window that contains `now`; `None` outside the window. The end is the first moment at
    /// which the local time is `end`, or a clock change skips `end`.
    #[must_use]
    pub fn open_at(&self, now: Timestamp, time_zone: &TimeZone) -> Option<Timestamp> {
        let mut open = now;
        // A second iteration is needed only if a clock change skips from the end of one window into the next one.
        for _ in 0..3 {
            let local = time_zone.to_datetime(open);
            if !self.contains(local.time()) {
                break;
            }
            open = first_showing(self.end_after(local)?, open, time_zone)?;
        }
        (open > now).then_some(open)
    }

    fn contains(&self, time: Time) -> bool {
        if self.start < self.end {
            self.start <= time && time < self.end
        } else {
            time >= self.start || time < self.end
        }
    }

    /// Returns the end of the window that contains `local`.
    fn end_after(&self, local: DateTime) -> Option<DateTime> {
        let ends_tomorrow = self.end <= local.time();
        let date = if ends_tomorrow { local.date().checked_add(1.day()).ok()? } else { local.date() };
        Some(date.to_datetime(self.end))
    }
}

/// Returns the first moment after `now` at which the local time is `local`, or a clock change skips `local`.
fn first_showing(local: DateTime, now: Timestamp, time_zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = time_zone.to_ambiguous_timestamp(local);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ambiguous.unambiguous().ok(),
        // The clock change is the first transition after the skipped time, read with the offset after the change.
        AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().ok()?;
            time_zone.following(before).next().map(|transition| transition.timestamp())
        }
        // This local time occurs twice: the first occurrence counts unless it has passed.
        AmbiguousOffset::Fold { .. } => {
            let first = ambiguous.earlier().ok()?;
            if first > now { Some(first) } else { ambiguous.later().ok() }
        }
    }
}

/// Serializes a time of day as `HH:MM`, the format of HTML forms.
mod hours_and_minutes {
    use jiff::civil::Time;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:02}:{:02}", time.hour(), time.minute()))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| de::Error::custom("must be a time of day as HH:MM, from 00:00 to 23:59"))
    }

    fn parse(text: &str) -> Option<Time> {
        let (hours, minutes) = text.split_once(':')?;
        Time::new(two_digits(hours)?, two_digits(minutes)?, 0, 0).ok()
    }

    fn two_digits(text: &str) -> Option<i8> {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
    }
}

#[cfg(test)]
#[path = "preferences_tests.rs"]
mod tests;
