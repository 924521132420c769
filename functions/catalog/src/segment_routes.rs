//! The routes of segments: definitions with preconditions, dry runs and audit records.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::CatalogApi;
use super::segment_resource::{SegmentDraft, SegmentResource, check_references, filters, used_by};
use super::type_resource::check_read_only;
use domain::{Actor, CatalogChange, TypeId};
use platform::http::{Request, Response};
use platform::preconditions::{self, Preconditions};
use platform::problem::{Problem, ProblemKind};
use segments::{Filter, SegmentId};
use store::CatalogRow;

/// Maximum number of segments.
const MAX_SEGMENTS: usize = 500;

impl CatalogApi {
    /// Returns all segments, in the order of their ids.
    pub(super) async fn list_segments(&self, request: &Request) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let stored = self.segments.all().await?;
        let items: Vec<_> = stored.rows.iter().map(|(id, row)| SegmentResource::of(id, row, None, false)).collect();
        Ok(Response::json(200, &json!({"items": items, "next": null})))
    }

    /// Returns a segment: 200, 304, 404 or 412.
    pub(super) async fn get_segment(&self, request: &Request) -> Result<Response, Problem> {
        request.only_parameters(&[])?;
        let id = segment_id(request)?;
        let conditions = Preconditions::of(request)?;
        let stored = self.segments.all().await?;
        let row = stored.get(id.as_str()).ok_or_else(|| Problem::not_found("segment"))?;
        let tag = row.entity_tag();
        if conditions.is_known_to_caller(&tag)? {
            return Ok(Response::not_modified().with_entity_tag(&tag));
        }
        let used_by = used_by(&id, &filters(&stored));
        let resource = SegmentResource::of(id.as_str(), row, Some(used_by), false);
        Ok(Response::json(200, &resource).with_entity_tag(&tag))
    }

    /// Stores a segment: 201, 200, or 412. A definition that is stored already writes nothing.
    pub(super) async fn put_segment(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&["dry_run"])?;
        let (dry_run, by) = (request.flag("dry_run")?, Actor::Api(request.author()?));
        let (id, conditions) = (segment_id(request)?, Preconditions::of(request)?);
        let draft = SegmentDraft::parse(request.json_value()?)?;
        self.history_reader(&draft.filter, Some(&draft.filter)).await?;
        self.check_types(&draft.filter, Some(&id)).await?;
        preconditions::retry_conflicts(|| async {
            let stored = self.segments.all().await?;
            check_references(&id, &draft.filter, &filters(&stored))?;
            let old = stored.get(id.as_str());
            conditions.check(old.map(CatalogRow::entity_tag).as_deref())?;
            draft.read_only.check(&[("id", json!(id.as_str()))])?;
            check_read_only(&draft.read_only, old)?;
            if old.is_none() && stored.rows.len() >= MAX_SEGMENTS {
                let detail = "There are 500 segments, the maximum. Delete one that is not used.";
                return Err(Problem::new(ProblemKind::Conflict, detail));
            }
            let new = CatalogRow::revised(draft.definition(), old, now);
            let before = old.map(|row| &row.definition);
            let change = CatalogChange::between(before, Some(&new.definition), new.revision, by.clone(), now);
            let status = if old.is_none() { 201 } else { 200 };
            let answer = |status, row| {
                let response = Response::json(status, &SegmentResource::of(id.as_str(), row, None, dry_run));
                if dry_run { response } else { response.with_entity_tag(&row.entity_tag()) }
            };
            let Some(change) = change else { return Ok(Some(answer(200, old.unwrap_or(&new)))) };
            if dry_run {
                return Ok(Some(answer(200, &new)));
            }
            if self.segments.replace(id.as_str(), &stored, Some(&new), &change).await? {
                tracing::info!(segment = id.as_str(), revision = new.revision, "stored segment");
                return Ok(Some(answer(status, &new)));
            }
            Ok(None)
        })
        .await
    }

    /// Deletes a segment: 204, 404, 409 while another one or a campaign names it, or 412.
    pub(super) async fn delete_segment(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        request.only_parameters(&["dry_run"])?;
        let (dry_run, by) = (request.flag("dry_run")?, Actor::Api(request.author()?));
        let (id, conditions) = (segment_id(request)?, Preconditions::of(request)?);
        preconditions::retry_conflicts(|| async {
            let stored = self.segments.all().await?;
            let row = stored.get(id.as_str()).ok_or_else(|| Problem::not_found("segment"))?;
            conditions.check(Some(&row.entity_tag()))?;
            let users = used_by(&id, &filters(&stored));
            if !users.is_empty() {
                let detail = format!("Other segments name this one: {}. Change them first.", users.join(", "));
                return Err(Problem::new(ProblemKind::Conflict, detail));
            }
            Box::pin(self.check_campaigns("segment", |campaign| campaign.needs_segment(&id))).await?;
            let change = CatalogChange::between(Some(&row.definition), None, row.revision, by.clone(), now);
            let Some(change) = change.filter(|_| !dry_run) else { return Ok(Some(Response::no_content())) };
            if self.segments.replace(id.as_str(), &stored, None, &change).await? {
                tracing::info!(segment = id.as_str(), "deleted segment");
                return Ok(Some(Response::no_content()));
            }
            Ok(None)
        })
        .await
    }

    /// Checks that the types a filter names exist. A name that the stored filter of `id` contains is accepted: its type
    /// may be removed by now.
    ///
    /// # Errors
    /// 422 with each condition that names an unknown type.
    pub(super) async fn check_types(&self, filter: &Filter, id: Option<&SegmentId>) -> Result<(), Problem> {
        let unknown = self.config.unknown_types(&filter.types("filter")).await?;
        if unknown.is_empty() {
            return Ok(());
        }
        let stored = match id {
            Some(id) => filters(&self.segments.all().await?).remove(id),
            None => None,
        };
        let stored: Vec<_> =
            stored.iter().flat_map(|filter| filter.types("")).map(|(_, name)| name.to_owned()).collect();
        let is_new = |name: &str| !stored.iter().any(|stored| stored == name);
        let errors: Vec<_> = unknown.into_iter().filter(|(name, _)| is_new(name)).map(|(_, error)| error).collect();
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }

    /// Refuses to remove a type that the filters of segments name.
    pub(super) async fn check_unused_by_segments(&self, kind: &TypeId) -> Result<(), Problem> {
        let stored = self.segments.all().await?;
        let users = stored
            .definitions()
            .filter(|(_, definition)| definition.get("filter").is_some_and(|filter| names_type(filter, kind.as_str())));
        let users: Vec<_> = users.map(|(id, _)| id).collect();
        if users.is_empty() {
            return Ok(());
        }
        let detail = format!("Segments name this type: {}. Change them first.", users.join(", "));
        Err(Problem::new(ProblemKind::Conflict, detail))
    }
}

/// Returns `true` if a condition of a filter is about the type.
fn names_type(filter: &Value, kind: &str) -> bool {
    match filter {
        Value::Array(parts) => parts.iter().any(|part| names_type(part, kind)),
        Value::Object(fields) if fields.get("field").is_some_and(|field| field == "opted_out_of") => {
            fields.get("value").is_some_and(|value| value == kind)
        }
        Value::Object(fields) => fields.values().any(|part| names_type(part, kind)),
        _ => false,
    }
}

pub(super) fn segment_id(request: &Request) -> Result<SegmentId, Problem> {
    SegmentId::parse(request.path("id")).ok_or_else(|| Problem::invalid_field("id", SegmentId::FORMAT))
}
