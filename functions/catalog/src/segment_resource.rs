//! Segments as they are requested, stored and shown.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use domain::text::is_line;
use platform::json::shaped;
use platform::problem::{FieldError, Problem};
use platform::read_only::ReadOnlyFields;
use segments::{Filter, SegmentId, filters_of, resolve};
use store::{CatalogRow, StoredSegments};

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
    pub read_only: ReadOnlyFields,
}

/// Body of a PUT.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    title: String,
    #[serde(default)]
    description: Option<String>,
    filter: Value,
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
    pub fn parse(mut body: Value) -> Result<Self, Problem> {
        let read_only = ReadOnlyFields::take(&READ_ONLY, &mut body);
        let given: Definition = shaped(body, "")?;
        let mut errors = Vec::new();
        let mut check = |name: &str, text: &str, most: usize| {
            if !is_line(text, most) {
                let message = format!("must be 1 to {most} characters in one line, not all of them invisible");
                errors.push(FieldError::new(name, message));
            }
        };
        check("title", &given.title, MAX_TITLE);
        given.description.iter().for_each(|text| check("description", text, MAX_DESCRIPTION));
        match filter(&given.filter) {
            Ok(filter) if errors.is_empty() => {
                Ok(Self { title: given.title, description: given.description, filter, read_only })
            }
            Ok(_) => Err(Problem::invalid(errors)),
            Err(found) => Err(Problem::invalid(errors.into_iter().chain(found).collect())),
        }
    }

    /// Returns the stored form.
    pub fn definition(&self) -> Map<String, Value> {
        let (filter, hash) = (self.filter.to_json(), self.filter.hash());
        let definition = json!({"title": self.title, "description": self.description, "filter": filter, "hash": hash});
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
pub fn filter(value: &Value) -> Result<Filter, Vec<FieldError>> {
    let filter = Filter::parse(value, "filter")?;
    if filter.to_json().to_string().len() > MAX_FILTER_BYTES {
        let message = format!("must be at most {MAX_FILTER_BYTES} bytes long as JSON");
        return Err(vec![FieldError::new("filter", message)]);
    }
    Ok(filter)
}

/// Returns the filters of stored segments by their ids. Malformed ones are left out.
pub fn filters(stored: &StoredSegments) -> BTreeMap<SegmentId, Filter> {
    filters_of(stored.definitions())
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
    resolve(filter, own, segments).map_err(|error| {
        let is_wrong =
            |condition: &segments::Condition| resolve(&Filter::Leaf(condition.clone()), own, segments).is_err();
        let conditions = filter.conditions("filter");
        let wrong = conditions.into_iter().find(|(_, condition)| is_wrong(condition));
        let field = wrong.map_or_else(|| "filter".to_owned(), |(path, _)| format!("{path}.value"));
        Problem::invalid_field(field, error.to_string())
    })
}

/// Checks that a new filter of `id` can be used, and that the segments that name it still can.
///
/// # Errors
/// 422 with the condition whose reference is wrong.
pub fn check_references(
    id: &SegmentId,
    filter: &Filter,
    segments: &BTreeMap<SegmentId, Filter>,
) -> Result<(), Problem> {
    resolved(filter, Some(id), segments)?;
    let mut changed = segments.clone();
    changed.insert(id.clone(), filter.clone());
    let broken = changed.iter().find(|(other, filter)| {
        let can_be_used = |segments| resolve(filter, Some(other), segments).is_ok();
        can_be_used(segments) && !can_be_used(&changed)
    });
    let Some((broken, _)) = broken else { return Ok(()) };
    let message = format!(
        "must be smaller: the segment {}, which names this one, would be too large or too deep",
        broken.as_str()
    );
    Err(Problem::invalid_field("filter", message))
}

/// Returns the ids of the segments that name `id`.
pub fn used_by(id: &SegmentId, segments: &BTreeMap<SegmentId, Filter>) -> Vec<String> {
    let names = |(_, filter): &(&SegmentId, &Filter)| filter.references().any(|named| named == *id);
    segments.iter().filter(names).map(|(other, _)| other.as_str().to_owned()).collect()
}
