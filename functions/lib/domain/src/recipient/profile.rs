//! Profile of a recipient: the body of `PUT /v1/recipients/{id}`, parsed before anything is written.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{MAX_ATTRIBUTES_BYTES, Preferences, Recipient, StatedPreferences};
use crate::NotificationTypes;
use crate::channel::{Channel, EmailAddress, PhoneNumber};
use crate::language::is_language_tag;
use crate::quiet_hours::{QuietHours, QuietHoursError, check_quiet_windows};
use crate::time_zone;
use platform::json::shaped;
use platform::private::Private;
use platform::problem::{FieldError, Problem};

/// Maximum number of types that a recipient may opt out of by name.
const MAX_TYPES: usize = 50;

/// All data of a recipient beside the devices. A PUT replaces what the caller decides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// E-mail address.
    pub email: Option<EmailAddress>,
    /// Phone number for SMS.
    pub phone: Option<PhoneNumber>,
    /// Language as a BCP 47 tag such as `it-IT`.
    pub locale: Option<String>,
    /// Time zone as an IANA name such as `Europe/Rome`, in the spelling of the time zone database.
    pub time_zone: Option<String>,
    /// Attributes that the caller chose, at most [`MAX_ATTRIBUTES_BYTES`] as JSON.
    pub attributes: Private<Map<String, Value>>,
    /// Preferences of the recipient, with all choices.
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
    preferences: Option<PreferencesBody>,
}

/// Form of [`StatedPreferences`] in which the names of types keep their position, so that an error can report its
/// index.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PreferencesBody {
    opted_out_types: Vec<String>,
    opted_out_channels: BTreeSet<Channel>,
    quiet_hours: Option<QuietHours>,
}

impl Profile {
    /// Returns the profile that is stored.
    #[must_use]
    pub fn of(stored: &Recipient) -> Self {
        Self {
            email: stored.email.clone(),
            phone: stored.phone.clone(),
            locale: stored.locale.clone(),
            time_zone: stored.time_zone.clone(),
            attributes: stored.attributes.clone(),
            preferences: stored.preferences.clone(),
        }
    }

    /// Checks a profile from a caller, without read-only members. A value that equals the stored one is kept, because
    /// it may be older than a rule: a merged patch and the response of GET repeat it. The preferences are those that
    /// are stored, after the caller's statement.
    ///
    /// # Errors
    /// 422 with every field that is wrong.
    pub fn of_json(
        body: Value,
        types: &NotificationTypes,
        stored: Option<&Recipient>,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let body: Body = shaped(body, "")?;
        let before = stored.map(Self::of).unwrap_or_default();
        let mut errors = Vec::new();
        let stated = preferences(body.preferences.unwrap_or_default(), &before.preferences, types, &mut errors);
        check_quiet_hours(stated.quiet_hours.as_ref(), body.time_zone.is_some(), &before, &mut errors);
        let (email, phone) = (body.email.as_deref(), body.phone.as_deref());
        let (locale, time_zone) = (body.locale.as_deref(), body.time_zone.as_deref());
        let profile = Self {
            email: checked("email", email, before.email, EmailAddress::parse, &mut errors),
            phone: checked("phone", phone, before.phone, PhoneNumber::parse_mobile, &mut errors),
            locale: checked("locale", locale, before.locale, parse_locale, &mut errors),
            time_zone: checked("time_zone", time_zone, before.time_zone, parse_time_zone, &mut errors),
            attributes: Private::new(body.attributes.unwrap_or_default()),
            preferences: before.preferences.stated(stated, now),
        };
        let size = serde_json::to_string(profile.attributes.expose()).map_or(usize::MAX, |json| json.len());
        if size > MAX_ATTRIBUTES_BYTES && profile.attributes != before.attributes {
            errors.push(FieldError::new("attributes", "must be at most 4,096 bytes as JSON"));
        }
        if errors.is_empty() { Ok(profile) } else { Err(Problem::invalid(errors)) }
    }
}

/// Parses an optional field, unless it equals the stored value. An error is added to `errors`.
fn checked<T: Clone + Into<String>, E: std::fmt::Display>(
    field: &str,
    value: Option<&str>,
    stored: Option<T>,
    parse: impl Fn(&str) -> Result<T, E>,
    errors: &mut Vec<FieldError>,
) -> Option<T> {
    let value = value?;
    if let Some(stored) = stored.filter(|stored| Into::<String>::into(stored.clone()) == value) {
        return Some(stored);
    }
    match parse(value) {
        Ok(parsed) => Some(parsed),
        Err(error) => {
            let message = error.to_string();
            // Some messages begin with the name of the field, which the error already has.
            let message = message.strip_prefix(field).map_or(message.as_str(), str::trim_start).to_owned();
            errors.push(FieldError::new(field, message));
            None
        }
    }
}

/// Error for a text that is no language tag.
#[derive(Debug, thiserror::Error)]
#[error("must be a language tag such as it or it-IT")]
struct LanguageTagError;

/// Error for a name that is no time zone.
#[derive(Debug, thiserror::Error)]
#[error("{}", time_zone::NOT_A_TIME_ZONE)]
struct TimeZoneNameError;

/// Checks a language tag, which is kept unchanged.
fn parse_locale(tag: &str) -> Result<String, LanguageTagError> {
    if is_language_tag(tag) { Ok(tag.to_owned()) } else { Err(LanguageTagError) }
}

fn parse_time_zone(name: &str) -> Result<String, TimeZoneNameError> {
    let zone = time_zone::parse(name);
    let name = zone.as_ref().and_then(TimeZone::iana_name);
    name.map(str::to_owned).ok_or(TimeZoneNameError)
}

/// Checks the preferences. A type that the recipient has refused before may have been deleted since: a merged patch
/// repeats it.
fn preferences(
    body: PreferencesBody,
    stored: &Preferences,
    types: &NotificationTypes,
    errors: &mut Vec<FieldError>,
) -> StatedPreferences {
    let is_stored = |name: &str| stored.opted_out_types().any(|stored| stored == name);
    if body.opted_out_types.len() > MAX_TYPES && !body.opted_out_types.iter().all(|name| is_stored(name)) {
        errors.push(FieldError::new("preferences.opted_out_types", "must be at most 50 names of types"));
    }
    for (at, name) in body.opted_out_types.iter().enumerate().take(MAX_TYPES) {
        if let (Err(unknown), false) = (types.known(name), is_stored(name)) {
            let field = format!("preferences.opted_out_types[{at}]");
            errors.push(FieldError::new(field, unknown.to_string()));
        }
    }
    StatedPreferences {
        opted_out_types: body.opted_out_types.into_iter().collect(),
        opted_out_channels: body.opted_out_channels,
        quiet_hours: body.quiet_hours,
    }
}

/// Checks the quiet hours. The recipient's own may have no time zone.
fn check_quiet_hours(hours: Option<&QuietHours>, has_time_zone: bool, before: &Profile, errors: &mut Vec<FieldError>) {
    let Some(hours) = hours else { return };
    let chosen = before.preferences.quiet_hours.as_ref().filter(|chosen| chosen.hours == *hours);
    if chosen.is_none() {
        errors.extend(quiet_hours_error(hours, "preferences.quiet_hours"));
    }
    let needs_time_zone = chosen.is_none_or(|chosen| !chosen.by.is_recipient() && before.time_zone.is_some());
    if needs_time_zone && !has_time_zone {
        errors.push(FieldError::new("time_zone", "is required with preferences.quiet_hours"));
    }
}

/// Returns the error of windows that cannot be meant.
pub(super) fn quiet_hours_error(hours: &QuietHours, path: &str) -> Option<FieldError> {
    let error = check_quiet_windows(hours.windows()).err()?;
    let (field, message) = match error {
        QuietHoursError::TooMany => ("also".to_owned(), "must be at most 13 windows"),
        QuietHoursError::WholeDay(0) => ("end".to_owned(), "must differ from start: a window is shorter than 24 hours"),
        QuietHoursError::WholeDay(index) => {
            (format!("also[{}].end", index - 1), "must differ from start: a window is shorter than 24 hours")
        }
        QuietHoursError::WholeWeek => ("also".to_owned(), "must leave some time of the week"),
    };
    Some(FieldError::new(format!("{path}.{field}"), message))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use platform::problem::ProblemKind;

    fn parse(body: &Value) -> Result<Profile, Problem> {
        Profile::of_json(body.clone(), &NotificationTypes::default(), None, Timestamp::UNIX_EPOCH)
    }

    /// A merged patch repeats what is stored, also if the type does not exist any more.
    #[test]
    fn a_stored_refusal_is_kept_whatever_became_of_its_type() {
        let now = Timestamp::UNIX_EPOCH;
        let mut ada = crate::recipient::sample::with_everything(0);
        ada.preferences = Preferences::default();
        let old = StatedPreferences { opted_out_types: ["OLD".to_owned()].into(), ..Default::default() };
        ada.preferences = ada.preferences.stated(old, now);
        let parse = |names: &[&str]| {
            let body = json!({"preferences": {"opted_out_types": names}});
            Profile::of_json(body, &NotificationTypes::default(), Some(&ada), now)
        };
        assert_eq!(parse(&["OLD"]).unwrap().preferences, ada.preferences);
        assert_eq!(parse(&["OLD", "OLDER"]).unwrap_err().errors[0].field, "preferences.opted_out_types[1]");
    }

    /// A rule that became stricter must not stop a caller from changing another field.
    #[test]
    fn every_stored_value_is_kept_although_a_rule_refuses_it() {
        let now = Timestamp::UNIX_EPOCH;
        let hours: QuietHours = serde_json::from_value(json!({"start": "07:00", "end": "07:00"})).unwrap();
        let mut ada = crate::recipient::sample::with_everything(0);
        let large = json!({"old": "x".repeat(MAX_ATTRIBUTES_BYTES)}).as_object().unwrap().clone();
        (ada.phone, ada.locale) = (PhoneNumber::parse("+39061234567").ok(), Some("e".to_owned()));
        (ada.time_zone, ada.attributes) = (Some("US/Old".to_owned()), Private::new(large));
        let types = (0..=MAX_TYPES).map(|number| format!("OLD_{number}")).collect();
        let stated = StatedPreferences { opted_out_types: types, quiet_hours: Some(hours), ..Default::default() };
        ada.preferences = Preferences::default().stated(stated, now);
        let view = json!(crate::recipient::RecipientView::of_profile(&ada));
        let fields = ["email", "phone", "locale", "time_zone", "attributes"];
        let mut body: Map<_, _> = fields.iter().map(|name| ((*name).to_owned(), view[name].clone())).collect();
        body.insert("preferences".to_owned(), json!(crate::recipient::PreferencesView::settable(&ada.preferences)));
        let parse =
            |body: &Map<String, Value>| Profile::of_json(json!(body), &NotificationTypes::default(), Some(&ada), now);
        assert_eq!(parse(&body).unwrap(), Profile::of(&ada));
        let others = [
            ("phone", json!("+39061234568"), "phone"),
            ("locale", json!("f"), "locale"),
            ("time_zone", json!("US/Older"), "time_zone"),
            ("attributes", json!({"new": "x".repeat(MAX_ATTRIBUTES_BYTES)}), "attributes"),
            ("preferences", json!({"quiet_hours": {"start": "08:00", "end": "08:00"}}), "preferences.quiet_hours.end"),
        ];
        for (name, value, field) in others {
            let changed = [(name.to_owned(), value)].into_iter();
            let body = body.clone().into_iter().chain(changed).collect();
            let errors = parse(&body).unwrap_err().errors;
            assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), [field]);
        }
        body.remove("time_zone");
        assert_eq!(parse(&body).unwrap_err().errors[0].field, "time_zone", "the quiet hours need one");
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
            (json!({"preferences": {"opted_out_types": ["DEFAULT", "secret"]}}), "preferences.opted_out_types[1]"),
            (json!({"preferences": {"opted_out_types": ["payment_due"]}}), "preferences.opted_out_types[0]"),
            (json!({"preferences": {"opted_out_types": vec!["DEFAULT"; 51]}}), "preferences.opted_out_types"),
            (
                json!({"time_zone": "UTC", "preferences": {"quiet_hours": {"start": "secret", "end": "07:00"}}}),
                "preferences.quiet_hours.start",
            ),
            (
                json!({"time_zone": "UTC", "preferences": {"quiet_hours": {"start": "07:00", "end": "07:00"}}}),
                "preferences.quiet_hours.end",
            ),
            (json!({"preferences": {"quiet_hours": {"start": "22:00", "end": "07:00"}}}), "time_zone"),
            (
                json!({"time_zone": "UTC", "preferences": {"quiet_hours": {"start": "22:00", "end": "07:00",
                    "also": [{"start": "10:00", "end": "10:00"}]}}}),
                "preferences.quiet_hours.also[0].end",
            ),
            (
                json!({"time_zone": "UTC", "preferences": {"quiet_hours": {"start": "22:00", "end": "10:00",
                    "also": [{"start": "10:00", "end": "22:00"}]}}}),
                "preferences.quiet_hours.also",
            ),
            (
                json!({"time_zone": "UTC", "preferences": {"quiet_hours": {"start": "22:00", "end": "10:00",
                    "days": ["secret"]}}}),
                "preferences.quiet_hours.days",
            ),
        ];
        for (body, field) in table {
            let problem = parse(&body).unwrap_err();
            assert_eq!(problem.kind, ProblemKind::Invalid, "{body}");
            assert_eq!(problem.errors[0].field, field, "{body}: {problem:?}");
            assert!(!problem.detail.contains("secret"), "{body}: {}", problem.detail);
        }
    }

    #[test]
    fn a_misspelt_type_is_answered_with_the_one_that_is_meant() {
        for name in ["payment_due", "PAYMENT-DUE", "PAYMENT_DUE "] {
            let problem = parse(&json!({"preferences": {"opted_out_types": [name]}})).unwrap_err();
            assert_eq!(problem.errors[0].message, "is not a known type; did you mean PAYMENT_DUE?", "{name}");
        }
        let wanted = parse(&json!({"preferences": {"opted_out_types": ["PAYMENT_DUE"]}})).unwrap();
        assert_eq!(wanted.preferences.opted_out_types().collect::<Vec<_>>(), ["PAYMENT_DUE"]);
    }

    #[test]
    fn all_bad_fields_are_named_at_once() {
        let problem = parse(&json!({"email": "x", "phone": "x", "locale": "x"})).unwrap_err();
        let fields: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["email", "phone", "locale"]);
        assert!(problem.errors.iter().all(|error| error.message.starts_with("must")), "{problem:?}");
    }
}
