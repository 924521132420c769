//! Frequency caps: the rules, and the effect of a change before it is saved.

use askama::Template;
use jiff::Timestamp;
use serde_json::Value;

use super::caps_form::{CapRuleFields, TypedCapRule, body, differences, fields, of_caps, of_form};
use super::edit_conflict::{EditConflict, with_changes};
use super::field_difference::FieldDifference;
use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, rendered};

#[derive(Debug, Template)]
#[template(path = "caps.html")]
struct CapsPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    rules: Vec<CapRuleFields>,
    if_match: String,
    revision: i64,
    updated_at: Option<Timestamp>,
    checked: Option<CheckedCaps>,
    conflicts: Vec<EditConflict>,
}

/// Effect of a change, from a dry run.
#[derive(Debug)]
struct CheckedCaps {
    /// The request that was checked.
    body: String,
    differences: Vec<FieldDifference>,
    is_stale: bool,
}

/// State of the form between two requests.
#[derive(Debug, Default)]
struct CapsDraft {
    rules: Option<Vec<TypedCapRule>>,
    if_match: String,
    problem: Option<ApiProblem>,
    /// The request that was checked, the rules after it, and if it was sent to be saved.
    checked: Option<(String, Vec<TypedCapRule>, bool)>,
}

/// Shows the rules, checks a change, or saves it.
///
/// # Errors
/// The API's problem, unless the form can show it.
pub async fn answer(visit: &Visit<'_>, action: &str) -> Result<PageReply, ApiProblem> {
    if action.is_empty() {
        return show(visit, CapsDraft::default()).await;
    }
    let form = visit.form();
    let (typed, tag) = (of_form(form), form.get("if_match"));
    let (request, is_save) = (body(&typed), action == "save");
    let text = request.to_string();
    let is_final = is_save && form.get("checked") == text;
    let call = ApiCall::put("/v1/caps", request).if_match(tag);
    let call = if is_final { call } else { call.query("dry_run", "true") };
    let draft = CapsDraft { rules: Some(typed), if_match: tag.to_owned(), ..CapsDraft::default() };
    match visit.call(call).await.ok() {
        Ok(_) if is_final => Ok(visit.redirect("caps", "saved")),
        Ok(after) => show(visit, CapsDraft { checked: Some((text, of_caps(&after), is_save)), ..draft }).await,
        Err(problem) => {
            let problem = Some(with_changes(visit, problem, "caps", "caps").await);
            show(visit, CapsDraft { problem, ..draft }).await
        }
    }
}

async fn show(visit: &Visit<'_>, draft: CapsDraft) -> Result<PageReply, ApiProblem> {
    let answer = visit.call(ApiCall::get("/v1/caps")).await;
    let tag = answer.etag.clone().unwrap_or_default();
    let caps: Value = answer.ok()?;
    let present = of_caps(&caps);
    let is_conflict = draft.problem.as_ref().is_some_and(|problem| problem.status == 412);
    let rules = draft.rules.unwrap_or_else(|| present.clone());
    let checked = draft.checked.map(|(body, after, is_stale)| CheckedCaps {
        differences: differences(&present, &after),
        body,
        is_stale,
    });
    let conflicts = if is_conflict { differences(&present, &rules) } else { Vec::new() };
    // After a conflict was shown, the values beside it are known.
    let if_match = if is_conflict || draft.if_match.is_empty() { tag } else { draft.if_match };
    if visit.may("caps", "save") {
        visit.show_call(ApiCall::put("/v1/caps", body(&rules)).if_match(&if_match));
    }
    let page = CapsPage {
        rules: fields(&rules, draft.problem.as_ref()),
        conflicts: conflicts.into_iter().map(EditConflict::from).collect(),
        if_match,
        revision: caps["revision"].as_i64().unwrap_or_default(),
        updated_at: caps["updated_at"].as_str().and_then(|at| at.parse().ok()),
        checked,
        frame: visit.frame("types", "Frequency caps"),
        problem: draft.problem,
    };
    rendered(page.problem.as_ref().map_or(200, |problem| problem.status), &page)
}
