//! Counters and their names. A name is built from types, so an unknown name does not compile.
//!
//! Names as text: `version/v2/sent`, `template/welcome/sent`, `channel/push/attempts`, `version/v2/skipped/opted_out`.
//! A histogram's bin is also a counter, such as `version/v2/lat/57`. Counters are therefore always merged by addition.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::arm_metrics::{ChannelResult, RolloutArmMetric};

pub use super::arm_metrics::CounterError;
use domain::channel::Channel;
use domain::notification::Reason;

/// Name of a type, campaign or template: 1 to 64 letters, digits, `_`, `-` and `.`. It may be part of a counter's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

impl Label {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = CounterError;

    fn from_str(text: &str) -> Result<Self, CounterError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let well_formed = (1..=64).contains(&text.len()) && text.bytes().all(allowed);
        well_formed.then(|| Self(text.to_owned())).ok_or(CounterError)
    }
}

/// Arm of the rollout to which a notification belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cohort {
    /// Version 1: one push attempt.
    V1,
    /// Version 2: escalation over all channels.
    V2,
    /// Not decided: the notification is scheduled, or ended before it was due.
    Undecided,
}

impl Cohort {
    /// Returns the name in counters and responses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Undecided => "undecided",
        }
    }

    /// Returns the arm with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::V1, Self::V2, Self::Undecided].into_iter().find(|cohort| cohort.as_str() == name)
    }
}

/// Group of notifications.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Group by arm of the rollout. Every notification is in exactly one.
    Version(Cohort),
    /// Group by type. Every notification is in exactly one.
    Type(Label),
    /// Notifications of a campaign, or of a variant of it.
    Campaign(Label),
    /// Notifications of a template, of all its versions.
    Template(Label),
}

/// Metric of notifications.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotificationMetric {
    /// At least one attempt was made.
    Sent,
    /// Final: a provider accepted the notification.
    Accepted,
    /// Final: the device or provider confirmed the delivery.
    Delivered,
    /// Final: no channel accepted the notification.
    Failed,
    /// Final: the outcome of a paid send is unknown.
    Uncertain,
    /// Final: the lifetime ended first.
    Expired,
    /// Cancelled by the caller.
    Cancelled,
    /// Skipped by a gate, for this reason.
    Skipped(Reason),
    /// The notification was opened.
    Opened,
    /// The notification's link was clicked.
    Clicked,
    /// The recipient complained about the notification.
    Complained,
    /// The recipient opted out by a link of the notification.
    OptedOut,
    /// The notification was dismissed.
    Dismissed,
    /// The notification led to a conversion.
    Converted,
    /// Value of the conversion, in micro-euros.
    ConversionValueMicros,
    /// Cost of the attempts, in micro-euros.
    CostMicros,
    /// Wasted cost: cost of a fallback although an earlier channel had delivered, in micro-euros.
    WastedCostMicros,
    /// An attempt was made on a channel without a text in the recipient's language. Counted by template alone.
    LocaleFallback,
    /// The latency falls into this bin.
    Latency(i32),
}

/// Metric of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttemptMetric {
    /// All attempts.
    Attempts,
    /// Attempts that the provider accepted.
    Accepted,
    /// Attempts that may be retried.
    RetryLater,
    /// Attempts to an address that no longer exists.
    Gone,
    /// Attempts for which a retry does not help.
    Rejected,
    /// Attempts with an unknown outcome.
    Uncertain,
    /// Cost of the attempts, in micro-euros.
    CostMicros,
    /// Sum of the calls' durations, for an average. Attempts without a duration are left out.
    LatencySumMs,
    /// The call's duration falls into this bin.
    Latency(i32),
}

/// Name of a counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CounterName {
    /// Counts notifications.
    Notifications(Group, NotificationMetric),
    /// Counts attempts.
    Attempts(Channel, AttemptMetric),
    /// Counts notifications by their result on one channel.
    ChannelResult(Cohort, Channel, ChannelResult),
    /// Counts a metric that exists only for an arm of the rollout.
    RolloutArm(Cohort, RolloutArmMetric),
}

impl fmt::Display for CounterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notifications(Group::Version(cohort), metric) => write!(f, "version/{}/{metric}", cohort.as_str()),
            Self::Notifications(Group::Type(kind), metric) => write!(f, "type/{}/{metric}", kind.as_str()),
            Self::Notifications(Group::Campaign(id), metric) => write!(f, "campaign/{}/{metric}", id.as_str()),
            Self::Notifications(Group::Template(name), metric) => write!(f, "template/{}/{metric}", name.as_str()),
            Self::Attempts(channel, metric) => write!(f, "channel/{channel}/{metric}"),
            Self::ChannelResult(cohort, channel, result) => {
                write!(f, "on/{}/{channel}/{}", cohort.as_str(), result.as_str())
            }
            Self::RolloutArm(cohort, metric) => write!(f, "side/{}/{}", cohort.as_str(), metric.text()),
        }
    }
}

impl fmt::Display for NotificationMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skipped(reason) => write!(f, "skipped/{}", reason.as_str()),
            Self::Latency(bin) => write!(f, "lat/{bin}"),
            plain => f.write_str(
                NOTIFICATION_METRICS.iter().find(|(metric, _)| metric == plain).map_or("", |(_, text)| text),
            ),
        }
    }
}

impl fmt::Display for AttemptMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency(bin) => write!(f, "lat/{bin}"),
            plain => {
                f.write_str(ATTEMPT_METRICS.iter().find(|(metric, _)| metric == plain).map_or("", |(_, text)| text))
            }
        }
    }
}

/// Names without a parameter, for formatting and parsing.
const NOTIFICATION_METRICS: [(NotificationMetric, &str); 17] = [
    (NotificationMetric::Sent, "sent"),
    (NotificationMetric::Accepted, "accepted"),
    (NotificationMetric::Delivered, "delivered"),
    (NotificationMetric::Failed, "failed"),
    (NotificationMetric::Uncertain, "uncertain"),
    (NotificationMetric::Expired, "expired"),
    (NotificationMetric::Cancelled, "cancelled"),
    (NotificationMetric::Opened, "opened"),
    (NotificationMetric::Clicked, "clicked"),
    (NotificationMetric::Complained, "complained"),
    (NotificationMetric::OptedOut, "opted_out"),
    (NotificationMetric::Dismissed, "dismissed"),
    (NotificationMetric::Converted, "converted"),
    (NotificationMetric::ConversionValueMicros, "conversion_value_micros"),
    (NotificationMetric::CostMicros, "cost_micros"),
    (NotificationMetric::WastedCostMicros, "wasted_cost_micros"),
    (NotificationMetric::LocaleFallback, "locale_fallback"),
];

const ATTEMPT_METRICS: [(AttemptMetric, &str); 8] = [
    (AttemptMetric::Attempts, "attempts"),
    (AttemptMetric::Accepted, "accepted"),
    (AttemptMetric::RetryLater, "retry_later"),
    (AttemptMetric::Gone, "gone"),
    (AttemptMetric::Rejected, "rejected"),
    (AttemptMetric::Uncertain, "uncertain"),
    (AttemptMetric::CostMicros, "cost_micros"),
    (AttemptMetric::LatencySumMs, "latency_sum_ms"),
];

impl FromStr for CounterName {
    type Err = CounterError;

    fn from_str(text: &str) -> Result<Self, CounterError> {
        let mut parts = text.splitn(3, '/');
        let mut part = || parts.next().ok_or(CounterError);
        let (family, group, name) = (part()?, part()?, part()?);
        let cohort = |name| Cohort::parse(name).ok_or(CounterError);
        let channel = |name| Channel::parse(name).ok_or(CounterError);
        match family {
            "version" => Ok(Self::Notifications(Group::Version(cohort(group)?), notification_metric(name)?)),
            "type" => Ok(Self::Notifications(Group::Type(group.parse()?), notification_metric(name)?)),
            "campaign" => Ok(Self::Notifications(Group::Campaign(group.parse()?), notification_metric(name)?)),
            "template" => Ok(Self::Notifications(Group::Template(group.parse()?), notification_metric(name)?)),
            "channel" => Ok(Self::Attempts(channel(group)?, attempt_metric(name)?)),
            "on" => {
                let (channel_name, result) = name.split_once('/').ok_or(CounterError)?;
                Ok(Self::ChannelResult(cohort(group)?, channel(channel_name)?, ChannelResult::parse(result)?))
            }
            "side" => Ok(Self::RolloutArm(cohort(group)?, RolloutArmMetric::parse(name)?)),
            _ => Err(CounterError),
        }
    }
}

fn notification_metric(text: &str) -> Result<NotificationMetric, CounterError> {
    match text.split_once('/') {
        Some(("skipped", reason)) => Reason::parse(reason).map(NotificationMetric::Skipped).ok_or(CounterError),
        Some(("lat", bin)) => bin.parse().map(NotificationMetric::Latency).map_err(|_| CounterError),
        _ => NOTIFICATION_METRICS
            .into_iter()
            .find(|(_, name)| *name == text)
            .map(|(metric, _)| metric)
            .ok_or(CounterError),
    }
}

fn attempt_metric(text: &str) -> Result<AttemptMetric, CounterError> {
    match text.split_once('/') {
        Some(("lat", bin)) => bin.parse().map(AttemptMetric::Latency).map_err(|_| CounterError),
        _ => ATTEMPT_METRICS.into_iter().find(|(_, name)| *name == text).map(|(metric, _)| metric).ok_or(CounterError),
    }
}

/// Counts by name. A counter of zero is not stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<CounterName, i64>);

impl Counters {
    /// Adds `amount` to one counter.
    pub fn add(&mut self, name: CounterName, amount: i64) {
        let total = self.get(&name).saturating_add(amount);
        if total == 0 {
            self.0.remove(&name);
        } else {
            self.0.insert(name, total);
        }
    }

    /// Adds all counters of `other`.
    pub fn merge(&mut self, other: &Self) {
        other.iter().for_each(|(name, amount)| self.add(name.clone(), amount));
    }

    /// Returns the difference to `earlier`: `earlier` plus the result is `self`.
    #[must_use]
    pub fn since(mut self, earlier: &Self) -> Self {
        earlier.iter().for_each(|(name, amount)| self.add(name.clone(), amount.saturating_neg()));
        self
    }

    /// Returns the value of one counter.
    #[must_use]
    pub fn get(&self, name: &CounterName) -> i64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// Returns all counters that are not zero, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&CounterName, i64)> {
        self.0.iter().map(|(name, amount)| (name, *amount))
    }

    /// Returns true without counters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_formatted_name_is_parsed() {
        let groups = [
            Group::Version(Cohort::V1),
            Group::Version(Cohort::Undecided),
            Group::Type("PAYMENT_DUE".parse().unwrap()),
            Group::Campaign("0123456789abcdefghjkmnpqrs.b".parse().unwrap()),
            Group::Template("order-shipped".parse().unwrap()),
        ];
        let parts = Reason::ALL
            .into_iter()
            .map(NotificationMetric::Skipped)
            .chain([NotificationMetric::Latency(-1), NotificationMetric::Latency(57)]);
        let notification_metrics: Vec<_> =
            NOTIFICATION_METRICS.into_iter().map(|(metric, _)| metric).chain(parts).collect();
        let attempt_metrics: Vec<_> =
            ATTEMPT_METRICS.into_iter().map(|(metric, _)| metric).chain([AttemptMetric::Latency(200)]).collect();
        let notifications = groups.iter().flat_map(|group| {
            notification_metrics.iter().map(|metric| CounterName::Notifications(group.clone(), metric.clone()))
        });
        let attempts = Channel::ALL
            .iter()
            .flat_map(|channel| attempt_metrics.iter().map(|metric| CounterName::Attempts(*channel, *metric)));
        let results =
            ChannelResult::ALL.into_iter().map(|result| CounterName::ChannelResult(Cohort::V2, Channel::Push, result));
        let arm_metrics = RolloutArmMetric::all().map(|metric| CounterName::RolloutArm(Cohort::V1, metric));
        for name in notifications.chain(attempts).chain(results).chain(arm_metrics) {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
    }

    #[test]
    fn the_text_is_short_and_readable() {
        let name =
            CounterName::Notifications(Group::Version(Cohort::V2), NotificationMetric::Skipped(Reason::OptedOut));
        assert_eq!(name.to_string(), "version/v2/skipped/opted_out");
        assert_eq!(CounterName::Attempts(Channel::Push, AttemptMetric::Latency(57)).to_string(), "channel/push/lat/57");
    }

    #[test]
    fn an_unknown_counter_has_no_name() {
        for text in [
            "",
            "version/v2",
            "version/v3/sent",
            "type//sent",
            "type/A B/sent",
            "channel/fax/attempts",
            "channel/push/sent",
            "version/v2/lat/x",
            "version/v2/skipped/",
            "on/v2/push",
            "on/v2/fax/reached",
            "side/v3/assigned",
        ] {
            assert_eq!(text.parse::<CounterName>(), Err(CounterError), "{text}");
        }
    }

    #[test]
    fn the_earlier_counters_plus_the_difference_are_the_later_ones() {
        let name = |metric| CounterName::Attempts(Channel::Sms, metric);
        let mut earlier = Counters::default();
        earlier.add(name(AttemptMetric::RetryLater), 1);
        let mut later = Counters::default();
        later.add(name(AttemptMetric::Accepted), 1);
        let difference = later.clone().since(&earlier);
        assert_eq!(
            (difference.get(&name(AttemptMetric::Accepted)), difference.get(&name(AttemptMetric::RetryLater))),
            (1, -1)
        );
        earlier.merge(&difference);
        assert_eq!(earlier, later);
    }
}
