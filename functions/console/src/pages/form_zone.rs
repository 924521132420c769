//! Zone in which the times of a form are typed. The form carries its name, so that another choice of the zone between
//! showing and sending the form does not move its times.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

use crate::site::{ApiProblem, ZoneChoice};

/// Hidden input with the name of the zone.
pub const ZONE_FIELD: &str = "time_zone";
/// Zone of a form that carries none.
const UTC_NAME: &str = "UTC";

/// Zone of the times of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormZone(TimeZone);

impl FormZone {
    /// Returns the zone in which a page shows times.
    #[must_use]
    pub fn of_page(choice: &ZoneChoice) -> Self {
        Self(choice.zone.clone())
    }

    /// Returns the zone that a form names. A form without a name has times in UTC.
    ///
    /// # Errors
    /// The name is unknown.
    pub fn named(name: &str) -> Result<Self, ApiProblem> {
        let zone = TimeZone::get(if name.is_empty() { UTC_NAME } else { name });
        zone.map(Self)
            .map_err(|_| ApiProblem::field(ZONE_FIELD, "must be the name of a time zone, such as Europe/Rome"))
    }

    /// Returns the name, such as `Europe/Rome`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or(UTC_NAME)
    }

    /// Returns the instant of a typed time. Of a local time that occurs twice, the first one is taken. A time with a
    /// zone of its own, as an address may have it, is an instant already.
    ///
    /// # Errors
    /// The text is no time, or the local time does not exist in this zone. The problem names the field.
    pub fn instant(&self, field: &str, text: &str) -> Result<Timestamp, ApiProblem> {
        if let Ok(at) = text.parse() {
            return Ok(at);
        }
        let refused = || ApiProblem::field(field, "must be a time, such as 2026-11-23T10:00");
        let local = self.0.to_ambiguous_zoned(text.parse::<DateTime>().map_err(|_| refused())?);
        if matches!(local.offset(), AmbiguousOffset::Gap { .. }) {
            let next = local.later().map_err(|_| refused())?;
            let message = format!(
                "must exist in {}, where the clocks are put forward over it: use a time such as {}",
                self.name(),
                next.strftime("%H:%M")
            );
            return Err(ApiProblem::field(field, &message));
        }
        local.earlier().map(|at| at.timestamp()).map_err(|_| refused())
    }

    /// Returns an instant as an input of the kind `datetime-local` has it.
    #[must_use]
    pub fn local(&self, at: Timestamp) -> String {
        let text = self.civil(at).to_string();
        text.strip_suffix(":00").filter(|short| short.len() == "2026-12-01T09:00".len()).unwrap_or(&text).to_owned()
    }

    /// Returns `true` if an input that shows an instant has this text.
    #[must_use]
    pub fn shows(&self, at: Timestamp, text: &str) -> bool {
        text.parse().is_ok_and(|typed: DateTime| typed == self.civil(at))
    }

    /// Returns the local time. An input has three decimals of a second at most.
    fn civil(&self, at: Timestamp) -> DateTime {
        let cut = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Floor);
        at.round(cut).unwrap_or(at).to_zoned(self.0.clone()).datetime()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rome() -> FormZone {
        FormZone::named("Europe/Rome").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_local_time_becomes_an_instant_and_back_over_both_changes_of_the_clock() {
        for (local, instant) in [
            ("2026-10-25T01:59:59", "2026-10-24T23:59:59Z"),
            ("2026-10-25T03:00", "2026-10-25T02:00:00Z"),
            ("2026-12-01T09:00:05", "2026-12-01T08:00:05Z"),
            ("2027-03-28T01:59", "2027-03-28T00:59:00Z"),
            ("2027-03-28T03:00", "2027-03-28T01:00:00Z"),
            ("2027-07-01T00:30:00.25", "2027-06-30T22:30:00.25Z"),
        ] {
            assert_eq!(rome().instant("send_at", local), Ok(at(instant)), "{local}");
            assert_eq!(rome().local(at(instant)), local, "{instant}");
            assert!(rome().shows(at(instant), local), "{local}");
        }
        assert_eq!(rome().instant("send_at", "2026-12-01T09:00:00+02:00"), Ok(at("2026-12-01T07:00:00Z")));
    }

    #[test]
    fn a_local_time_that_does_not_exist_is_refused_with_the_reason() {
        for local in ["2027-03-28T02:00", "2027-03-28T02:30", "2027-03-28T02:59:59"] {
            let problem = rome().instant("not_after", local).unwrap_err();
            let (field, message) = &problem.errors[0];
            assert_eq!(field, "not_after");
            assert!(message.starts_with("must exist in Europe/Rome, where the clocks are put forward"), "{message}");
        }
        let problem = rome().instant("not_after", "2027-03-28T02:30").unwrap_err();
        assert!(problem.errors[0].1.ends_with("such as 03:30"), "{problem:?}");
        for text in ["", "soon", "25:00", "2026-02-30T10:00"] {
            assert_eq!(rome().instant("send_at", text).unwrap_err().errors[0].0, "send_at", "{text}");
        }
    }

    #[test]
    fn a_local_time_that_occurs_twice_is_the_first_one() {
        assert_eq!(rome().instant("send_at", "2026-10-25T02:30"), Ok(at("2026-10-25T00:30:00Z")));
        for instant in ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"] {
            assert!(rome().shows(at(instant), "2026-10-25T02:30"), "{instant}");
        }
        assert!(!rome().shows(at("2026-10-25T02:30:00Z"), "2026-10-25T02:30"));
    }

    #[test]
    fn a_form_names_its_zone() {
        let choice = ZoneChoice::new("mine", "Asia/Tokyo", "");
        assert_eq!(FormZone::of_page(&choice).name(), "Asia/Tokyo");
        assert_eq!(FormZone::named("").unwrap().name(), "UTC");
        assert_eq!(FormZone::named("UTC").unwrap().local(at("2026-12-01T09:00:00.123456Z")), "2026-12-01T09:00:00.123");
        assert_eq!(FormZone::named("Mars/Base").unwrap_err().errors[0].0, ZONE_FIELD);
    }
}
