//! A window's counters as counts, rates and quantiles.

use std::collections::BTreeMap;

use serde::Serialize;

use super::counters::{Cohort, CounterName, Counters, Group, Of, Tried};
use super::histogram::quantile;
use domain::channel::Channel;

/// Everything that a window's counters say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// All notifications.
    pub summary: Notifications,
    /// Attempts by channel; every channel, also without any.
    pub by_channel: BTreeMap<&'static str, Attempts>,
    /// Notifications by side of the rollout; v1 and v2 always, `undecided` when there is one.
    pub by_version: BTreeMap<&'static str, Notifications>,
    /// Notifications by type, those with any.
    pub by_type: BTreeMap<String, Notifications>,
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
    /// They were opened.
    pub opened: i64,
    /// Their link was followed.
    pub clicked: i64,
    /// They were put away unread.
    pub dismissed: i64,
    /// They led to what they were sent for.
    pub converted: i64,
    /// What that was worth, in millionths of a euro.
    pub conversion_value_micros: i64,
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
    /// What of that was for nothing, since an earlier channel had delivered.
    pub wasted_cost_micros: i64,
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

impl Figures {
    /// Adds up a window's counters.
    #[must_use]
    pub fn of(counters: &Counters) -> Self {
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
                CounterName::Reach(..) | CounterName::Side(..) => {}
            }
        }
        Self {
            summary: summary.finish(),
            by_channel: channels.into_iter().map(|(name, (attempts, bins))| (name, attempts.finish(&bins))).collect(),
            by_version: versions.into_iter().map(|(name, tally)| (name, tally.finish())).collect(),
            by_type: types.into_iter().map(|(name, tally)| (name, tally.finish())).collect(),
        }
    }

    /// One side's figures.
    #[must_use]
    pub fn side(&self, cohort: Cohort) -> Notifications {
        self.by_version.get(cohort.as_str()).cloned().unwrap_or_default()
    }
}

/// One side's notifications by their latency.
#[must_use]
pub fn latency_bins(counters: &Counters, side: Cohort) -> Bins {
    let bin = |(name, amount): (&CounterName, i64)| match name {
        CounterName::Notifications(Group::Version(cohort), Of::Latency(bin)) if *cohort == side => Some((*bin, amount)),
        _ => None,
    };
    counters.iter().filter_map(bin).collect()
}

/// Counts by the histogram's bin.
pub type Bins = BTreeMap<i32, i64>;

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
            Of::Opened => &mut figures.opened,
            Of::Clicked => &mut figures.clicked,
            Of::Dismissed => &mut figures.dismissed,
            Of::Converted => &mut figures.converted,
            Of::ConversionValueMicros => &mut figures.conversion_value_micros,
            Of::CostMicros => &mut figures.cost_micros,
            Of::WastedCostMicros => &mut figures.wasted_cost_micros,
            Of::Latency(bin) => self.bins.entry(*bin).or_default(),
        };
        *figure += amount;
    }

    fn finish(self) -> Notifications {
        let mut it = self.figures;
        let plain =
            [&mut it.sent, &mut it.accepted, &mut it.delivered, &mut it.failed, &mut it.uncertain, &mut it.expired];
        let beside = [&mut it.cancelled, &mut it.opened, &mut it.clicked, &mut it.dismissed, &mut it.converted];
        let sums = [&mut it.conversion_value_micros, &mut it.cost_micros, &mut it.wasted_cost_micros];
        plain
            .into_iter()
            .chain(beside)
            .chain(sums)
            .chain(it.skipped.values_mut())
            .for_each(|figure| *figure = (*figure).max(0));
        it.skipped.retain(|_, count| *count > 0);
        let (taken, bad) = (it.reached(), it.ended_badly());
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
            Tried::LatencySumMs => return,
            Tried::Latency(bin) => bins.entry(bin).or_default(),
        };
        *figure += amount;
    }

    fn finish(mut self, bins: &Bins) -> Self {
        let outcomes =
            [&mut self.accepted, &mut self.retry_later, &mut self.gone, &mut self.rejected, &mut self.uncertain];
        let sums = [&mut self.attempts, &mut self.cost_micros];
        outcomes.into_iter().chain(sums).for_each(|figure| *figure = (*figure).max(0));
        self.latency_ms = Latency::of(bins);
        self
    }
}

impl Notifications {
    /// How many reached somebody, as far as known: `accepted` and `delivered`.
    #[must_use]
    pub const fn reached(&self) -> i64 {
        self.accepted + self.delivered
    }

    /// How many ended badly: `failed`, `uncertain` and `expired`.
    #[must_use]
    pub const fn ended_badly(&self) -> i64 {
        self.failed + self.uncertain + self.expired
    }
}

impl Latency {
    /// The three quantiles of a histogram.
    #[must_use]
    pub fn of(bins: &Bins) -> Self {
        Self { p50: quantile(bins, 0.5), p95: quantile(bins, 0.95), p99: quantile(bins, 0.99) }
    }
}

/// A share from 0 to 1 with six decimals; `None` of nothing.
#[must_use]
pub fn rate(part: i64, whole: i64) -> Option<f64> {
    #[allow(clippy::cast_precision_loss)] // counts stay far below 2^52
    (whole > 0).then(|| (part as f64 / whole as f64 * 1e6).round() / 1e6)
}
