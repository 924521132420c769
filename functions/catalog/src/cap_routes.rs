//! The routes of the frequency caps: one row with all rules.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::CatalogApi;
use super::type_resource::{check_read_only, take_read_only};
use domain::caps::CapRules;
use domain::{Actor, CatalogChange, TypeId};
use platform::http::{Request, Response};
use platform::preconditions::{self, Preconditions};
use platform::problem::{Problem, ProblemKind};
use store::{CatalogKey, CatalogRow};

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
        if conditions.is_known_to_caller(&tag)? {
            return Ok(Response::not_modified().with_entity_tag(&tag));
        }
        let rules = match &row {
            None => CapRules::default(),
            Some(row) => stored(row).ok_or_else(|| {
                Problem::new(ProblemKind::Internal, "The stored rules are malformed. PUT them again.")
            })?,
        };
        Ok(answer(rules, row.as_ref(), false))
    }

    /// Replaces the rules: 200, or 412. Rules that are stored already write nothing.
    pub(super) async fn put_caps(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&["dry_run"])?;
        let (dry_run, by) = (request.flag("dry_run")?, Actor::Api(request.author()?));
        let conditions = Preconditions::of(request)?;
        let types = self.config.refresh().await.settings.types.clone();
        let mut body = request.json_value()?;
        let read_only = take_read_only(&mut body);
        let rules = CapRules::parse(body, &types)?;
        let definition = definition_of(&rules);
        preconditions::retry_conflicts(|| async {
            let row = self.catalog.get(&CatalogKey::Caps).await?;
            conditions.check(Some(&tag_of(row.as_ref())))?;
            check_read_only(&read_only, row.as_ref())?;
            let new = CatalogRow::revised(definition.clone(), row.as_ref(), now);
            let old = row.as_ref().map(|row| &row.definition);
            let change = CatalogChange::between(old, Some(&new.definition), new.revision, by.clone(), now);
            let Some(change) = change else { return Ok(Some(answer(rules.clone(), row.as_ref(), dry_run))) };
            if dry_run {
                return Ok(Some(
                    Response::json(200, &resource(rules.clone(), Some(&new), true))
                        .with_entity_tag(&tag_of(row.as_ref())),
                ));
            }
            if self.catalog.replace(&CatalogKey::Caps, row.as_ref(), Some(&new), &change).await? {
                tracing::info!(rules = rules.iter().count(), revision = new.revision, "stored frequency caps");
                return Ok(Some(answer(rules.clone(), Some(&new), false)));
            }
            Ok(None)
        })
        .await
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
    row.map_or_else(|| NO_ROW.to_owned(), CatalogRow::entity_tag)
}

/// Returns the response with the stored rules.
fn answer(rules: CapRules, row: Option<&CatalogRow>, dry_run: bool) -> Response {
    Response::json(200, &resource(rules, row, dry_run)).with_entity_tag(&tag_of(row))
}
