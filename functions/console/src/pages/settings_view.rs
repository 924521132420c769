//! Answer of `GET /v1/settings`, as pages read it.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// Answer of `GET /v1/settings`.
#[derive(Debug, Deserialize)]
pub struct SettingsAnswer {
    /// Version of the parameter.
    pub version: Option<i64>,
    /// Source of the values.
    pub source: String,
    /// Present value that is not valid.
    pub invalid: Option<InvalidSettings>,
    /// JSON object in force.
    pub document: Value,
    /// Every setting.
    pub settings: Vec<SettingAnswer>,
    /// Versions, newest first.
    pub history: Option<Vec<SettingsVersionAnswer>>,
}

/// Present value that is not valid.
#[derive(Debug, Deserialize)]
pub struct InvalidSettings {
    /// Reason.
    pub reason: String,
}

/// One setting.
#[derive(Debug, Clone, Deserialize)]
pub struct SettingAnswer {
    /// Path.
    pub path: String,
    /// Meaning.
    pub meaning: String,
    /// Unit.
    pub unit: String,
    /// Allowed values.
    pub range: String,
    /// Default.
    pub default: Value,
    /// Value in force.
    pub value: Value,
    /// `parameter` or `default`.
    pub source: String,
}

/// Version of the parameter.
#[derive(Debug, Clone, Deserialize)]
pub struct SettingsVersionAnswer {
    /// Number.
    pub version: i64,
    /// Time of the write.
    pub at: Option<Timestamp>,
    /// Author.
    pub by: Option<VersionAuthor>,
    /// JSON object; `None` if the version is not valid.
    pub document: Option<Value>,
    /// Reason why it is not valid.
    pub invalid: Option<String>,
}

/// Author of a version.
#[derive(Debug, Clone, Deserialize)]
pub struct VersionAuthor {
    /// Kind of author.
    pub who: String,
    /// Client id or ARN.
    #[serde(default)]
    pub name: String,
}

impl SettingAnswer {
    /// Returns `true` if the parameter sets the value.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.source == "parameter"
    }

    /// Returns the value as a page shows it.
    #[must_use]
    pub fn shown(&self) -> String {
        self.with_unit(&self.value)
    }

    /// Returns the default as a page shows it.
    #[must_use]
    pub fn shown_default(&self) -> String {
        self.with_unit(&self.default)
    }

    fn with_unit(&self, value: &Value) -> String {
        match (self.unit.as_str(), value.as_i64(), value.as_object()) {
            ("micro-euro", Some(micros), _) => format!("{} ({})", shown(value), crate::site::euro(micros)),
            ("micro-euro by country", _, Some(countries)) => {
                format!("{}, see Costs", crate::site::number_of(countries.len(), "country", "countries"))
            }
            _ => shown(value),
        }
    }

    /// Returns the path as HTML that may be broken after its separators, not within a word.
    #[must_use]
    pub fn breakable_path(&self) -> String {
        let safe = self.path.replace('&', "&amp;").replace('<', "&lt;");
        safe.replace('.', ".<wbr>").replace('_', "_<wbr>")
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.to_string(), crate::site::count),
        Value::Array(parts) => parts.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Returns the time of the last version that changed a section; `None` if the known versions do not show it.
#[must_use]
pub fn changed_at(settings: &SettingsAnswer, section: &str) -> Option<Timestamp> {
    let history = settings.history.as_deref().unwrap_or_default();
    let valid: Vec<_> =
        history.iter().filter_map(|it| Some((it.at, it.document.as_ref()?.get(section).cloned()))).collect();
    let changed = valid.windows(2).find(|pair| pair[0].1 != pair[1].1);
    changed.map_or_else(|| valid.last().filter(|last| last.1.is_some()).and_then(|last| last.0), |pair| pair[0].0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_has_its_unit_and_a_path_breaks_at_its_separators() {
        let setting = |path: &str, unit: &str, value: Value| SettingAnswer {
            path: path.to_owned(),
            meaning: String::new(),
            unit: unit.to_owned(),
            range: String::new(),
            default: Value::Null,
            value,
            source: "default".to_owned(),
        };
        let ceiling = setting("sms.daily_ceiling_micros", "micro-euro", json!(1_000_000));
        assert_eq!((ceiling.shown().as_str(), ceiling.shown_default().as_str()), ("1,000,000 (1.00 EUR)", "none"));
        assert_eq!(ceiling.breakable_path(), "sms.<wbr>daily_<wbr>ceiling_<wbr>micros");
        let prices = setting("prices.sms_micros", "micro-euro by country", json!({"IT": 1, "FR": 2}));
        assert_eq!(prices.shown(), "2 countries, see Costs");
        assert_eq!(setting("sms.countries", "list", json!(["IT", "FR"])).shown(), "IT, FR");
    }
}
