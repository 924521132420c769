//! Actions of a template's page, each a call of the API.

use serde_json::json;

use super::edit_conflict::{edit_conflicts, with_changes};
use super::template_draft::TemplateTab;
use super::template_page::{StoredTemplate, TemplateRefused, previewed, read, show};
use crate::site::{ApiCall, ApiProblem, PageReply, Visit, empty_frame, encoded};

const NO_EMAIL: &str =
    "<!DOCTYPE html><title>No e-mail</title><p>There is no e-mail with HTML to show for this text.</p>";

/// Shows a template, or acts on it.
///
/// # Errors
/// The API's problem, unless the page can show it.
pub async fn answer(visit: &Visit<'_>, action: &str) -> Result<PageReply, ApiProblem> {
    let fields = if action.is_empty() { visit.query() } else { visit.form() };
    let name = fields.get("name");
    let stored = read(visit, name, fields).await?;
    match action {
        "" => show(visit, name, stored, TemplateRefused::default()).await,
        "save" | "remove" | "reviewed" => save(visit, name, stored, action).await,
        "preview" | "frame" => preview(visit, name, stored, action == "frame").await,
        "test" => match test(visit, name).await {
            Ok(reply) => Ok(reply),
            Err(problem) => refuse(visit, name, stored, problem).await,
        },
        _ => match change(visit, name, action).await {
            Ok(reply) => Ok(reply),
            Err(problem) => refuse(visit, name, stored, problem).await,
        },
    }
}

async fn refuse(
    visit: &Visit<'_>,
    name: &str,
    stored: StoredTemplate,
    mut problem: ApiProblem,
) -> Result<PageReply, ApiProblem> {
    for (field, _) in problem.errors.iter_mut().filter(|(field, _)| field.starts_with("to[")) {
        "to".clone_into(field);
    }
    let problem = Some(with_changes(visit, problem, "template", name).await);
    show(visit, name, stored, TemplateRefused { problem, ..TemplateRefused::default() }).await
}

/// Returns the address of the part that the form edits.
fn place(name: &str, tab: &TemplateTab) -> String {
    match tab.view {
        "text" => format!("template?name={}&locale={}&channel={}", encoded(name), encoded(&tab.locale), tab.channel),
        view => format!("template?name={}&view={view}", encoded(name)),
    }
}

/// Saves the part of the draft that the form has, removes it, or marks it as reviewed without a change.
async fn save(visit: &Visit<'_>, name: &str, stored: StoredTemplate, action: &str) -> Result<PageReply, ApiProblem> {
    let (form, draft) = (visit.form(), &stored.detail["draft"]);
    let tab = TemplateTab::named(form, draft);
    let merged = match action {
        "remove" => Ok(tab.removed(draft)),
        "reviewed" => Ok(draft.clone()),
        _ => tab.merged(draft, form),
    };
    let reviewed = (action == "reviewed").then(|| format!("{}.{}", tab.locale, tab.channel));
    let saved = match &merged {
        Ok(merged) => {
            let call = ApiCall::put("/v1/templates/{name}", merged.clone()).path("name", name);
            let call = call.query_if("reviewed", reviewed.as_deref());
            let tag = form.get("if_match");
            let call = if tag.is_empty() { call.only_new() } else { call.if_match(tag) };
            visit.call(call).await.ok()
        }
        Err(problem) => Err(problem.clone()),
    };
    let Err(problem) = saved else {
        let done = match action {
            "remove" => "removed",
            "reviewed" => "reviewed",
            _ => "saved",
        };
        return Ok(visit.redirect(&place(name, &tab), done));
    };
    let conflicts = match merged {
        Ok(merged) if problem.status == 412 => edit_conflicts(draft, &merged),
        _ => Vec::new(),
    };
    let problem = with_changes(visit, problem, "template", name).await;
    let refused = TemplateRefused { problem: Some(problem), is_typed: action == "save", conflicts, preview: None };
    show(visit, name, stored, refused).await
}

/// Renders what was typed, without saving it: as the page, or as the HTML of the e-mail for a frame.
async fn preview(
    visit: &Visit<'_>,
    name: &str,
    stored: StoredTemplate,
    is_frame: bool,
) -> Result<PageReply, ApiProblem> {
    let form = visit.form();
    let tab = TemplateTab::named(form, &stored.detail["draft"]);
    let body = || {
        let mut body = json!({"template": tab.merged(&stored.detail["draft"], form)?});
        if let Some(recipient) = form.optional("recipient") {
            body["recipient"] = json!(recipient);
        } else if tab.view == "text" {
            body["locale"] = json!(tab.locale);
        }
        if let Some(values) = form.optional("values") {
            body["variables"] = serde_json::from_str(values)
                .map_err(|error| ApiProblem::field("values", &format!("must be JSON: {error}")))?;
        }
        Ok(body)
    };
    let answer = match body() {
        Ok(body) => visit.call(ApiCall::post("/v1/templates/preview", body)).await.ok(),
        Err(problem) => Err(problem),
    };
    if is_frame {
        let html = answer.map(|answer| answer["email"]["html"].as_str().unwrap_or(NO_EMAIL).to_owned());
        return Ok(html.map_or_else(|problem| empty_frame(&problem), PageReply::preview));
    }
    let preview = Some(previewed(visit, name, answer));
    show(visit, name, stored, TemplateRefused { is_typed: true, preview, ..TemplateRefused::default() }).await
}

/// Publishes the draft, makes a version live, or archives the template.
async fn change(visit: &Visit<'_>, name: &str, action: &str) -> Result<PageReply, ApiProblem> {
    let form = visit.form();
    let (call, done) = match action {
        "publish" => (ApiCall::post("/v1/templates/{name}/versions", json!({})), "published"),
        "live" => {
            let version = form.get("version").parse::<u32>();
            let version = version.map_err(|_| ApiProblem::field("version", "must be the number of a version"))?;
            (ApiCall::put("/v1/templates/{name}/live", json!({"version": version})), "live")
        }
        "archive" => (ApiCall::delete("/v1/templates/{name}"), "archived"),
        _ => return Err(ApiProblem::own(404, "There is no such action.")),
    };
    let confirm = form.is_ticked("confirm").then_some("true").filter(|_| action != "archive");
    let call = call.query_if("confirm", confirm);
    visit.call(call.path("name", name).if_match(form.get("if_match"))).await.ok()?;
    Ok(visit.redirect(&format!("template?name={}&view=versions", encoded(name)), done))
}

/// Sends the draft to one recipient, and leads to the notification.
async fn test(visit: &Visit<'_>, name: &str) -> Result<PageReply, ApiProblem> {
    let form = visit.form();
    let mut body = json!({"to": [form.get("to")]});
    if let Some(values) = form.optional("values") {
        body["variables"] = serde_json::from_str(values)
            .map_err(|error| ApiProblem::field("values", &format!("must be JSON: {error}")))?;
    }
    let call = ApiCall::post("/v1/templates/{name}/test", body).path("name", name);
    let answer = visit.call(call).await.ok()?;
    let sent = &answer["items"][0];
    match sent["id"].as_str() {
        Some(id) => Ok(visit.redirect(&format!("notification?id={}", encoded(id)), "tested")),
        None => {
            let status = sent["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(422);
            Err(ApiProblem::own(status, sent["detail"].as_str().unwrap_or("The test was refused.")))
        }
    }
}
