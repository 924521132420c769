//! List of campaigns: state with its reason, audience, progress or begin, age.

use askama::Template;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::campaign_plan::CampaignCounts;
use super::stored_campaign::sending;
use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, count, duration_text, number_of, rendered};

/// Number of campaigns on a page. The API returns more of those that have not ended.
const PAGE_SIZE: usize = 50;
/// Value of the filter for the campaigns that have not ended.
const OPEN: &str = "open";
/// Maximum number of campaigns of a page whose progress is read.
const PROGRESS_ROWS: usize = 10;

#[derive(Debug, Template)]
#[template(path = "campaigns.html")]
struct CampaignsPage {
    frame: Frame,
    /// Filters: address, label, and if it is chosen.
    tabs: [(String, &'static str, bool); 2],
    /// `true` if the list has those that have not ended alone.
    has_only_open: bool,
    items: Vec<CampaignRow>,
    first: Option<String>,
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
    begin: CampaignBegin,
    created_at: Option<Timestamp>,
}

/// Begin of a campaign that is launched and does not run yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CampaignBegin {
    /// Time; `None` if it runs, or begins at a local time.
    pub at: Option<Timestamp>,
    /// Local time of each person; empty without one.
    pub local: String,
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

/// Progress that could not be read. One campaign does not cost the whole list.
const UNREAD: &str = "not available; open it to see";

/// Call of the API for the campaigns that have not ended.
#[must_use]
pub fn open_campaigns() -> ApiCall {
    ApiCall::get("/v1/campaigns").query("state", OPEN)
}

/// Shows the campaigns, newest first: all, or those that have not ended.
///
/// # Errors
/// The API's problem.
pub async fn list(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let filter = visit.query().optional("state");
    let call = ApiCall::get("/v1/campaigns").query_if("state", filter);
    let answer = visit.call(call.query_if("after", visit.query().optional("after"))).await.ok()?;
    let all = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut items = Vec::new();
    let mut read = 0;
    for campaign in all.iter().take(PAGE_SIZE) {
        let mut row = row(campaign);
        let is_open = ["running", "paused", "finishing"].contains(&row.state.name.as_str());
        if is_open && read < PROGRESS_ROWS {
            read += 1;
            row.progress = sending(visit, &row.id).await.map_or_else(|_| UNREAD.to_owned(), |read| progress(&read));
        }
        items.push(row);
    }
    let last = items.last().filter(|_| all.len() > PAGE_SIZE).map(|row: &CampaignRow| row.id.as_str());
    let next = last.or(answer["next"].as_str()).map(|cursor| visit.with_query("after", cursor));
    let tab = |(value, label): (&str, &'static str)| {
        (visit.with_filter("state", value), label, filter.unwrap_or_default() == value)
    };
    let page = CampaignsPage {
        tabs: [("", "All"), (OPEN, "Not ended")].map(tab),
        has_only_open: filter == Some(OPEN),
        items,
        first: visit.first_page(),
        next,
        frame: visit.frame("campaigns", "Campaigns"),
    };
    rendered(200, &page)
}

fn row(campaign: &Value) -> CampaignRow {
    let text = |name: &str| campaign[name].as_str().unwrap_or_default().to_owned();
    CampaignRow {
        id: text("id"),
        title: text("title"),
        state: state(campaign),
        audience: audience(campaign),
        progress: String::new(),
        begin: begin(campaign),
        created_at: campaign["created_at"].as_str().and_then(|at| at.parse().ok()),
    }
}

/// Returns when a scheduled campaign begins.
#[must_use]
pub fn begin(campaign: &Value) -> CampaignBegin {
    if campaign["state"] != "scheduled" {
        return CampaignBegin::default();
    }
    CampaignBegin {
        at: campaign["send_at"].as_str().and_then(|at| at.parse().ok()),
        local: campaign["at_local"]["date_time"].as_str().unwrap_or_default().replace('T', " "),
    }
}

/// Returns how far the sending is, its rate, and the time that is left.
fn progress(sending: &Value) -> String {
    if sending.is_null() {
        return UNREAD.to_owned();
    }
    let numbers: CampaignCounts = serde_json::from_value(sending["numbers"].clone()).unwrap_or_default();
    let left = SignedDuration::from_secs(sending["seconds_left"].as_i64().unwrap_or(0));
    format!(
        "{} of {}, {} a second, {} left",
        count(numbers.matched - numbers.holdout),
        number_of(sending["expected_people"].as_i64().unwrap_or(0), "person", "people"),
        count(sending["rate_per_second"].as_i64().unwrap_or(0)),
        duration_text(left)
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
        Some("type_changed") => "its type has changed".to_owned(),
        Some("type_paused") => "its type is paused".to_owned(),
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
    fn a_state_has_its_reason_a_begin_its_time_and_an_audience_its_words() {
        let paused = json!({"state": "paused", "pause_reason": "guard", "pause_detail": "12 % failed"});
        assert_eq!((state(&paused).class, state(&paused).reason.as_str()), ("warn", "by a guard: 12 % failed"));
        assert_eq!(audience(&json!({"segment": "gold"})), "segment gold");
        assert_eq!(audience(&json!({"recipients": {"count": 1_200}})), "a list of 1,200");
        let scheduled = json!({"state": "scheduled", "send_at": "2026-12-01T09:00:00Z"});
        assert_eq!(begin(&scheduled).at, "2026-12-01T09:00:00Z".parse().ok());
        let local = json!({"state": "scheduled", "at_local": {"date_time": "2026-12-01T09:00:00"}});
        assert_eq!((begin(&local).at, begin(&local).local.as_str()), (None, "2026-12-01 09:00:00"));
        assert_eq!(begin(&json!({"state": "running", "send_at": "2026-12-01T09:00:00Z"})), CampaignBegin::default());
        let retry = json!({"filter": {}, "retry_of": {"campaign": "c", "outcomes": ["failed", "held"]}});
        assert_eq!(audience(&retry), "people of an earlier campaign: failed, held");
    }
}
