//! What `GET /v1/metrics` answers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::counters::{Cohort, CounterName, Counters, Group, Of, Tried};
use super::histogram::quantile;
use super::window::Window;
use crate::channels::Channel;

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What was looked at.
    pub window: Span,
    /// All notifications.
    pub summary: Notifications,
    /// Attempts by channel; every channel, also without any.
    pub by_channel: BTreeMap<&'static str, Attempts>,
    /// Notifications by side of the rollout; v1 and v2 always, `undecided` when there is one.
    pub by_version: BTreeMap<&'static str, Notifications>,
    /// Notifications by type, those with any.
    pub by_type: BTreeMap<String, Notifications>,
}

/// The window that was used: the one asked for, widened to whole minutes, or to whole hours further back than 48 hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The first moment in it.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
    /// Its length.
    pub minutes: i64,
}

/// Counts of notifications. A change counts in the minute it happened, so a window may hold a confirmation without the
/// acceptance that it replaced: what would fall below zero shows as zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Notifications {
    /// With at least one attempt.
    pub sent: i64,
    /// All of the five that follow.
    pub closed: i64,
    /// A provider took them, and no more is known.
    pub accepted: i64,
    /// The device or provider confirmed them.
    pub delivered: i64,
    /// No channel took them.
    pub failed: i64,
    /// A paid send whose outcome is unknown.
    pub uncertain: i64,
    /// Their lifetime ended first.
    pub expired: i64,
    /// A gate said no, by reason.
    pub skipped: BTreeMap<String, i64>,
    /// Called off.
    pub cancelled: i64,
    /// Their link was opened.
    pub clicked: i64,
    /// They led to what they were sent for.
    pub converted: i64,
    /// (accepted + delivered) / closed.
    pub delivery_rate: Option<f64>,
    /// delivered / closed.
    pub confirmed_rate: Option<f64>,
    /// (failed + uncertain + expired) / closed.
    pub error_rate: Option<f64>,
    /// clicked / (accepted + delivered).
    pub ctr: Option<f64>,
    /// converted / (accepted + delivered).
    pub conversion_rate: Option<f64>,
    /// From when they were due to the first accepted attempt.
    pub latency_ms: Latency,
    /// What their attempts cost, in millionths of a euro.
    pub cost_micros: i64,
}

/// Counts of attempts on one channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Attempts {
    /// All of those that follow.
    pub attempts: i64,
    /// The provider took it.
    pub accepted: i64,
    /// It may be tried again.
    pub retry_later: i64,
    /// The address no longer exists.
    pub gone: i64,
    /// Trying again will not help.
    pub rejected: i64,
    /// The outcome is unknown.
    pub uncertain: i64,
    /// The time of the calls.
    pub latency_ms: Latency,
    /// What they cost, in millionths of a euro.
    pub cost_micros: i64,
}

/// Quantiles in whole milliseconds, within 2 % of exact; null without data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // the quantile is the name
pub struct Latency {
    pub p50: Option<u64>,
    pub p95: Option<u64>,
    pub p99: Option<u64>,
}

impl Report {
    /// Puts a window's counters into the answer's shape.
    #[must_use]
    pub fn new(window: Window, counters: &Counters) -> Self {
        let mut summary = Tally::default();
        let mut versions =
            BTreeMap::from([(Cohort::V1.as_str(), Tally::default()), (Cohort::V2.as_str(), Tally::default())]);
        let mut types = BTreeMap::<String, Tally>::new();
        let mut channels: BTreeMap<_, _> =
            Channel::ALL.map(|channel| (channel.as_str(), (Attempts::default(), Bins::new()))).into();
        for (name, amount) in counters.iter() {
            match name {
                CounterName::Notifications(Group::Version(cohort), of) => {
                    summary.add(of, amount);
                    versions.entry(cohort.as_str()).or_default().add(of, amount);
                }
                CounterName::Notifications(Group::Type(kind), of) => {
                    types.entry(kind.as_str().to_owned()).or_default().add(of, amount);
                }
                CounterName::Attempts(channel, tried) => {
                    let (attempts, bins) = channels.entry(channel.as_str()).or_default();
                    attempts.add(*tried, amount, bins);
                }
            }
        }
        Self {
            window: Span { from: window.from(), to: window.to(), minutes: window.minutes() },
            summary: summary.finish(),
            by_channel: channels.into_iter().map(|(name, (attempts, bins))| (name, attempts.finish(&bins))).collect(),
            by_version: versions.into_iter().map(|(name, tally)| (name, tally.finish())).collect(),
            by_type: types.into_iter().map(|(name, tally)| (name, tally.finish())).collect(),
        }
    }
}

type Bins = BTreeMap<i32, i64>;

/// A group of notifications while it is added up.
#[derive(Default)]
struct Tally {
    figures: Notifications,
    bins: Bins,
}

impl Tally {
    fn add(&mut self, of: &Of, amount: i64) {
        let figures = &mut self.figures;
        let figure = match of {
            Of::Sent => &mut figures.sent,
            Of::Accepted => &mut figures.accepted,
            Of::Delivered => &mut figures.delivered,
            Of::Failed => &mut figures.failed,
            Of::Uncertain => &mut figures.uncertain,
            Of::Expired => &mut figures.expired,
            Of::Cancelled => &mut figures.cancelled,
            Of::Skipped(reason) => figures.skipped.entry(reason.as_str().to_owned()).or_default(),
            Of::Clicked => &mut figures.clicked,
            Of::Converted => &mut figures.converted,
            Of::CostMicros => &mut figures.cost_micros,
            Of::Latency(bin) => self.bins.entry(*bin).or_default(),
        };
        *figure += amount;
    }

    fn finish(self) -> Notifications {
        let mut it = self.figures;
        let plain =
            [&mut it.sent, &mut it.accepted, &mut it.delivered, &mut it.failed, &mut it.uncertain, &mut it.expired];
        let beside = [&mut it.cancelled, &mut it.clicked, &mut it.converted, &mut it.cost_micros];
        plain.into_iter().chain(beside).chain(it.skipped.values_mut()).for_each(|figure| *figure = (*figure).max(0));
        it.skipped.retain(|_, count| *count > 0);
        let (taken, bad) = (it.accepted + it.delivered, it.failed + it.uncertain + it.expired);
        it.closed = taken + bad;
        it.delivery_rate = rate(taken, it.closed);
        it.confirmed_rate = rate(it.delivered, it.closed);
        it.error_rate = rate(bad, it.closed);
        it.ctr = rate(it.clicked.min(taken), taken);
        it.conversion_rate = rate(it.converted.min(taken), taken);
        it.latency_ms = Latency::of(&self.bins);
        it
    }
}

impl Attempts {
    fn add(&mut self, tried: Tried, amount: i64, bins: &mut Bins) {
        let figure = match tried {
            Tried::Attempts => &mut self.attempts,
            Tried::Accepted => &mut self.accepted,
            Tried::RetryLater => &mut self.retry_later,
            Tried::Gone => &mut self.gone,
            Tried::Rejected => &mut self.rejected,
            Tried::Uncertain => &mut self.uncertain,
            Tried::CostMicros => &mut self.cost_micros,
            Tried::Latency(bin) => bins.entry(bin).or_default(),
        };
        *figure += amount;
    }

    fn finish(mut self, bins: &Bins) -> Self {
        self.latency_ms = Latency::of(bins);
        self
    }
}

impl Latency {
    fn of(bins: &Bins) -> Self {
        Self { p50: quantile(bins, 0.5), p95: quantile(bins, 0.95), p99: quantile(bins, 0.99) }
    }
}

/// A share from 0 to 1 with six decimals; `None` of nothing.
fn rate(part: i64, whole: i64) -> Option<f64> {
    #[allow(clippy::cast_precision_loss)] // counts stay far below 2^52
    (whole > 0).then(|| (part as f64 / whole as f64 * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rollup::histogram::bin_of;

    fn counters(pairs: &[(&str, i64)]) -> Counters {
        let mut counters = Counters::default();
        pairs.iter().for_each(|(name, amount)| counters.add(name.parse().unwrap(), *amount));
        counters
    }

    fn report(counters: &Counters) -> Report {
        Report::new(Window::last(60, "2026-11-23T10:05:30Z".parse().unwrap()), counters)
    }

    #[test]
    fn a_whole_answer_reads_as_the_golden_file_has_it() {
        let mut all = counters(&[
            ("version/v1/sent", 40),
            ("version/v1/accepted", 30),
            ("version/v1/failed", 10),
            ("version/v2/sent", 60),
            ("version/v2/accepted", 36),
            ("version/v2/delivered", 21),
            ("version/v2/failed", 1),
            ("version/v2/uncertain", 1),
            ("version/v2/expired", 1),
            ("version/v2/skipped/opted_out", 4),
            ("version/v2/skipped/no_channel", 2),
            ("version/v2/clicked", 19),
            ("version/v2/converted", 3),
            ("version/v2/cost_micros", 280_700),
            ("version/undecided/cancelled", 5),
            ("type/DEFAULT/sent", 92),
            ("type/DEFAULT/accepted", 66),
            ("type/DEFAULT/delivered", 13),
            ("type/PAYMENT_DUE/sent", 8),
            ("type/PAYMENT_DUE/delivered", 8),
            ("type/PAYMENT_DUE/cost_micros", 280_700),
            ("channel/push/attempts", 96),
            ("channel/push/accepted", 79),
            ("channel/push/retry_later", 6),
            ("channel/push/gone", 10),
            ("channel/push/rejected", 1),
            ("channel/email/attempts", 4),
            ("channel/email/accepted", 4),
            ("channel/email/cost_micros", 400),
            ("channel/sms/attempts", 5),
            ("channel/sms/accepted", 4),
            ("channel/sms/uncertain", 1),
            ("channel/sms/cost_micros", 280_300),
        ]);
        for latency_ms in 1..=100 {
            all.add(format!("version/v2/lat/{}", bin_of(latency_ms * 10)).parse().unwrap(), 1);
            all.add(format!("channel/push/lat/{}", bin_of(latency_ms)).parse().unwrap(), 1);
        }
        let text = serde_json::to_string_pretty(&report(&all)).unwrap();
        assert_eq!(text.trim(), include_str!("golden/metrics.json").trim(), "\n{text}");
    }

    #[test]
    fn without_data_counts_are_zero_and_rates_null() {
        let report = serde_json::to_value(report(&Counters::default())).unwrap();
        for group in [&report["summary"], &report["by_version"]["v1"], &report["by_version"]["v2"]] {
            assert_eq!((&group["sent"], &group["closed"]), (&0.into(), &0.into()));
            for rate in ["delivery_rate", "confirmed_rate", "error_rate", "ctr", "conversion_rate"] {
                assert!(group[rate].is_null(), "{rate}");
            }
            assert!(group["latency_ms"]["p99"].is_null());
        }
        assert_eq!(report["by_channel"].as_object().unwrap().len(), 3);
        assert_eq!(report["by_type"], serde_json::json!({}));
    }

    #[test]
    fn a_confirmation_whose_acceptance_lies_before_the_window_is_one_delivered() {
        let late = counters(&[("version/v2/accepted", -1), ("version/v2/delivered", 1), ("version/v2/clicked", 3)]);
        let v2 = &report(&late).by_version["v2"];
        assert_eq!((v2.accepted, v2.delivered, v2.closed), (0, 1, 1));
        assert_eq!((v2.delivery_rate, v2.confirmed_rate, v2.ctr), (Some(1.0), Some(1.0), Some(1.0)));
    }
}
