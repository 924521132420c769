//! List of campaigns: state with its reason, audience, progress, age.

use askama::Template;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::campaign_plan::CampaignCounts;
use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, count, rendered, span};

/// Maximum number of campaigns of a page whose progress is read.
const PROGRESS_ROWS: usize = 10;

#[derive(Debug, Template)]
#[template(path = "campaigns.html")]
struct CampaignsPage {
    frame: Frame,
    items: Vec<CampaignRow>,
    next: Option<String>,
}

/// Row of the list.
#[derive(Debug)]
struct CampaignRow {
    id: String,
    title: String,
    state: CampaignStateBlock,
    audience: String,
    progress: String,
    created_at: Option<Timestamp>,
}

/// State with its reason.
#[derive(Debug, Clone)]
pub struct CampaignStateBlock {
    /// State of the API.
    pub name: String,
    /// Colour.
    pub class: &'static str,
    /// Reason of a pause; empty if there is none.
    pub reason: String,
}

/// Call of the API for the campaigns that have not ended.
#[must_use]
pub fn open_campaigns() -> ApiCall {
    ApiCall::get("/v1/campaigns").query("state", "open")
}

/// Shows the campaigns, newest first.
///
/// # Errors
/// The API's problem.
pub async fn list(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let call = ApiCall::get("/v1/campaigns").query_if("after", visit.query().optional("after"));
    let answer = visit.call(call).await.ok()?;
    let mut items = Vec::new();
    let mut read = 0;
    for campaign in answer["items"].as_array().into_iter().flatten() {
        let mut row = row(campaign);
        let is_open = ["running", "paused", "finishing"].contains(&row.state.name.as_str());
        if is_open && read < PROGRESS_ROWS {
            read += 1;
            let call = ApiCall::get("/v1/campaigns/{id}/progress").path("id", &row.id);
            row.progress = progress(&visit.call(call).await.ok()?["sending"]);
        }
        items.push(row);
    }
    let next = answer["next"].as_str().map(|cursor| visit.with_query("after", cursor));
    rendered(200, &CampaignsPage { frame: visit.frame("campaigns", "Campaigns"), items, next })
}

fn row(campaign: &Value) -> CampaignRow {
    let text = |name: &str| campaign[name].as_str().unwrap_or_default().to_owned();
    CampaignRow {
        id: text("id"),
        title: text("title"),
        state: state(campaign),
        audience: audience(campaign),
        progress: String::new(),
        created_at: campaign["created_at"].as_str().and_then(|at| at.parse().ok()),
    }
}

/// Returns how far the sending is, its rate, and the time that is left.
fn progress(sending: &Value) -> String {
    let numbers: CampaignCounts = serde_json::from_value(sending["numbers"].clone()).unwrap_or_default();
    let left = SignedDuration::from_secs(sending["seconds_left"].as_i64().unwrap_or(0));
    format!(
        "{} of {} people, {} a second, {} left",
        count(numbers.matched - numbers.holdout),
        count(sending["expected_people"].as_i64().unwrap_or(0)),
        count(sending["rate_per_second"].as_i64().unwrap_or(0)),
        span(left)
    )
}

/// Returns the state of a campaign with its reason.
#[must_use]
pub fn state(campaign: &Value) -> CampaignStateBlock {
    let name = campaign["state"].as_str().unwrap_or_default();
    let class = match name {
        "running" | "finished" | "finishing" => "good",
        "failed" => "bad",
        "paused" | "scheduled" | "approved" => "warn",
        _ => "",
    };
    let reason = match campaign["pause_reason"].as_str() {
        Some("operator") => "by a person".to_owned(),
        Some("guard") => "by a guard".to_owned(),
        Some("budget") => "a budget is spent".to_owned(),
        Some("provider") => "a provider does not answer".to_owned(),
        Some("too_late") => "its time has passed".to_owned(),
        other => other.unwrap_or_default().replace('_', " "),
    };
    let detail = campaign["pause_detail"].as_str().unwrap_or_default();
    let reason = if detail.is_empty() { reason } else { format!("{reason}: {detail}") };
    CampaignStateBlock { name: name.to_owned(), class, reason }
}

/// Returns the audience in some words.
#[must_use]
pub fn audience(campaign: &Value) -> String {
    let retried = &campaign["retry_of"]["outcomes"];
    if let Some(outcomes) = retried.as_array() {
        let texts =
            |list: &[Value]| list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ").replace('_', " ");
        let reasons = texts(campaign["retry_of"]["reasons"].as_array().map(Vec::as_slice).unwrap_or_default());
        let reasons = if reasons.is_empty() { reasons } else { format!(" ({reasons})") };
        return format!("people of an earlier campaign: {}{reasons}", texts(outcomes));
    }
    if let Some(people) = campaign["recipients"]["count"].as_i64() {
        return format!("a list of {}", count(people));
    }
    match campaign["segment"].as_str() {
        Some(segment) => format!("segment {segment}"),
        None => "a filter".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_state_has_its_reason_and_an_audience_its_words() {
        let paused = json!({"state": "paused", "pause_reason": "guard", "pause_detail": "12 % failed"});
        assert_eq!((state(&paused).class, state(&paused).reason.as_str()), ("warn", "by a guard: 12 % failed"));
        assert_eq!(audience(&json!({"segment": "gold"})), "segment gold");
        assert_eq!(audience(&json!({"recipients": {"count": 1_200}})), "a list of 1,200");
        let retry = json!({"filter": {}, "retry_of": {"campaign": "c", "outcomes": ["failed", "held"]}});
        assert_eq!(audience(&retry), "people of an earlier campaign: failed, held");
    }
}
