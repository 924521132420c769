//! Names of time zones in requests and settings.

use jiff::tz::TimeZone;

/// Problem text for a name that [`parse`] refuses.
pub const NOT_A_TIME_ZONE: &str = "must be an IANA time zone such as Europe/Rome";

/// Returns the zone with this name of the IANA database. `Etc/Unknown` is none.
#[must_use]
pub fn parse(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok().filter(|zone| !zone.is_unknown())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_of_the_database_have_names() {
        for name in ["Europe/Rome", "UTC", "Etc/GMT-14", "europe/rome", "America/Argentina/Buenos_Aires"] {
            assert!(parse(name).is_some(), "{name}");
        }
        for name in ["", "Etc/Unknown", "Rome", "CET+1", "+02:00", "Europe/Rome ", "Europe/Rome\0"] {
            assert!(parse(name).is_none(), "{name}");
        }
    }
}
