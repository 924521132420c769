//! `GET /v1/metrics/channels`: figures of each channel, with recommendations for a channel that misses its targets.

use platform::counted_noun::counted_noun;
use std::collections::BTreeMap;

use serde::Serialize;

use super::metrics::WindowView;
use super::targets::{self, euro, is_below, per_item, percent};
use domain::channel::Channel;
use metrics::arm_metrics::ChannelResult;
use metrics::counters::{AttemptMetric, Cohort};
use metrics::figures::{Bins, Latency, rate};
use metrics::{CounterName, Counters, Window};

/// Note for a channel on which no notification was settled.
const NO_DATA: &str = "no data: no notification was settled on this channel in this window";

/// The response of `GET /v1/metrics/channels`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelsReport {
    /// The window of the figures.
    pub window: WindowView,
    /// Figures of every channel, used or not.
    pub channels: BTreeMap<&'static str, ChannelFigures>,
}

/// Figures of one channel. A notification counts once on each channel that was tried for it. It counts as soon as that
/// channel is settled: the provider accepted it, or nothing more is tried there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelFigures {
    /// Number of calls of the provider.
    pub attempts: i64,
    /// Notifications tried on this channel: the sum of the next three fields.
    pub notifications: i64,
    /// Notifications that the provider accepted.
    pub reached: i64,
    /// Notifications not reached on this channel.
    pub missed: i64,
    /// Notifications paid for, with an unknown outcome.
    pub uncertain: i64,
    /// reached / notifications.
    pub delivery_rate: Option<f64>,
    /// (missed + uncertain) / notifications.
    pub error_rate: Option<f64>,
    /// Duration of the calls, in whole milliseconds.
    pub latency_ms: CallTime,
    /// Cost of the attempts, in micro-euro.
    pub cost_micros: i64,
    /// That cost per notification reached.
    pub cost_per_delivered_micros: Option<i64>,
    /// Recommendations to the operator, as text.
    pub recommendations: Vec<String>,
    /// Reason why there are no rates, as text; null if there are rates.
    pub note: Option<&'static str>,
}

/// Duration of a provider's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // the names are self-explanatory
pub struct CallTime {
    pub average: Option<u64>,
    pub p95: Option<u64>,
}

/// Results of the notifications on one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettledCounts {
    /// Notifications that the provider accepted.
    pub reached: i64,
    /// Notifications not reached.
    pub missed: i64,
    /// Notifications with an unknown outcome.
    pub uncertain: i64,
}

impl SettledCounts {
    /// Sums the results on a channel over all arms of the rollout.
    #[must_use]
    pub fn on(channel: Channel, counters: &Counters) -> Self {
        let sides = [Cohort::V1, Cohort::V2, Cohort::Undecided];
        let count = |reach| {
            let sum: i64 =
                sides.map(|side| counters.get(&CounterName::ChannelResult(side, channel, reach))).iter().sum();
            sum.max(0)
        };
        Self {
            reached: count(ChannelResult::Reached),
            missed: count(ChannelResult::Missed),
            uncertain: count(ChannelResult::Uncertain),
        }
    }

    /// Returns the sum of the three.
    #[must_use]
    pub const fn all(self) -> i64 {
        self.reached + self.missed + self.uncertain
    }
}

impl ChannelsReport {
    /// Computes the figures of each channel.
    #[must_use]
    pub fn new(window: Window, counters: &Counters) -> Self {
        let channels = Channel::ALL.map(|channel| (channel.as_str(), ChannelFigures::of(channel, counters)));
        Self { window: window.into(), channels: channels.into() }
    }
}

impl ChannelFigures {
    fn of(channel: Channel, counters: &Counters) -> Self {
        let tried = |tried| counters.get(&CounterName::Attempts(channel, tried)).max(0);
        let settled = SettledCounts::on(channel, counters);
        let cost_micros = tried(AttemptMetric::CostMicros);
        let mut figures = Self {
            attempts: tried(AttemptMetric::Attempts),
            notifications: settled.all(),
            reached: settled.reached,
            missed: settled.missed,
            uncertain: settled.uncertain,
            delivery_rate: rate(settled.reached, settled.all()),
            error_rate: rate(settled.missed + settled.uncertain, settled.all()),
            latency_ms: CallTime::of(channel, counters),
            cost_micros,
            cost_per_delivered_micros: per_item(cost_micros, settled.reached),
            recommendations: Vec::new(),
            note: (settled.all() == 0).then_some(NO_DATA),
        };
        figures.recommendations = recommendations(channel, &figures);
        figures
    }
}

impl CallTime {
    fn of(channel: Channel, counters: &Counters) -> Self {
        let bin = |(name, amount): (&CounterName, i64)| match name {
            CounterName::Attempts(of, AttemptMetric::Latency(bin)) if *of == channel => Some((*bin, amount)),
            _ => None,
        };
        let bins: Bins = counters.iter().filter_map(bin).collect();
        let sum_ms = counters.get(&CounterName::Attempts(channel, AttemptMetric::LatencySumMs));
        let average = per_item(sum_ms, bins.values().sum()).and_then(|average| u64::try_from(average).ok());
        Self { average, p95: Latency::of(&bins).p95 }
    }
}

fn recommendations(channel: Channel, it: &ChannelFigures) -> Vec<String> {
    let slow = it.latency_ms.p95.filter(|p95| *p95 > targets::P95_MS);
    let is_dear = i128::from(it.cost_micros) > i128::from(targets::EMAIL_MICROS) * i128::from(it.reached);
    let few = |wanted| is_below(it.reached, it.notifications, wanted);
    let share = || {
        let notifications = counted_noun(it.notifications, "notification", "notifications");
        format!("{} of {notifications}", percent(it.reached, it.notifications))
    };
    let all = [
        few(targets::DELIVERY_PERCENT)
            .then(|| format!("{channel} reached {}, fewer than 95 %: {}", share(), checks_for(channel))),
        slow.map(|p95| {
            format!("p95 of {channel}'s calls is {p95} ms, above 3,000 ms: check the provider's status page")
        }),
        (channel == Channel::Sms && few(targets::SMS_PERCENT)).then(|| {
            format!(
                "SMS reached {}, fewer than 80 %: check for wrong numbers and countries before more cost arises",
                share()
            )
        }),
        (channel == Channel::Email && it.reached > 0 && is_dear).then(|| {
            let cost = euro(it.cost_per_delivered_micros.unwrap_or(0));
            format!(
                "an accepted e-mail cost {cost}, more than 0.001 EUR: check prices.email_micros and rejected e-mails"
            )
        }),
    ];
    all.into_iter().flatten().collect()
}

const fn checks_for(channel: Channel) -> &'static str {
    match channel {
        Channel::Push => "check expired devices, the circuit breaker, and alarm lines channel_config",
        Channel::Email => "check SES's sending quota, suppressions and the sender's identity",
        Channel::Sms => "check the spend limit, the sandbox and the numbers",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use metrics::sample::{NOW, counters, week};

    fn of(channel: &str, pairs: &[(&str, i64)]) -> ChannelFigures {
        let all = ChannelsReport::new(Window::last(60, NOW.parse().unwrap()), &counters(pairs));
        all.channels[channel].clone()
    }

    #[test]
    fn the_response_equals_the_golden_file() {
        let answer = ChannelsReport::new(Window::last(10_080, NOW.parse().unwrap()), &week());
        let text = serde_json::to_string_pretty(&answer).unwrap();
        assert_eq!(text.trim(), include_str!("golden/channels.json").trim(), "\n{text}");
    }

    #[test]
    fn delivery_is_recommended_about_below_95_percent_and_not_at_it() {
        assert!(of("push", &[("on/v2/push/reached", 95), ("on/v1/push/missed", 5)]).recommendations.is_empty());
        let push = of("push", &[("on/v2/push/reached", 9_499), ("on/v1/push/missed", 501)]);
        assert_eq!(push.recommendations.len(), 1);
        assert!(push.recommendations[0].starts_with("push reached 94.99 % of 10000 notifications, fewer than 95 %"));
    }

    #[test]
    fn an_sms_below_80_percent_has_its_own_recommendation() {
        let sms = |reached, missed| of("sms", &[("on/v2/sms/reached", reached), ("on/v2/sms/missed", missed)]);
        assert_eq!(sms(80, 20).recommendations.len(), 1);
        assert!(sms(79, 21).recommendations[1].contains("fewer than 80 %"));
    }

    #[test]
    fn an_e_mail_is_dear_above_a_thousandth_of_a_euro() {
        let email = |cost| of("email", &[("on/v2/email/reached", 100), ("channel/email/cost_micros", cost)]);
        assert!(email(100_000).recommendations.is_empty());
        let dear = email(100_001);
        assert_eq!((dear.cost_per_delivered_micros, dear.recommendations.len()), (Some(1_000), 1));
    }

    #[test]
    fn a_call_is_slow_above_3_seconds_and_the_average_is_of_what_was_timed() {
        let bin = |latency_ms| format!("channel/push/lat/{}", metrics::histogram::bin_of(latency_ms));
        let limit = of("push", &[(&bin(3_000), 100), ("channel/push/latency_sum_ms", 300_050)]);
        assert_eq!((limit.latency_ms.average, limit.recommendations.len()), (Some(3_001), 0));
        assert!(of("push", &[(&bin(3_001), 1)]).recommendations[0].contains("above 3,000 ms"));
        let one_in_twenty = of("push", &[(&bin(3_000), 96), (&bin(9_000), 4)]);
        assert!(one_in_twenty.recommendations.is_empty(), "p95 and not the slowest");
    }

    #[test]
    fn a_channel_without_data_has_no_figures_and_no_recommendations() {
        let push = of("push", &[]);
        assert_eq!((push.delivery_rate, push.latency_ms.average, push.cost_per_delivered_micros), (None, None, None));
        assert!(push.recommendations.is_empty() && push.note.unwrap().starts_with("no data"));
        assert_eq!(of("push", &[("on/v2/push/missed", 1)]).note, None);
    }
}
