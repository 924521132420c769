//! `GET /v1/report`: the weekly report for operators. It contains targets and actual values, channels, costs, the
//! comparison of both versions, and incidents. The format is JSON or Markdown ([`crate::markdown`]).

use jiff::Timestamp;
use serde::Serialize;

use super::channels::{ChannelsReport, SettledCounts};
use super::comparison::Comparison;
use super::costs::Costs;
use super::metrics::WindowView;
use super::targets::{self, euro, is_above, is_below, per_item, percent};
use domain::channel::Channel;
use metrics::counters::{AttemptMetric, Cohort};
use metrics::figures::{Attempts, Figures, Notifications};
use metrics::{CounterName, Counters, Window};

/// The complete report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WeeklyReport {
    /// The window of the figures.
    pub window: WindowView,
    /// Time at which the report was written.
    pub written_at: Timestamp,
    /// Number of targets met, as text.
    pub verdict: String,
    /// Each target with its actual value.
    pub targets: Vec<TargetResult>,
    /// Figures of all notifications.
    pub summary: Notifications,
    /// Figures of each channel, with recommendations.
    pub channels: ChannelsReport,
    /// Cost of the window, and the projection for the month.
    pub costs: Costs,
    /// Comparison of version 1 and version 2.
    pub comparison: Comparison,
    /// Changes with author and reason, and alerts; oldest first.
    pub incidents: Vec<Incident>,
}

/// One target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetResult {
    /// Name of the target.
    pub target: &'static str,
    /// The target value, as text.
    pub wanted: String,
    /// The actual value; null without data.
    pub actual: Option<String>,
    /// Size of the sample behind the actual value.
    pub sample: i64,
    /// `pass`, `fail`, or `no data`.
    pub result: &'static str,
}

/// A change of a parameter, or an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Incident {
    /// Time of the incident.
    pub at: Timestamp,
    /// Author: an operator, an API client, the guard, the ramp, or an alert.
    pub by: String,
    /// The change from old to new value, or the title of the alert.
    pub what: String,
    /// The reason, with the numbers that led to it.
    pub reason: String,
    /// Kind of the alert, under which the runbooks have it; absent for a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<&'static str>,
}

impl WeeklyReport {
    /// Creates the report.
    #[must_use]
    pub fn new(
        window: Window,
        counters: &Counters,
        costs: Costs,
        comparison: Comparison,
        incidents: Vec<Incident>,
        now: Timestamp,
    ) -> Self {
        let figures = Figures::of(counters);
        let targets = targets(&figures, counters, &costs);
        let count = |result| targets.iter().filter(|target| target.result == result).count();
        let (pass, fail, none) = (count("pass"), count("fail"), count("no data"));
        Self {
            window: window.into(),
            written_at: now,
            verdict: format!("{pass} of {} targets with data met, {fail} missed, {none} without data", pass + fail),
            targets,
            summary: figures.summary,
            channels: ChannelsReport::new(window, counters),
            costs,
            comparison,
            incidents,
        }
    }
}

fn targets(figures: &Figures, counters: &Counters, costs: &Costs) -> Vec<TargetResult> {
    let (all, v2) = (&figures.summary, figures.arm(Cohort::V2));
    let sms = SettledCounts::on(Channel::Sms, counters);
    vec![
        at_least("delivery rate", all.reached(), all.closed, targets::DELIVERY_PERCENT),
        at_most("error rate", all.not_reached(), all.closed, targets::ERROR_PERCENT),
        latency(all, counters),
        at_least("success rate of v2's cascade", v2.reached(), v2.closed, targets::CASCADE_PERCENT),
        at_least("SMS that got through", sms.reached, sms.all(), targets::SMS_PERCENT),
        email_cost(figures.by_channel.get(Channel::Email.as_str()), counters),
        at_least("click-through rate", all.clicked.min(all.reached()), all.reached(), targets::CTR_PERCENT),
        budget(costs),
    ]
}

fn at_least(target: &'static str, part: i64, whole: i64, least: i64) -> TargetResult {
    let actual = (whole > 0).then(|| percent(part, whole));
    TargetResult::new(target, format!("at least {least} %"), actual, whole, is_below(part, whole, least))
}

fn at_most(target: &'static str, part: i64, whole: i64, most: i64) -> TargetResult {
    let actual = (whole > 0).then(|| percent(part, whole));
    TargetResult::new(target, format!("at most {most} %"), actual, whole, is_above(part, whole, most))
}

fn latency(all: &Notifications, counters: &Counters) -> TargetResult {
    let sides = [Cohort::V1, Cohort::V2].map(|side| metrics::figures::latency_bins(counters, side));
    let sample = sides.iter().flat_map(|bins| bins.values()).map(|count: &i64| (*count).max(0)).sum();
    let p95 = all.latency_ms.p95;
    let is_missed = p95.is_some_and(|p95| p95 > targets::P95_MS);
    let actual = p95.map(|p95| format!("{p95} ms"));
    TargetResult::new("p95 latency", "at most 3000 ms".to_owned(), actual, sample, is_missed)
}

fn email_cost(email: Option<&Attempts>, counters: &Counters) -> TargetResult {
    let cost = email.map_or_else(
        || counters.get(&CounterName::Attempts(Channel::Email, AttemptMetric::CostMicros)),
        |it| it.cost_micros,
    );
    let reached = SettledCounts::on(Channel::Email, counters).reached;
    let is_missed = i128::from(cost) > i128::from(targets::EMAIL_MICROS) * i128::from(reached);
    let wanted = format!("at most {}", euro(targets::EMAIL_MICROS));
    TargetResult::new(
        "cost of an e-mail that got through",
        wanted,
        per_item(cost, reached).map(euro),
        reached,
        is_missed,
    )
}

fn budget(costs: &Costs) -> TargetResult {
    let month = &costs.month;
    let budget = month.budget_micros.map(|budget| i64::try_from(budget).unwrap_or(i64::MAX));
    let expected = month.projected_micros.unwrap_or(month.spent_micros);
    let wanted = budget.map_or("no budget is set".to_owned(), |budget| format!("at most {}", euro(budget)));
    // On the first day of a month there is no projection. Only cost that already exceeds the budget gives a result.
    let knows = month.projected_micros.is_some() || budget.is_some_and(|budget| expected > budget);
    let actual = budget.filter(|_| knows).map(|_| euro(expected));
    TargetResult::new(
        "cost of the month at its pace",
        wanted,
        actual,
        1,
        budget.is_some_and(|budget| expected > budget),
    )
}

impl TargetResult {
    fn new(target: &'static str, wanted: String, actual: Option<String>, sample: i64, is_missed: bool) -> Self {
        let result = match (&actual, is_missed) {
            (None, _) => "no data",
            (Some(_), true) => "fail",
            (Some(_), false) => "pass",
        };
        Self { target, wanted, actual, sample, result }
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sample_ratio::{ExpectedSplit, SampleRatio};
    use metrics::sample::{NOW, counters, week};

    pub fn review(counters: &Counters, budget_micros: Option<u64>, incidents: Vec<Incident>) -> WeeklyReport {
        let now = NOW.parse().unwrap();
        let window = Window::last(10_080, now);
        let expected =
            ExpectedSplit { percentage: "10".parse().unwrap(), listed: 0, unchanged_since: Some(window.from()) };
        let ratio = SampleRatio::new(&expected, expected.in_force_during(window, now), counters);
        let costs = Costs::new(window, counters, counters, budget_micros, now);
        WeeklyReport::new(window, counters, costs, Comparison::new(window, counters, ratio), incidents, now)
    }

    pub fn incident() -> Incident {
        Incident {
            at: "2026-11-20T14:03:00Z".parse().unwrap(),
            by: "guard".to_owned(),
            what: "rollout-percentage 50 -> 10".to_owned(),
            reason: "error rate 12.4 % of 310".to_owned(),
            alert: None,
        }
    }

    fn result(pairs: &[(&str, i64)], at: usize) -> &'static str {
        review(&counters(pairs), Some(1_000), vec![]).targets[at].result
    }

    #[test]
    fn the_response_equals_the_golden_file() {
        let text = serde_json::to_string_pretty(&review(&week(), Some(2_000_000), vec![incident()])).unwrap();
        assert_eq!(text.trim(), include_str!("golden/report.json").trim(), "\n{text}");
    }

    #[test]
    fn each_target_is_met_on_its_boundary_and_missed_past_it() {
        let rates = |good, bad| [("version/v2/accepted", good), ("version/v2/failed", bad)];
        assert_eq!([result(&rates(95, 5), 0), result(&rates(94, 6), 0)], ["pass", "fail"]);
        assert_eq!([result(&rates(95, 5), 1), result(&rates(94, 6), 1)], ["pass", "fail"]);
        assert_eq!([result(&rates(98, 2), 3), result(&rates(97, 3), 3)], ["pass", "fail"]);
        let sms = |reached, missed| [("on/v2/sms/reached", reached), ("on/v1/sms/missed", missed)];
        assert_eq!([result(&sms(8, 2), 4), result(&sms(79, 21), 4)], ["pass", "fail"]);
        let email = |cost| [("on/v2/email/reached", 10), ("channel/email/cost_micros", cost)];
        assert_eq!([result(&email(10_000), 5), result(&email(10_001), 5)], ["pass", "fail"]);
        let clicks = |clicked| [("version/v1/accepted", 10), ("version/v1/clicked", clicked)];
        assert_eq!([result(&clicks(4), 6), result(&clicks(3), 6)], ["pass", "fail"]);
        let bin = |latency_ms| format!("version/v2/lat/{}", metrics::histogram::bin_of(latency_ms));
        assert_eq!([result(&[(&bin(3_000), 9)], 2), result(&[(&bin(3_001), 9)], 2)], ["pass", "fail"]);
        assert_eq!([result(&[], 7), result(&[("version/v2/cost_micros", 1_000)], 7)], ["pass", "fail"]);
    }

    #[test]
    fn what_has_no_data_is_neither_met_nor_missed() {
        let none = review(&Counters::default(), None, vec![]);
        assert!(none.targets.iter().all(|target| target.result == "no data" && target.actual.is_none()));
        assert_eq!(none.verdict, "0 of 0 targets with data met, 0 missed, 8 without data");
    }
}
