//! Values that another person stored meanwhile, beside those that were typed.

use serde_json::Value;

/// Value that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditConflict {
    /// Field of the API.
    pub field: String,
    /// Present value.
    pub stored: String,
    /// Typed value.
    pub typed: String,
}

/// Returns the fields of a change that the stored thing has otherwise. An object is compared member by member.
#[must_use]
pub fn edit_conflicts(stored: &Value, typed: &Value) -> Vec<EditConflict> {
    let mut found = Vec::new();
    compare("", stored, typed, &mut found);
    found
}

fn compare(path: &str, stored: &Value, typed: &Value, found: &mut Vec<EditConflict>) {
    match (stored, typed) {
        (stored, typed) if stored == typed => {}
        (stored, Value::Object(members)) if path.is_empty() || stored.is_object() => {
            for (name, typed) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&path, &stored[name], typed, found);
            }
        }
        _ => found.push(EditConflict { field: path.to_owned(), stored: shown(stored), typed: shown(typed) }),
    }
}

/// Returns a value as a page shows it.
#[must_use]
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        let stored = json!({"title": "New", "guards": {"a": 1, "b": 2}, "other": true});
        let typed = json!({"title": "Old", "guards": {"a": 1, "b": 3}, "segment": null});
        let fields: Vec<_> = edit_conflicts(&stored, &typed);
        let fields: Vec<_> =
            fields.iter().map(|it| (it.field.as_str(), it.stored.as_str(), it.typed.as_str())).collect();
        assert_eq!(fields, [("guards.b", "2", "3"), ("title", "New", "Old")]);
    }
}
