//! Counts, rates and quantiles of a window's counters.

use std::collections::BTreeMap;

use serde::Serialize;

use super::counters::{AttemptMetric, Cohort, CounterName, Counters, Group, Label, NotificationMetric};
use super::histogram::quantile;
use domain::channel::Channel;

/// Figures of a window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// All notifications.
    pub summary: Notifications,
    /// Attempts by channel. Channels without attempts are included.
    pub by_channel: BTreeMap<&'static str, Attempts>,
    /// Notifications by arm of the rollout. v1 and v2 are always included; `undecided` if it has notifications.
    pub by_version: BTreeMap<&'static str, Notifications>,
    /// Notifications by type. Types without notifications are left out.
    pub by_type: BTreeMap<String, Notifications>,
    /// Notifications by template. Templates without notifications are left out.
    pub by_template: BTreeMap<String, Notifications>,
    /// Notifications by campaign, all variants together. Campaigns without notifications are left out.
    pub by_campaign: BTreeMap<String, Notifications>,
}

/// Counts of notifications. A change counts in the minute of the change, so a window can contain a confirmation without
/// the acceptance that it replaced. A negative count is reported as zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Notifications {
    /// Notifications with at least one attempt.
    pub sent: i64,
    /// Sum of the five counts that follow.
    pub closed: i64,
    /// Accepted by a provider and not confirmed.
    pub accepted: i64,
    /// Confirmed by the device or the provider.
    pub delivered: i64,
    /// Accepted by no channel.
    pub failed: i64,
    /// Paid sends with an unknown outcome.
    pub uncertain: i64,
    /// Notifications whose lifetime ended first.
    pub expired: i64,
    /// Skipped by a gate, by reason.
    pub skipped: BTreeMap<String, i64>,
    /// Cancelled by the caller.
    pub cancelled: i64,
    /// Opened notifications.
    pub opened: i64,
    /// Notifications whose link was clicked.
    pub clicked: i64,
    /// Notifications about which the recipient complained.
    pub complained: i64,
    /// Notifications of campaigns by whose link the recipient opted out.
    pub opted_out: i64,
    /// Notifications that were dismissed unread.
    pub dismissed: i64,
    /// Notifications that led to a conversion.
    pub converted: i64,
    /// Value of the conversions, in micro-euros.
    pub conversion_value_micros: i64,
    /// Notifications with an attempt on a channel on which the template has no text in the recipient's language. Of
    /// templates alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale_fallbacks: Option<i64>,
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
    /// Time from the due time to the first accepted attempt, without deliberate waits.
    pub latency_ms: Latency,
    /// Cost of the attempts, in micro-euros.
    pub cost_micros: i64,
    /// Part of that cost that was wasted, because an earlier channel had delivered.
    pub wasted_cost_micros: i64,
}

/// Counts of attempts on one channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Attempts {
    /// Sum of the five counts that follow.
    pub attempts: i64,
    /// Accepted by the provider.
    pub accepted: i64,
    /// Failed; a retry is possible.
    pub retry_later: i64,
    /// The address no longer exists.
    pub gone: i64,
    /// Rejected; a retry does not help.
    pub rejected: i64,
    /// The outcome is unknown.
    pub uncertain: i64,
    /// Duration of the calls.
    pub latency_ms: Latency,
    /// Cost of the attempts, in micro-euros.
    pub cost_micros: i64,
}

/// Quantiles in whole milliseconds, within 2 % of the exact value; null without data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // the quantile is the name
pub struct Latency {
    pub p50: Option<u64>,
    pub p95: Option<u64>,
    pub p99: Option<u64>,
}

impl Figures {
    /// Computes the figures of a window's counters.
    #[must_use]
    pub fn of(counters: &Counters) -> Self {
        let mut summary = GroupSums::default();
        let mut versions =
            BTreeMap::from([(Cohort::V1.as_str(), GroupSums::default()), (Cohort::V2.as_str(), GroupSums::default())]);
        let mut types = BTreeMap::<String, GroupSums>::new();
        let mut templates = BTreeMap::<String, GroupSums>::new();
        let mut campaigns = BTreeMap::<String, GroupSums>::new();
        let mut channels: BTreeMap<_, _> =
            Channel::ALL.map(|channel| (channel.as_str(), (Attempts::default(), Bins::new()))).into();
        for (name, amount) in counters.iter() {
            match name {
                CounterName::Notifications(Group::Version(cohort), metric) => {
                    summary.add(metric, amount);
                    versions.entry(cohort.as_str()).or_default().add(metric, amount);
                }
                CounterName::Notifications(Group::Type(kind), metric) => {
                    types.entry(kind.as_str().to_owned()).or_default().add(metric, amount);
                }
                CounterName::Notifications(Group::Template(name), metric) => {
                    templates.entry(name.as_str().to_owned()).or_default().add(metric, amount);
                }
                CounterName::Notifications(Group::Campaign(label), metric) => {
                    campaigns.entry(campaign_and_variant(label).0.to_owned()).or_default().add(metric, amount);
                }
                CounterName::Attempts(channel, metric) => {
                    let (attempts, bins) = channels.entry(channel.as_str()).or_default();
                    attempts.add(*metric, amount, bins);
                }
                CounterName::ChannelResult(..) | CounterName::RolloutArm(..) => {}
            }
        }
        Self {
            summary: summary.finish(),
            by_channel: channels.into_iter().map(|(name, (attempts, bins))| (name, attempts.finish(&bins))).collect(),
            by_version: versions.into_iter().map(|(name, sums)| (name, sums.finish())).collect(),
            by_type: types.into_iter().map(|(name, sums)| (name, sums.finish())).collect(),
            by_template: templates.into_iter().map(|(name, sums)| (name, sums.finish_template())).collect(),
            by_campaign: campaigns.into_iter().map(|(id, sums)| (id, sums.finish())).collect(),
        }
    }

    /// Returns the figures of a campaign, by variant. The name is empty if the campaign has no variants.
    #[must_use]
    pub fn of_campaign(counters: &Counters, campaign: &str) -> BTreeMap<String, Notifications> {
        let mut variants = BTreeMap::<String, GroupSums>::new();
        for (name, amount) in counters.iter() {
            let CounterName::Notifications(Group::Campaign(label), metric) = name else { continue };
            let (id, variant) = campaign_and_variant(label);
            if id == campaign {
                variants.entry(variant.to_owned()).or_default().add(metric, amount);
            }
        }
        variants.into_iter().map(|(name, sums)| (name, sums.finish())).collect()
    }

    /// Returns the figures of one arm.
    #[must_use]
    pub fn arm(&self, cohort: Cohort) -> Notifications {
        self.by_version.get(cohort.as_str()).cloned().unwrap_or_default()
    }
}

/// Splits the label of a campaign. The variant is empty if the campaign has none.
fn campaign_and_variant(label: &Label) -> (&str, &str) {
    label.as_str().split_once('.').unwrap_or((label.as_str(), ""))
}

/// Returns the latency histogram of one arm's notifications.
#[must_use]
pub fn latency_bins(counters: &Counters, arm: Cohort) -> Bins {
    let bin = |(name, amount): (&CounterName, i64)| match name {
        CounterName::Notifications(Group::Version(cohort), NotificationMetric::Latency(bin)) if *cohort == arm => {
            Some((*bin, amount))
        }
        _ => None,
    };
    counters.iter().filter_map(bin).collect()
}

/// Counts by bin of the histogram.
pub type Bins = BTreeMap<i32, i64>;

/// Sums of a group of notifications, during the addition.
#[derive(Default)]
struct GroupSums {
    figures: Notifications,
    locale_fallbacks: i64,
    bins: Bins,
}

impl GroupSums {
    fn add(&mut self, metric: &NotificationMetric, amount: i64) {
        let figures = &mut self.figures;
        let figure = match metric {
            NotificationMetric::Sent => &mut figures.sent,
            NotificationMetric::Accepted => &mut figures.accepted,
            NotificationMetric::Delivered => &mut figures.delivered,
            NotificationMetric::Failed => &mut figures.failed,
            NotificationMetric::Uncertain => &mut figures.uncertain,
            NotificationMetric::Expired => &mut figures.expired,
            NotificationMetric::Cancelled => &mut figures.cancelled,
            NotificationMetric::Skipped(reason) => figures.skipped.entry(reason.as_str().to_owned()).or_default(),
            NotificationMetric::Opened => &mut figures.opened,
            NotificationMetric::Clicked => &mut figures.clicked,
            NotificationMetric::Complained => &mut figures.complained,
            NotificationMetric::OptedOut => &mut figures.opted_out,
            NotificationMetric::Dismissed => &mut figures.dismissed,
            NotificationMetric::Converted => &mut figures.converted,
            NotificationMetric::ConversionValueMicros => &mut figures.conversion_value_micros,
            NotificationMetric::CostMicros => &mut figures.cost_micros,
            NotificationMetric::WastedCostMicros => &mut figures.wasted_cost_micros,
            NotificationMetric::LocaleFallback => &mut self.locale_fallbacks,
            NotificationMetric::Latency(bin) => self.bins.entry(*bin).or_default(),
        };
        *figure += amount;
    }

    fn finish_template(self) -> Notifications {
        let locale_fallbacks = Some(self.locale_fallbacks.max(0));
        Notifications { locale_fallbacks, ..self.finish() }
    }

    fn finish(self) -> Notifications {
        let mut it = self.figures;
        let plain =
            [&mut it.sent, &mut it.accepted, &mut it.delivered, &mut it.failed, &mut it.uncertain, &mut it.expired];
        let beside = [&mut it.cancelled, &mut it.opened, &mut it.clicked, &mut it.dismissed, &mut it.converted];
        let sums = [&mut it.conversion_value_micros, &mut it.cost_micros, &mut it.wasted_cost_micros];
        let unwelcome = [&mut it.complained, &mut it.opted_out];
        plain
            .into_iter()
            .chain(beside)
            .chain(unwelcome)
            .chain(sums)
            .chain(it.skipped.values_mut())
            .for_each(|figure| *figure = (*figure).max(0));
        it.skipped.retain(|_, count| *count > 0);
        let (reached, failed) = (it.reached(), it.not_reached());
        it.closed = reached + failed;
        it.delivery_rate = rate(reached, it.closed);
        it.confirmed_rate = rate(it.delivered, it.closed);
        it.error_rate = rate(failed, it.closed);
        it.ctr = rate(it.clicked.min(reached), reached);
        it.conversion_rate = rate(it.converted.min(reached), reached);
        it.latency_ms = Latency::of(&self.bins);
        it
    }
}

impl Attempts {
    fn add(&mut self, metric: AttemptMetric, amount: i64, bins: &mut Bins) {
        let figure = match metric {
            AttemptMetric::Attempts => &mut self.attempts,
            AttemptMetric::Accepted => &mut self.accepted,
            AttemptMetric::RetryLater => &mut self.retry_later,
            AttemptMetric::Gone => &mut self.gone,
            AttemptMetric::Rejected => &mut self.rejected,
            AttemptMetric::Uncertain => &mut self.uncertain,
            AttemptMetric::CostMicros => &mut self.cost_micros,
            AttemptMetric::LatencySumMs => return,
            AttemptMetric::Latency(bin) => bins.entry(bin).or_default(),
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
    /// Returns the number of notifications that reached the recipient as far as known: `accepted` and `delivered`.
    #[must_use]
    pub const fn reached(&self) -> i64 {
        self.accepted + self.delivered
    }

    /// Returns the number of notifications that ended without success: `failed`, `uncertain` and `expired`.
    #[must_use]
    pub const fn not_reached(&self) -> i64 {
        self.failed + self.uncertain + self.expired
    }
}

impl Latency {
    /// Computes the three quantiles of a histogram.
    #[must_use]
    pub fn of(bins: &Bins) -> Self {
        Self { p50: quantile(bins, 0.5), p95: quantile(bins, 0.95), p99: quantile(bins, 0.99) }
    }
}

/// Returns `part / whole`, from 0 to 1 with six decimals. Returns `None` if `whole` is zero.
#[must_use]
pub fn rate(part: i64, whole: i64) -> Option<f64> {
    #[allow(clippy::cast_precision_loss)] // counts are far below 2^52
    (whole > 0).then(|| (part as f64 / whole as f64 * 1e6).round() / 1e6)
}
