//! Check of the names in the settings: countries and types. It runs before the typed parser. So the error for a
//! misspelt name contains its place and, if possible, the correct name.

use serde_json::{Map, Value};

use super::NotificationTypes;
use crate::channel::country::CountryCode;
use crate::rollout::strict_json::{self, JsonFault};

/// Checks every country and type name in the parameter's text. Values of another JSON type are left to the typed
/// parser.
///
/// # Errors
/// Returns the place of the first unknown name, or the error of text that is not a JSON object.
pub fn check(text: &str) -> Result<(), JsonFault> {
    let sections: Map<String, Value> = strict_json::parse(text)?;
    let under = |section: &str, field: &str| sections.get(section).and_then(|section| section.get(field));
    let allowed = under("sms", "allowed_countries").and_then(Value::as_array);
    for (at, code) in allowed.into_iter().flatten().enumerate() {
        let Some(code) = code.as_str() else { continue };
        CountryCode::parse(code).map_err(|why| fault(&format!("sms.allowed_countries[{at}]"), &why.to_string()))?;
    }
    for code in under("prices", "sms_micros").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
        CountryCode::parse(code).map_err(|why| fault("a country in prices.sms_micros", &why.to_string()))?;
    }
    let types = NotificationTypes::default();
    for name in sections.get("types").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
        types.known(name).map_err(|why| fault("a name in types", &why.to_string()))?;
    }
    Ok(())
}

fn fault(place: &str, why: &str) -> JsonFault {
    let is_sentence = why.starts_with("must") || why.starts_with("is ");
    JsonFault::UnknownName(if is_sentence { format!("{place} {why}") } else { format!("{place}: {why}") })
}

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
    }

    #[test]
    fn an_empty_list_allows_no_country_and_a_country_may_come_twice() {
        let countries = |text: &str| Settings::parse(text).unwrap().sms.allowed_countries.unwrap().len();
        assert_eq!(countries(r#"{"sms": {"allowed_countries": []}}"#), 0);
        assert_eq!(countries(r#"{"sms": {"allowed_countries": ["IT", "IT"]}}"#), 2);
        assert!(Settings::parse(r#"{"prices": {"sms_micros": {"IT": 1, "IT": 2}}}"#).is_err(), "one price or another");
    }
}
