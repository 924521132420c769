//! A stored template: its row, and its form in responses.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use domain::Actor;
use platform::problem::{FieldError, Problem};
use platform::read_only::ReadOnlyFields;
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
pub fn revised(old: &CatalogRow, fields: Value, now: Timestamp) -> CatalogRow {
    CatalogRow::revised(extended(old.definition.clone(), fields), Some(old), now)
}

/// Returns a definition with other values of some fields.
pub fn extended(mut definition: Map<String, Value>, fields: Value) -> Map<String, Value> {
    if let Value::Object(fields) = fields {
        definition.extend(fields);
    }
    definition
}

/// Returns `true` if the row has the fields that every response shows.
pub fn is_well_formed(row: &CatalogRow) -> bool {
    let has_text = |field: &str| row.definition.get(field).is_some_and(Value::is_string);
    has_text("title") && has_text("state") && row.definition.get("latest").is_some_and(Value::is_u64)
}

/// Returns the definition that a template without a well-formed row starts from: what is left of the row, and the
/// number of the newest stored version, so that publishing overwrites none. No version is live unless the row names it.
pub fn repaired_definition(row: Option<&CatalogRow>, newest_version: u32) -> Map<String, Value> {
    let mut definition = new_definition();
    let is_usable = |field: &str, value: &Value| match field {
        "title" | "state" => value.is_string(),
        _ => value.is_u64() || value.is_null(),
    };
    let kept = row.into_iter().flat_map(|row| &row.definition).filter(|(field, value)| is_usable(field, value));
    definition.extend(kept.map(|(field, value)| (field.clone(), value.clone())));
    let latest = row.map_or(0, |row| version_in(row, "latest")).max(newest_version);
    definition.insert("latest".to_owned(), json!(latest));
    definition
}

fn new_definition() -> Map<String, Value> {
    let fields = [("state", json!("active")), ("live", Value::Null), ("latest", json!(0))];
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

/// Returns `true` if the draft was saved after the newest version was published; `None` if the row does not show it.
fn has_changes(row: &CatalogRow) -> Option<bool> {
    match (version_in(row, "latest"), version_in(row, "published_draft")) {
        (0, _) => Some(true),
        (_, 0) => None,
        (_, published) => Some(version_in(row, "draft_revision") != published),
    }
}

/// Fields of a response beside the draft. A request may contain them, so that a response can be sent back.
const READ_ONLY: [&str; 11] = [
    "name",
    "title",
    "state",
    "live_version",
    "latest_version",
    "has_changes",
    "revision",
    "created_at",
    "updated_at",
    "outdated",
    "findings",
];

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

/// Returns the draft of a body and the read-only fields beside it. The body is the draft, or the response of GET with
/// the draft in it.
///
/// # Errors
/// 422 with each field beside the draft that is unknown.
pub fn requested_draft(mut body: Value) -> Result<(Value, ReadOnlyFields), Problem> {
    let Some(draft) = body.get_mut("draft").filter(|draft| draft.is_object()).map(Value::take) else {
        return Ok((body, ReadOnlyFields::default()));
    };
    let read_only = ReadOnlyFields::take(&READ_ONLY, &mut body);
    let others = body.as_object().into_iter().flatten().map(|(name, _)| name).filter(|name| *name != "draft");
    let message = "is not a field; change the template in draft";
    let errors: Vec<_> = others.map(|name| FieldError::new(name, message)).collect();
    if errors.is_empty() { Ok((draft, read_only)) } else { Err(Problem::invalid(errors)) }
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
