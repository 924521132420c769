//! Times in requests: RFC 3339, with any offset.

use jiff::Timestamp;

/// Maximum number of decimals of a second that are kept; further ones are cut.
const MAX_DECIMALS: usize = 9;

/// The reason why a text is not a time. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// A date and a time of day without an offset.
    #[error("must be an RFC 3339 time; the zone is missing: add Z or an offset such as +02:00")]
    NoZone,
    /// A date alone.
    #[error("must be an RFC 3339 time; the time of day is missing: such as 2026-11-23T10:00:00Z")]
    NoTime,
    /// A blank where an offset's sign was: `+` means a blank in a query.
    #[error("must be an RFC 3339 time; write the + of the offset as %2B in a query, or use Z")]
    BlankForPlus,
    /// The right form with a month, day, hour, minute or second that does not exist.
    #[error("must be an RFC 3339 time; this date or time of day does not exist")]
    DoesNotExist,
    /// Any other text.
    #[error("must be an RFC 3339 time such as 2026-11-23T10:00:00Z")]
    Malformed,
}

/// Parses a time. Decimals beyond the ninth are cut; `T` and `Z` may be in lower case, and a blank may stand for `T` (RFC 3339, 5.6).
///
/// # Errors
/// The part that is missing or wrong.
pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
    let date = text.get(..10).filter(|date| has_form(date, "dddd-dd-dd")).ok_or(TimeError::Malformed)?;
    let rest = &text[10..];
    if rest.is_empty() {
        return Err(TimeError::NoTime);
    }
    let rest = rest.strip_prefix(['T', 't', ' ']).ok_or(TimeError::Malformed)?;
    let time = rest.get(..8).filter(|time| has_form(time, "dd:dd:dd")).ok_or(TimeError::Malformed)?;
    let (decimals, zone) = split_decimals(&rest[8..])?;
    let zone = match zone {
        "" => return Err(TimeError::NoZone),
        "Z" | "z" => "Z",
        zone if has_form(zone, " dd:dd") => return Err(TimeError::BlankForPlus),
        zone if has_form(zone, "+dd:dd") || has_form(zone, "-dd:dd") => zone,
        _ => return Err(TimeError::Malformed),
    };
    let decimals = &decimals[..decimals.len().min(MAX_DECIMALS + 1)];
    format!("{date}T{time}{decimals}{zone}").parse().map_err(|_| TimeError::DoesNotExist)
}

/// The decimals with their point, and what follows them.
fn split_decimals(text: &str) -> Result<(&str, &str), TimeError> {
    let Some(digits) = text.strip_prefix('.') else { return Ok(("", text)) };
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 { Err(TimeError::Malformed) } else { Ok(text.split_at(count + 1)) }
}

/// Compares with a form in which `d` is any digit.
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
    fn what_is_missing_or_wrong_is_named() {
        let cases = [
            ("2026-11-23T10:00:00", TimeError::NoZone),
            ("2026-11-23T10:00:00.123", TimeError::NoZone),
            ("2026-11-23", TimeError::NoTime),
            ("2026-11-23T10:00:00 02:00", TimeError::BlankForPlus),
            ("2026-02-30T10:00:00Z", TimeError::DoesNotExist),
            ("2026-11-23T25:00:00Z", TimeError::DoesNotExist),
            ("2026-11-23T10:00:00+99:00", TimeError::DoesNotExist),
            ("2026-11-23T10:00Z", TimeError::Malformed),
            ("2026-11-23T10:00:00+0200", TimeError::Malformed),
            ("2026-11-23T10:00:00Z[UTC]", TimeError::Malformed),
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
