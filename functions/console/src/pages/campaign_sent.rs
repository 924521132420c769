//! Page of a campaign that was launched: its numbers while they change, its recipients, its results, its definition.

use askama::Template;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::campaign_body::SHARE_GUARDS;
use super::campaign_fields::{CampaignFields, instant_of};
use super::campaign_list::{CampaignBegin, CampaignStateBlock, audience, begin, state};
use super::campaign_people::{CampaignPeople, people};
use super::campaign_plan::{CampaignCounts, CampaignPlan};
use super::campaign_results::{CampaignResults, results};
use super::edit_conflict::{EditConflict, shown};
use super::form_zone::FormZone;
use super::stored_campaign::{RefusedForm, StoredDraft, progress};
use crate::site::{
    ApiCall, ApiProblem, Frame, PageReply, Visit, ZoneChoice, count, duration_text, encoded, euro, number_of, rendered,
};

const TABS: [(&str, &str); 4] =
    [("numbers", "Numbers"), ("recipients", "Recipients"), ("results", "Results"), ("definition", "Definition")];
/// Fields of the API that are no part of the definition.
const OWN_FIELDS: [&str; 13] = [
    "id",
    "state",
    "pause_reason",
    "pause_detail",
    "plan",
    "approval",
    "launch",
    "sent_at",
    "ended_at",
    "revision",
    "created_at",
    "updated_at",
    "title",
];

#[derive(Debug, Template)]
#[template(path = "campaign_sent.html")]
struct CampaignSentPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    conflicts: Vec<EditConflict>,
    id: String,
    etag: String,
    state: CampaignStateBlock,
    audience: String,
    tab: &'static str,
    tabs: Vec<(String, &'static str, bool)>,
    sentence: String,
    begin: CampaignBegin,
    sending: Option<CampaignSending>,
    plan: Option<CampaignPlan>,
    typed: CampaignFields,
    guards: [(&'static str, &'static str, &'static str); 4],
    launch: CampaignLaunch,
    people: Option<CampaignPeople>,
    results: Option<CampaignResults>,
    /// Explanation if the content of the tab was deleted after its retention.
    deleted: Option<Box<str>>,
    definition: Vec<(String, String)>,
}

/// Content of the tabs that have a request of their own.
#[derive(Debug, Default)]
struct TabContent {
    people: Option<CampaignPeople>,
    results: Option<CampaignResults>,
    deleted: Option<Box<str>>,
}

/// Launch.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CampaignLaunch {
    at: Option<Timestamp>,
    by: String,
    templates: Vec<LaunchedTemplate>,
    winner: Option<CampaignWinner>,
}

#[derive(Debug, Deserialize)]
struct LaunchedTemplate {
    name: String,
    version: i64,
    #[serde(default)]
    newer_version: Option<i64>,
}

/// Variant that the people after a test phase get.
#[derive(Debug, Deserialize)]
struct CampaignWinner {
    variant: String,
    at: Timestamp,
    #[serde(default)]
    detail: String,
}

/// Numbers of the sending.
#[derive(Debug, Deserialize)]
struct CampaignSending {
    #[serde(default)]
    expected_people: i64,
    numbers: CampaignCounts,
    rate_per_second: i64,
    #[serde(default)]
    step: i64,
    limiting_factor: String,
    #[serde(default)]
    seconds_left: i64,
}

/// Row of what became of people.
struct OutcomeRow {
    outcome: &'static str,
    meaning: &'static str,
    people: String,
    is_retried: bool,
}

impl CampaignSending {
    fn handled(&self) -> i64 {
        self.numbers.matched - self.numbers.holdout
    }

    fn handled_people(&self) -> String {
        number_of(self.handled(), "person", "people")
    }

    fn open(&self) -> i64 {
        (self.expected_people - self.handled()).max(0)
    }

    /// Returns the number of people who are left, with its noun.
    fn open_people(&self, one: &str, many: &str) -> String {
        number_of(self.open(), one, many)
    }

    fn left(&self) -> String {
        duration_text(SignedDuration::from_secs(self.seconds_left))
    }

    fn limit(&self) -> &str {
        match self.limiting_factor.as_str() {
            "rate" => "the rate",
            "rollout_step" => "the step of the rollout",
            "test_phase" => "the test phase of the variants",
            "local_time" => "the time of the next time zone",
            "ses_rate" => "the send rate of SES",
            "ses_quota" => "the quota of SES for 24 hours",
            "sns_rate" => "the send rate of SMS",
            "workers" => "the workers, which take as much as they can",
            "paused" => "the pause",
            "time" => "the time at which it begins",
            "nothing" => "nothing: every task is done",
            other => other,
        }
    }

    fn cost(&self) -> String {
        euro(self.numbers.cost_micros)
    }

    fn outcomes(&self) -> [OutcomeRow; 7] {
        outcome_counts(&self.numbers).map(|(outcome, people)| {
            let (meaning, is_retried) = match outcome {
                "sent" => ("a provider accepted a message", false),
                "waiting" => ("a later attempt is due", false),
                "held" => ("by quiet hours or a cap", false),
                "failed" => ("no channel took the message", true),
                "skipped" => ("a gate stopped the message", true),
                "holdout" => ("left out to compare with", false),
                _ => ("the person was erased meanwhile", false),
            };
            OutcomeRow { outcome, meaning, people: count(people), is_retried: is_retried && people > 0 }
        })
    }
}

/// Returns what became of people at the first attempt, with their number.
#[must_use]
pub fn outcome_counts(numbers: &CampaignCounts) -> [(&'static str, i64); 7] {
    [
        ("sent", numbers.sent),
        ("waiting", numbers.waiting),
        ("held", numbers.held),
        ("failed", numbers.failed),
        ("skipped", numbers.all_skipped()),
        ("holdout", numbers.holdout),
        ("erased", numbers.erased),
    ]
}

impl CampaignSentPage {
    /// Returns the address of a table as a file.
    fn file(&self, table: &str) -> String {
        format!("{}&table={table}", self.frame.href_of("campaign-csv", "id", &self.id))
    }

    fn is_open(&self) -> bool {
        ["scheduled", "running", "paused", "finishing"].contains(&self.state.name.as_str())
    }

    fn is(&self, state: &str) -> bool {
        self.state.name == state
    }
}

/// Returns the number of people who are not sent to yet, of the progress of a campaign; `None` before its launch.
#[must_use]
pub fn people_left(progress: &Value) -> Option<i64> {
    let sending: CampaignSending = serde_json::from_value(progress["sending"].clone()).ok()?;
    Some(sending.open())
}

/// Shows a campaign that was launched or cancelled.
///
/// # Errors
/// The API's problem.
pub async fn show_sent(
    visit: &Visit<'_>,
    id: &str,
    StoredDraft { campaign, etag }: StoredDraft,
    refused: RefusedForm,
) -> Result<PageReply, ApiProblem> {
    let wanted = visit.form().optional("tab").unwrap_or_else(|| visit.query().get("tab"));
    let tab = TABS.iter().find(|(name, _)| *name == wanted).map_or("numbers", |(name, _)| name);
    let launch: CampaignLaunch = serde_json::from_value(campaign["launch"].clone()).unwrap_or_default();
    let mut read = progress(visit, id).await?;
    let was_launched = launch.at.is_some();
    let content = if was_launched { tab_content(visit, id, tab).await? } else { TabContent::default() };
    let sending: Option<CampaignSending> = serde_json::from_value(read["sending"].take()).ok();
    let state = state(&campaign);
    let link = |(name, label): (&str, &'static str)| {
        (format!("{}/campaign?id={}&tab={name}", visit.base, encoded(id)), label, name == tab)
    };
    offer_moves(visit, id, &state.name);
    let status = refused.problem.as_ref().map_or(200, |problem| problem.status);
    let page = CampaignSentPage {
        id: id.to_owned(),
        etag,
        audience: audience(&campaign),
        tab,
        tabs: TABS.map(link).into(),
        sentence: sentence(&state, sending.as_ref(), was_launched),
        begin: begin(&campaign),
        state,
        sending,
        plan: serde_json::from_value(read["plan"].take()).ok(),
        typed: refused.typed.unwrap_or_else(|| CampaignFields::of_campaign(&campaign, &FormZone::of_page(&visit.zone))),
        guards: SHARE_GUARDS,
        launch,
        people: content.people,
        results: content.results,
        deleted: content.deleted,
        definition: definition(&campaign, &visit.zone),
        frame: visit.frame("campaigns", campaign["title"].as_str().unwrap_or("Campaign")),
        problem: refused.problem,
        conflicts: refused.conflicts,
    };
    rendered(status, &page)
}

/// Reads the content of a tab of a launched campaign. A 404 means data whose retention is over.
async fn tab_content(visit: &Visit<'_>, id: &str, tab: &str) -> Result<TabContent, ApiProblem> {
    let read = match tab {
        "recipients" => {
            people(visit, id).await.map(|people| TabContent { people: Some(people), ..TabContent::default() })
        }
        "results" => {
            let answer = visit.call(ApiCall::get("/v1/campaigns/{id}/results").path("id", id)).await.ok();
            answer.map(|answer| TabContent { results: Some(results(&answer)), ..TabContent::default() })
        }
        _ => Ok(TabContent::default()),
    };
    match read {
        Err(problem) if problem.status == 404 => {
            Ok(TabContent { deleted: Some(problem.detail), ..TabContent::default() })
        }
        read => read,
    }
}

/// Offers the calls that pause, resume and cancel, as the state allows them.
fn offer_moves(visit: &Visit<'_>, id: &str, state: &str) {
    let moves: &[(&str, &'static str)] = match state {
        "running" | "scheduled" => &[("pause", "/v1/campaigns/{id}/pause"), ("cancel", "/v1/campaigns/{id}/cancel")],
        "paused" => &[("resume", "/v1/campaigns/{id}/resume"), ("cancel", "/v1/campaigns/{id}/cancel")],
        "finishing" => &[("cancel", "/v1/campaigns/{id}/cancel")],
        _ => &[],
    };
    for (_, template) in moves.iter().filter(|(action, _)| visit.may("campaign", action)) {
        visit.show_call(ApiCall::post(template, json!({})).path("id", id));
    }
}

/// Returns the state in one sentence, with the progress.
fn sentence(state: &CampaignStateBlock, sending: Option<&CampaignSending>, was_launched: bool) -> String {
    let Some(sending) = sending else {
        return match was_launched {
            true => "Its numbers were deleted, 180 days after its launch.".to_owned(),
            false => "It was ended before anybody was sent to.".to_owned(),
        };
    };
    let expected = number_of(sending.expected_people, "person is", "people are");
    let people = format!("{} of {expected} handled", count(sending.handled()));
    match state.name.as_str() {
        "running" => format!("{people}; limited by {}; about {} left.", sending.limit(), sending.left()),
        "scheduled" => format!("It begins later; {people}."),
        "paused" => format!("It is paused {}; {people}.", state.reason),
        "finishing" => format!("{people}; some messages are held or retried."),
        "cancelled" => format!("It was cancelled; {people}."),
        "failed" => format!("It failed; {people}."),
        _ => format!("It is finished; {people}."),
    }
}

fn definition(campaign: &Value, zone: &ZoneChoice) -> Vec<(String, String)> {
    let fields = campaign.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, value)| !OWN_FIELDS.contains(&name.as_str()) && !value.is_null());
    let text = |name: &str, value: &Value| {
        let at = instant_of(value).filter(|_| ["send_at", "not_after"].contains(&name));
        at.map_or_else(|| shown(value), |at| zone.time(at))
    };
    fields.map(|(name, value)| (name.replace('_', " "), text(name, value))).collect()
}
