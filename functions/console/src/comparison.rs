//! `GET /v1/rollout/comparison`: version 1 and version 2 side by side, with 95 % intervals of the differences.
//!
//! The intervals assume that notifications are drawn independently. But arms are assigned per recipient, so a recipient
//! with very many notifications weighs more than one draw. If an interval is read every day, it will sometimes miss the
//! true value.

use serde::Serialize;

use super::metrics::WindowView;
use super::sample_ratio::SampleRatio;
use super::targets::per_item;
use metrics::counters::Cohort;
use metrics::figures::{Figures, Notifications, latency_bins};
use metrics::interval::{Interval, Proportion, Spending, cost_difference, difference, quantile_between};
use metrics::{CounterName, Counters, MAX_MINUTES, Window, arm_metrics};
use platform::http::{Request, whole_number};
use platform::problem::Problem;

/// Minimum number of samples in each arm before there is a verdict.
const MIN_SAMPLE: i64 = 100;

/// The response of `GET /v1/rollout/comparison`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The window of the figures.
    pub window: WindowView,
    /// Figures of version 1.
    pub v1: ArmFigures,
    /// Figures of version 2.
    pub v2: ArmFigures,
    /// Difference of each figure: version 2 minus version 1.
    pub differences: Differences,
    /// Check of the arms' sizes against the percentage.
    pub sample_ratio: SampleRatio,
}

/// Figures of one arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmFigures {
    /// Notifications with at least one attempt.
    pub sent: i64,
    /// Notifications in a final state, except skipped and cancelled ones.
    pub closed: i64,
    /// (accepted + delivered) / closed.
    pub delivery_rate: Option<f64>,
    /// (failed + uncertain + expired) / closed.
    pub error_rate: Option<f64>,
    /// clicked / (accepted + delivered).
    pub ctr: Option<f64>,
    /// converted / (accepted + delivered).
    pub conversion_rate: Option<f64>,
    /// 95th percentile of the time from due to the first accepted attempt, in milliseconds.
    pub latency_p95_ms: Option<u64>,
    /// Total cost per notification accepted or delivered, in micro-euro.
    pub cost_per_delivery_micros: Option<i64>,
}

/// The difference of each figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)] // named as in `ArmFigures`
pub struct Differences {
    pub delivery_rate: Difference,
    pub error_rate: Difference,
    pub ctr: Difference,
    pub conversion_rate: Difference,
    pub latency_p95_ms: Difference,
    pub cost_per_delivery_micros: Difference,
}

/// Version 2's figure minus version 1's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The difference; null if either arm has no data.
    pub difference: Option<f64>,
    /// Lower end of the 95 % interval.
    pub low: Option<f64>,
    /// Upper end of the 95 % interval.
    pub high: Option<f64>,
    /// Number of samples of version 1 and of version 2.
    pub samples: [i64; 2],
    /// `v2 is better`, `v2 is worse`, `no difference shown`, or `not enough data`.
    pub verdict: &'static str,
}

/// Parses the window from `?hours=24`, the default; at most 90 days.
///
/// # Errors
/// 422 naming the field.
pub fn window(request: &Request, now: jiff::Timestamp) -> Result<Window, Problem> {
    request.only_parameters(&["hours"])?;
    match whole_number(request.query("hours").unwrap_or("24")) {
        Some(hours) if (1..=MAX_MINUTES / 60).contains(&hours) => Ok(Window::last(hours * 60, now)),
        _ => Err(Problem::invalid_field("hours", "must be a whole number from 1 to 2160 (90 days)")),
    }
}

impl Comparison {
    /// Compares the arms in a window.
    #[must_use]
    pub fn new(window: Window, counters: &Counters, sample_ratio: SampleRatio) -> Self {
        let figures = Figures::of(counters);
        let (v1, v2) = (figures.arm(Cohort::V1), figures.arm(Cohort::V2));
        Self {
            window: window.into(),
            differences: Differences::new(&v1, &v2, counters),
            v1: ArmFigures::new(&v1),
            v2: ArmFigures::new(&v2),
            sample_ratio,
        }
    }
}

impl ArmFigures {
    fn new(it: &Notifications) -> Self {
        Self {
            sent: it.sent,
            closed: it.closed,
            delivery_rate: it.delivery_rate,
            error_rate: it.error_rate,
            ctr: it.ctr,
            conversion_rate: it.conversion_rate,
            latency_p95_ms: it.latency_ms.p95,
            cost_per_delivery_micros: per_item(it.cost_micros, it.reached()),
        }
    }
}

impl Differences {
    fn new(v1: &Notifications, v2: &Notifications, counters: &Counters) -> Self {
        let of = |part: fn(&Notifications) -> i64, whole: fn(&Notifications) -> i64, better| {
            Difference::of_shares(Proportion::new(part(v1), whole(v1)), Proportion::new(part(v2), whole(v2)), better)
        };
        Self {
            delivery_rate: of(Notifications::reached, |it| it.closed, Better::Higher),
            error_rate: of(Notifications::not_reached, |it| it.closed, Better::Lower),
            ctr: of(|it| it.clicked, Notifications::reached, Better::Higher),
            conversion_rate: of(|it| it.converted, Notifications::reached, Better::Higher),
            latency_p95_ms: Difference::of_p95(counters),
            cost_per_delivery_micros: Difference::of_cost(v1, v2, counters),
        }
    }
}

/// Direction in which a difference is an improvement.
#[derive(Clone, Copy)]
enum Better {
    Higher,
    Lower,
}

impl Difference {
    fn of_shares(v1: Proportion, v2: Proportion, better: Better) -> Self {
        let interval = difference(v1, v2);
        let ends = interval.map(|it| (six_decimals(it.low), six_decimals(it.high)));
        let difference = interval.map(|it| six_decimals(it.difference));
        Self::judged(difference, ends, [v1.whole, v2.whole], better)
    }

    /// Returns the difference of the p95 latencies. Each arm's p95 has a 97.5 % interval, so both together hold with at
    /// least 95 %.
    fn of_p95(counters: &Counters) -> Self {
        let bins = [Cohort::V1, Cohort::V2].map(|side| latency_bins(counters, side));
        let samples = [0, 1].map(|side| bins[side].values().map(|count: &i64| (*count).max(0)).sum());
        #[allow(clippy::cast_precision_loss)] // milliseconds of at most some weeks
        let less = |one: u64, other: u64| one as f64 - other as f64;
        let p95 = |side: usize| metrics::histogram::quantile(&bins[side], 0.95);
        let difference = p95(1).zip(p95(0)).map(|(v2, v1)| less(v2, v1));
        let between = quantile_between(&bins[0], 0.95).zip(quantile_between(&bins[1], 0.95));
        let ends = between.map(|((low1, high1), (low2, high2))| (less(low2, high1), less(high2, low1)));
        Self::judged(difference, ends, samples, Better::Lower)
    }

    fn of_cost(v1: &Notifications, v2: &Notifications, counters: &Counters) -> Self {
        let cost = |it: &Notifications| per_item(it.cost_micros, it.reached());
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let difference = cost(v2).zip(cost(v1)).map(|(v2, v1)| (v2 - v1) as f64);
        let interval = cost_difference(spending(Cohort::V1, v1, counters), spending(Cohort::V2, v2, counters));
        let ends = interval.map(|Interval { low, high, .. }| (low.round(), high.round()));
        Self::judged(difference, ends, [v1.reached(), v2.reached()], Better::Lower)
    }

    fn judged(difference: Option<f64>, ends: Option<(f64, f64)>, samples: [i64; 2], better: Better) -> Self {
        let verdict = match ends.filter(|_| samples.iter().all(|sample| *sample >= MIN_SAMPLE)) {
            None => "not enough data",
            Some((low, high)) if low <= 0.0 && high >= 0.0 => "no difference shown",
            Some((low, _)) if matches!(better, Better::Higher) == (low > 0.0) => "v2 is better",
            Some(_) => "v2 is worse",
        };
        let (low, high) = ends.unzip();
        Self { difference, low, high, samples, verdict }
    }
}

fn spending(cohort: Cohort, it: &Notifications, counters: &Counters) -> Spending {
    let sum = |of| counters.get(&CounterName::RolloutArm(cohort, of));
    Spending {
        sent: it.sent,
        reached: it.reached(),
        micros: it.cost_micros,
        of_reached_micros: sum(arm_metrics::RolloutArmMetric::CostOfReachedMicros),
        squares: sum(arm_metrics::RolloutArmMetric::CostSquares),
    }
}

fn six_decimals(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sample_ratio::ExpectedSplit;
    use metrics::sample::{NOW, counters, week};
    use platform::private::Private;

    fn compare(pairs: &[(&str, i64)]) -> Comparison {
        of(&counters(pairs))
    }

    fn of(counters: &Counters) -> Comparison {
        let window = Window::last(10_080, NOW.parse().unwrap());
        let expected = ExpectedSplit {
            percentage: "10".parse().unwrap(),
            listed: 0,
            unchanged_since: Some("2026-11-01T00:00:00Z".parse().unwrap()),
        };
        let ratio = SampleRatio::new(&expected, Some(window), counters);
        Comparison::new(window, counters, ratio)
    }

    #[test]
    fn the_response_equals_the_golden_file() {
        let text = serde_json::to_string_pretty(&of(&week())).unwrap();
        assert_eq!(text.trim(), include_str!("golden/comparison.json").trim(), "\n{text}");
    }

    #[test]
    fn a_difference_that_chance_does_not_account_for_is_judged_by_which_way_round_is_good() {
        let sides = |v1, v2| {
            let found = compare(&[
                ("version/v1/accepted", v1),
                ("version/v1/failed", 1_000 - v1),
                ("version/v2/accepted", v2),
                ("version/v2/failed", 1_000 - v2),
            ]);
            [found.differences.delivery_rate.verdict, found.differences.error_rate.verdict]
        };
        assert_eq!(sides(900, 990), ["v2 is better"; 2]);
        assert_eq!(sides(990, 900), ["v2 is worse"; 2]);
        assert_eq!(sides(940, 945), ["no difference shown"; 2]);
    }

    #[test]
    fn below_a_hundred_on_either_side_there_is_no_verdict() {
        let sides =
            |v1, v2| compare(&[("version/v1/failed", v1), ("version/v2/accepted", v2)]).differences.delivery_rate;
        assert_eq!(sides(100, 100).verdict, "v2 is better");
        assert_eq!((sides(99, 5_000).verdict, sides(5_000, 99).verdict), ("not enough data", "not enough data"));
        let none = sides(0, 5_000);
        assert_eq!((none.difference, none.low, none.verdict), (None, None, "not enough data"));
        assert_eq!(compare(&[]).differences.latency_p95_ms.verdict, "not enough data");
    }

    #[test]
    fn a_slower_p95_is_worse() {
        let found = of(&week()).differences;
        assert_eq!(found.latency_p95_ms.verdict, "v2 is worse");
        assert!(found.latency_p95_ms.low.unwrap() > 0.0);
    }

    #[test]
    fn a_dearer_delivery_is_worse_once_enough_were_paid_for() {
        let sides = |paid: i64| {
            let squares = paid * 70_000 * 70_000;
            let found = compare(&[
                ("version/v1/sent", 1_000),
                ("version/v1/accepted", 1_000),
                ("version/v2/sent", 1_000),
                ("version/v2/accepted", 1_000),
                ("version/v2/cost_micros", paid * 70_000),
                ("side/v2/cost_of_reached_micros", paid * 70_000),
                ("side/v2/cost_squares", squares),
            ]);
            found.differences.cost_per_delivery_micros
        };
        let dear = sides(30);
        assert_eq!((dear.difference, dear.verdict), (Some(2_100.0), "v2 is worse"));
        // 70,000 x (0.03 -+ 1.96 x sqrt(0.03 x 0.97 / 1000))
        assert_eq!((dear.low, dear.high), (Some(1_360.0), Some(2_840.0)));
        assert_eq!((sides(29).verdict, sides(29).low), ("not enough data", None));
        assert_eq!(sides(0).verdict, "no difference shown");
    }

    #[test]
    fn hours_that_make_no_sense_are_named() {
        let ask = |name: &str, value: &str| {
            let query = [(name.to_owned(), Private::new(value.to_owned()))].into();
            let request = Request { query, ..Request::default() };
            window(&request, NOW.parse().unwrap())
                .map(Window::minutes)
                .map_err(|problem| problem.errors[0].field.clone())
        };
        assert_eq!((ask("hours", "1"), ask("hours", "24"), ask("hours", "2160").is_ok()), (Ok(60), Ok(1_440), true));
        for bad in ["0", "-1", "2161", "1.5", "", "a day", "24,48", "+1", "01", "99999999999999999999"] {
            assert_eq!(ask("hours", bad), Err("hours".to_owned()), "{bad}");
        }
        assert_eq!(ask("minutes", "60"), Err("minutes".to_owned()));
    }
}
