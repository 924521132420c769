//! Time of a campaign: now, at an instant, or at a local time of each person.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// Maximum number of days by which a message is sent later. A launch is at most 26 hours after the local time.
const MAX_LATER_DAYS: i64 = 7;

/// Zone in which each local time comes last: 12 hours behind UTC.
const LAST_ZONE: &str = "Etc/GMT+12";

/// Time of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timing {
    /// At the launch.
    Now,
    /// At this instant.
    At(Timestamp),
    /// At this local time of each person.
    AtLocal(AtLocal),
}

/// A local time, which is an instant in each time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtLocal {
    /// Local date and time.
    pub date_time: DateTime,
    /// Zone of people without one.
    pub default_time_zone: String,
    /// Treatment of people for whom the time has passed at the launch; required if there are any.
    pub if_passed: Option<IfPassed>,
}

/// Treatment of people whose local time has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IfPassed {
    /// The message is sent at once.
    SendNow,
    /// No message is sent.
    Skip,
    /// The message is sent at the same local time of the next day on which it has not passed.
    NextDay,
}

impl IfPassed {
    /// Returns `true` if people whose time has passed get a message.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendNow | Self::NextDay)
    }
}

impl AtLocal {
    /// Returns the instant of the local time in a zone. An unknown zone counts as the default one. A local time that
    /// does not exist is moved to the end of the gap. If two instants have this local time, the first one counts.
    #[must_use]
    pub fn instant(&self, zone: Option<&str>) -> Timestamp {
        self.instant_of(self.date_time, zone)
    }

    /// Returns the instant at which a person of this zone gets the message; `None` for no message. `launched_at`
    /// decides if the local time has passed.
    #[must_use]
    pub fn slot(&self, zone: Option<&str>, launched_at: Timestamp) -> Option<Timestamp> {
        let instant = self.instant(zone);
        if instant >= launched_at {
            return Some(instant);
        }
        match self.if_passed? {
            IfPassed::SendNow => Some(launched_at),
            IfPassed::Skip => None,
            IfPassed::NextDay => (1..=MAX_LATER_DAYS).find_map(|days| {
                let later = self.date_time.checked_add(days.days()).ok()?;
                Some(self.instant_of(later, zone)).filter(|at| *at >= launched_at)
            }),
        }
    }

    /// Returns the last instant at which anybody gets the message of a campaign that was launched at this time: that of
    /// the zone in which the local time comes last, or a day after the launch for people whose time had passed.
    #[must_use]
    pub fn last_instant(&self, launched_at: Timestamp) -> Timestamp {
        let last = self.instant(Some(LAST_ZONE));
        match self.if_passed {
            Some(IfPassed::NextDay) => last.max(launched_at.checked_add(24.hours()).unwrap_or(launched_at)),
            Some(IfPassed::SendNow | IfPassed::Skip) | None => last,
        }
    }

    fn instant_of(&self, date_time: DateTime, zone: Option<&str>) -> Timestamp {
        let named = zone.and_then(|name| TimeZone::get(name).ok());
        let zone = named.or_else(|| TimeZone::get(&self.default_time_zone).ok()).unwrap_or(TimeZone::UTC);
        let offset = match zone.to_ambiguous_zoned(date_time).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Fold { before, .. } => before,
            AmbiguousOffset::Gap { before, after } => {
                // Read with the later offset, the time lies before the gap. The next change of offset is the end of the
                // gap.
                let inside = after.to_timestamp(date_time).unwrap_or(Timestamp::MAX);
                let end = zone.following(inside).next().map(|change| change.timestamp());
                return end.unwrap_or_else(|| before.to_timestamp(date_time).unwrap_or(Timestamp::MAX));
            }
        };
        offset.to_timestamp(date_time).unwrap_or(Timestamp::MAX)
    }
}

impl Timing {
    /// Returns the name of the field that gives the time.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Now | Self::At(_) => "send_at",
            Self::AtLocal(_) => "at_local.date_time",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(date_time: &str, if_passed: Option<IfPassed>) -> AtLocal {
        AtLocal { date_time: date_time.parse().unwrap(), default_time_zone: "Europe/Rome".to_owned(), if_passed }
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_local_time_is_an_instant_of_each_zone() {
        let nine = at("2026-12-01T09:00:00", None);
        assert_eq!(nine.instant(Some("Europe/Rome")), time("2026-12-01T08:00:00Z"));
        assert_eq!(nine.instant(Some("America/New_York")), time("2026-12-01T14:00:00Z"));
        assert_eq!(nine.instant(None), nine.instant(Some("Mars/Base")));
    }

    #[test]
    fn a_time_in_a_gap_is_its_end_and_of_two_the_first_is_taken() {
        // On 29 March 2026, Rome goes from 02:00 to 03:00; on 25 October from 03:00 back to 02:00.
        assert_eq!(at("2026-03-29T02:30:00", None).instant(None), time("2026-03-29T01:00:00Z"));
        assert_eq!(at("2026-10-25T02:30:00", None).instant(None), time("2026-10-25T00:30:00Z"));
    }

    #[test]
    fn a_time_that_has_passed_is_treated_as_the_campaign_defines() {
        let launched_at = time("2026-12-01T10:00:00Z");
        let slot = |if_passed| at("2026-12-01T09:00:00", if_passed).slot(Some("Europe/Rome"), launched_at);
        assert_eq!((slot(None), slot(Some(IfPassed::Skip))), (None, None));
        assert_eq!(slot(Some(IfPassed::SendNow)), Some(launched_at));
        assert_eq!(slot(Some(IfPassed::NextDay)), Some(time("2026-12-02T08:00:00Z")));
        // In Tokyo, 9:00 of the next day has passed as well at this launch.
        let tokyo = at("2026-12-01T09:00:00", Some(IfPassed::NextDay));
        let launched_later = time("2026-12-02T08:00:00Z");
        assert_eq!(tokyo.slot(Some("Asia/Tokyo"), launched_later), Some(time("2026-12-03T00:00:00Z")));
        let last = |if_passed| at("2026-12-01T09:00:00", if_passed).last_instant(launched_later);
        assert_eq!(last(Some(IfPassed::Skip)), time("2026-12-01T21:00:00Z"), "12 hours behind UTC");
        assert_eq!(last(Some(IfPassed::NextDay)), time("2026-12-03T08:00:00Z"));
        let later = at("2026-12-01T09:00:00", Some(IfPassed::Skip)).slot(Some("America/New_York"), launched_at);
        assert_eq!(later, Some(time("2026-12-01T14:00:00Z")));
    }
}
