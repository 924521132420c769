//! Actions of a campaign's page, each a call of the API.

use serde_json::{Map, Value, json};

use super::campaign_body::{body_of_step, link_errors_to_inputs, pace};
use super::campaign_builder::with_filter;
use super::campaign_fields::{CampaignFields, without_nulls};
use super::campaign_page::{show, show_new, step_after};
use super::campaign_plan::{CampaignPlan, refusal_of_typed};
use super::campaign_sent::people_left;
use super::edit_conflict::{edit_conflicts, with_changes};
use super::stored_campaign::{RefusedForm, progress, read};
use crate::site::{ApiCall, ApiProblem, PageReply, Visit, encoded};

/// Shows a campaign, or acts on it.
///
/// # Errors
/// The API's problem, unless the page can show it.
pub async fn answer(visit: &Visit<'_>, action: &str) -> Result<PageReply, ApiProblem> {
    if action.is_empty() {
        let id = visit.query().get("id");
        let refused = RefusedForm::default();
        return if id.is_empty() { show_new(visit, refused).await } else { show(visit, id, refused).await };
    }
    if action == "create" {
        return create(visit).await;
    }
    let id = visit.form().get("id");
    if action == "edit" {
        let refused = RefusedForm { typed: Some(CampaignFields::of_form(visit.form())), ..RefusedForm::default() };
        return if id.is_empty() { show_new(visit, refused).await } else { show(visit, id, refused).await };
    }
    let done = match action {
        "save" | "pace" => return save(visit, id, action).await,
        "test" => test(visit, id).await,
        "retry" => retry(visit, id).await,
        "version" => take_new_versions(visit, id).await,
        "launch" | "resume" => match Box::pin(start(visit, id, action)).await {
            Ok(Some(reply)) => return Ok(reply),
            Ok(None) => Ok(to(visit, id, "", if action == "launch" { "launched" } else { "resumed" })),
            Err(problem) => Err(problem),
        },
        _ => move_on(visit, id, action).await,
    };
    match done {
        Ok(reply) => Ok(reply),
        // There is no page of a campaign that does not exist.
        Err(problem) if problem.status == 404 => Err(problem),
        Err(problem) => {
            let problem = Some(on_this_page(link_errors_to_inputs(problem)));
            let typed = ["launch", "resume", "cancel"].contains(&action).then(|| CampaignFields::of_form(visit.form()));
            show(visit, id, RefusedForm { problem, typed, conflicts: Vec::new() }).await
        }
    }
}

/// Shows errors as text if their inputs are on the page of another step.
fn on_this_page(mut problem: ApiProblem) -> ApiProblem {
    if !problem.errors.iter().all(|(field, _)| ["people", "cancel_people", "to"].contains(&field.as_str())) {
        let errors: Vec<_> = problem.errors.drain(..).map(|(field, message)| format!("{field}: {message}")).collect();
        problem.detail = errors.join("; ").into();
    }
    problem
}

fn to(visit: &Visit<'_>, id: &str, more: &str, done: &str) -> PageReply {
    visit.redirect(&format!("campaign?id={}{more}", encoded(id)), done)
}

async fn create(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let typed = CampaignFields::of_form(visit.form());
    let body = || {
        let decided = with_filter(visit, &typed)?;
        let mut body = body_of_step("audience", &decided, &Value::Null)?;
        body.extend(body_of_step("content", &typed, &Value::Null)?);
        Ok::<_, ApiProblem>(Value::Object(without_nulls(body)))
    };
    let created = match body() {
        Ok(body) => {
            let call = ApiCall::post("/v1/campaigns", body).idempotency_key(visit.form().get("key"));
            visit.call(call).await.ok()
        }
        Err(problem) => Err(problem),
    };
    match created {
        Ok(created) => Ok(to(visit, created["id"].as_str().unwrap_or_default(), "&step=content", "created")),
        Err(problem) => {
            let problem = Some(link_errors_to_inputs(problem));
            show_new(visit, RefusedForm { problem, typed: Some(typed), conflicts: Vec::new() }).await
        }
    }
}

/// Saves a step of a draft, or the pace of a paused campaign, unless another person has changed it since the form was
/// shown.
async fn save(visit: &Visit<'_>, id: &str, action: &str) -> Result<PageReply, ApiProblem> {
    let (typed, step) = (CampaignFields::of_form(visit.form()), visit.form().get("step"));
    let stored = read(visit, id).await?.campaign;
    let body = match (action, step) {
        ("pace", _) => pace(&typed, &stored),
        (_, "audience") => with_filter(visit, &typed).and_then(|decided| body_of_step(step, &decided, &stored)),
        _ => body_of_step(step, &typed, &stored),
    };
    let (body, changed) = match body {
        Ok(body) => (body.clone(), patch(visit, id, body).await),
        Err(problem) => (Map::new(), Err(problem)),
    };
    match changed {
        Ok(()) if action == "pace" => Ok(to(visit, id, "", "pace")),
        Ok(()) => Ok(to(visit, id, &format!("&step={}", step_after(step)), "saved")),
        Err(problem) => {
            let is_stale = problem.status == 412;
            let conflicts = if is_stale { edit_conflicts(&stored, &Value::Object(body)) } else { Vec::new() };
            let problem = with_changes(visit, problem, "campaign", id).await;
            let problem = Some(link_errors_to_inputs(problem));
            show(visit, id, RefusedForm { problem, typed: Some(typed), conflicts }).await
        }
    }
}

async fn patch(visit: &Visit<'_>, id: &str, body: Map<String, Value>) -> Result<(), ApiProblem> {
    let call = ApiCall::patch("/v1/campaigns/{id}", Value::Object(body)).path("id", id);
    visit.call(call.if_match(visit.form().get("if_match"))).await.ok().map(drop)
}

/// Plans, approves, pauses or cancels.
async fn move_on(visit: &Visit<'_>, id: &str, action: &str) -> Result<PageReply, ApiProblem> {
    if action == "cancel" {
        check_cancel(visit, id).await?;
    }
    let (call, more, done) = match action {
        "plan" => (ApiCall::post("/v1/campaigns/{id}/plan", json!({})), "&step=plan", "planned"),
        "approve" => (ApiCall::post("/v1/campaigns/{id}/approve", hash(visit)), "&step=launch", "approved"),
        "pause" => (ApiCall::post("/v1/campaigns/{id}/pause", json!({})), "", "paused"),
        "cancel" => (ApiCall::post("/v1/campaigns/{id}/cancel", json!({})), "", "cancelled"),
        _ => return Err(ApiProblem::own(404, "There is no such action.")),
    };
    visit.call(call.path("id", id)).await.ok()?;
    Ok(to(visit, id, more, done))
}

/// Requires the typed number of people before a campaign of many people is cancelled. A draft has sent no message.
async fn check_cancel(visit: &Visit<'_>, id: &str) -> Result<(), ApiProblem> {
    let mut read = progress(visit, id).await?;
    if read["sending"].is_null() {
        return Ok(());
    }
    let Ok(plan) = serde_json::from_value::<CampaignPlan>(read["plan"].take()) else { return Ok(()) };
    match refusal_of_typed(&plan, None, visit.form().get("cancel_people")) {
        Some(message) => Err(ApiProblem::field("cancel_people", &message)),
        None => Ok(()),
    }
}

/// Returns the hash of the plan that the page showed.
fn hash(visit: &Visit<'_>) -> Value {
    visit.form().optional("hash").map_or_else(|| json!({}), |hash| json!({"hash": hash}))
}

/// Launches or resumes a campaign. For many people the login must be recent, and their number is typed. Returns a page
/// if the login is too old.
async fn start(visit: &Visit<'_>, id: &str, action: &str) -> Result<Option<PageReply>, ApiProblem> {
    let mut read = progress(visit, id).await?;
    if let Ok(plan) = serde_json::from_value::<CampaignPlan>(read["plan"].take()) {
        let left = if action == "resume" { people_left(&read) } else { None };
        if let Some(message) = refusal_of_typed(&plan, left, visit.form().get("people")) {
            return Err(ApiProblem::field("people", &message));
        }
        if let (true, Some(login)) = (plan.is_large(), visit.require_recent_login()) {
            return Ok(Some(login));
        }
    }
    let call = match action {
        "launch" => ApiCall::post("/v1/campaigns/{id}/launch", hash(visit)),
        _ => ApiCall::post("/v1/campaigns/{id}/resume", json!({})),
    };
    visit.call(call.path("id", id)).await.ok()?;
    Ok(None)
}

async fn test(visit: &Visit<'_>, id: &str) -> Result<PageReply, ApiProblem> {
    let people: Vec<_> = visit.form().get("to").lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let call = ApiCall::post("/v1/campaigns/{id}/test", json!({"to": people})).path("id", id);
    let sent = visit.call(call).await.ok()?;
    let sent = sent["items"].as_array().into_iter().flatten();
    let ids: Vec<_> = sent.filter_map(|sent| sent["notification"].as_str()).collect();
    Ok(to(visit, id, &format!("&step=plan&tested={}", encoded(&ids.join(","))), "tested"))
}

/// Creates a draft for people whose notification ended in one way, and for one reason if the form names it.
async fn retry(visit: &Visit<'_>, id: &str) -> Result<PageReply, ApiProblem> {
    let stored = read(visit, id).await?.campaign;
    let outcome = visit.form().get("outcome");
    let title: String = format!("Retry: {}", stored["title"].as_str().unwrap_or_default()).chars().take(100).collect();
    let mut body = json!({"outcomes": [outcome], "title": title});
    if let Some(reason) = visit.form().optional("reason") {
        body["reasons"] = json!([reason]);
    }
    let draft = visit.call(ApiCall::post("/v1/campaigns/{id}/retry", body).path("id", id)).await.ok()?;
    Ok(to(visit, draft["id"].as_str().unwrap_or_default(), "&step=audience", "retried"))
}

/// Takes the live versions of a paused campaign's templates, for people who are not sent to yet.
async fn take_new_versions(visit: &Visit<'_>, id: &str) -> Result<PageReply, ApiProblem> {
    let stored = read(visit, id).await?.campaign;
    let live = |template: &Value| json!({"name": template["name"]});
    let mut body = Map::new();
    if stored["template"].is_object() {
        body.insert("template".to_owned(), live(&stored["template"]));
    }
    if let Some(variants) = stored["variants"].as_array() {
        let mut variants = variants.clone();
        for variant in variants.iter_mut().filter(|variant| variant["template"].is_object()) {
            variant["template"] = live(&variant["template"]);
        }
        body.insert("variants".to_owned(), Value::Array(variants));
    }
    patch(visit, id, body).await?;
    Ok(to(visit, id, "", "versions"))
}
