//! Types of notification: the list with the volume of a week, and one type with its form, the effect of a change before
//! it is saved, and its history.

use askama::Template;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::edit_conflict::{EditConflict, with_changes};
use super::field_difference::FieldDifference;
use super::send_explanation::in_words;
use super::type_form::{TypeField, TypeForm};
use super::week_volume::{WEEK_MINUTES, WeekVolume};
use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, count, encoded, rendered};

/// Number of types on a page.
const PAGE_SIZE: usize = 50;
/// Fields of the number that is typed to save a change, and to archive a type.
const TYPED_VOLUMES: [&str; 2] = ["volume", "archive_volume"];
/// Presets of the form.
const PRESETS: [&str; 3] = ["critical", "transactional", "marketing"];

#[derive(Debug, Template)]
#[template(path = "types.html")]
struct TypesPage {
    frame: Frame,
    types: Vec<TypeRow>,
    first: Option<String>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TypeRow {
    name: String,
    title: String,
    class: String,
    channels: Vec<String>,
    state: String,
    template: Option<String>,
    #[serde(skip)]
    volume: String,
}

#[derive(Debug, Template)]
#[template(path = "type.html")]
struct TypePage {
    frame: Frame,
    problem: Option<ApiProblem>,
    /// Name of a stored type; empty for a new one.
    name: String,
    typed_name: String,
    fields: Vec<TypeField>,
    presets: Vec<(&'static str, String)>,
    if_match: String,
    stored: Option<StoredTypeView>,
    checked: Option<CheckedType>,
    conflicts: Vec<EditConflict>,
    history: Vec<TypeChangeRow>,
    first: Option<String>,
    next: Option<String>,
    can_archive: bool,
    is_removable: bool,
    volume: WeekVolume,
}

#[derive(Debug, Deserialize)]
struct StoredTypeView {
    state: String,
    revision: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    removable_at: Option<Timestamp>,
    overridden_by_settings: Vec<String>,
}

/// Effect of a change, from a dry run.
#[derive(Debug)]
struct CheckedType {
    /// The request that was checked.
    body: String,
    differences: Vec<FieldDifference>,
    is_stale: bool,
}

#[derive(Debug, Deserialize)]
struct TypeChangeRow {
    at: Timestamp,
    action: String,
    who: String,
    #[serde(default)]
    name: String,
    before: Map<String, Value>,
    after: Map<String, Value>,
}

impl TypeChangeRow {
    fn differences(&self) -> Vec<FieldDifference> {
        let text = |side: &Map<String, Value>, field: &str| match side.get(field) {
            None | Some(Value::Null) => "–".to_owned(),
            Some(value) => Some(in_words(value)).filter(|text| !text.is_empty()).unwrap_or_else(|| "–".to_owned()),
        };
        let fields: std::collections::BTreeSet<&String> = self.before.keys().chain(self.after.keys()).collect();
        let row = |field: &String| FieldDifference::new(field, text(&self.before, field), text(&self.after, field));
        fields.into_iter().map(row).collect()
    }
}

/// State of the form between two requests.
#[derive(Debug, Default)]
struct TypeDraft {
    form: Option<TypeForm>,
    if_match: Option<String>,
    problem: Option<ApiProblem>,
    checked: Option<CheckedType>,
    is_conflict: bool,
}

/// Shows the types.
///
/// # Errors
/// The API's problem.
pub async fn list(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let metrics = ApiCall::get("/v1/metrics").query("minutes", WEEK_MINUTES);
    let (types, metrics) = tokio::join!(visit.call(ApiCall::get("/v1/types")), visit.call(metrics));
    let mut answer = types.ok()?;
    let metrics = metrics.ok()?;
    let items = answer["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let rows = items.into_iter().filter_map(|item| serde_json::from_value::<TypeRow>(item).ok());
    let after = visit.query().get("after");
    let mut types: Vec<TypeRow> = rows.filter(|row| row.name.as_str() > after).take(PAGE_SIZE + 1).collect();
    let is_more = types.len() > PAGE_SIZE;
    types.truncate(PAGE_SIZE);
    for row in &mut types {
        row.volume = count(metrics["by_type"][&row.name]["sent"].as_i64().unwrap_or_default());
    }
    let next = types.last().filter(|_| is_more).map(|row| visit.with_query("after", &row.name));
    rendered(200, &TypesPage { frame: visit.frame("types", "Types"), types, first: visit.first_page(), next })
}

/// Shows a type or the form of a new one, checks a change, saves it, or archives the type.
///
/// # Errors
/// The API's problem, unless the form can show it.
pub async fn answer(visit: &Visit<'_>, action: &str) -> Result<PageReply, ApiProblem> {
    match action {
        "" => show(visit, visit.query().get("name"), TypeDraft::default()).await,
        "archive" => archive(visit).await,
        _ => write(visit, action == "save").await,
    }
}

/// Checks a change with a dry run, and saves it if it is the one that was checked before.
async fn write(visit: &Visit<'_>, is_save: bool) -> Result<PageReply, ApiProblem> {
    let form = visit.form();
    let (stored, typed) = (form.get("name"), TypeForm::of_form(form));
    let name = if stored.is_empty() { form.get("new_name") } else { stored };
    let body = typed.body();
    let tag = form.get("if_match");
    let call = |dry_run: bool| {
        let call = ApiCall::put("/v1/types/{type}", body.clone()).path("type", name);
        let call = if stored.is_empty() { call.only_new() } else { call.if_match(tag) };
        if dry_run { call.query("dry_run", "true") } else { call }
    };
    let text = body.to_string();
    let is_confirmed = is_save && form.get("checked") == text;
    let refused = match is_confirmed && !stored.is_empty() {
        true => WeekVolume::of_type(visit, stored, &TYPED_VOLUMES).await.refusal(form, TYPED_VOLUMES[0]),
        false => None,
    };
    let is_final = is_confirmed && refused.is_none();
    let answer = visit.call(call(!is_final)).await.ok();
    if answer.is_ok() && is_final {
        return Ok(visit.redirect(&format!("type?name={}", encoded(name)), "saved"));
    }
    let draft = TypeDraft { form: Some(typed), if_match: Some(tag.to_owned()), ..TypeDraft::default() };
    let draft = match answer {
        Ok(after) => {
            let present = match stored {
                "" => Value::Null,
                _ => visit.call(ApiCall::get("/v1/types/{type}").path("type", name)).await.ok()?,
            };
            let differences = TypeForm::of_type(&present).differences(&TypeForm::of_type(&after));
            let is_stale = is_save && !is_confirmed;
            TypeDraft { checked: Some(CheckedType { body: text, differences, is_stale }), problem: refused, ..draft }
        }
        Err(problem) if problem.status == 412 && stored.is_empty() => {
            let message = "must be a new name: a type has this one. Open it to change it.";
            TypeDraft { problem: Some(ApiProblem::field("type", message)), ..draft }
        }
        Err(problem) => {
            let problem = with_changes(visit, problem, "type", name).await;
            TypeDraft { is_conflict: problem.status == 412, problem: Some(problem), ..draft }
        }
    };
    show(visit, stored, draft).await
}

/// Archives a type, or removes an archived one of which no notification is left.
async fn archive(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let (name, tag) = (visit.form().get("name"), visit.form().get("if_match"));
    let volume = WeekVolume::of_type(visit, name, &TYPED_VOLUMES).await;
    if let problem @ Some(_) = volume.refusal(visit.form(), TYPED_VOLUMES[1]) {
        return show(visit, name, TypeDraft { problem, ..TypeDraft::default() }).await;
    }
    let call = ApiCall::delete("/v1/types/{type}").path("type", name).if_match(tag);
    let answer = visit.call(call).await;
    let is_removed = answer.status == 204;
    match answer.ok() {
        Ok(_) if is_removed => Ok(visit.redirect("types", "deleted")),
        Ok(_) => Ok(visit.redirect(&format!("type?name={}", encoded(name)), "archived")),
        Err(problem) => {
            let problem = Some(with_changes(visit, problem, "type", name).await);
            show(visit, name, TypeDraft { problem, ..TypeDraft::default() }).await
        }
    }
}

async fn show(visit: &Visit<'_>, name: &str, draft: TypeDraft) -> Result<PageReply, ApiProblem> {
    if name.is_empty() {
        return show_new(visit, draft);
    }
    let about = |template| ApiCall::get(template).path("type", name);
    let changes = about("/v1/types/{type}/changes").query("limit", "50");
    let (answer, changes, volume) = tokio::join!(
        visit.call(about("/v1/types/{type}")),
        visit.call(changes.query_if("after", visit.query().optional("after"))),
        WeekVolume::of_type(visit, name, &TYPED_VOLUMES),
    );
    let tag = answer.etag.clone().unwrap_or_default();
    let present = answer.ok()?;
    let mut changes = changes.ok()?;
    let history = changes["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let next = changes["next"].as_str().map(|cursor| visit.with_query("after", cursor));
    let own = TypeForm::of_type(&present);
    let form = draft.form.unwrap_or_else(|| own.clone().with_preset(visit.query().get("preset")));
    let conflicts = if draft.is_conflict { own.differences(&form) } else { Vec::new() };
    // After a conflict was shown, the values beside it are known.
    let if_match = draft.if_match.filter(|_| !draft.is_conflict).unwrap_or(tag);
    let stored: Option<StoredTypeView> = serde_json::from_value(present).ok();
    let removable_at = stored.as_ref().and_then(|stored| stored.removable_at);
    let is_archived = stored.as_ref().is_some_and(|stored| stored.state == "archived");
    let is_removable = removable_at.is_some_and(|at| at <= visit.time.now);
    let can_archive = (!is_archived && name != "DEFAULT") || is_removable;
    if visit.may("type", "save") {
        visit.show_call(ApiCall::put("/v1/types/{type}", form.body()).path("type", name).if_match(&if_match));
        if can_archive {
            visit.show_call(ApiCall::delete("/v1/types/{type}").path("type", name).if_match(&if_match));
        }
    }
    let page = TypePage {
        fields: form.fields(draft.problem.as_ref()),
        presets: presets(visit, name),
        typed_name: String::new(),
        if_match,
        checked: draft.checked,
        conflicts: conflicts.into_iter().map(EditConflict::from).collect(),
        history: history.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect(),
        first: visit.first_page(),
        next,
        can_archive,
        is_removable,
        volume,
        stored,
        frame: visit.frame("types", name),
        name: name.to_owned(),
        problem: draft.problem,
    };
    rendered(page.problem.as_ref().map_or(200, |problem| problem.status), &page)
}

fn show_new(visit: &Visit<'_>, draft: TypeDraft) -> Result<PageReply, ApiProblem> {
    let empty = || TypeForm::of_type(&Value::Null).with_preset(visit.query().get("preset"));
    let form = draft.form.unwrap_or_else(empty);
    if visit.may("type", "save") {
        let new_name = visit.form().optional("new_name").unwrap_or("NAME");
        visit.show_call(ApiCall::put("/v1/types/{type}", form.body()).path("type", new_name).only_new());
    }
    let page = TypePage {
        fields: form.fields(draft.problem.as_ref()),
        presets: presets(visit, ""),
        name: String::new(),
        typed_name: visit.form().raw("new_name").to_owned(),
        if_match: String::new(),
        stored: None,
        checked: draft.checked,
        conflicts: Vec::new(),
        history: Vec::new(),
        first: None,
        next: None,
        can_archive: false,
        is_removable: false,
        volume: WeekVolume::default(),
        frame: visit.frame("types", "New type"),
        problem: draft.problem,
    };
    rendered(page.problem.as_ref().map_or(200, |problem| problem.status), &page)
}

/// Returns the links that fill the form with what a class means.
fn presets(visit: &Visit<'_>, name: &str) -> Vec<(&'static str, String)> {
    let name = if name.is_empty() { String::new() } else { format!("name={}&", encoded(name)) };
    PRESETS.map(|preset| (preset, format!("{}/type?{name}preset={preset}", visit.base))).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_shown_field_by_field() {
        let row: TypeChangeRow = serde_json::from_value(json!({"at": "2026-11-23T10:00:00Z", "action": "changed",
            "who": "operator", "before": {"tries": 4, "template": null}, "after": {"tries": 6, "template": "news"}}))
        .unwrap();
        let expected = [FieldDifference::new("template", "–", "news"), FieldDifference::new("tries", "4", "6")];
        assert_eq!(row.differences(), expected);
    }
}
