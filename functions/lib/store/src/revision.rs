//! Revisions of rows: the parts of reads and writes that all editable rows have in common.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::CatalogRow;
use domain::Actor;
use platform::http::{Request, Response};
use platform::preconditions::{self, Preconditions, TagList};
use platform::problem::{Problem, ProblemKind};

/// Maximum number of tries of a write without a precondition on one state, when other writers succeed first.
pub const WRITE_TRIES: u32 = 8;

/// Returns the entity tag of a row, without its quotes. A row that was removed and created again has other tags.
#[must_use]
pub fn entity_tag(row: &CatalogRow) -> String {
    format!("{:x}-{:x}", row.created_at.as_millisecond(), row.revision)
}

/// Adds the `ETag`.
#[must_use]
pub fn tagged(response: Response, tag: &str) -> Response {
    response.with_header("ETag", format!("\"{tag}\""))
}

/// Checks the preconditions of a read. Returns `true` if the caller has the present state, so that the response is 304.
///
/// # Errors
/// 412.
pub fn is_known_to_caller(conditions: &Preconditions, tag: &str) -> Result<bool, Problem> {
    if conditions.if_match.as_ref().is_some_and(|tags| !tags.names_strongly(|given| given == tag)) {
        return Err(preconditions::failed());
    }
    Ok(conditions.if_none_match.as_ref().is_some_and(|tags| tags.names(|given| given == tag)))
}

/// Checks the preconditions of a write. `tag` is that of the stored state; `None` if nothing is stored.
///
/// # Errors
/// 412.
pub fn check(conditions: &Preconditions, tag: Option<&str>) -> Result<(), Problem> {
    let Preconditions { if_match, if_none_match } = conditions;
    let is_named = |tags: &TagList| tag.is_some_and(|tag| tags.names_strongly(|given| given == tag));
    let is_excluded = |tags: &TagList| tag.is_some_and(|tag| tags.names(|given| given == tag));
    let holds = if_match.as_ref().is_none_or(is_named) && !if_none_match.as_ref().is_some_and(is_excluded);
    if holds { Ok(()) } else { Err(preconditions::failed()) }
}

/// Returns `true` if the preconditions allow one state only, so that a write that lost to another one is not repeated.
#[must_use]
pub fn names_one_state(conditions: &Preconditions) -> bool {
    matches!(conditions.if_match, Some(TagList::Tags(_))) || conditions.if_none_match.is_some()
}

/// Returns the author of a write, for its audit record.
///
/// # Errors
/// 403 if the token names no client.
pub fn author(request: &Request) -> Result<Actor, Problem> {
    if request.caller.id.is_empty() {
        return Err(Problem::new(ProblemKind::NoCaller, "The token names no client, and the audit requires one."));
    }
    Ok(Actor::Api(request.caller.id.clone()))
}

/// Returns the row after a change of `old`; for a new row, `old` is `None`.
#[must_use]
pub fn revised(definition: Map<String, Value>, old: Option<&CatalogRow>, now: Timestamp) -> CatalogRow {
    CatalogRow {
        definition,
        revision: old.map_or(1, |old| old.revision + 1),
        created_at: old.map_or(now, |old| old.created_at),
        updated_at: now,
    }
}
