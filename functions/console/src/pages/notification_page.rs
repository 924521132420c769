//! One notification with its timeline, its content as it was sent, and its cost.

use std::collections::BTreeMap;

use askama::Template;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::notification_explanation::explain_now;
use super::notification_gates::{ClaimThen, GateThen, PaidAttempt, StoredOutcome, claims_then, gates_then};
use super::send_explanation::{ExplainedSend, ShownMessage, message as shown_message};
use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, ZoneChoice, count, encoded, euro, rendered};

/// Statuses that do not change. A click may still follow a delivery; the page shows it when it is loaded again.
const FINAL: [&str; 5] = ["delivered", "failed", "skipped", "cancelled", "expired"];
/// Statuses that a late report may change until the end of the lifetime.
const UNCONFIRMED: [&str; 2] = ["accepted", "uncertain"];

#[derive(Debug, Template)]
#[template(path = "notification.html")]
struct NotificationPage {
    frame: Frame,
    it: NotificationView,
    sentence: String,
    class: &'static str,
    events: Vec<TimelineEvent>,
    channels: Vec<SentChannel>,
    problem: Option<ApiProblem>,
    can_cancel: bool,
    /// `true` if nothing changes any more, so that the page is not loaded again.
    is_final: bool,
    why: Option<ExplainedSend>,
    gates: Vec<GateThen>,
    claims: Vec<ClaimThen>,
}

/// Page of a notification that does not exist, or no more.
#[derive(Debug, Template)]
#[template(path = "notification_gone.html")]
struct NotificationGonePage {
    frame: Frame,
    problem: Option<ApiProblem>,
    id: String,
}

#[derive(Debug, Deserialize)]
struct NotificationView {
    id: String,
    to: String,
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: Option<String>,
    version: Option<String>,
    channel: Option<String>,
    attempts: Vec<AttemptView>,
    #[serde(default)]
    over_budget: BTreeMap<String, String>,
    claim: Option<ClaimView>,
    cost_micros: i64,
    wasted_cost_micros: i64,
    created_at: Timestamp,
    next_action_at: Option<Timestamp>,
    lives_until: Timestamp,
    delivered_at: Option<Timestamp>,
    opened_at: Option<Timestamp>,
    clicked_at: Option<Timestamp>,
    dismissed_at: Option<Timestamp>,
    converted_at: Option<Timestamp>,
    template: Option<UsedTemplate>,
    campaign: Option<UsedCampaign>,
    #[serde(default)]
    rendered: Value,
}

#[derive(Debug, Deserialize)]
struct ClaimView {
    channel: String,
    price_micros: i64,
}

#[derive(Debug, Deserialize)]
struct AttemptView {
    channel: String,
    provider: String,
    outcome: String,
    status_code: Option<i64>,
    latency_ms: i64,
    cost_micros: i64,
    at: Option<Timestamp>,
    detail: Option<String>,
}

#[derive(Debug, Deserialize)]
struct UsedTemplate {
    name: String,
    version: i64,
    locale: Option<String>,
}

#[derive(Debug, Deserialize)]
struct UsedCampaign {
    id: String,
}

/// Event of the timeline.
#[derive(Debug)]
struct TimelineEvent {
    at: Option<Timestamp>,
    text: String,
    class: &'static str,
}

/// Message of one channel.
#[derive(Debug)]
struct SentChannel {
    name: String,
    /// `true` if it was tried, so that this is what was sent.
    was_tried: bool,
    message: Option<ShownMessage>,
}

/// Shows one notification, or cancels it.
///
/// # Errors
/// The API's problem.
pub async fn answer(visit: &Visit<'_>, action: &str) -> Result<PageReply, ApiProblem> {
    let id = if action.is_empty() { visit.query().get("id") } else { visit.form().get("id") };
    if action == "cancel" {
        let call = ApiCall::delete("/v1/notifications/{id}").path("id", id);
        return match visit.call(call).await.ok() {
            Ok(_) => Ok(visit.redirect(&format!("notification?id={}", encoded(id)), "cancelled")),
            Err(problem) => show(visit, id, Some(problem)).await,
        };
    }
    show(visit, id, None).await
}

/// Shows the HTML of a notification's e-mail, for a frame.
///
/// # Errors
/// The API's problem.
pub async fn message(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let call = ApiCall::get("/v1/notifications/{id}").path("id", visit.query().get("id")).query("render", "true");
    let answer = visit.call(call).await.ok()?;
    let html = answer["rendered"]["email"]["html"].as_str();
    Ok(PageReply::preview(html.unwrap_or("<!DOCTYPE html><title>No e-mail</title><p>No HTML</p>").to_owned()))
}

async fn show(visit: &Visit<'_>, id: &str, mut problem: Option<ApiProblem>) -> Result<PageReply, ApiProblem> {
    let call = ApiCall::get("/v1/notifications/{id}").path("id", id).query("render", "true");
    let answer = visit.call(call).await;
    if answer.status == 404 {
        let frame = visit.frame("notifications", "No such notification");
        return rendered(404, &NotificationGonePage { frame, problem, id: id.to_owned() });
    }
    let it: NotificationView = answer.read()?;
    let (sentence, class) = sentence(&it, &visit.zone);
    let channel = |(name, text): (&String, &Value)| SentChannel {
        name: name.clone(),
        was_tried: it.attempts.iter().any(|attempt| attempt.channel == *name),
        message: shown_message(text),
    };
    let channels = it.rendered.as_object().into_iter().flatten().map(channel).collect();
    let mut why = None;
    if visit.query().get("why") == "now" && visit.may("send", "preview") {
        match explain_now(visit, &it.to, &it.kind, &it.rendered).await {
            Ok(explained) => why = Some(explained),
            Err(refused) => problem = problem.or(Some(refused)),
        }
    }
    let can_cancel = ["scheduled", "held", "cascading"].contains(&it.status.as_str());
    if can_cancel && visit.may("notification", "cancel") {
        visit.show_call(ApiCall::delete("/v1/notifications/{id}").path("id", id));
    }
    let page = NotificationPage {
        events: timeline(&it),
        gates: gates_then(it.outcome(), why.as_ref()),
        claims: it.claims(),
        channels,
        can_cancel,
        is_final: is_final(&it, visit.time.now),
        sentence,
        class,
        why,
        frame: visit.frame("notifications", "Notification"),
        it,
        problem,
    };
    rendered(page.problem.as_ref().map_or(200, |problem| problem.status), &page)
}

impl NotificationView {
    fn outcome(&self) -> StoredOutcome<'_> {
        StoredOutcome {
            status: &self.status,
            reason: self.reason.as_deref(),
            version: self.version.as_deref(),
            has_attempts: !self.attempts.is_empty(),
        }
    }

    fn claims(&self) -> Vec<ClaimThen> {
        let mut attempts = Vec::new();
        for AttemptView { channel, outcome, cost_micros, at, .. } in &self.attempts {
            attempts.push(PaidAttempt { channel, outcome, cost_micros: *cost_micros, at: *at });
        }
        let running = self.claim.as_ref().map(|claim| (claim.channel.as_str(), claim.price_micros));
        claims_then(&attempts, running, &self.over_budget)
    }
}

fn is_final(it: &NotificationView, now: Timestamp) -> bool {
    let status = it.status.as_str();
    FINAL.contains(&status) || (UNCONFIRMED.contains(&status) && it.lives_until <= now)
}

/// Returns state and reason in one sentence, and its colour.
fn sentence(it: &NotificationView, zone: &ZoneChoice) -> (String, &'static str) {
    let next = |before: &str| it.next_action_at.map_or_else(String::new, |at| format!(" {before} {}", zone.time(at)));
    let reason = it.reason.as_deref().unwrap_or("unknown").replace('_', " ");
    let channel = it.channel.as_deref().unwrap_or("a channel");
    match it.status.as_str() {
        "scheduled" => (format!("It is scheduled{}; nothing was sent yet.", next("for")), "warn"),
        "held" => (format!("It is held{}: {reason}.", next("until")), "warn"),
        "sending" => ("It is being sent now.".to_owned(), "warn"),
        "cascading" => (format!("An attempt was made; the next one is due{}.", next("at")), "warn"),
        "accepted" => (format!("A provider accepted it by {channel}; no proof of delivery came."), "good"),
        "delivered" => (format!("It was delivered by {channel}."), "good"),
        "skipped" => (format!("It was not sent: {reason}."), "warn"),
        "cancelled" => ("It was cancelled before it was sent in full.".to_owned(), "warn"),
        "expired" => ("Its lifetime ended before it could be sent.".to_owned(), "bad"),
        "uncertain" => ("A paid call ended without an answer: it may have been sent.".to_owned(), "bad"),
        _ => (format!("It failed: {reason}."), "bad"),
    }
}

/// Returns what happened in order of time. An attempt without a time stands where it was recorded.
fn timeline(it: &NotificationView) -> Vec<TimelineEvent> {
    let mut events = vec![TimelineEvent { at: Some(it.created_at), text: "accepted by the API".into(), class: "" }];
    for attempt in &it.attempts {
        let status = attempt.status_code.map(|code| format!(" (status {code})")).unwrap_or_default();
        let detail =
            attempt.detail.as_deref().map(|detail| format!(": {}", detail.replace('_', " "))).unwrap_or_default();
        let cost = if attempt.cost_micros > 0 { format!(", {}", euro(attempt.cost_micros)) } else { String::new() };
        events.push(TimelineEvent {
            at: attempt.at,
            text: format!(
                "{} to {}: {}{status}{detail}, {} ms{cost}",
                attempt.channel,
                attempt.provider,
                attempt.outcome.replace('_', " "),
                count(attempt.latency_ms)
            ),
            class: if attempt.outcome == "accepted" { "good" } else { "bad" },
        });
    }
    let marks = [
        (it.delivered_at, "delivered"),
        (it.opened_at, "opened"),
        (it.clicked_at, "clicked"),
        (it.dismissed_at, "dismissed"),
        (it.converted_at, "converted"),
        (it.next_action_at, "next step due"),
    ];
    let marks = marks.into_iter().filter(|(at, _)| at.is_some());
    events.extend(marks.map(|(at, text)| TimelineEvent { at, text: text.to_owned(), class: "good" }));
    // Sorting is stable, and a missing time takes that of the event before it.
    let mut last = it.created_at;
    let mut timed: Vec<_> = events
        .into_iter()
        .map(|event| {
            last = event.at.unwrap_or(last);
            (last, event)
        })
        .collect();
    timed.sort_by_key(|(at, _)| *at);
    timed.into_iter().map(|(_, event)| event).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn view() -> NotificationView {
        serde_json::from_value(json!({
            "id": "a-b", "to": "ada", "type": "DEFAULT", "status": "delivered", "reason": null, "version": "v2",
            "channel": "email", "cost_micros": 92, "wasted_cost_micros": 0, "created_at": "2026-11-29T10:00:00Z",
            "next_action_at": null, "lives_until": "2026-11-30T10:00:00Z", "delivered_at": "2026-11-29T10:00:09Z", "opened_at": null,
            "clicked_at": "2026-11-29T10:00:05Z", "dismissed_at": null, "converted_at": null, "template": null,
            "attempts": [
                {"channel": "push", "provider": "fcm.googleapis.com", "outcome": "gone", "status_code": 410,
                 "latency_ms": 40, "cost_micros": 0, "at": "2026-11-29T10:00:01Z", "detail": null},
                {"channel": "email", "provider": "ses", "outcome": "accepted", "status_code": 200,
                 "latency_ms": 90, "cost_micros": 92, "at": "2026-11-29T10:00:02Z", "detail": null}],
        }))
        .unwrap()
    }

    #[test]
    fn a_timeline_is_in_order_of_time() {
        let texts: Vec<_> = timeline(&view()).into_iter().map(|event| event.text).collect();
        assert_eq!(
            texts,
            [
                "accepted by the API",
                "push to fcm.googleapis.com: gone (status 410), 40 ms",
                "email to ses: accepted (status 200), 90 ms, 0.0001 EUR",
                "clicked",
                "delivered",
            ]
        );
        assert_eq!(sentence(&view(), &ZoneChoice::new("utc", "", "")).0, "It was delivered by email.");
    }

    #[test]
    fn a_state_that_waits_says_until_when() {
        let rome = ZoneChoice::new("mine", "Europe/Rome", "");
        let waiting = |status: &str, reason: Option<&str>| {
            let next_action_at = Some("2026-11-29T06:30:00Z".parse().unwrap());
            let reason = reason.map(str::to_owned);
            sentence(&NotificationView { status: status.into(), reason, next_action_at, ..view() }, &rome).0
        };
        assert_eq!(waiting("held", Some("quiet_hours")), "It is held until 2026-11-29 07:30:00 CET: quiet hours.");
        assert_eq!(waiting("scheduled", None), "It is scheduled for 2026-11-29 07:30:00 CET; nothing was sent yet.");
        assert_eq!(waiting("cascading", None), "An attempt was made; the next one is due at 2026-11-29 07:30:00 CET.");
    }

    #[test]
    fn a_page_is_loaded_again_while_something_can_change() {
        let is_final = |status: &str, at: &str| {
            is_final(&NotificationView { status: status.into(), ..view() }, at.parse().unwrap())
        };
        let (before, end) = ("2026-11-30T09:59:59Z", "2026-11-30T10:00:00Z");
        assert!(is_final("uncertain", end) && is_final("delivered", before) && is_final("accepted", end));
        assert!(
            !is_final("accepted", before)
                && !is_final("uncertain", before)
                && !is_final("held", end)
                && !is_final("sending", end)
        );
    }
}
