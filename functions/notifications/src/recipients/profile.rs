//! What a caller says about a recipient: the body of `PUT /v1/recipients/{id}`, parsed before anything is written.

use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{MAX_ATTRIBUTES_BYTES, Preferences};
use crate::channels::email::EmailAddress;
use crate::channels::sms::PhoneNumber;
use crate::http::Request;
use crate::language::is_language_tag;
use crate::private::Private;
use crate::problem::{FieldError, Problem};

/// The most types one may opt out of by name, and the most characters of a type's name.
const MAX_TYPES: usize = 50;
pub(super) const MAX_TYPE_CHARS: usize = 64;

/// Everything about a recipient that the caller decides. A PUT replaces all of it, and none of the devices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// Where e-mail goes.
    pub email: Option<EmailAddress>,
    /// Where SMS goes.
    pub phone: Option<PhoneNumber>,
    /// A BCP 47 tag such as `it-IT`.
    pub locale: Option<String>,
    /// An IANA name such as `Europe/Rome`, in the database's spelling.
    pub time_zone: Option<String>,
    /// The caller's own facts, at most [`MAX_ATTRIBUTES_BYTES`] as JSON.
    pub attributes: Private<Map<String, Value>>,
    /// What the recipient wants.
    pub preferences: Preferences,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    email: Option<String>,
    phone: Option<String>,
    locale: Option<String>,
    time_zone: Option<String>,
    attributes: Option<Map<String, Value>>,
    preferences: Option<Preferences>,
}

impl Profile {
    /// Parses a request's body.
    ///
    /// # Errors
    /// 400, 413, or 422 with every field that is wrong.
    pub fn parse(request: &Request) -> Result<Self, Problem> {
        let body: Body = request.json()?;
        let mut errors = Vec::new();
        let profile = Self {
            email: checked("email", body.email.as_deref(), EmailAddress::parse, &mut errors),
            phone: checked("phone", body.phone.as_deref(), PhoneNumber::parse, &mut errors),
            locale: checked("locale", body.locale.as_deref(), locale, &mut errors),
            time_zone: checked("time_zone", body.time_zone.as_deref(), time_zone, &mut errors),
            attributes: Private::new(body.attributes.unwrap_or_default()),
            preferences: body.preferences.unwrap_or_default(),
        };
        if serde_json::to_string(profile.attributes.expose()).map_or(usize::MAX, |json| json.len())
            > MAX_ATTRIBUTES_BYTES
        {
            errors.push(FieldError::new("attributes", "must be at most 4,096 bytes as JSON"));
        }
        check_preferences(&profile.preferences, body.time_zone.is_some(), &mut errors);
        if errors.is_empty() { Ok(profile) } else { Err(Problem::invalid(errors)) }
    }
}

/// Parses a field that may be absent; what is wrong with it goes to `errors`.
fn checked<T, E: std::fmt::Display>(
    field: &str,
    value: Option<&str>,
    parse: impl Fn(&str) -> Result<T, E>,
    errors: &mut Vec<FieldError>,
) -> Option<T> {
    match parse(value?) {
        Ok(parsed) => Some(parsed),
        Err(error) => {
            let message = error.to_string();
            // A type that names itself says the field's name once more.
            let message = message.strip_prefix(field).map_or(message.as_str(), str::trim_start).to_owned();
            errors.push(FieldError::new(field, message));
            None
        }
    }
}

/// A language tag, kept as it came.
fn locale(tag: &str) -> Result<String, &'static str> {
    if is_language_tag(tag) { Ok(tag.to_owned()) } else { Err("must be a language tag such as it or it-IT") }
}

fn time_zone(name: &str) -> Result<String, &'static str> {
    let zone = TimeZone::get(name).ok().filter(|zone| !zone.is_unknown());
    let name = zone.as_ref().and_then(TimeZone::iana_name);
    name.map(str::to_owned).ok_or("must be an IANA time zone such as Europe/Rome")
}

fn check_preferences(preferences: &Preferences, has_time_zone: bool, errors: &mut Vec<FieldError>) {
    let is_name = |kind: &String| (1..=MAX_TYPE_CHARS).contains(&kind.chars().count());
    if preferences.opted_out_types.len() > MAX_TYPES || !preferences.opted_out_types.iter().all(is_name) {
        let message = "must be at most 50 names of 1 to 64 characters each";
        errors.push(FieldError::new("preferences.opted_out_types", message));
    }
    let Some(hours) = preferences.quiet_hours else { return };
    if hours.start == hours.end {
        errors.push(FieldError::new("preferences.quiet_hours.end", "must differ from start"));
    }
    if !has_time_zone {
        errors.push(FieldError::new("time_zone", "is required with preferences.quiet_hours"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::problem::ProblemKind;

    fn parse(body: &Value) -> Result<Profile, Problem> {
        Profile::parse(&Request { body: Private::new(body.to_string().into_bytes()), ..Request::default() })
    }

    #[test]
    fn every_field_is_optional_and_kept() {
        assert_eq!(parse(&json!({})).unwrap(), Profile::default());
        let profile = parse(&json!({
            "email": "ada@example.com", "phone": "+393331234567", "locale": "it-IT", "time_zone": "europe/rome",
            "attributes": {"plan": "gold"}, "preferences": {"quiet_hours": {"start": "22:00", "end": "07:00"}},
        }))
        .unwrap();
        assert_eq!(profile.time_zone.as_deref(), Some("Europe/Rome"));
        assert_eq!(profile.attributes.expose()["plan"], "gold");
        assert!(profile.email.is_some() && profile.phone.is_some() && profile.preferences.quiet_hours.is_some());
    }

    #[test]
    fn each_bad_field_is_named_and_its_value_is_not_repeated() {
        let table = [
            (json!({"email": "secret"}), "email"),
            (json!({"phone": "secret"}), "phone"),
            (json!({"locale": "secret secret"}), "locale"),
            (json!({"locale": "e"}), "locale"),
            (json!({"time_zone": "Mars/Secret"}), "time_zone"),
            (json!({"time_zone": "Etc/Unknown"}), "time_zone"),
            (json!({"attributes": "secret"}), "attributes"),
            (json!({"attributes": {"secret": "x".repeat(4096)}}), "attributes"),
            (json!({"colour": "secret"}), "colour"),
            (json!({"preferences": {"colour": "secret"}}), "preferences.colour"),
            (json!({"preferences": {"opted_out_channels": ["secret"]}}), "preferences.opted_out_channels[0]"),
            (json!({"preferences": {"opted_out_types": ["s".repeat(65)]}}), "preferences.opted_out_types"),
            (
                json!({"time_zone": "UTC", "preferences": {"quiet_hours": {"start": "secret", "end": "07:00"}}}),
                "preferences.quiet_hours.start",
            ),
            (
                json!({"time_zone": "UTC", "preferences": {"quiet_hours": {"start": "07:00", "end": "07:00"}}}),
                "preferences.quiet_hours.end",
            ),
            (json!({"preferences": {"quiet_hours": {"start": "22:00", "end": "07:00"}}}), "time_zone"),
        ];
        for (body, field) in table {
            let problem = parse(&body).unwrap_err();
            assert_eq!(problem.kind, ProblemKind::Invalid, "{body}");
            assert_eq!(problem.errors[0].field, field, "{body}: {problem:?}");
            assert!(!problem.detail.contains("secret"), "{body}: {}", problem.detail);
        }
    }

    #[test]
    fn all_bad_fields_are_named_at_once() {
        let problem = parse(&json!({"email": "x", "phone": "x", "locale": "x"})).unwrap_err();
        let fields: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["email", "phone", "locale"]);
        assert!(problem.errors.iter().all(|error| error.message.starts_with("must")), "{problem:?}");
    }
}
