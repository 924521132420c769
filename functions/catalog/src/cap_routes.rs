//! The routes of the frequency caps: one row with all rules.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::CatalogApi;
use super::type_resource::{entity_tag, without_read_only};
use domain::caps::CapRules;
use domain::{Actor, CatalogChange, TypeId};
use platform::http::{Request, Response};
use platform::preconditions::{self, Preconditions, TagList};
use platform::problem::{Problem, ProblemKind};
use store::{CatalogKey, CatalogRow};

/// Maximum number of tries of a write without a precondition on one state, when other writers succeed first.
const WRITE_TRIES: u32 = 8;
/// Entity tag of the caps before their first change.
const NO_ROW: &str = "0";

/// Response with the rules.
#[derive(Debug, Serialize)]
struct CapsResource {
    #[serde(flatten)]
    rules: CapRules,
    /// Number of changes.
    revision: u64,
    /// Time of the last change; `None` before the first.
    updated_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
}

impl CatalogApi {
    /// Returns the rules: 200, 304 or 412.
    pub(super) async fn get_caps(&self, request: &Request) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let conditions = Preconditions::of(request)?;
        let row = self.catalog.get(&CatalogKey::Caps).await?;
        let tag = tag_of(row.as_ref());
        if conditions.if_match.is_some_and(|tags| !tags.names_strongly(|given| given == tag)) {
            return Err(preconditions::failed());
        }
        if conditions.if_none_match.is_some_and(|tags| tags.names(|given| given == tag)) {
            return Ok(tagged(Response::not_modified(), row.as_ref()));
        }
        let rules = match &row {
            None => CapRules::default(),
            Some(row) => stored(row).ok_or_else(|| {
                Problem::new(ProblemKind::Internal, "The stored rules are malformed. PUT them again.")
            })?,
        };
        Ok(tagged(Response::json(200, &resource(rules, row.as_ref(), false)), row.as_ref()))
    }

    /// Replaces the rules: 200, or 412. Rules that are stored already write nothing.
    pub(super) async fn put_caps(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        let dry_run = dry_run(request)?;
        if request.caller.id.is_empty() {
            return Err(Problem::new(ProblemKind::NoCaller, "The token names no client, and the audit requires one."));
        }
        let by = Actor::Api(request.caller.id.clone());
        let conditions = Preconditions::of(request)?;
        let types = self.config.refresh().await.settings.types.clone();
        let rules = CapRules::parse(without_read_only(request.json_value()?), &types)?;
        let definition = definition_of(&rules);
        for _ in 0..WRITE_TRIES {
            let row = self.catalog.get(&CatalogKey::Caps).await?;
            check(&conditions, &tag_of(row.as_ref()))?;
            let new = CatalogRow {
                definition: definition.clone(),
                revision: row.as_ref().map_or(1, |old| old.revision + 1),
                created_at: row.as_ref().map_or(now, |old| old.created_at),
                updated_at: now,
            };
            let old = row.as_ref().map(|row| &row.definition);
            let change = CatalogChange::between(old, Some(&new.definition), new.revision, by.clone(), now);
            let Some(change) = change else {
                return Ok(tagged(Response::json(200, &resource(rules, row.as_ref(), dry_run)), row.as_ref()));
            };
            if dry_run {
                return Ok(tagged(Response::json(200, &resource(rules, Some(&new), true)), row.as_ref()));
            }
            if self.catalog.replace(&CatalogKey::Caps, row.as_ref(), Some(&new), &change).await? {
                tracing::info!(rules = rules.iter().count(), revision = new.revision, "stored frequency caps");
                return Ok(tagged(Response::json(200, &resource(rules, Some(&new), false)), Some(&new)));
            }
            if matches!(conditions.if_match, Some(TagList::Tags(_))) || conditions.if_none_match.is_some() {
                return Err(preconditions::failed());
            }
        }
        Err(Problem::unavailable(1))
    }

    /// Refuses to remove a type that a rule names.
    pub(super) async fn check_unused_by_caps(&self, id: &TypeId) -> Result<(), Problem> {
        let row = self.catalog.get(&CatalogKey::Caps).await?;
        if row.as_ref().and_then(stored).is_some_and(|rules| rules.names_type(id)) {
            let detail = "A rule of the frequency caps names this type. Change the rule first.";
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        Ok(())
    }
}

fn stored(row: &CatalogRow) -> Option<CapRules> {
    CapRules::from_stored(Value::Object(row.definition.clone()))
}

fn definition_of(rules: &CapRules) -> Map<String, Value> {
    match serde_json::to_value(rules) {
        Ok(Value::Object(definition)) => definition,
        _ => Map::new(),
    }
}

fn resource(rules: CapRules, row: Option<&CatalogRow>, dry_run: bool) -> CapsResource {
    let (revision, updated_at) = (row.map_or(0, |row| row.revision), row.map(|row| row.updated_at));
    CapsResource { rules, revision, updated_at, dry_run }
}

fn tag_of(row: Option<&CatalogRow>) -> String {
    row.map_or_else(|| NO_ROW.to_owned(), entity_tag)
}

fn check(conditions: &Preconditions, tag: &str) -> Result<(), Problem> {
    let is_matched = conditions.if_match.as_ref().is_none_or(|tags| tags.names_strongly(|given| given == tag));
    let is_excluded = conditions.if_none_match.as_ref().is_some_and(|tags| tags.names(|given| given == tag));
    if is_matched && !is_excluded { Ok(()) } else { Err(preconditions::failed()) }
}

fn dry_run(request: &Request) -> Result<bool, Problem> {
    request.only_parameters(&["dry_run"])?;
    match request.query("dry_run") {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Problem::invalid_field("dry_run", "must be true or false")),
    }
}

fn tagged(response: Response, row: Option<&CatalogRow>) -> Response {
    response.with_header("ETag", format!("\"{}\"", tag_of(row)))
}
