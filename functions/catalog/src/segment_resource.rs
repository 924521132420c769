//! Segments as they are requested, stored and shown.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use platform::problem::{FieldError, Problem};
use segments::{Filter, SegmentId, resolve};
use store::CatalogRow;

/// Maximum size of a filter as JSON.
const MAX_FILTER_BYTES: usize = 100_000;
/// Maximum length of a title, in characters.
const MAX_TITLE: usize = 100;
/// Maximum length of a description, in characters.
const MAX_DESCRIPTION: usize = 500;
/// Fields of a response that no request changes. A request may contain them, so that a response can be sent back.
const READ_ONLY: [&str; 7] = ["id", "hash", "revision", "created_at", "updated_at", "used_by", "dry_run"];

/// A requested segment.
#[derive(Debug, Clone)]
pub struct SegmentDraft {
    pub title: String,
    pub description: Option<String>,
    pub filter: Filter,
}

/// Response with a segment.
#[derive(Debug, Serialize)]
pub struct SegmentResource<'a> {
    id: &'a str,
    #[serde(flatten)]
    definition: &'a Map<String, Value>,
    revision: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// Segments that name this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_by: Option<Vec<String>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
}

impl<'a> SegmentResource<'a> {
    pub const fn of(id: &'a str, row: &'a CatalogRow, used_by: Option<Vec<String>>, dry_run: bool) -> Self {
        let CatalogRow { definition, revision, created_at, updated_at } = row;
        let (revision, created_at, updated_at) = (*revision, *created_at, *updated_at);
        Self { id, definition, revision, created_at, updated_at, used_by, dry_run }
    }
}

impl SegmentDraft {
    /// Parses the body of a PUT.
    ///
    /// # Errors
    /// 422 with every field that is wrong.
    pub fn parse(body: Value) -> Result<Self, Problem> {
        let Value::Object(mut object) = body else { return Err(Problem::invalid_field("", "must be an object")) };
        object.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
        let mut errors = Vec::new();
        for name in object.keys().filter(|name| !["title", "description", "filter"].contains(&name.as_str())) {
            errors.push(FieldError::new(name, "is not known"));
        }
        let text = |name: &str, most: usize| {
            let text = object.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
            text.filter(|text| text.chars().count() <= most && !text.chars().any(char::is_control)).map(str::to_owned)
        };
        let title = text("title", MAX_TITLE);
        if title.is_none() {
            errors.push(FieldError::new("title", format!("must be a text of 1 to {MAX_TITLE} characters")));
        }
        let description = text("description", MAX_DESCRIPTION);
        if object.get("description").is_some_and(|given| !given.is_null()) && description.is_none() {
            let message = format!("must be a text of 1 to {MAX_DESCRIPTION} characters");
            errors.push(FieldError::new("description", message));
        }
        let filter = filter(object.get("filter")).map_err(|found| errors.extend(found)).ok();
        match (title, filter) {
            (Some(title), Some(filter)) if errors.is_empty() => Ok(Self { title, description, filter }),
            _ => Err(Problem::invalid(errors)),
        }
    }

    /// Returns the stored form.
    pub fn definition(&self) -> Map<String, Value> {
        let filter = (self.filter.to_json(), self.filter.hash());
        let definition = json!({
            "title": self.title, "description": self.description, "filter": filter.0, "hash": filter.1,
        });
        match definition {
            Value::Object(definition) => definition,
            _ => Map::new(),
        }
    }
}

/// Parses the field `filter` of a request.
///
/// # Errors
/// Every error, with its path.
pub fn filter(value: Option<&Value>) -> Result<Filter, Vec<FieldError>> {
    let filter = Filter::parse(value.unwrap_or(&Value::Null), "filter")?;
    if filter.to_json().to_string().len() > MAX_FILTER_BYTES {
        let message = format!("must be at most {MAX_FILTER_BYTES} bytes long as JSON");
        return Err(vec![FieldError::new("filter", message)]);
    }
    Ok(filter)
}

/// Returns the filters of stored segments by their ids. Malformed ones are left out.
pub fn filters(rows: &[(String, CatalogRow)]) -> BTreeMap<SegmentId, Filter> {
    let filter = |(id, row): &(String, CatalogRow)| {
        let filter = Filter::parse(row.definition.get("filter")?, "filter").ok()?;
        Some((SegmentId::parse(id)?, filter))
    };
    rows.iter().filter_map(filter).collect()
}

/// Replaces the references of a filter.
///
/// # Errors
/// 422 with the condition whose reference is wrong.
pub fn resolved(
    filter: &Filter,
    own: Option<&SegmentId>,
    segments: &BTreeMap<SegmentId, Filter>,
) -> Result<Filter, Problem> {
    resolve(filter, own, segments).map_err(|message| {
        let is_wrong =
            |condition: &segments::Condition| resolve(&Filter::Leaf(condition.clone()), own, segments).is_err();
        let conditions = filter.conditions("filter");
        let wrong = conditions.into_iter().find(|(_, condition)| is_wrong(condition));
        let field = wrong.map_or_else(|| "filter".to_owned(), |(path, _)| format!("{path}.value"));
        Problem::invalid_field(field, message)
    })
}

/// Returns the ids of the segments that name `id`.
pub fn used_by(id: &SegmentId, segments: &BTreeMap<SegmentId, Filter>) -> Vec<String> {
    let names = |(_, filter): &(&SegmentId, &Filter)| filter.references().any(|named| named == *id);
    segments.iter().filter(names).map(|(other, _)| other.as_str().to_owned()).collect()
}
