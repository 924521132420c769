//! A stored template: its row, and its form in responses.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use domain::Actor;
use store::CatalogRow;
use templates::{Finding, TemplateDraft, TextPlace};

/// Number of a version in the row of a template; 0 if there is none.
pub fn version_in(row: &CatalogRow, field: &str) -> u32 {
    row.definition.get(field).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

/// Returns `true` if the template is archived.
pub fn is_archived(row: &CatalogRow) -> bool {
    row.definition.get("state").is_some_and(|state| state == "archived")
}

/// Returns the row after a change of some fields of `old`.
pub fn revised(old: Option<&CatalogRow>, fields: Value, now: Timestamp) -> CatalogRow {
    let mut definition = old.map_or_else(new_definition, |old| old.definition.clone());
    if let Value::Object(fields) = fields {
        definition.extend(fields);
    }
    CatalogRow::revised(definition, old, now)
}

fn new_definition() -> Map<String, Value> {
    let fields = [("state", json!("active")), ("live", Value::Null), ("latest", json!(0))];
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

/// Returns `true` if the draft was saved after the newest version was published; `None` if the row does not say.
fn has_changes(row: &CatalogRow) -> Option<bool> {
    match (version_in(row, "latest"), version_in(row, "published_draft")) {
        (0, _) => Some(true),
        (_, 0) => None,
        (_, published) => Some(version_in(row, "draft_revision") != published),
    }
}

/// Returns the response with a template, without its draft.
pub fn summary(name: &str, row: &CatalogRow) -> Value {
    json!({
        "name": name,
        "title": row.definition.get("title"),
        "state": row.definition.get("state"),
        "live_version": row.definition.get("live"),
        "latest_version": row.definition.get("latest"),
        "has_changes": has_changes(row),
        "revision": row.revision,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    })
}

/// Returns the response with a template and its draft.
pub fn detail(name: &str, row: &CatalogRow, draft: &TemplateDraft, findings: &[Finding]) -> Value {
    let mut detail = summary(name, row);
    let place = |place: TextPlace| json!({"locale": place.locale, "channel": place.channel});
    detail["outdated"] = draft.outdated().into_iter().map(place).collect();
    detail["draft"] = json!(draft);
    if let Some(draft) = detail["draft"].as_object_mut() {
        draft.remove("written_at");
    }
    detail["findings"] = json!(findings);
    detail
}

/// Returns the response with a version, without its sources.
pub fn version(number: u32, published_at: Timestamp, by: &Actor) -> Value {
    let mut version = json!(by);
    version["version"] = json!(number);
    version["published_at"] = json!(published_at);
    version
}

/// Returns every value that differs between two versions, by its JSON path.
pub fn differences(from: &Value, to: &Value, path: &str, found: &mut Vec<Value>) {
    match (from, to) {
        (Value::Object(old), Value::Object(new)) => {
            let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let member = |object: &Map<String, Value>| object.get(name).cloned().unwrap_or(Value::Null);
                differences(&member(old), &member(new), &path, found);
            }
        }
        (old, new) if old == new => {}
        (old, new) => found.push(json!({"path": path, "from": old, "to": new})),
    }
}
