//! Notifications: those that need attention, and one with its timeline, its content as it was sent, and its cost.

use askama::Template;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::explained::{ExplainedSend, ShownMessage, message as shown_message};
use super::notification_why::why_now;
use crate::site::{ApiCall, ApiProblem, Frame, PageReply, Visit, count, encoded, euro, rendered};

/// Statuses whose notifications the API lists.
const LISTED: [&str; 3] = ["failed", "uncertain", "expired"];

/// Statuses that do not change. A click may still follow a delivery; the page shows it when it is loaded again.
const FINAL: [&str; 5] = ["delivered", "failed", "skipped", "cancelled", "expired"];

#[derive(Debug, Template)]
#[template(path = "notifications.html")]
struct NotificationsPage {
    frame: Frame,
    tabs: Vec<(String, String, bool)>,
    status: String,
    items: Vec<NotificationView>,
    next: Option<String>,
}

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
    cost_micros: i64,
    wasted_cost_micros: i64,
    created_at: Timestamp,
    next_action_at: Option<Timestamp>,
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

/// Message of one channel as it was sent.
#[derive(Debug)]
struct SentChannel {
    name: String,
    message: Option<ShownMessage>,
}

/// Shows the notifications that failed, ended unknown or expired.
///
/// # Errors
/// The API's problem.
pub async fn list(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let wanted = visit.query().get("status");
    let status = LISTED.into_iter().find(|status| *status == wanted).unwrap_or("failed");
    let week_ago = (visit.time.now - SignedDuration::from_hours(24 * 7)).to_string();
    let from = visit.query().optional("from").unwrap_or(&week_ago);
    let call = ApiCall::get("/v1/notifications")
        .query("status", status)
        .query("from", from)
        .query_if("to", visit.query().optional("to"))
        .query("limit", "50")
        .query_if("after", visit.query().optional("after"));
    let mut answer = visit.call(call).await.ok()?;
    let next = answer["next"].as_str().map(|cursor| visit.with_query("after", cursor));
    let items = answer["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let page = NotificationsPage {
        tabs: LISTED.map(|it| (visit.with_query("status", it), it.to_owned(), it == status)).into(),
        status: status.to_owned(),
        items: items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect(),
        next,
        frame: visit.frame("notifications", "Notifications"),
    };
    rendered(200, &page)
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
    let (sentence, class) = sentence(&it);
    let channels = it.rendered.as_object().map(|all| {
        all.iter().map(|(name, text)| SentChannel { name: name.clone(), message: shown_message(text) }).collect()
    });
    let mut why = None;
    if visit.query().get("why") == "now" && visit.may("send", "preview") {
        match why_now(visit, &it.to, &it.kind, &it.rendered).await {
            Ok(explained) => why = Some(explained),
            Err(refused) => problem = problem.or(Some(refused)),
        }
    }
    let can_cancel = ["scheduled", "held", "cascading"].contains(&it.status.as_str());
    if can_cancel && visit.may("notification", "cancel") {
        visit.offers(ApiCall::delete("/v1/notifications/{id}").path("id", id));
    }
    let page = NotificationPage {
        events: timeline(&it),
        channels: channels.unwrap_or_default(),
        can_cancel,
        is_final: FINAL.contains(&it.status.as_str()),
        sentence,
        class,
        why,
        frame: visit.frame("notifications", "Notification"),
        it,
        problem,
    };
    rendered(page.problem.as_ref().map_or(200, |problem| problem.status), &page)
}

/// Returns state and reason in one sentence, and its colour.
fn sentence(it: &NotificationView) -> (String, &'static str) {
    let reason = it.reason.as_deref().unwrap_or("unknown").replace('_', " ");
    let channel = it.channel.as_deref().unwrap_or("a channel");
    match it.status.as_str() {
        "scheduled" => ("It is scheduled; nothing was sent yet.".to_owned(), "warn"),
        "held" => (format!("It is held: {reason}."), "warn"),
        "sending" => ("It is being sent now.".to_owned(), "warn"),
        "cascading" => ("An attempt was made; the next one is due later.".to_owned(), "warn"),
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
            "next_action_at": null, "delivered_at": "2026-11-29T10:00:09Z", "opened_at": null,
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
        assert_eq!(sentence(&view()).0, "It was delivered by email.");
    }
}
