//! Values that another person stored meanwhile, beside those that were typed, and who changed them when.

use serde_json::{Map, Value};

use super::audit_page::{AuditAnswer, AuditItem};
use super::field_difference::FieldDifference;
use crate::site::{ApiCall, ApiProblem, ConcurrentChange, Visit};

/// Number of changes that a refused form names.
const NAMED_CHANGES: &str = "3";
/// Title and detail of a refused form whose thing was changed meanwhile, in place of the API's words.
const STALE_TITLE: &str = "Another person changed this meanwhile";
const STALE: &str = "Nothing was saved. Compare what you typed with the present values. Saving again replaces them.";
/// Maximum number of letters of a value of a change. The audit has the whole value.
const MAX_LETTERS: usize = 300;

/// Value that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditConflict {
    /// Field of the API, or its label.
    pub field: String,
    /// Present value.
    pub stored: String,
    /// Typed value.
    pub typed: String,
}

impl From<FieldDifference> for EditConflict {
    /// Reads a difference from what is stored to what was typed.
    fn from(difference: FieldDifference) -> Self {
        let FieldDifference { field, before: stored, after: typed } = difference;
        Self { field, stored, typed }
    }
}

impl From<AuditItem> for ConcurrentChange {
    fn from(change: AuditItem) -> Self {
        let AuditItem { at, action, revision, who, name, before, after, .. } = change;
        let mut values = Vec::new();
        add_values("", &before, &after, &mut values);
        if values.is_empty() {
            values.push((action, String::new(), format!("revision {revision}")));
        }
        Self { at, by: if name.is_empty() { who } else { name }, values }
    }
}

/// Adds the fields that differ. Of objects, such as a definition, the members are compared.
fn add_values(
    path: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    found: &mut Vec<(String, String, String)>,
) {
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    for name in names {
        let (old, new) = (before.get(name).unwrap_or(&Value::Null), after.get(name).unwrap_or(&Value::Null));
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (old, new) {
            (old, new) if old == new => {}
            (Value::Object(old), Value::Object(new)) => add_values(&path, old, new, found),
            _ => found.push((path, shortened(shown(old)), shortened(shown(new)))),
        }
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_LETTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Says in the words of a page that a write was stale (412), and adds the last changes of the thing. The audit names
/// their authors. If the audit does not answer, the problem stays without them.
pub async fn with_changes(visit: &Visit<'_>, mut problem: ApiProblem, kind: &str, subject: &str) -> ApiProblem {
    if problem.status == 412 {
        (problem.title, problem.detail) = (STALE_TITLE.into(), STALE.into());
        let call = ApiCall::get("/v1/audit").query("kind", kind).query("subject", subject);
        let read = visit.call(call.query("limit", NAMED_CHANGES)).await.read::<AuditAnswer>();
        problem.changes =
            read.map(|read| read.items.into_iter().map(ConcurrentChange::from).collect()).unwrap_or_default();
    }
    problem
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
