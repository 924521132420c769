//! Periods over which money is counted: hours, days and calendar months in UTC.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Period in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight.
    Day,
    /// Calendar month.
    Month,
}

impl Period {
    /// Returns the start of the period after the one that contains `at`.
    #[must_use]
    pub fn end(self, at: Timestamp) -> Timestamp {
        let at = utc(at);
        let midnight = at.date().to_datetime(jiff::civil::Time::midnight());
        let next = match self {
            Self::Hour => {
                midnight.checked_add(i64::from(at.hour()).hours()).and_then(|hour| hour.checked_add(1.hour()))
            }
            Self::Day => midnight.checked_add(1.day()),
            Self::Month => midnight.first_of_month().checked_add(1.month()),
        };
        let next = next.and_then(|next| next.to_zoned(TimeZone::UTC)).map(|next| next.timestamp());
        next.unwrap_or(Timestamp::MAX)
    }
}

/// Converts a timestamp to a UTC date and time.
pub(super) fn utc(at: Timestamp) -> DateTime {
    at.to_zoned(TimeZone::UTC).datetime()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ends(at: &str) -> [String; 3] {
        [Period::Hour, Period::Day, Period::Month].map(|period| period.end(at.parse().unwrap()).to_string())
    }

    #[test]
    fn a_period_ends_where_the_next_begins() {
        assert_eq!(
            ends("2026-11-23T10:05:30.5Z"),
            ["2026-11-23T11:00:00Z", "2026-11-24T00:00:00Z", "2026-12-01T00:00:00Z"]
        );
        assert_eq!(ends("2026-12-31T23:59:59.999Z"), ["2027-01-01T00:00:00Z"; 3]);
        assert_eq!(
            ends("2028-02-29T00:00:00Z"),
            ["2028-02-29T01:00:00Z", "2028-03-01T00:00:00Z", "2028-03-01T00:00:00Z"]
        );
    }
}
