//! `GET /v1/health`: a score from 0 to 100 over the last hour, with the complete calculation.
//!
//! There are three areas with two checks each. A check without data deducts nothing and has the verdict `no data`.

use serde::Serialize;

use super::channels::SettledCounts;
use super::metrics::WindowView;
use super::targets::{self, is_below};
use domain::channel::Channel;
use metrics::counters::Cohort;
use metrics::figures::{Figures, rate};
use metrics::{Counters, Window};

/// Scores below this value have the status `warning`.
const WARNING_BELOW: u32 = 90;
/// Scores below this value have the status `critical`.
const CRITICAL_BELOW: u32 = 70;

/// State of a provider's circuit breaker, as used by the score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderBreaker {
    /// The channel of the provider.
    pub channel: Channel,
    /// The provider: a push service's host, `ses` or `sns`.
    pub provider: String,
    /// True if the circuit breaker is CLOSED.
    pub is_closed: bool,
}

/// The response of `GET /v1/health`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// 100 minus all deductions.
    pub score: u32,
    /// `healthy`; `warning` below 90; `critical` below 70.
    pub status: &'static str,
    /// The window of the checks: the last hour.
    pub window: WindowView,
    /// The calculation by area.
    pub areas: [Area; 3],
}

/// Score of one area of the service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Area {
    /// `push`, `cascade` or `engagement`.
    pub area: &'static str,
    /// Points of this area after deductions.
    pub points: u32,
    /// Maximum points of this area.
    pub of: u32,
    /// The checks of this area.
    pub checks: [Check; 2],
}

/// One check with its deduction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Name of the check.
    pub check: &'static str,
    /// Rule of the deduction, as text.
    pub rule: &'static str,
    /// The measured value; null without data.
    pub value: Option<CheckValue>,
    /// The threshold that the value is compared with.
    pub threshold: CheckValue,
    /// Size of the sample behind the value.
    pub sample: i64,
    /// Kind of items in the sample.
    pub sample_of: &'static str,
    /// `kept`, `taken`, or `no data`.
    pub verdict: &'static str,
    /// The points deducted.
    pub deduction: u32,
    /// Further details, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// A share from 0 to 1, or a count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
#[allow(missing_docs)] // the names are self-explanatory
pub enum CheckValue {
    Share(f64),
    Count(i64),
}

impl Check {
    fn new(check: &'static str, rule: &'static str, threshold: CheckValue, sample: (i64, &'static str)) -> Self {
        let (sample, sample_of) = sample;
        let verdict = "no data";
        Self { check, rule, value: None, threshold, sample, sample_of, verdict, deduction: 0, details: Vec::new() }
    }

    /// Sets the measured value, and deducts `cost` if it is bad.
    fn found(mut self, value: Option<CheckValue>, is_bad: bool, cost: u32) -> Self {
        self.value = value;
        if value.is_some() {
            (self.verdict, self.deduction) = if is_bad { ("taken", cost) } else { ("kept", 0) };
        }
        self
    }

    /// Checks a share of `whole`; deducts `cost` if the share is below `percent`.
    fn share(
        name: (&'static str, &'static str),
        part: i64,
        whole: (i64, &'static str),
        percent: i64,
        cost: u32,
    ) -> Self {
        #[allow(clippy::cast_precision_loss)] // up to 100
        let check = Self::new(name.0, name.1, CheckValue::Share(percent as f64 / 100.0), whole);
        check.found(rate(part, whole.0).map(CheckValue::Share), is_below(part, whole.0, percent), cost)
    }
}

impl Health {
    /// Computes the health from the last hour's counters. `breakers` is `None` if they could not be read.
    #[must_use]
    pub fn new(window: Window, counters: &Counters, breakers: Option<&[ProviderBreaker]>) -> Self {
        let figures = Figures::of(counters);
        let areas = [
            area("push", 40, [push_delivery(counters), push_breakers(breakers)]),
            area("cascade", 30, [cascade_success(&figures), cost_of_the_hour(&figures)]),
            area("engagement", 30, [sent(&figures), click_through(&figures)]),
        ];
        let score = areas.iter().map(|area| area.points).sum();
        let status = match score {
            CRITICAL_BELOW..WARNING_BELOW => "warning",
            ..CRITICAL_BELOW => "critical",
            _ => "healthy",
        };
        Self { score, status, window: window.into(), areas }
    }
}

fn area(area: &'static str, of: u32, checks: [Check; 2]) -> Area {
    let taken: u32 = checks.iter().map(|check| check.deduction).sum();
    Area { area, points: of.saturating_sub(taken), of, checks }
}

fn push_delivery(counters: &Counters) -> Check {
    let push = SettledCounts::on(Channel::Push, counters);
    let name = ("delivery_rate", "below 0.95 costs 20");
    Check::share(name, push.reached, (push.all(), "notifications tried on push"), targets::DELIVERY_PERCENT, 20)
}

fn push_breakers(breakers: Option<&[ProviderBreaker]>) -> Check {
    let push: Vec<_> = breakers.unwrap_or_default().iter().filter(|one| one.channel == Channel::Push).collect();
    let open: Vec<_> = push.iter().filter(|one| !one.is_closed).map(|one| one.provider.clone()).collect();
    let count = |list: usize| i64::try_from(list).unwrap_or(i64::MAX);
    let sample = (count(push.len()), "push services whose circuit breaker opened today or yesterday");
    let check = Check::new("breakers_not_closed", "any not CLOSED costs 20", CheckValue::Count(0), sample);
    let mut check = check.found(breakers.map(|_| CheckValue::Count(count(open.len()))), !open.is_empty(), 20);
    check.details = if breakers.is_none() { vec!["the circuit breakers could not be read".to_owned()] } else { open };
    check
}

fn cascade_success(figures: &Figures) -> Check {
    let v2 = figures.arm(Cohort::V2);
    let name = ("success_rate", "below 0.98 costs 15");
    Check::share(name, v2.reached(), (v2.closed, "notifications of v2 that are over"), targets::CASCADE_PERCENT, 15)
}

fn cost_of_the_hour(figures: &Figures) -> Check {
    let cost = figures.summary.cost_micros;
    let sample = (figures.summary.sent, "notifications sent");
    Check::new("cost_micros", "above 100 EUR in the hour costs 15", CheckValue::Count(targets::HOUR_MICROS), sample)
        .found(Some(CheckValue::Count(cost)), cost > targets::HOUR_MICROS, 15)
}

fn sent(figures: &Figures) -> Check {
    let sent = figures.summary.sent;
    let sample = (sent, "notifications sent");
    Check::new("sent", "fewer than 10 in the hour cost 15", CheckValue::Count(targets::SENT_IN_AN_HOUR), sample).found(
        Some(CheckValue::Count(sent)),
        sent < targets::SENT_IN_AN_HOUR,
        15,
    )
}

fn click_through(figures: &Figures) -> Check {
    let all = &figures.summary;
    let name = ("ctr", "below 0.40 costs 15");
    let whole = (all.reached(), "notifications accepted or delivered");
    Check::share(name, all.clicked.min(all.reached()), whole, targets::CTR_PERCENT, 15)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use metrics::sample::{NOW, counters};

    fn health(pairs: &[(&str, i64)], breakers: Option<&[ProviderBreaker]>) -> Health {
        Health::new(Window::last(60, NOW.parse().unwrap()), &counters(pairs), breakers)
    }

    fn breaker(provider: &str, is_closed: bool) -> ProviderBreaker {
        ProviderBreaker { channel: Channel::Push, provider: provider.to_owned(), is_closed }
    }

    type Counts = &'static [(&'static str, i64)];

    /// Counters of an hour without any deduction.
    const GOOD: [(&str, i64); 6] = [
        ("on/v2/push/reached", 100),
        ("version/v2/sent", 100),
        ("version/v2/accepted", 100),
        ("version/v2/clicked", 40),
        ("version/v2/cost_micros", 100_000_000),
        ("version/v1/skipped/no_channel", 3),
    ];

    fn with(more: &[(&str, i64)]) -> Health {
        health(&[&GOOD[..], more].concat(), Some(&[breaker("fcm.googleapis.com", true)]))
    }

    /// Returns the deduction of each check, in order.
    fn deductions(health: &Health) -> Vec<u32> {
        health.areas.iter().flat_map(|area| &area.checks).map(|check| check.deduction).collect()
    }

    #[test]
    fn the_response_equals_the_golden_file() {
        let breakers = [breaker("fcm.googleapis.com", true), breaker("web.push.apple.com", false)];
        let hour = [
            ("on/v1/push/reached", 820),
            ("on/v2/push/reached", 90),
            ("on/v2/push/missed", 48),
            ("version/v1/sent", 850),
            ("version/v1/accepted", 820),
            ("version/v1/clicked", 361),
            ("version/v2/sent", 100),
            ("version/v2/accepted", 90),
            ("version/v2/delivered", 9),
            ("version/v2/failed", 1),
            ("version/v2/clicked", 31),
            ("version/v2/cost_micros", 640_000),
        ];
        let text = serde_json::to_string_pretty(&health(&hour, Some(&breakers))).unwrap();
        assert_eq!(text.trim(), include_str!("golden/health.json").trim(), "\n{text}");
    }

    #[test]
    fn a_good_hour_has_100_points_with_every_figure_on_its_boundary() {
        let good = with(&[("version/v1/cost_micros", 0)]);
        assert_eq!((good.score, good.status, deductions(&good)), (100, "healthy", vec![0; 6]));
    }

    #[test]
    fn each_deduction_is_taken_right_past_its_boundary() {
        let on_boundary = with(&[("on/v2/push/reached", 850), ("on/v1/push/missed", 50)]);
        assert_eq!(deductions(&on_boundary), [0; 6], "95 % of push");
        let cases: [(Counts, [u32; 6]); 4] = [
            (&[("on/v2/push/reached", 849), ("on/v1/push/missed", 50)], [20, 0, 0, 0, 0, 0]),
            (&[("version/v2/failed", 3), ("version/v1/clicked", 2)], [0, 0, 15, 0, 0, 0]),
            (&[("version/v2/cost_micros", 1)], [0, 0, 0, 15, 0, 0]),
            (&[("version/v2/clicked", -1)], [0, 0, 0, 0, 0, 15]),
        ];
        for (more, taken) in cases {
            assert_eq!(deductions(&with(more)), taken, "{more:?}");
        }
        assert_eq!(deductions(&with(&[("version/v2/failed", 2)])), [0; 6], "98.04 % of v2");
        assert_eq!(deductions(&with(&[("version/v2/accepted", -2), ("version/v2/failed", 2)])), [0; 6], "98 % of v2");
    }

    #[test]
    fn nine_sent_cost_15_and_ten_do_not() {
        let sent = |sent| deductions(&health(&[("version/v1/sent", sent)], Some(&[])));
        assert_eq!((sent(10), sent(9), sent(0)), (vec![0; 6], vec![0, 0, 0, 0, 15, 0], vec![0, 0, 0, 0, 15, 0]));
    }

    #[test]
    fn an_open_breaker_of_push_costs_20_and_is_named() {
        let open = health(&GOOD, Some(&[breaker("a", false), breaker("b", false), breaker("c", true)]));
        let check = &open.areas[0].checks[1];
        assert_eq!((open.score, check.value, check.sample), (80, Some(CheckValue::Count(2)), 3));
        assert_eq!(check.details, ["a", "b"]);
        let email = ProviderBreaker { channel: Channel::Email, ..breaker("ses", false) };
        assert_eq!(health(&GOOD, Some(&[email])).score, 100, "only push is checked");
    }

    #[test]
    fn a_check_without_data_deducts_nothing() {
        let nothing = health(&[("version/v1/sent", 10)], None);
        let verdicts: Vec<_> = nothing.areas.iter().flat_map(|area| &area.checks).map(|check| check.verdict).collect();
        assert_eq!(verdicts, ["no data", "no data", "no data", "kept", "kept", "no data"]);
        assert_eq!((nothing.score, nothing.areas[0].checks[0].value), (100, None));
        assert_eq!(nothing.areas[0].checks[1].details, ["the circuit breakers could not be read"]);
    }

    #[test]
    fn below_90_is_a_warning_and_below_70_critical() {
        let worst = [
            ("on/v2/push/missed", 9),
            ("version/v2/failed", 9),
            ("version/v2/accepted", 1),
            ("version/v1/cost_micros", 100_000_001),
        ];
        let open = [breaker("a", false)];
        let all = health(&worst, Some(&open));
        assert_eq!((all.score, all.status), (0, "critical"));
        let score = |more, breakers| {
            let health = health(&[&GOOD[..], more].concat(), Some(breakers));
            (health.score, health.status)
        };
        assert_eq!(score(&[("version/v2/clicked", -1)], &[]), (85, "warning"));
        assert_eq!(score(&[("version/v2/clicked", -1), ("version/v2/failed", 9)], &[]), (70, "warning"));
        assert_eq!(score(&[("version/v2/clicked", -1)], &open), (65, "critical"));
    }
}
