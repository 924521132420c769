//! Parsing of times in requests: RFC 3339, with any offset.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Deserializer, de};

/// Maximum number of decimals of a second that are kept; further ones are cut.
const MAX_DECIMALS: usize = 9;

/// Reason for which a text is not a time. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// The text has a date and a time of day without an offset.
    #[error("must be an RFC 3339 time; the zone is missing: add Z or an offset such as +02:00")]
    NoZone,
    /// The text has only a date.
    #[error("must be an RFC 3339 time; the time of day is missing: such as 2026-11-23T10:00:00Z")]
    NoTime,
    /// The time of day has only hours and minutes.
    #[error("must be an RFC 3339 time; the seconds are missing: such as 2026-11-23T10:00:00Z")]
    NoSeconds,
    /// The offset has no colon or no minutes, or is a zone's name.
    #[error("must be an RFC 3339 time; the zone must be Z or an offset with a colon such as +02:00")]
    Zone,
    /// There is a blank instead of the offset's sign: `+` means a blank in a query.
    #[error("must be an RFC 3339 time; write the + of the offset as %2B in a query, or use Z")]
    BlankForPlus,
    /// The form is right, but the month, day, hour, minute or second does not exist.
    #[error("must be an RFC 3339 time; this date or time of day does not exist")]
    DoesNotExist,
    /// The text has any other form.
    #[error("must be an RFC 3339 time such as 2026-11-23T10:00:00Z")]
    Malformed,
}

/// Reads a member that is a time, `null` or absent. The error does not repeat the text.
///
/// # Errors
/// If the member is no text, or the text no time.
pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse(&text).map_err(de::Error::custom)).transpose()
}

/// Parses a time. A time beyond the range of [`Timestamp`] becomes the nearest limit of that range. An example is the
/// last day of the year 9999. Decimals beyond the ninth are cut. `T` and `Z` may be in lower case, and a blank may
/// replace `T` (RFC 3339, 5.6).
///
/// # Errors
/// Returns the part that is missing or wrong.
pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
    let date = text.get(..10).filter(|date| has_form(date, "dddd-dd-dd")).ok_or(TimeError::Malformed)?;
    let rest = &text[10..];
    if rest.is_empty() {
        return Err(TimeError::NoTime);
    }
    let rest = rest.strip_prefix(['T', 't', ' ']).ok_or(TimeError::Malformed)?;
    let Some(time) = rest.get(..8).filter(|time| has_form(time, "dd:dd:dd")) else {
        let is_short = rest.get(..5).is_some_and(|time| has_form(time, "dd:dd")) && !rest[5..].starts_with(':');
        return Err(if is_short { TimeError::NoSeconds } else { TimeError::Malformed });
    };
    let (decimals, zone) = split_decimals(&rest[8..])?;
    let zone = match zone {
        "" => return Err(TimeError::NoZone),
        "Z" | "z" => "Z",
        zone if has_form(zone, " dd:dd") => return Err(TimeError::BlankForPlus),
        zone if has_form(zone, "+dd:dd") || has_form(zone, "-dd:dd") => {
            // For a time of day and for an offset, 23:59 is the last minute (RFC 3339, 5.6).
            if zone[1..] > *"23:59" || zone[4..] > *"59" {
                return Err(TimeError::DoesNotExist);
            }
            zone
        }
        zone if zone.starts_with(|first: char| first.is_ascii_alphabetic() || " +-".contains(first)) => {
            return Err(TimeError::Zone);
        }
        _ => return Err(TimeError::Malformed),
    };
    let decimals = &decimals[..decimals.len().min(MAX_DECIMALS + 1)];
    let local = format!("{date}T{time}{decimals}");
    format!("{local}{zone}").parse().or_else(|_| match local.parse::<DateTime>() {
        Ok(local) => Ok(if local.year() > 0 { Timestamp::MAX } else { Timestamp::MIN }),
        Err(_) => Err(TimeError::DoesNotExist),
    })
}

/// Splits the decimals with their point from the text after them.
fn split_decimals(text: &str) -> Result<(&str, &str), TimeError> {
    let Some(digits) = text.strip_prefix('.') else { return Ok(("", text)) };
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 { Err(TimeError::Malformed) } else { Ok(text.split_at(count + 1)) }
}

/// Returns `true` if the text has a form in which `d` is any digit.
fn has_form(text: &str, form: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| if form == b'd' { byte.is_ascii_digit() } else { byte == form };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> Result<i64, TimeError> {
        parse(text).map(Timestamp::as_millisecond)
    }

    #[test]
    fn every_form_of_rfc_3339_is_the_same_moment() {
        let forms = [
            "2026-11-23T10:00:00.500Z",
            "2026-11-23t10:00:00.5z",
            "2026-11-23 10:00:00.5Z",
            "2026-11-23T12:30:00.5+02:30",
            "2026-11-23T05:00:00.500000000000000-05:00",
            "2026-11-23T10:00:00.5009999999999Z",
        ];
        for form in forms {
            assert_eq!(ms(form), Ok(1_795_428_000_500), "{form}");
        }
        assert_eq!(ms("2026-11-23T10:00:00-00:00"), Ok(1_795_428_000_000));
    }

    #[test]
    fn a_moment_that_cannot_be_held_is_the_last_one_that_can() {
        for (text, held) in [
            ("9999-12-31T23:59:59Z", Timestamp::MAX),
            ("9999-12-31T00:00:00-23:59", Timestamp::MAX),
            ("9999-12-30T23:00:00+01:00", Timestamp::MAX),
        ] {
            assert!(parse(text).is_ok_and(|time| time <= held && held.duration_since(time).as_hours() < 1), "{text}");
        }
        assert_eq!(ms("2026-11-23T10:00:00+23:59"), Ok(1_795_341_660_000));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let cases = [
            ("2026-11-23T10:00:00", TimeError::NoZone),
            ("2026-11-23T10:00:00.123", TimeError::NoZone),
            ("2026-11-23", TimeError::NoTime),
            ("2026-11-23T10:00:00 02:00", TimeError::BlankForPlus),
            ("2026-02-30T10:00:00Z", TimeError::DoesNotExist),
            ("2026-11-23T25:00:00Z", TimeError::DoesNotExist),
            ("2026-11-23T10:00:00+99:00", TimeError::DoesNotExist),
            ("2026-11-23T10:00:00+25:00", TimeError::DoesNotExist),
            ("2026-11-23T10:00:00-24:00", TimeError::DoesNotExist),
            ("2026-11-23T10:00:00+02:60", TimeError::DoesNotExist),
            ("9999-13-31T23:59:59Z", TimeError::DoesNotExist),
            ("2026-11-23T10:00Z", TimeError::NoSeconds),
            ("2026-11-23T10:00+02:00", TimeError::NoSeconds),
            ("2026-11-23 10:00", TimeError::NoSeconds),
            ("2026-11-23T10:00:0Z", TimeError::Malformed),
            ("2026-11-23T10:00:00+0200", TimeError::Zone),
            ("2026-11-23T10:00:00+02", TimeError::Zone),
            ("2026-11-23T10:00:00 +02:00", TimeError::Zone),
            ("2026-11-23T10:00:00.5CET", TimeError::Zone),
            ("2026-11-23T10:00:00Z[UTC]", TimeError::Zone),
            ("2026-11-23T10:00:00.Z", TimeError::Malformed),
            ("2026-11-23T10:00:00,5Z", TimeError::Malformed),
            ("1795428000", TimeError::Malformed),
            ("tomorrow", TimeError::Malformed),
            ("", TimeError::Malformed),
            ("２０２６-11-23T10:00:00Z", TimeError::Malformed),
        ];
        for (text, error) in cases {
            assert_eq!(ms(text), Err(error), "{text}");
        }
    }
}
