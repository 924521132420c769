//! The service's own metrics, written for CloudWatch every minute; alarms and the dashboard use them.

use jiff::Timestamp;

use domain::rollout::Percentage;
use metrics::arm_metrics::RolloutArmMetric;
use metrics::counters::Cohort;
use metrics::figures::Figures;
use metrics::{CounterName, Counters};
use platform::emf::{Metric, MetricValue};
use store::metrics::MetricsStore;
use store::{BreakerStore, StoreError};

/// Window of error rate and latency, in minutes: short enough to show an outage at once, long enough for a sample.
pub const RATE_MINUTES: i64 = 5;
/// Minimum number of notifications closed in that window. With fewer, neither error rate nor latency is written: one
/// failure of three is no outage.
pub const RATE_SAMPLE: i64 = 20;
/// Window of cost and of the share of version 2, in minutes.
pub const HOUR_MINUTES: i64 = 60;

/// Reads the data for the metrics.
#[derive(Debug, Clone)]
pub struct ServiceMetrics {
    /// Stores the counters.
    pub metrics: MetricsStore,
    /// Stores the circuit breakers.
    pub breakers: BreakerStore,
}

impl ServiceMetrics {
    /// Returns the metrics of this minute. A metric whose data cannot be read is `None`.
    pub async fn read(&self, percentage: Percentage, now: Timestamp) -> [MetricValue; 7] {
        let (minutes, opened) = tokio::join!(self.metrics.minutes(HOUR_MINUTES, now), self.breakers.opened(now));
        let minutes = if_read(minutes);
        let last = |how_many| minutes.as_deref().map(|minutes| sum_of_last(how_many, minutes));
        let (recent, hour) = (last(RATE_MINUTES), last(HOUR_MINUTES));
        let breakers_open = if_read(opened).map(|all| all.iter().filter(|(_, breaker)| !breaker.is_closed()).count());
        compute(&MetricInputs { recent: recent.as_ref(), hour: hour.as_ref(), breakers_open, percentage })
    }
}

/// Sums the last `how_many` counters. `minutes` is in order of time; the present minute is last.
fn sum_of_last(how_many: i64, minutes: &[(Timestamp, Counters)]) -> Counters {
    let mut sum = Counters::default();
    let how_many = usize::try_from(how_many).unwrap_or(0);
    minutes.iter().rev().take(how_many).for_each(|(_, counters)| sum.merge(counters));
    sum
}

fn if_read<T>(read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| tracing::warn!(%error, "failed to read figures; metric not written this minute")).ok()
}

/// The data that was read; `None` where a read failed.
#[derive(Debug, Clone, Copy)]
pub struct MetricInputs<'a> {
    /// The counters of the last [`RATE_MINUTES`].
    pub recent: Option<&'a Counters>,
    /// The counters of the last [`HOUR_MINUTES`].
    pub hour: Option<&'a Counters>,
    /// Number of circuit breakers that are not CLOSED.
    pub breakers_open: Option<usize>,
    /// The percentage in force.
    pub percentage: Percentage,
}

/// Computes the metrics of this minute.
#[must_use]
pub fn compute(inputs: &MetricInputs<'_>) -> [MetricValue; 7] {
    let recent = inputs.recent.map(|counters| Figures::of(counters).summary);
    let sampled = recent.as_ref().filter(|summary| summary.closed >= RATE_SAMPLE);
    let rate = sampled.and_then(|summary| summary.error_rate);
    let p95_ms = sampled.and_then(|summary| summary.latency_ms.p95);
    let cost_micros = inputs.hour.map(|counters| Figures::of(counters).summary.cost_micros);
    [
        (Metric::ErrorRate, rate.map(|rate| rate * 100.0)),
        (Metric::Closed, recent.as_ref().map(|summary| float(summary.closed))),
        (Metric::LatencyP95, p95_ms.and_then(|ms| i64::try_from(ms).ok()).map(float)),
        (Metric::HourCostEuro, cost_micros.map(|micros| float(micros) / 1e6)),
        (Metric::V2Share, inputs.hour.and_then(v2_share)),
        (Metric::RolloutPercentage, Some(f64::from(inputs.percentage.hundredths()) / 100.0)),
        (Metric::BreakersOpen, inputs.breakers_open.and_then(|open| i64::try_from(open).ok()).map(float)),
    ]
}

/// Share of version 2 among the assigned notifications, in percent; `None` if none was assigned to either version.
fn v2_share(hour: &Counters) -> Option<f64> {
    let assigned = |cohort| hour.get(&CounterName::RolloutArm(cohort, RolloutArmMetric::Assigned)).max(0);
    let (v1, v2) = (assigned(Cohort::V1), assigned(Cohort::V2));
    (v1 + v2 > 0).then(|| float(v2) * 100.0 / float(v1 + v2))
}

#[allow(clippy::cast_precision_loss)] // counts stay far below 2^52
const fn float(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use metrics::histogram::bin_of;
    use metrics::sample::counters;

    fn written(inputs: &MetricInputs<'_>) -> Vec<(&'static str, f64)> {
        let known = compute(inputs).into_iter().filter_map(|(metric, value)| Some((metric.as_str(), value?)));
        known.collect()
    }

    fn inputs<'a>(recent: Option<&'a Counters>, hour: Option<&'a Counters>) -> MetricInputs<'a> {
        MetricInputs { recent, hour, breakers_open: None, percentage: "12.5".parse().unwrap() }
    }

    #[test]
    fn rates_are_of_five_minutes_and_cost_is_of_the_hour() {
        let latency = format!("version/v1/lat/{}", bin_of(800));
        let recent = counters(&[
            ("version/v1/accepted", 150),
            ("version/v2/delivered", 30),
            ("version/v2/failed", 12),
            ("version/v1/uncertain", 5),
            ("version/v1/expired", 3),
            (&latency, 100),
        ]);
        let hour = counters(&[
            ("version/v1/accepted", 9_000),
            ("version/v2/cost_micros", 1_250_000),
            ("side/v1/assigned", 900),
            ("side/v2/assigned", 100),
        ]);
        let written = written(&MetricInputs { breakers_open: Some(2), ..inputs(Some(&recent), Some(&hour)) });
        let p95_ms = written[2].1;
        assert!((784.0..=816.0).contains(&p95_ms), "{p95_ms} is not within 2 % of 800");
        let wanted = [
            ("ErrorRate", 10.0),
            ("Closed", 200.0),
            ("LatencyP95", p95_ms),
            ("HourCostEuro", 1.25),
            ("V2Share", 10.0),
            ("RolloutPercentage", 12.5),
            ("BreakersOpen", 2.0),
        ];
        assert_eq!(written, wanted);
    }

    #[test]
    fn a_quiet_time_has_no_rates_and_costs_nothing() {
        let nothing = Counters::default();
        let written = written(&inputs(Some(&nothing), Some(&nothing)));
        assert_eq!(written, [("Closed", 0.0), ("HourCostEuro", 0.0), ("RolloutPercentage", 12.5)]);
    }

    #[test]
    fn a_rate_needs_a_sample() {
        let rate = |failed| {
            let recent = counters(&[("version/v2/accepted", 18), ("version/v2/failed", failed)]);
            written(&inputs(Some(&recent), None)).into_iter().find(|(name, _)| *name == "ErrorRate")
        };
        assert_eq!((rate(1), rate(2)), (None, Some(("ErrorRate", 10.0))));
    }

    #[test]
    fn if_nothing_can_be_read_the_percentage_is_still_written() {
        assert_eq!(written(&inputs(None, None)), [("RolloutPercentage", 12.5)]);
    }

    #[test]
    fn a_rate_is_of_the_newest_minutes_and_costs_of_all_that_were_read() {
        let minute = |minute: i64| {
            let begins = Timestamp::from_second(1_800_000_000 + minute * 60).unwrap();
            (begins, counters(&[("version/v2/accepted", 10_i64.pow(u32::try_from(minute).unwrap()))]))
        };
        let minutes: Vec<_> = (0..7).map(minute).collect();
        let accepted = |how_many| Figures::of(&sum_of_last(how_many, &minutes)).summary.accepted;
        assert_eq!((accepted(RATE_MINUTES), accepted(HOUR_MINUTES)), (1_111_100, 1_111_111));
    }
}
