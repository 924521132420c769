//! Overview: health with its arithmetic, the day against the same weekday before, campaigns, budgets, and the first
//! steps.

use askama::Template;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::analytics_range::AnalyticsRange;
use super::capacity_cards::{CapacityCard, capacity_cards};
use super::figure_views::SeriesFigures;
use super::first_steps::{FirstStep, first_steps};
use super::open_tasks::{OpenTaskRow, open_tasks};
use super::running_campaigns::{OpenCampaignRows, read_open_campaigns};
use crate::site::{
    ApiCall, ApiProblem, EuroScale, Frame, LineChart, PageReply, Visit, count, euro, millis, number_of, percent,
    rendered,
};

/// Check of the health about circuit breakers.
const BREAKERS: &str = "breakers_not_closed";
/// Maximum number of alerts.
const MAX_ALERTS: usize = 10;

/// Page. The health alone is required; any other part is `None` if it could not be read.
#[derive(Debug, Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    health: HealthView,
    figures: Option<Vec<FigureCard>>,
    capacity: Vec<CapacityCard>,
    open_tasks: Vec<OpenTaskRow>,
    /// Kinds of things that may wait, and could not be read.
    unknown_waiting: Vec<&'static str>,
    campaigns: Option<OpenCampaignRows>,
    budgets: Option<Vec<BudgetRow>>,
    chart: Option<LineChart>,
    breakers: Vec<String>,
    alerts: Option<Vec<AlertRow>>,
    /// Empty if all steps were taken, or if it is not known.
    steps: Vec<FirstStep>,
}

#[derive(Debug, Deserialize)]
struct HealthView {
    score: i64,
    status: String,
    areas: Vec<HealthArea>,
}

#[derive(Debug, Deserialize)]
struct HealthArea {
    area: String,
    points: i64,
    of: i64,
    checks: Vec<HealthCheck>,
}

#[derive(Debug, Deserialize)]
struct HealthCheck {
    check: String,
    rule: String,
    value: Value,
    sample: i64,
    sample_of: String,
    verdict: String,
    deduction: i64,
    #[serde(default)]
    details: Vec<String>,
}

impl HealthCheck {
    /// Returns the name of the check in words.
    fn label(&self) -> &str {
        match self.check.as_str() {
            "delivery_rate" => "delivery rate of push",
            BREAKERS => "circuit breakers that are not closed",
            "success_rate" => "success rate of version 2",
            "cost_micros" => "cost of the hour",
            "sent" => "sent in the hour",
            "ctr" => "click rate",
            other => other,
        }
    }

    /// Returns the measured value with its unit.
    fn shown(&self) -> String {
        let whole = self.value.as_i64();
        match self.check.as_str() {
            "delivery_rate" | "success_rate" | "ctr" => percent(self.value.as_f64()),
            "cost_micros" => whole.map_or_else(|| "–".to_owned(), euro),
            _ => whole.map_or_else(|| "–".to_owned(), count),
        }
    }

    /// Returns the size of the sample with its noun.
    fn sampled(&self) -> String {
        let plurals = [("notifications", "notification"), ("services", "service"), (" are ", " is ")];
        let one = plurals.iter().fold(self.sample_of.clone(), |text, (many, one)| text.replacen(many, one, 1));
        number_of(self.sample, &one, &self.sample_of)
    }

    /// Returns the rule, with shares as percentages.
    fn rule_in_words(&self) -> String {
        let word = |word: &str| match word.parse::<f64>() {
            Ok(share) if word.starts_with("0.") => format!("{:.0} %", share * 100.0),
            _ => word.to_owned(),
        };
        self.rule.split(' ').map(word).collect::<Vec<_>>().join(" ")
    }

    /// Returns the verdict with the points that it costs.
    fn verdict_in_words(&self) -> String {
        if self.deduction > 0 { format!("costs {}", self.deduction) } else { self.verdict.clone() }
    }
}

/// Figure of the last 24 hours, and the same of the same weekday a week before.
#[derive(Debug)]
struct FigureCard {
    label: &'static str,
    value: String,
    before: String,
    change: String,
}

/// Budget and its use.
#[derive(Debug)]
struct BudgetRow {
    name: String,
    used: String,
    limit: String,
    share: f64,
}

/// Alert of the last day.
#[derive(Debug, Deserialize)]
struct AlertRow {
    at: Timestamp,
    by: String,
    what: String,
    reason: String,
    #[serde(default)]
    alert: String,
}

impl AlertRow {
    /// Returns the page that shows more about the alert.
    fn page(&self) -> &'static str {
        match self.alert.as_str() {
            "guard-acted" | "providers-fault" | "guard-overlap" | "ramp" => "rollout",
            "parameter" => "settings",
            "budget" => "costs",
            _ => "analytics?range=24h",
        }
    }
}

#[derive(Debug, Deserialize)]
struct MetricsView {
    summary: Summary,
}

#[derive(Debug, Deserialize)]
struct Summary {
    sent: i64,
    accepted: i64,
    delivered: i64,
    failed: i64,
    uncertain: i64,
    expired: i64,
    delivery_rate: Option<f64>,
    latency_ms: Quantiles,
    cost_micros: i64,
}

#[derive(Debug, Deserialize)]
struct Quantiles {
    p95: Option<i64>,
}

/// Shows the overview.
///
/// # Errors
/// The API's problem.
pub async fn show(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let now = visit.time.now;
    let a_week_before = |days: i64| (now - SignedDuration::from_hours(24 * days)).to_string();
    let before = ApiCall::get("/v1/metrics").query("from", a_week_before(8)).query("to", a_week_before(7));
    let month = AnalyticsRange::ending_now("30d", now).call("/v1/metrics/series").query("step", "day");
    let day = (now - SignedDuration::from_hours(24)).to_string();
    let (health, today, before, costs, campaigns, types, month, report, templates, capacity, key) = tokio::join!(
        visit.call(ApiCall::get("/v1/health")),
        visit.call(ApiCall::get("/v1/metrics").query("minutes", "1440")),
        visit.call(before),
        visit.call(ApiCall::get("/v1/metrics/costs").query("minutes", "1440")),
        read_open_campaigns(visit),
        visit.call(ApiCall::get("/v1/types")),
        visit.call(month),
        visit.call(ApiCall::get("/v1/report").query("from", day)),
        visit.call(ApiCall::get("/v1/templates")),
        visit.call(ApiCall::get("/v1/capacity")),
        visit.call(ApiCall::get("/v1/vapid-public-key")),
    );
    let health: HealthView = health.read()?;
    // An outage of any other part costs this part alone.
    let month = month.read::<SeriesFigures>().ok();
    let [today, before] = [today, before].map(|answer| answer.read::<MetricsView>().ok());
    let [types, templates] = [types, templates].map(|answer| answer.ok().ok());
    let has_key = (key.status < 500).then(|| key.ok().is_ok());
    let steps = match (&month, &types, has_key) {
        (Some(month), Some(types), Some(has_key)) => {
            first_steps(visit, month, types, has_key).await.unwrap_or_default()
        }
        _ => Vec::new(),
    };
    let unknown = [("campaigns", campaigns.list.is_none()), ("templates", templates.is_none())];
    let page = OverviewPage {
        breakers: breakers(&health),
        health,
        chart: month.map(|month| month.outcomes(&visit.zone.zone)),
        alerts: report.ok().ok().as_ref().map(alerts),
        figures: today.map(|today| figures(&today.summary, before.as_ref().map(|before| &before.summary))),
        capacity: capacity_cards(&capacity.ok().unwrap_or_default()),
        open_tasks: open_tasks(visit.base, &campaigns.list, &templates),
        unknown_waiting: unknown.iter().filter(|(_, is_unknown)| *is_unknown).map(|(kind, _)| *kind).collect(),
        campaigns: campaigns.rows(),
        budgets: costs.ok().ok().as_ref().map(budgets),
        steps,
        frame: visit.frame("", "Overview"),
    };
    rendered(200, &page)
}

/// Returns the hosts whose circuit breakers are not closed, as the health names them.
fn breakers(health: &HealthView) -> Vec<String> {
    let checks = health.areas.iter().flat_map(|area| &area.checks);
    checks
        .filter(|check| check.check == BREAKERS && check.verdict == "taken")
        .flat_map(|check| check.details.clone())
        .collect()
}

/// Returns the last alerts of the report, newest first.
fn alerts(report: &Value) -> Vec<AlertRow> {
    let incidents = report["incidents"].as_array().map(Vec::as_slice).unwrap_or_default();
    let alert = |incident: &Value| serde_json::from_value::<AlertRow>(incident.clone()).ok();
    let alerts = incidents.iter().rev().filter_map(alert).filter(|row| row.by.starts_with("alert "));
    alerts.take(MAX_ALERTS).collect()
}

/// Returns the cards. `before` is `None` if the figures of a week ago could not be read.
fn figures(today: &Summary, before: Option<&Summary>) -> Vec<FigureCard> {
    let bad = |summary: &Summary| summary.failed + summary.uncertain + summary.expired;
    let card = |label, show: &dyn Fn(&Summary) -> String, change| FigureCard {
        label,
        value: show(today),
        before: before.map_or_else(|| "not available".to_owned(), show),
        change,
    };
    let counted = |label, number: &dyn Fn(&Summary) -> i64, show: &dyn Fn(i64) -> String| {
        card(label, &|it| show(number(it)), relative_change(number(today), before.map_or(0, number)))
    };
    let points =
        today.delivery_rate.zip(before.and_then(|it| it.delivery_rate)).map_or_else(String::new, |(now, then)| {
            let points = (now - then) * 100.0;
            if points.abs() < 0.05 { "the same".to_owned() } else { format!("{points:+.1} percentage points") }
        });
    let latency = today.latency_ms.p95.zip(before.and_then(|it| it.latency_ms.p95));
    vec![
        counted("Sent", &|it| it.sent, &count),
        counted("Accepted or delivered", &|it| it.accepted + it.delivered, &count),
        card("Delivery rate", &|it| percent(it.delivery_rate), points),
        counted("Failed, uncertain or expired", &bad, &count),
        card(
            "95 % were accepted within",
            &|it| millis(it.latency_ms.p95),
            latency.map_or_else(String::new, |(now, then)| relative_change(now, then)),
        ),
        counted("Cost", &|it| it.cost_micros, &euro),
    ]
}

/// Returns a change in percent of the earlier number; empty if that is 0.
fn relative_change(now: i64, then: i64) -> String {
    #[allow(clippy::cast_precision_loss)] // a change for a person
    let change = if then > 0 { (now - then) as f64 * 100.0 / then as f64 } else { return String::new() };
    if change.abs() < 0.5 { "the same".to_owned() } else { format!("{change:+.0} %") }
}

fn budgets(costs: &Value) -> Vec<BudgetRow> {
    let items = costs["budgets"].as_array().map(Vec::as_slice).unwrap_or_default();
    let amounts = items.iter().flat_map(|item| [&item["used_micros"], &item["limit_micros"]]).filter_map(Value::as_i64);
    let scale = EuroScale::of(amounts);
    let row = |item: &Value| {
        let (used, limit) = (item["used_micros"].as_i64()?, item["limit_micros"].as_i64()?);
        #[allow(clippy::cast_precision_loss)] // a share for a bar
        let share = if limit > 0 { used as f64 / limit as f64 } else { 1.0 };
        let name = [&item["ceiling"], &item["type"]].map(|part| part.as_str().unwrap_or_default()).join(" ");
        let name = name.trim().replace('_', " ");
        Some(BudgetRow { name, used: scale.show(used), limit: scale.show(limit), share: share.clamp(0.0, 1.0) })
    };
    items.iter().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_shown_with_words_and_units() {
        let check = |check: &str, rule: &str, value: Value, deduction| HealthCheck {
            check: check.to_owned(),
            rule: rule.to_owned(),
            value,
            sample: 1,
            sample_of: String::new(),
            verdict: if deduction > 0 { "taken" } else { "kept" }.to_owned(),
            deduction,
            details: Vec::new(),
        };
        let shown = |it: &HealthCheck| [it.label().to_owned(), it.shown(), it.rule_in_words(), it.verdict_in_words()];
        let rate = check("delivery_rate", "below 0.95 costs 20", serde_json::json!(0.9499), 20);
        assert_eq!(shown(&rate), ["delivery rate of push", "95.0 %", "below 95 % costs 20", "costs 20"]);
        let cost = check("cost_micros", "above 100 EUR in the hour costs 15", serde_json::json!(640_000), 0);
        assert_eq!(shown(&cost)[1..], ["0.64 EUR", "above 100 EUR in the hour costs 15", "kept"]);
        assert_eq!(check("sent", "", Value::Null, 0).shown(), "–");
        let sampled = |sample, sample_of: &str| {
            let sample_of = sample_of.to_owned();
            HealthCheck { sample, sample_of, ..check("sent", "", Value::Null, 0) }.sampled()
        };
        assert_eq!(sampled(1, "notifications of v2 that are over"), "1 notification of v2 that is over");
        assert_eq!(sampled(2, "notifications sent"), "2 notifications sent");
    }

    #[test]
    fn an_alert_leads_to_the_page_about_it() {
        let page = |alert: &str| {
            let alert = serde_json::json!({"at": "2026-11-23T10:00:00Z", "by": "alert P1", "what": "", "reason": "",
                "alert": alert});
            serde_json::from_value::<AlertRow>(alert).map(|row| row.page()).unwrap_or_default()
        };
        let expected = ["rollout", "settings", "costs", "analytics?range=24h", "analytics?range=24h"];
        assert_eq!(["guard-acted", "parameter", "budget", "breaker", ""].map(page), expected);
    }

    #[test]
    fn a_change_is_a_share_of_the_earlier_number() {
        let changes =
            [(120, 100), (80, 100), (1_003, 1_000), (5, 0), (0, 4)].map(|(now, then)| relative_change(now, then));
        assert_eq!(changes, ["+20 %", "-20 %", "the same", "", "-100 %"]);
    }
}
