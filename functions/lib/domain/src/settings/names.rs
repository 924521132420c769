//! Names in the settings: countries, types and fields. The error for a misspelt name contains its place and, if
//! possible, the correct name, and never the given one.

use serde_json::{Map, Value};

use super::notification_types::distance;
use super::{NotificationTypes, SettingField};
use crate::channel::country::CountryCode;
use crate::rollout::strict_json::{self, StrictJsonError};

/// Checks every country and type name in the parameter's text. Values of another JSON type are left to the typed
/// parser.
///
/// # Errors
/// Returns the place of the first unknown name, or the error of text that is not a JSON object.
pub fn check(text: &str) -> Result<(), StrictJsonError> {
    let sections: Map<String, Value> = strict_json::parse(text)?;
    let under = |section: &str, field: &str| sections.get(section).and_then(|section| section.get(field));
    let allowed = under("sms", "allowed_countries").and_then(Value::as_array);
    for (at, code) in allowed.into_iter().flatten().enumerate() {
        let Some(code) = code.as_str() else { continue };
        CountryCode::parse(code).map_err(|why| {
            let field = format!("sms.allowed_countries[{at}]");
            name_error(&field, &field, &why.to_string())
        })?;
    }
    for code in under("prices", "sms_micros").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
        CountryCode::parse(code)
            .map_err(|why| name_error("prices.sms_micros", "a country in prices.sms_micros", &why.to_string()))?;
    }
    let types = NotificationTypes::default();
    for name in sections.get("types").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
        types.known(name).map_err(|why| name_error("types", "a name in types", &why.to_string()))?;
    }
    Ok(())
}

/// Adds the field that may be meant, or all fields of the object, to the error for an unknown field.
pub fn with_known_fields(error: StrictJsonError, text: &str) -> StrictJsonError {
    let StrictJsonError::WrongShape { field: parent, message } = &error else { return error };
    let known = SettingField::names_below(if parent == "it" { "" } else { parent });
    if *message != strict_json::HAS_UNKNOWN_FIELD || known.is_empty() {
        return error;
    }
    let object: Value = serde_json::from_str(text).unwrap_or_default();
    let path = (parent != "it").then_some(parent.as_str());
    let object = path.into_iter().flat_map(|path| path.split('.')).try_fold(&object, |object, name| object.get(name));
    let mut given = object.and_then(Value::as_object).into_iter().flat_map(Map::keys);
    let unknown = given.find(|name| !known.contains(*name)).map_or("", String::as_str);
    let hint = match known.iter().find(|name| is_misspelt(unknown, name)) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("its fields are {}", known.join(", ")),
    };
    StrictJsonError::WrongShape { field: parent.clone(), message: format!("{message}; {hint}") }
}

/// Returns `true` if `given` differs from `name` by up to two characters, or is the first part of it.
fn is_misspelt(given: &str, name: &str) -> bool {
    let is_short = (3..=64).contains(&given.len());
    is_short && (name.starts_with(given) || distance(given, name) <= MAX_TYPOS)
}

fn name_error(field: &str, place: &str, why: &str) -> StrictJsonError {
    let is_predicate = why.starts_with("must") || why.starts_with("is ");
    let sentence = if is_predicate { format!("{place} {why}") } else { format!("{place}: {why}") };
    StrictJsonError::UnknownName { field: field.to_owned(), sentence }
}

/// Maximum number of characters in which a suggested field may differ.
const MAX_TYPOS: usize = 2;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::settings::Settings;

    fn refused(text: &str) -> String {
        Settings::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_country_or_type_is_refused_by_its_place_and_with_what_is_meant() {
        for (text, why) in [
            (
                r#"{"sms": {"allowed_countries": ["IT", "UK"]}}"#,
                "sms.allowed_countries[1]: UK is not a country code of ISO 3166-1: use GB",
            ),
            (
                r#"{"sms": {"allowed_countries": ["EU"]}}"#,
                "sms.allowed_countries[0]: EU is not the code of a country that has phone numbers",
            ),
            (
                r#"{"sms": {"allowed_countries": ["it"]}}"#,
                "sms.allowed_countries[0] must be an ISO 3166-1 code of two capital letters such as IT",
            ),
            (
                r#"{"prices": {"sms_micros": {"UK": 1}}}"#,
                "a country in prices.sms_micros: UK is not a country code of ISO 3166-1: use GB",
            ),
            (
                r#"{"prices": {"sms_micros": {"+44": 1}}}"#,
                "a country in prices.sms_micros must be an ISO 3166-1 code of two capital letters such as IT",
            ),
            (r#"{"types": {"payment_due": {}}}"#, "a name in types is not a known type; did you mean PAYMENT_DUE?"),
        ] {
            assert_eq!(refused(text), why);
        }
        let told = refused(r#"{"sms": {"allowed_countries": ["ada@example.com"]}}"#);
        assert!(!told.contains("ada"), "{told}");
        let told = refused(r#"{"ada.lovelace@example.com": {}}"#);
        assert!(told.starts_with("it has an unknown field; its fields are sms,") && !told.contains("ada"), "{told}");
    }

    #[test]
    fn an_unknown_field_is_refused_with_what_is_meant_and_never_repeated() {
        for (text, why) in [
            (
                r#"{"sms": {"max_parts": 1, "daily_ceiling": 1}}"#,
                "sms has an unknown field; did you mean daily_ceiling_micros?",
            ),
            (r#"{"smss": {}}"#, "it has an unknown field; did you mean sms?"),
            (r#"{"types": {"DEFAULT": {"trys": 1}}}"#, "types.DEFAULT has an unknown field; did you mean tries?"),
            (
                r#"{"organisation": {"ada@example.com": 1}}"#,
                "organisation has an unknown field; its fields are time_zone",
            ),
            (r#"{"sms": {"max.parts": 1}}"#, "sms has an unknown field; did you mean max_parts?"),
        ] {
            assert_eq!(refused(text), why);
        }
    }

    #[test]
    fn an_empty_list_allows_no_country_and_a_country_may_come_twice() {
        let countries = |text: &str| Settings::parse(text).unwrap().sms.allowed_countries.unwrap().len();
        assert_eq!(countries(r#"{"sms": {"allowed_countries": []}}"#), 0);
        assert_eq!(countries(r#"{"sms": {"allowed_countries": ["IT", "IT"]}}"#), 2);
        assert!(Settings::parse(r#"{"prices": {"sms_micros": {"IT": 1, "IT": 2}}}"#).is_err(), "one price or another");
    }
}
