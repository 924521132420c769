//! Segments: the list, and the editor with its estimate, sample and test of a person.

use std::collections::BTreeMap;

use askama::Template;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::campaign_list::open_campaigns;
use super::edit_conflict::{EditConflict, with_changes};
use super::segment_builder::{BuilderRow, RowContent, rows};
use super::segment_count::{self, CountedPeople, counted};
use super::segment_draft::EditedSegment;
use super::segment_filter::{KNOWN_FIELDS, one_line, references};
use super::segment_results::{EditorResults, funnel, tested};
use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, encoded, rendered};

/// Number of segments on a page.
const PAGE_SIZE: usize = 50;

#[derive(Debug, Template)]
#[template(path = "segments.html")]
struct SegmentsPage {
    frame: Frame,
    segments: Vec<SegmentRow>,
    first: Option<String>,
    next: Option<String>,
}

#[derive(Debug)]
struct SegmentRow {
    id: String,
    title: String,
    line: String,
    users: Vec<SegmentUser>,
    updated_at: Option<Timestamp>,
}

/// Segment or campaign that uses a segment.
#[derive(Debug, Clone)]
struct SegmentUser {
    page: &'static str,
    id: String,
    label: String,
}

#[derive(Debug, Template)]
#[template(path = "segment.html")]
struct SegmentPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    draft: EditedSegment,
    rows: Vec<BuilderRow>,
    known_fields: [&'static str; KNOWN_FIELDS.len()],
    types: Vec<(String, bool)>,
    estimate: Option<CountedPeople>,
    estimate_problem: Option<ApiProblem>,
    results: EditorResults,
    users: Vec<SegmentUser>,
    conflicts: Vec<EditConflict>,
}

/// Shows the segments.
///
/// # Errors
/// The API's problem.
pub async fn list(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let (segments, campaigns) = tokio::join!(visit.call(ApiCall::get("/v1/segments")), visit.call(open_campaigns()));
    let (segments, campaigns) = (segments.ok()?, campaigns.ok()?);
    let users = users_of_segments(&segments, &campaigns);
    let after = visit.query().get("after");
    let items = segments["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let later = items.iter().filter(|item| item["id"].as_str().is_some_and(|id| id > after));
    let mut rows: Vec<SegmentRow> = later.take(PAGE_SIZE + 1).map(|item| segment_row(item, &users)).collect();
    let is_more = rows.len() > PAGE_SIZE;
    rows.truncate(PAGE_SIZE);
    let next = rows.last().filter(|_| is_more).map(|row| visit.with_query("after", &row.id));
    let (frame, first) = (visit.frame("segments", "Segments"), visit.first_page());
    rendered(200, &SegmentsPage { frame, segments: rows, first, next })
}

fn segment_row(item: &Value, users: &BTreeMap<String, Vec<SegmentUser>>) -> SegmentRow {
    let text = |name: &str| item[name].as_str().unwrap_or_default();
    SegmentRow {
        id: text("id").to_owned(),
        title: text("title").to_owned(),
        line: one_line(&item["filter"]),
        users: users.get(text("id")).cloned().unwrap_or_default(),
        updated_at: text("updated_at").parse().ok(),
    }
}

/// Returns the segments and campaigns that use each segment. Of campaigns, those that have not ended.
fn users_of_segments(segments: &Value, campaigns: &Value) -> BTreeMap<String, Vec<SegmentUser>> {
    let mut users: BTreeMap<String, Vec<SegmentUser>> = BTreeMap::new();
    let list = |list: &Value| list["items"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for segment in list(segments) {
        for named in references(&segment["filter"]) {
            let id = text(&segment["id"]);
            let user = SegmentUser { page: "segment", label: format!("segment {id}"), id };
            users.entry(named.to_owned()).or_default().push(user);
        }
    }
    for campaign in list(campaigns) {
        let definition = if campaign["definition"].is_object() { &campaign["definition"] } else { &campaign };
        let mut named: Vec<&str> = [&definition["segment"], &definition["exclude"]["segment"]]
            .into_iter()
            .filter_map(Value::as_str)
            .chain(references(&definition["filter"]))
            .collect();
        named.sort_unstable();
        named.dedup();
        for named in named {
            let label = format!("campaign {}", text(&definition["title"]));
            let user = SegmentUser { page: "campaign", id: text(&campaign["id"]), label };
            users.entry(named.to_owned()).or_default().push(user);
        }
    }
    users
}

/// Shows the editor, or performs the action of one of its buttons.
///
/// # Errors
/// The API's problem, unless the editor can show it.
pub async fn answer(visit: &Visit<'_>, action: &str) -> Result<PageReply, ApiProblem> {
    let id = visit.query().get("id");
    if action.is_empty() {
        let draft = if id.is_empty() { EditedSegment::new() } else { stored(visit, id).await?.0 };
        return show(visit, draft, EditorResults::default(), Vec::new()).await;
    }
    if action == "delete" {
        return delete(visit).await;
    }
    let edit = if action == "edit" { visit.query().get("do") } else { "" };
    let mut draft = EditedSegment::of_form(visit.form(), edit, visit.query().get("at"));
    let Some(filter) = draft.filter.clone() else {
        return show(visit, draft, EditorResults::default(), Vec::new()).await;
    };
    let mut results = EditorResults::default();
    let done = match action {
        "save" => return save(visit, draft).await,
        "exact" => {
            let kind = Some(draft.kind.as_str()).filter(|kind| !kind.is_empty());
            match segment_count::start(visit, &filter, kind, &draft.id).await {
                Ok(reply) => return Ok(reply),
                Err(problem) => Err(problem),
            }
        }
        "sample" => {
            let call = ApiCall::post("/v1/segments/sample", json!({"filter": filter}));
            visit.call(call).await.read().map(|sample| results.sample = Some(sample))
        }
        "test" => tested(visit, &draft.id, &draft.recipient).await.map(|test| results.test = Some(test)),
        "funnel" => funnel(visit, &filter).await.map(|rows| results.funnel = rows),
        _ => Ok(()),
    };
    draft.problem = done.err();
    show(visit, draft, results, Vec::new()).await
}

/// Returns a stored segment as a draft, and the segment.
async fn stored(visit: &Visit<'_>, id: &str) -> Result<(EditedSegment, Value), ApiProblem> {
    let answer = visit.call(ApiCall::get("/v1/segments/{id}").path("id", id)).await;
    let tag = answer.etag.clone().unwrap_or_default();
    let segment = answer.ok()?;
    Ok((EditedSegment::of_stored(&segment, tag), segment))
}

async fn save(visit: &Visit<'_>, mut draft: EditedSegment) -> Result<PageReply, ApiProblem> {
    let call = ApiCall::put("/v1/segments/{id}", draft.body()).path("id", draft.name());
    let is_new = draft.id.is_empty();
    let call = if is_new { call.only_new() } else { call.if_match(&draft.if_match) };
    let problem = match visit.call(call).await.ok() {
        Ok(_) => return Ok(visit.redirect(&format!("segment?id={}", encoded(draft.name())), "saved")),
        Err(problem) => problem,
    };
    let mut conflicts = Vec::new();
    if problem.status == 412 && is_new {
        let message = "must be a new id: a segment has this one. Open it to change it.";
        draft.problem = Some(ApiProblem::field("id", message));
    } else {
        if problem.status == 412
            && let Ok((present, _)) = stored(visit, &draft.id).await
        {
            conflicts = draft.conflicts(&present);
            // The present values are shown, so the next save replaces them knowingly.
            draft.if_match = present.if_match;
        }
        draft.problem = Some(with_changes(visit, problem, "segment", &draft.id).await);
    }
    show(visit, draft, EditorResults::default(), conflicts).await
}

async fn delete(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let (id, tag) = (visit.form().get("id"), visit.form().get("if_match"));
    let call = ApiCall::delete("/v1/segments/{id}").path("id", id).if_match(tag);
    match visit.call(call).await.ok() {
        Ok(_) => Ok(visit.redirect("segments", "deleted")),
        Err(problem) => {
            let (draft, _) = stored(visit, id).await?;
            let problem = with_changes(visit, problem, "segment", id).await;
            let draft = EditedSegment { problem: Some(problem), ..draft };
            show(visit, draft, EditorResults::default(), Vec::new()).await
        }
    }
}

/// Estimates the people of a draft. A filter that is not complete yet has no estimate.
async fn estimate(visit: &Visit<'_>, draft: &EditedSegment) -> Option<Result<CountedPeople, ApiProblem>> {
    let mut body = json!({"filter": draft.filter.as_ref()?});
    if !draft.kind.is_empty() {
        body["type"] = json!(draft.kind);
    }
    let answer = visit.call(ApiCall::post("/v1/segments/count", body)).await;
    Some(answer.ok().map(|answer| counted(&answer)))
}

/// Offers the calls that save and delete the segment.
fn offer_changes(visit: &Visit<'_>, draft: &EditedSegment) {
    if !visit.may("segment", "save") || draft.filter.is_none() {
        return;
    }
    let name = if draft.name().is_empty() { "id" } else { draft.name() };
    let call = ApiCall::put("/v1/segments/{id}", draft.body()).path("id", name);
    if draft.id.is_empty() {
        visit.show_call(call.only_new());
        return;
    }
    visit.show_call(call.if_match(&draft.if_match));
    visit.show_call(ApiCall::delete("/v1/segments/{id}").path("id", name).if_match(&draft.if_match));
}

async fn show(
    visit: &Visit<'_>,
    draft: EditedSegment,
    results: EditorResults,
    conflicts: Vec<EditConflict>,
) -> Result<PageReply, ApiProblem> {
    let (types, segments, campaigns, estimate) = tokio::join!(
        visit.call(ApiCall::get("/v1/types")),
        visit.call(ApiCall::get("/v1/segments")),
        visit.call(open_campaigns()),
        estimate(visit, &draft),
    );
    let (types, segments) = (types.ok()?, segments.ok()?);
    let mut users = users_of_segments(&segments, &campaigns.ok()?);
    let items = |list: &Value| list["items"].as_array().cloned().unwrap_or_default();
    let names = items(&types).into_iter().filter_map(|kind| kind["name"].as_str().map(str::to_owned));
    let (estimate, estimate_problem) = match estimate {
        None => (None, None),
        Some(Ok(estimate)) => (Some(estimate), None),
        Some(Err(problem)) => (None, Some(problem)),
    };
    let problem = draft.problem.clone();
    let shown = problem.as_ref().filter(|problem| !problem.errors.is_empty()).or(estimate_problem.as_ref());
    offer_changes(visit, &draft);
    let title = if draft.id.is_empty() { "New segment" } else { draft.id.as_str() };
    let page = SegmentPage {
        frame: visit.frame("segments", title),
        rows: draft.node.as_ref().map(|node| rows(node, shown)).unwrap_or_default(),
        known_fields: KNOWN_FIELDS,
        types: names.map(|name| (name.clone(), name == draft.kind)).collect(),
        users: users.remove(&draft.id).unwrap_or_default(),
        estimate,
        estimate_problem,
        results,
        conflicts,
        problem,
        draft,
    };
    rendered(page.problem.as_ref().map_or(200, |problem| problem.status), &page)
}
