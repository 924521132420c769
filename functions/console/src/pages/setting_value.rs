//! Value of one setting: what was typed, the document with it, and what differs.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::edit_conflict::shown;
use super::field_difference::FieldDifference;
use super::settings_view::SettingAnswer;
use crate::site::ApiProblem;

/// Kind of the input of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingInput {
    /// `true` or `false`.
    Flag,
    /// Number.
    Number,
    /// Text.
    Text,
    /// List or object, as JSON.
    Json,
}

impl SettingInput {
    /// Returns the kind of a setting's input.
    #[must_use]
    pub fn of(setting: &SettingAnswer) -> Self {
        match setting.unit.as_str() {
            "flag" => Self::Flag,
            "IANA name" | "word" => Self::Text,
            "micro-euro by country" => Self::Json,
            unit if unit.starts_with("list") => Self::Json,
            _ => Self::Number,
        }
    }
}

/// Returns the value that the input of a setting begins with: that of the document, or else the default.
#[must_use]
pub fn text_of(setting: &SettingAnswer, document: &Value) -> String {
    let own = value_at(document, &setting.path);
    match own.unwrap_or(&setting.default) {
        Value::String(text) => text.clone(),
        // The built-in entries of an object stay without being repeated.
        Value::Object(_) if own.is_none() => "{}".to_owned(),
        value @ (Value::Array(_) | Value::Object(_)) => serde_json::to_string_pretty(value).unwrap_or_default(),
        value => value.to_string(),
    }
}

/// Reads a typed value: JSON, or a text, or codes with commas between them for a list.
///
/// # Errors
/// An empty value, or a list or object that is not JSON.
pub fn typed_value(setting: &SettingAnswer, text: &str) -> Result<Value, ApiProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ApiProblem::field(
            &setting.path,
            "must not be empty; tick the default, or type null if none is allowed",
        ));
    }
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(error) if text.starts_with(['[', '{']) => {
            let place = format!("is not JSON (line {}, column {})", error.line(), error.column());
            Err(ApiProblem::field(&setting.path, &place))
        }
        Err(_) if SettingInput::of(setting) == SettingInput::Json => {
            Ok(text.split(',').map(str::trim).filter(|code| !code.is_empty()).map(|code| json!(code)).collect())
        }
        Err(_) => Ok(json!(text)),
    }
}

fn value_at<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(document, |value, name| value.get(name))
}

/// Returns the document with another value at a path; `None` removes it, and objects that it leaves empty.
#[must_use]
pub fn with_value(document: &Value, path: &str, value: Option<Value>) -> Value {
    let names: Vec<&str> = path.split('.').collect();
    let mut changed = document.as_object().cloned().unwrap_or_default();
    set(&mut changed, &names, value);
    Value::Object(changed)
}

fn set(object: &mut Map<String, Value>, names: &[&str], value: Option<Value>) {
    match (names, value) {
        ([], _) => {}
        ([last], Some(value)) => drop(object.insert((*last).to_owned(), value)),
        ([last], None) => drop(object.remove(*last)),
        ([first, rest @ ..], value) => {
            let mut inner = object.get(*first).and_then(Value::as_object).cloned().unwrap_or_default();
            set(&mut inner, rest, value);
            match inner.is_empty() {
                true => drop(object.remove(*first)),
                false => drop(object.insert((*first).to_owned(), Value::Object(inner))),
            }
        }
    }
}

/// Returns the settings whose value or source differs. Of objects, the entries are compared.
#[must_use]
pub fn setting_differences(before: &[SettingAnswer], after: &[SettingAnswer]) -> Vec<FieldDifference> {
    let mut found = Vec::new();
    for new in after {
        let Some(old) = before.iter().find(|old| old.path == new.path) else { continue };
        match (&old.value, &new.value) {
            (Value::Object(from), Value::Object(to)) => add_entries(&new.path, from, to, &mut found),
            (from, to) if from != to || old.source != new.source => {
                let text = |it: &SettingAnswer| format!("{} (from {})", it.shown(), it.source);
                found.push(FieldDifference::new(&new.path, text(old), text(new)));
            }
            _ => {}
        }
    }
    found
}

fn add_entries(path: &str, from: &Map<String, Value>, to: &Map<String, Value>, found: &mut Vec<FieldDifference>) {
    let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    for name in names {
        let (old, new) = (from.get(name).unwrap_or(&Value::Null), to.get(name).unwrap_or(&Value::Null));
        if old != new {
            found.push(FieldDifference::new(format!("{path}.{name}"), shown(old), shown(new)));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn setting(path: &str, unit: &str, value: Value, source: &str) -> SettingAnswer {
        SettingAnswer {
            path: path.to_owned(),
            meaning: String::new(),
            unit: unit.to_owned(),
            range: String::new(),
            default: json!(3),
            value,
            source: source.to_owned(),
        }
    }

    #[test]
    fn typed_values_are_json_texts_or_lists() {
        let of = |unit, text| typed_value(&setting("sms.x", unit, Value::Null, "default"), text);
        assert_eq!(of("parts", " 4 ").unwrap(), json!(4));
        assert_eq!(of("flag", "true").unwrap(), json!(true));
        assert_eq!(of("micro-euro", "null").unwrap(), Value::Null);
        assert_eq!(of("IANA name", "Europe/Rome").unwrap(), json!("Europe/Rome"));
        assert_eq!(of("list of ISO 3166-1 codes", "IT, FR,").unwrap(), json!(["IT", "FR"]));
        assert_eq!(of("list of windows", "[]").unwrap(), json!([]));
        for refused in ["", "  ", "[1", "{"] {
            assert_eq!(of("list of windows", refused).unwrap_err().errors[0].0, "sms.x", "{refused}");
        }
    }

    #[test]
    fn one_value_is_set_or_removed_and_the_rest_stays() {
        let document = json!({"sms": {"max_parts": 2}, "types": {"A": {"tries": 3}}});
        let changed = with_value(&document, "types.A.tries", Some(json!(4)));
        assert_eq!(changed, json!({"sms": {"max_parts": 2}, "types": {"A": {"tries": 4}}}));
        assert_eq!(with_value(&document, "types.A.tries", None), json!({"sms": {"max_parts": 2}}));
        assert_eq!(with_value(&json!({}), "sms.max_parts", Some(json!(1))), json!({"sms": {"max_parts": 1}}));
        assert_eq!(with_value(&json!({}), "sms.max_parts", None), json!({}));
    }

    #[test]
    fn what_differs_is_shown_with_its_source_and_by_entry() {
        let before = [
            setting("a", "parts", json!(3), "default"),
            setting("b", "parts", json!(1), "default"),
            setting("c", "micro-euro by country", json!({"IT": 1, "FR": 2}), "default"),
        ];
        let after = [
            setting("a", "parts", json!(3), "parameter"),
            setting("b", "parts", json!(1), "default"),
            setting("c", "micro-euro by country", json!({"IT": 5, "FR": 2}), "parameter"),
        ];
        let found = setting_differences(&before, &after);
        let expected = [
            FieldDifference::new("a", "3 (from default)", "3 (from parameter)"),
            FieldDifference::new("c.IT", "1", "5"),
        ];
        assert_eq!(found, expected);
    }
}
