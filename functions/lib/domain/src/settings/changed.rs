//! Difference of two values of the parameter `settings`, by the paths of its fields.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Settings;

/// Fields that differ between two valid settings, by path, such as `sms.max_parts`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedSettings {
    /// Values before the change. A field that was not set is left out.
    pub before: Map<String, Value>,
    /// Values after the change. A field that is no longer set is left out.
    pub after: Map<String, Value>,
}

impl ChangedSettings {
    /// Returns the difference of two texts; `None` if one is not valid. Only a valid text is known to contain no
    /// recipient ids.
    #[must_use]
    pub fn between(old: &str, new: &str) -> Option<Self> {
        let (old, new) = (fields(old)?, fields(new)?);
        let differing = |one: &Map<String, Value>, other: &Map<String, Value>| {
            let differs = |(path, value): &(&String, &Value)| other.get(*path) != Some(*value);
            one.iter().filter(differs).map(|(path, value)| (path.clone(), value.clone())).collect()
        };
        Some(Self { before: differing(&old, &new), after: differing(&new, &old) })
    }
}

/// Returns the fields that valid settings set, by path. Lists are one field.
fn fields(text: &str) -> Option<Map<String, Value>> {
    Settings::parse(text).ok()?;
    let mut found = Map::new();
    collect("", &serde_json::from_str(text).ok()?, &mut found);
    Some(found)
}

fn collect(path: &str, value: &Value, found: &mut Map<String, Value>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            collect(&path, value, found);
        }),
        value => drop(found.insert(path.to_owned(), value.clone())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_has_the_paths_of_both_sides() {
        let old = r#"{"sms": {"max_parts": 2, "allowed_countries": ["IT"]}, "guard": {"enabled": false}}"#;
        let new = r#"{"sms": {"max_parts": 3, "allowed_countries": ["IT"]}, "budgets": {"hour_micros": 1}}"#;
        let changed = serde_json::to_value(ChangedSettings::between(old, new).unwrap()).unwrap();
        assert_eq!(
            changed,
            json!({"before": {"sms.max_parts": 2, "guard.enabled": false},
                   "after": {"sms.max_parts": 3, "budgets.hour_micros": 1}})
        );
        assert_eq!(ChangedSettings::between(old, old), Some(ChangedSettings::default()));
        assert_eq!(ChangedSettings::between(old, r#"{"ada@example.com": 1}"#), None);
    }
}
