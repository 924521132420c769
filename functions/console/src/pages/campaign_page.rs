//! Page of a campaign that has not begun: a draft is edited step by step, planned, approved and launched.

use askama::Template;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::campaign_body::{SHARE_GUARDS, body_of_step};
use super::campaign_builder::{AudienceBuilder, audience_builder};
use super::campaign_fields::{CampaignFields, STEP_CRITERIA, VARIANT_SLOTS, text};
use super::campaign_list::{CampaignStateBlock, audience, state};
use super::campaign_plan::CampaignPlan;
use super::campaign_sent::show_sent;
use super::edit_conflict::EditConflict;
use super::form_zone::FormZone;
use super::segment_builder::RowContent;
use super::segment_filter::KNOWN_FIELDS;
use super::stored_campaign::{RefusedForm, StoredDraft, progress, read};
use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, encoded, random_text, rendered};

/// Steps of a draft, in order: name and label.
const STEPS: [(&str, &str); 7] = [
    ("audience", "Audience"),
    ("content", "Content and variants"),
    ("time", "Time and rate"),
    ("guards", "Guards"),
    ("plan", "Plan"),
    ("approve", "Approve"),
    ("launch", "Launch"),
];

/// Number of steps that the page of a new campaign has.
const STEPS_OF_NEW: usize = 2;

#[derive(Debug, Template)]
#[template(path = "campaign.html")]
struct CampaignPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    conflicts: Vec<EditConflict>,
    id: String,
    etag: String,
    key: String,
    state: CampaignStateBlock,
    audience: String,
    steps: Vec<CampaignStep>,
    step: &'static str,
    typed: CampaignFields,
    builder: Option<AudienceBuilder>,
    known_fields: [&'static str; KNOWN_FIELDS.len()],
    lists: CampaignLists,
    guards: [(&'static str, &'static str, &'static str); 4],
    /// Criteria of the steps: name and label.
    criteria: [(&'static str, &'static str); 3],
    slots: Vec<String>,
    plan: Option<CampaignPlan>,
    approval: Option<CampaignApproval>,
    tested: Vec<String>,
    test_to: String,
}

/// Step of the stepper.
#[derive(Debug)]
struct CampaignStep {
    /// Empty before there is a draft.
    href: String,
    label: &'static str,
    is_current: bool,
    /// `done`, `default` if none of its fields was set, or `open`. Of a new campaign, where the step is.
    state: &'static str,
}

/// Choices of the lists of the form: value and label.
#[derive(Debug, Default)]
struct CampaignLists {
    types: Vec<(String, String)>,
    segments: Vec<(String, String)>,
    templates: Vec<(String, String)>,
}

#[derive(Debug, Deserialize)]
struct CampaignApproval {
    by: String,
    at: Timestamp,
}

/// Shows a campaign: the form of a draft, or the numbers of one that was launched.
///
/// # Errors
/// The API's problem.
pub async fn show(visit: &Visit<'_>, id: &str, refused: RefusedForm) -> Result<PageReply, ApiProblem> {
    let stored = read(visit, id).await?;
    if ["draft", "approved"].contains(&stored.campaign["state"].as_str().unwrap_or_default()) {
        return show_draft(visit, id, stored, refused).await;
    }
    Box::pin(show_sent(visit, id, stored, refused)).await
}

/// Shows the form of a campaign that does not exist yet.
///
/// # Errors
/// The API's problem.
pub async fn show_new(visit: &Visit<'_>, mut refused: RefusedForm) -> Result<PageReply, ApiProblem> {
    let mut typed = refused.typed.unwrap_or_else(CampaignFields::of_new);
    let builder = Some(audience_builder(visit, &mut typed, &mut refused.problem).await);
    let status = refused.problem.as_ref().map_or(200, |problem| problem.status);
    let page = CampaignPage {
        lists: lists(visit, &["types", "segments", "templates"]).await?,
        id: String::new(),
        etag: String::new(),
        key: visit.form().optional("key").map_or_else(random_text, str::to_owned),
        state: CampaignStateBlock { name: String::new(), class: "", reason: String::new() },
        audience: String::new(),
        steps: steps_of_new(),
        step: "new",
        typed,
        builder,
        known_fields: KNOWN_FIELDS,
        guards: SHARE_GUARDS,
        criteria: STEP_CRITERIA,
        slots: Vec::new(),
        plan: None,
        approval: None,
        tested: Vec::new(),
        test_to: String::new(),
        frame: visit.frame("campaigns", "New campaign"),
        problem: refused.problem,
        conflicts: Vec::new(),
    };
    rendered(status, &page)
}

async fn show_draft(
    visit: &Visit<'_>,
    id: &str,
    StoredDraft { campaign, etag }: StoredDraft,
    mut refused: RefusedForm,
) -> Result<PageReply, ApiProblem> {
    let step = step_of(visit);
    let mut typed =
        refused.typed.unwrap_or_else(|| CampaignFields::of_campaign(&campaign, &FormZone::of_page(&visit.zone)));
    let builder = match step {
        "audience" => Some(audience_builder(visit, &mut typed, &mut refused.problem).await),
        _ => None,
    };
    let lists = match step {
        "audience" => lists(visit, &["types", "segments"]).await?,
        "content" => lists(visit, &["templates"]).await?,
        _ => CampaignLists::default(),
    };
    let plan = match campaign["plan"] {
        Value::Null => None,
        _ => serde_json::from_value::<CampaignPlan>(progress(visit, id).await?["plan"].take()).ok(),
    };
    let approval: Option<CampaignApproval> = serde_json::from_value(campaign["approval"].clone()).ok();
    offer_step(visit, id, step, &typed, (&campaign, &etag), plan.as_ref());
    let status = refused.problem.as_ref().map_or(200, |problem| problem.status);
    let page = CampaignPage {
        lists,
        steps: STEPS
            .iter()
            .map(|(name, label)| link(visit, id, (name, label), step, state_of(name, &campaign, plan.as_ref())))
            .collect(),
        step,
        id: id.to_owned(),
        key: String::new(),
        etag,
        state: state(&campaign),
        audience: audience(&campaign),
        typed,
        builder,
        known_fields: KNOWN_FIELDS,
        guards: SHARE_GUARDS,
        criteria: STEP_CRITERIA,
        slots: (0..VARIANT_SLOTS).map(|place| format!("variants[{place}]")).collect(),
        plan,
        approval,
        tested: tested(visit),
        test_to: visit.form().raw("to").to_owned(),
        frame: visit.frame("campaigns", campaign["title"].as_str().unwrap_or("Campaign")),
        problem: refused.problem,
        conflicts: refused.conflicts,
    };
    rendered(status, &page)
}

/// Offers the calls that the buttons of a step make.
fn offer_step(
    visit: &Visit<'_>,
    id: &str,
    step: &str,
    typed: &CampaignFields,
    (campaign, etag): (&Value, &str),
    plan: Option<&CampaignPlan>,
) {
    let about = |template, body| ApiCall::post(template, body).path("id", id);
    let hash = plan.map_or_else(|| json!({}), |plan| json!({"hash": plan.hash}));
    let call = match step {
        "plan" => Some(about("/v1/campaigns/{id}/plan", json!({}))),
        "approve" if plan.is_some() => Some(about("/v1/campaigns/{id}/approve", hash)),
        "launch" if plan.is_some() => Some(about("/v1/campaigns/{id}/launch", hash)),
        _ => body_of_step(step, typed, campaign)
            .ok()
            .map(|body| ApiCall::patch("/v1/campaigns/{id}", Value::Object(body)).path("id", id).if_match(etag)),
    };
    let action = if ["plan", "approve", "launch"].contains(&step) { step } else { "save" };
    if let Some(call) = call.filter(|_| visit.may("campaign", action)) {
        visit.show_call(call);
    }
    if visit.may("campaign", "cancel") {
        visit.show_call(about("/v1/campaigns/{id}/cancel", json!({})));
    }
}

fn link(
    visit: &Visit<'_>,
    id: &str,
    (name, label): (&str, &'static str),
    current: &str,
    state: &'static str,
) -> CampaignStep {
    let href = format!("{}/campaign?id={}&step={name}", visit.base, encoded(id));
    CampaignStep { href, label, is_current: name == current, state }
}

/// Returns the steps of a campaign that does not exist yet: the first two are on its page.
fn steps_of_new() -> Vec<CampaignStep> {
    let step = |(place, (_, label)): (usize, &(&'static str, &'static str))| CampaignStep {
        href: String::new(),
        label,
        is_current: place == 0,
        state: if place < STEPS_OF_NEW { "on this page" } else { "after the draft" },
    };
    STEPS.iter().enumerate().map(step).collect()
}

/// Fields of the step about time with their defaults; the empty text is no value.
const TIME_DEFAULTS: [(&str, &str); 7] = [
    ("send_at", ""),
    ("at_local", ""),
    ("rate_per_second", "500"),
    ("not_after", ""),
    ("rollout", ""),
    ("ttl_seconds", ""),
    ("urgency", "low"),
];

/// Returns the state of a step: `done`, `open`, or `default`.
fn state_of(step: &str, campaign: &Value, plan: Option<&CampaignPlan>) -> &'static str {
    let is_done = match step {
        "plan" => plan.is_some_and(|plan| plan.is_complete),
        "approve" => !campaign["approval"].is_null(),
        "launch" => false,
        _ if has_defaults(step, campaign) => return "default",
        _ => true,
    };
    if is_done { "done" } else { "open" }
}

/// Returns `true` if a step has its defaults, so that it may never have been opened.
fn has_defaults(step: &str, campaign: &Value) -> bool {
    let is_default = |value: &Value, default: &str| value.is_null() || text(value) == default;
    let guards = &campaign["guards"];
    match step {
        "time" => TIME_DEFAULTS.iter().all(|(field, default)| is_default(&campaign[*field], default)),
        "guards" => {
            let shares = SHARE_GUARDS.iter().all(|(name, _, default)| is_default(&guards[*name], default));
            shares && is_default(&guards["min_people"], "100")
        }
        _ => false,
    }
}

impl CampaignPage {
    /// Returns `true` while the plan is counted.
    fn is_counting(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| !plan.is_complete)
    }
}

/// Returns the step that the address or the form names.
fn step_of(visit: &Visit<'_>) -> &'static str {
    let named = visit.form().optional("step").unwrap_or_else(|| visit.query().get("step"));
    STEPS.iter().find(|(name, _)| *name == named).map_or("audience", |(name, _)| name)
}

/// Returns the step after another one.
#[must_use]
pub fn step_after(step: &str) -> &'static str {
    let place = STEPS.iter().position(|(name, _)| *name == step).unwrap_or_default();
    STEPS.get(place + 1).map_or("launch", |(name, _)| name)
}

/// Returns the ids of the notifications of a test that was sent just now.
fn tested(visit: &Visit<'_>) -> Vec<String> {
    let ids = visit.query().get("tested");
    ids.split(',').map(str::trim).filter(|id| !id.is_empty()).take(10).map(str::to_owned).collect()
}

async fn lists(visit: &Visit<'_>, wanted: &[&str]) -> Result<CampaignLists, ApiProblem> {
    let mut lists = CampaignLists::default();
    if wanted.contains(&"types") {
        let types = visit.call(ApiCall::get("/v1/types")).await.ok()?;
        let may = |kind: &&Value| kind["class"] != "critical" && kind["state"] != "archived";
        lists.types =
            types["items"].as_array().into_iter().flatten().filter(may).filter_map(|it| choice(it, "name")).collect();
    }
    if wanted.contains(&"segments") {
        let segments = visit.call(ApiCall::get("/v1/segments")).await.ok()?;
        lists.segments = segments["items"].as_array().into_iter().flatten().filter_map(|it| choice(it, "id")).collect();
    }
    if wanted.contains(&"templates") {
        let templates = visit.call(ApiCall::get("/v1/templates")).await.ok()?;
        let is_live = |template: &&Value| !template["live_version"].is_null() && template["state"] == "active";
        let live = templates["items"].as_array().into_iter().flatten().filter(is_live);
        lists.templates = live.filter_map(|it| choice(it, "name")).collect();
    }
    Ok(lists)
}

fn choice(item: &Value, name: &str) -> Option<(String, String)> {
    let value = item[name].as_str()?;
    let title = item["title"].as_str().unwrap_or_default();
    Some((value.to_owned(), format!("{value} – {title}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_nobody_opened_has_its_defaults() {
        let guards = json!({"max_failed_percent": 10.0, "max_missing_variable_percent": 5.0,
            "max_complained_percent": 0.3, "max_opted_out_percent": 2.0, "min_people": 100});
        let draft = json!({"title": "Spring", "guards": guards, "rate_per_second": 500, "urgency": "low"});
        assert!(has_defaults("time", &draft) && has_defaults("guards", &draft) && !has_defaults("content", &draft));
        assert!(!has_defaults("time", &json!({"rate_per_second": 9})));
        assert!(!has_defaults("guards", &json!({"guards": {"max_failed_percent": 3.0}})));
    }
}
