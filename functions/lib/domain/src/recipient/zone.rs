//! Time zone of a recipient's calendar and quiet hours.

use jiff::tz::TimeZone;
use serde::Serialize;

use super::Recipient;

/// Source of a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneSource {
    /// The recipient's profile.
    Recipient,
    /// The settings.
    Organisation,
    /// Neither names a zone.
    Utc,
}

/// Time zone in which a recipient's times are meant.
#[derive(Debug, Clone, Serialize)]
pub struct LocalZone<'a> {
    /// The zone.
    #[serde(skip)]
    pub zone: TimeZone,
    /// Its IANA name.
    pub time_zone: &'a str,
    /// Its source.
    pub time_zone_source: ZoneSource,
}

impl Recipient {
    /// Returns the recipient's own time zone, else that of the organisation, else UTC.
    #[must_use]
    pub fn local_zone<'a>(&'a self, organisation: Option<&'a str>) -> LocalZone<'a> {
        let own = self.time_zone.as_deref().map(|name| (name, ZoneSource::Recipient));
        let default = organisation.map(|name| (name, ZoneSource::Organisation));
        let known = |(name, source): (&'a str, ZoneSource)| Some((TimeZone::get(name).ok()?, name, source));
        let found = own.and_then(known).or_else(|| default.and_then(known));
        let (zone, time_zone, time_zone_source) = found.unwrap_or((TimeZone::UTC, "UTC", ZoneSource::Utc));
        LocalZone { zone, time_zone, time_zone_source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipient::sample::with_everything;

    #[test]
    fn the_recipients_zone_goes_before_that_of_the_organisation_and_an_unknown_one_counts_as_none() {
        let shown = |own: Option<&str>, organisation: Option<&str>| {
            let recipient = Recipient { time_zone: own.map(str::to_owned), ..with_everything(0) };
            let local = recipient.local_zone(organisation);
            (local.time_zone.to_owned(), local.time_zone_source)
        };
        let (rome, paris) = (Some("Europe/Rome"), Some("Europe/Paris"));
        assert_eq!(shown(rome, paris), ("Europe/Rome".to_owned(), ZoneSource::Recipient));
        assert_eq!(shown(None, paris), ("Europe/Paris".to_owned(), ZoneSource::Organisation));
        assert_eq!(shown(Some("Mars/Base"), paris), ("Europe/Paris".to_owned(), ZoneSource::Organisation));
        assert_eq!(shown(None, Some("Mars/Base")), ("UTC".to_owned(), ZoneSource::Utc));
    }
}
