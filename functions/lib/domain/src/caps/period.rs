//! Periods over which a rule counts.

use std::fmt;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Maximum length of a rolling period: 31 days.
const MAX_HOURS: u32 = 31 * 24;
/// Longest day of any time zone, clock changes and a change of zone included.
const LONGEST_DAY: SignedDuration = SignedDuration::from_hours(2 * 24 + 2);
/// Error of any other text.
const FORMAT: &str = "must be day, week, PT1H to PT744H in whole hours, or P1D to P31D in whole days";

/// Period over which a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapPeriod {
    /// The last so many hours. A day has 24 hours, also if the clock changes.
    Rolling {
        /// Number of hours, from 1 to 744.
        hours: u32,
    },
    /// A calendar day in the recipient's time zone.
    Day,
    /// A calendar week in the recipient's time zone, from Monday.
    Week,
}

impl CapPeriod {
    /// Parses `day`, `week`, `PT<hours>H` or `P<days>D`; returns `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hours = match text {
            "day" => return Some(Self::Day),
            "week" => return Some(Self::Week),
            _ => match text.strip_prefix("PT").and_then(|rest| rest.strip_suffix('H')) {
                Some(hours) => whole(hours)?,
                None => whole(text.strip_prefix('P')?.strip_suffix('D')?)?.checked_mul(24)?,
            },
        };
        (1..=MAX_HOURS).contains(&hours).then_some(Self::Rolling { hours })
    }

    /// Returns the time at which a notification of the time `at` no longer counts.
    #[must_use]
    pub fn end(self, at: Timestamp, zone: &TimeZone) -> Timestamp {
        let today = || zone.to_datetime(at).date();
        let end = match self {
            Self::Rolling { hours } => at.checked_add(SignedDuration::from_hours(hours.into())).ok(),
            Self::Day => today().tomorrow().ok().and_then(|date| start_of(date, zone)),
            Self::Week => {
                let days = 1 + i64::from(today().weekday().until(Weekday::Sunday));
                today().checked_add(days.days()).ok().and_then(|date| start_of(date, zone))
            }
        };
        end.unwrap_or(Timestamp::MAX)
    }

    /// Returns the time until which a claim of the time `at` is stored: at least its [`end`](Self::end) in any zone, so
    /// that a recipient's new time zone does not lose it.
    #[must_use]
    pub fn kept_until(self, at: Timestamp) -> Timestamp {
        let length = match self {
            Self::Rolling { hours } => SignedDuration::from_hours(hours.into()),
            Self::Day => LONGEST_DAY,
            Self::Week => SignedDuration::from_hours(6 * 24) + LONGEST_DAY,
        };
        at.checked_add(length).unwrap_or(Timestamp::MAX)
    }
}

/// Returns the first moment of a date.
fn start_of(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    // A midnight that the clock skips is the moment of the change; of two midnights, the first one counts.
    zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible().ok()
}

/// Parses digits without a leading zero.
fn whole(digits: &str) -> Option<u32> {
    let is_plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| digits.parse().ok()).flatten()
}

impl fmt::Display for CapPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rolling { hours } if hours % 24 == 0 => write!(f, "P{}D", hours / 24),
            Self::Rolling { hours } => write!(f, "PT{hours}H"),
            Self::Day => f.write_str("day"),
            Self::Week => f.write_str("week"),
        }
    }
}

impl Serialize for CapPeriod {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CapPeriod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).ok_or_else(|| de::Error::custom(FORMAT))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_is_one_hour_to_31_days_or_a_calendar_period() {
        for (text, shown) in [
            ("PT1H", "PT1H"),
            ("PT36H", "PT36H"),
            ("PT48H", "P2D"),
            ("P1D", "P1D"),
            ("P31D", "P31D"),
            ("PT744H", "P31D"),
            ("day", "day"),
            ("week", "week"),
        ] {
            assert_eq!(CapPeriod::parse(text).unwrap().to_string(), shown);
        }
        for invalid in
            ["", "P", "PT", "PTH", "PD", "PT0H", "P0D", "P32D", "PT745H", "P01D", "P-1D", "PT+1H", "PT90M", "P1W"]
        {
            assert_eq!(CapPeriod::parse(invalid), None, "{invalid}");
        }
        assert_eq!(CapPeriod::parse("P178956971D"), None, "a number of days whose hours overflow");
    }

    #[test]
    fn a_calendar_period_ends_at_the_recipients_midnight_also_if_the_clock_skips_it() {
        let rome = TimeZone::get("Europe/Rome").unwrap();
        // The day of the clock change has 23 hours.
        assert_eq!(CapPeriod::Day.end(at("2027-03-28T00:30:00Z"), &rome), at("2027-03-28T22:00:00Z"));
        assert_eq!(CapPeriod::Day.end(at("2027-03-27T22:59:59Z"), &rome), at("2027-03-27T23:00:00Z"));
        assert_eq!(CapPeriod::Day.end(at("2027-03-27T23:00:00Z"), &rome), at("2027-03-28T22:00:00Z"));
        // 2026-11-23 is a Monday.
        assert_eq!(CapPeriod::Week.end(at("2026-11-23T10:00:00Z"), &rome), at("2026-11-29T23:00:00Z"));
        assert_eq!(CapPeriod::Week.end(at("2026-11-29T22:59:59Z"), &rome), at("2026-11-29T23:00:00Z"));
        // In Beirut, the clock skips the hour after midnight of 2027-03-28.
        let beirut = TimeZone::get("Asia/Beirut").unwrap();
        assert_eq!(CapPeriod::Day.end(at("2027-03-27T12:00:00Z"), &beirut), at("2027-03-27T22:00:00Z"));
        assert_eq!(CapPeriod::Rolling { hours: 24 }.end(at("2027-03-27T23:00:00Z"), &rome), at("2027-03-28T23:00:00Z"));
    }
}
