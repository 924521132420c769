//! What a recipient said they want: types and channels they opted out of, and hours in which to leave them alone.

use std::collections::BTreeSet;

use jiff::civil::{DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::channel::Channel;

/// A recipient's wishes; the default is to want everything at any time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preferences {
    /// Types not to be sent at all.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub opted_out_types: BTreeSet<String>,
    /// Channels not to be used.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub opted_out_channels: BTreeSet<Channel>,
    /// When to hold what is not critical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
}

impl Preferences {
    /// Whether notifications of this type are wanted.
    #[must_use]
    pub fn wants_type(&self, kind: &str) -> bool {
        !self.opted_out_types.contains(kind)
    }

    /// Whether this channel may be used.
    #[must_use]
    pub fn wants_channel(&self, channel: Channel) -> bool {
        !self.opted_out_channels.contains(&channel)
    }
}

/// A daily window on the recipient's own clock: from `start` until just before `end`, over midnight when `end` is the
/// earlier one. As JSON `{"start":"22:00","end":"07:30"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// The first quiet minute.
    #[serde(with = "hours_and_minutes")]
    pub start: Time,
    /// The first minute that is no longer quiet.
    #[serde(with = "hours_and_minutes")]
    pub end: Time,
}

impl QuietHours {
    /// When the window ends, if `now` is in it: the first moment at which the clock on the wall shows `end`, or has
    /// jumped over it. `None` when `now` is not within quiet hours.
    #[must_use]
    pub fn open_at(&self, now: Timestamp, time_zone: &TimeZone) -> Option<Timestamp> {
        let mut open = now;
        // A second round is needed only where the clock jumps from one window's end into the next window.
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

    /// The end of the window in which `local` stands.
    fn end_after(&self, local: DateTime) -> Option<DateTime> {
        let ends_tomorrow = self.end <= local.time();
        let date = if ends_tomorrow { local.date().checked_add(1.day()).ok()? } else { local.date() };
        Some(date.to_datetime(self.end))
    }
}

/// The first moment after `now` when a clock in the zone shows `local`, or jumps over it.
fn first_showing(local: DateTime, now: Timestamp, time_zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = time_zone.to_ambiguous_timestamp(local);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ambiguous.unambiguous().ok(),
        // The moment at which the clock jumps: the first one later than the skipped time read with the offset after it.
        AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().ok()?;
            time_zone.following(before).next().map(|transition| transition.timestamp())
        }
        // Shown twice: the first time unless that has passed.
        AmbiguousOffset::Fold { .. } => {
            let first = ambiguous.earlier().ok()?;
            if first > now { Some(first) } else { ambiguous.later().ok() }
        }
    }
}

/// A time of day as `HH:MM`, the form people write and forms send.
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
