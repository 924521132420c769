//! Time of a campaign: now, at an instant, or at a local time of each person.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

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
    /// They are sent to at once.
    SendNow,
    /// They are not sent to.
    Skip,
    /// They are sent to a day later.
    NextDay,
}

impl IfPassed {
    /// Returns `true` if people whose time has passed are sent to at all.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendNow | Self::NextDay)
    }
}

impl AtLocal {
    /// Returns the instant of the local time in a zone. An unknown zone counts as the default one. A local time that
    /// does not exist is moved to the end of the gap, and of two the first is taken.
    #[must_use]
    pub fn instant(&self, zone: Option<&str>) -> Timestamp {
        self.instant_of(self.date_time, zone)
    }

    /// Returns the instant at which a person of this zone is sent to; `None` if the person is not sent to.
    /// `launched_at` decides if the local time has passed.
    #[must_use]
    pub fn slot(&self, zone: Option<&str>, launched_at: Timestamp) -> Option<Timestamp> {
        let instant = self.instant(zone);
        if instant >= launched_at {
            return Some(instant);
        }
        match self.if_passed? {
            IfPassed::SendNow => Some(launched_at),
            IfPassed::Skip => None,
            IfPassed::NextDay => {
                let next = self.date_time.checked_add(1.day()).unwrap_or(self.date_time);
                Some(self.instant_of(next, zone).max(launched_at))
            }
        }
    }

    fn instant_of(&self, date_time: DateTime, zone: Option<&str>) -> Timestamp {
        let named = zone.and_then(|name| TimeZone::get(name).ok());
        let zone = named.or_else(|| TimeZone::get(&self.default_time_zone).ok()).unwrap_or(TimeZone::UTC);
        let offset = match zone.to_ambiguous_zoned(date_time).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Fold { before, .. } => before,
            AmbiguousOffset::Gap { before, after } => {
                // Read with the later offset, the time lies before the gap: the change after it is the end of the gap.
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
    fn for_a_time_that_has_passed_the_campaign_says_what_happens() {
        let launched_at = time("2026-12-01T10:00:00Z");
        let slot = |if_passed| at("2026-12-01T09:00:00", if_passed).slot(Some("Europe/Rome"), launched_at);
        assert_eq!((slot(None), slot(Some(IfPassed::Skip))), (None, None));
        assert_eq!(slot(Some(IfPassed::SendNow)), Some(launched_at));
        assert_eq!(slot(Some(IfPassed::NextDay)), Some(time("2026-12-02T08:00:00Z")));
        let later = at("2026-12-01T09:00:00", Some(IfPassed::Skip)).slot(Some("America/New_York"), launched_at);
        assert_eq!(later, Some(time("2026-12-01T14:00:00Z")));
    }
}
