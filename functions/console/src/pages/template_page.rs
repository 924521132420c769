//! Page of a template: its texts by locale and channel, its variables, its previews, its versions.

use askama::Template;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::edit_conflict::{EditConflict, shown};
use super::template_draft::{TemplateInput, TemplateTab, new_draft};
use super::template_findings::{FindingLink, MatrixRow, findings, is_outdated, link_of, matrix};
use super::template_list::{TemplateUser, users};
use super::template_preview::{RenderedPreview, shown_preview};
use super::template_versions::{TemplateVersions, versions};
use crate::site::{ApiCall, ApiProblem, Fields, Frame, PageReply, Visit, encoded, rendered};

#[derive(Debug, Template)]
#[template(path = "template.html")]
struct TemplatePage {
    frame: Frame,
    problem: Option<ApiProblem>,
    conflicts: Vec<EditConflict>,
    name: String,
    etag: String,
    facts: TemplateFacts,
    used_by: Vec<TemplateUser>,
    rows: Vec<MatrixRow>,
    tab: TemplateTab,
    tabs: Vec<(String, &'static str, bool)>,
    inputs: Vec<TemplateInput>,
    found: Vec<FindingLink>,
    variables: Vec<VariableFacts>,
    values: String,
    is_outdated: bool,
    recipient: String,
    preview: TemplatePreviewResult,
    versions: Option<TemplateVersions>,
    test_to: String,
}

/// Template without its draft.
#[derive(Debug)]
struct TemplateFacts {
    exists: bool,
    is_archived: bool,
    has_text: bool,
    live: Option<i64>,
    latest: i64,
    updated_at: Option<Timestamp>,
}

/// Variable of the schema.
#[derive(Debug)]
struct VariableFacts {
    name: String,
    kind: String,
    is_required: bool,
    is_sensitive: bool,
    example: String,
    description: String,
}

/// Preview, or what prevents it.
#[derive(Debug, Default)]
pub struct TemplatePreviewResult {
    /// Messages.
    pub shown: Option<RenderedPreview>,
    /// Findings, each with the link to its input.
    pub findings: Vec<FindingLink>,
    /// Reason that concerns no field.
    pub reason: String,
}

impl TemplatePreviewResult {
    /// Returns `true` if there is an e-mail to show in the frame.
    fn has_email(&self) -> bool {
        self.shown.as_ref().is_some_and(|shown| shown.email.is_some())
    }
}

/// Template as the API has it, with its tag. A template that does not exist has no tag.
#[derive(Debug)]
pub struct StoredTemplate {
    /// Template with its draft.
    pub detail: Value,
    /// `ETag`; empty for a new template.
    pub etag: String,
}

/// Content that an action returns to the page.
#[derive(Debug, Default)]
pub struct TemplateRefused {
    /// Reason.
    pub problem: Option<ApiProblem>,
    /// `true` if the form has typed texts.
    pub is_typed: bool,
    /// Changes that another person stored meanwhile.
    pub conflicts: Vec<EditConflict>,
    /// Preview of what was typed.
    pub preview: Option<TemplatePreviewResult>,
}

/// Reads a template. One that does not exist is a draft without texts.
///
/// # Errors
/// The API's problem.
pub async fn read(visit: &Visit<'_>, name: &str, fields: &Fields) -> Result<StoredTemplate, ApiProblem> {
    let answer = visit.call(ApiCall::get("/v1/templates/{name}").path("name", name)).await;
    if answer.status == 404 {
        let detail = json!({"name": name, "draft": new_draft(name, fields.optional("locale")), "findings": []});
        return Ok(StoredTemplate { detail, etag: String::new() });
    }
    let etag = answer.etag.clone().unwrap_or_default();
    Ok(StoredTemplate { detail: answer.ok()?, etag })
}

/// Shows a template.
///
/// # Errors
/// The API's problem.
pub async fn show(
    visit: &Visit<'_>,
    name: &str,
    stored: StoredTemplate,
    mut refused: TemplateRefused,
) -> Result<PageReply, ApiProblem> {
    let fields = if visit.request.is_post { visit.form() } else { visit.query() };
    let StoredTemplate { detail, etag } = stored;
    let tab = TemplateTab::named(fields, &detail["draft"]);
    let facts = facts(&detail, &etag, &tab);
    let preview = match refused.preview.take() {
        Some(preview) => preview,
        None if tab.view == "text" && facts.has_text && !refused.is_typed => {
            let body = json!({"locale": tab.locale});
            let call = ApiCall::post("/v1/templates/{name}/preview", body).path("name", name);
            previewed(visit, name, visit.call(call).await.ok())
        }
        None => TemplatePreviewResult::default(),
    };
    let versions =
        if tab.view == "versions" && facts.exists { Some(versions(visit, name, &detail).await?) } else { None };
    let mut found = findings(visit.base, name, &detail);
    lead_to_inputs(visit, name, refused.problem.as_mut(), &mut found);
    let own = if tab.view == "text" { (tab.locale.as_str(), tab.channel) } else { ("", "") };
    let mut rows = matrix(visit.base, name, &detail, &found, own);
    rows.retain(|row| !row.locale.is_empty());
    offer_changes(visit, name, &StoredTemplate { detail: detail.clone(), etag: etag.clone() }, &tab, &refused);
    let status = refused.problem.as_ref().map_or(200, |problem| problem.status);
    let page = TemplatePage {
        used_by: users(visit).await?.remove(name).unwrap_or_default(),
        rows,
        tabs: tabs(visit, name, tab.view),
        inputs: if refused.is_typed { tab.typed(fields) } else { tab.inputs(&detail["draft"]) },
        variables: variables(&detail["draft"]["variables"]),
        values: fields.raw("values").to_owned(),
        is_outdated: tab.view == "text" && is_outdated(&detail, &tab.locale, tab.channel),
        recipient: fields.raw("recipient").to_owned(),
        test_to: fields.raw("to").to_owned(),
        tab,
        name: name.to_owned(),
        etag,
        facts,
        found,
        preview,
        versions,
        frame: visit.frame("templates", format!("Template {name}")),
        problem: refused.problem,
        conflicts: refused.conflicts,
    };
    rendered(status, &page)
}

/// Offers the calls that the buttons of the tab make.
fn offer_changes(visit: &Visit<'_>, name: &str, stored: &StoredTemplate, tab: &TemplateTab, refused: &TemplateRefused) {
    let StoredTemplate { detail, etag } = stored;
    let about = |call: ApiCall| call.path("name", name).if_match(etag);
    if tab.view == "versions" {
        let latest = json!({"version": detail["latest_version"].as_i64().unwrap_or(1).max(1)});
        let calls = [
            ("publish", ApiCall::post("/v1/templates/{name}/versions", json!({}))),
            ("live", ApiCall::put("/v1/templates/{name}/live", latest)),
            ("archive", ApiCall::delete("/v1/templates/{name}")),
        ];
        let is_archived = detail["state"] == "archived";
        let is_offered = |action: &str| visit.may("template", action) && !(is_archived && action == "archive");
        for (_, call) in calls.into_iter().filter(|(action, _)| is_offered(action)) {
            visit.show_call(about(call));
        }
        return;
    }
    let typed = refused.is_typed.then(|| tab.merged(&detail["draft"], visit.form()).ok());
    let draft = typed.flatten().unwrap_or_else(|| detail["draft"].clone());
    if visit.may("template", "save") {
        let call = ApiCall::put("/v1/templates/{name}", draft).path("name", name);
        visit.show_call(if etag.is_empty() { call.only_new() } else { call.if_match(etag) });
    }
}

fn tabs(visit: &Visit<'_>, name: &str, view: &str) -> Vec<(String, &'static str, bool)> {
    let tab = |(own, label): (&str, &'static str)| {
        let own_view = if own == "text" { String::new() } else { format!("&view={own}") };
        (format!("{}/template?name={}{own_view}", visit.base, encoded(name)), label, own == view)
    };
    [("text", "Texts"), ("about", "Title, locale and variables"), ("versions", "Versions and differences")]
        .map(tab)
        .into()
}

/// Moves the errors of fields to the findings, whose links lead to the tab of the field too.
fn lead_to_inputs(visit: &Visit<'_>, name: &str, problem: Option<&mut ApiProblem>, found: &mut Vec<FindingLink>) {
    let Some(problem) = problem else { return };
    let is_of_draft = |(field, _): &(String, String)| field.starts_with("parts.") || field.starts_with("variables.");
    if !problem.errors.iter().any(is_of_draft) {
        return;
    }
    for (field, message) in std::mem::take(&mut problem.errors) {
        if !found.iter().any(|finding| finding.path == field) {
            found.push(link_of(visit.base, name, &field, &message));
        }
    }
    problem.detail = "The findings below prevent it. Each leads to its place.".into();
}

/// Returns a preview, or what prevents it.
#[must_use]
pub fn previewed(visit: &Visit<'_>, name: &str, answer: Result<Value, ApiProblem>) -> TemplatePreviewResult {
    match answer {
        Ok(answer) => TemplatePreviewResult { shown: Some(shown_preview(&answer)), ..TemplatePreviewResult::default() },
        Err(problem) => TemplatePreviewResult {
            findings: problem.errors.iter().map(|(field, message)| link_of(visit.base, name, field, message)).collect(),
            reason: problem.detail.into(),
            shown: None,
        },
    }
}

fn facts(detail: &Value, etag: &str, tab: &TemplateTab) -> TemplateFacts {
    TemplateFacts {
        exists: !etag.is_empty(),
        is_archived: detail["state"] == "archived",
        has_text: !etag.is_empty() && !detail["draft"]["parts"][&tab.locale][tab.channel].is_null(),
        live: detail["live_version"].as_i64(),
        latest: detail["latest_version"].as_i64().unwrap_or(0),
        updated_at: detail["updated_at"].as_str().and_then(|at| at.parse().ok()),
    }
}

fn variables(schema: &Value) -> Vec<VariableFacts> {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let facts = |(name, property): (&String, &Value)| {
        let text = |field: &str| property[field].as_str().unwrap_or_default();
        let kind =
            [text("type"), text("format")].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(", ");
        VariableFacts {
            name: name.clone(),
            kind,
            is_required: required.iter().any(|required| required == name),
            is_sensitive: property["sensitive"] == true,
            example: shown(&property["example"]),
            description: text("description").to_owned(),
        }
    };
    properties.map(facts).collect()
}
