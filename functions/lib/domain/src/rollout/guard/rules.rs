//! Rules of the guard, each with its input, threshold and sample.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::figures::{ErrorRateKind, MeasuredRate, MinuteCounts, Share, minutes_since};
use super::host::HostState;
use super::input::GuardInput;
use super::thresholds::GuardSettings;

/// Rule of the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The higher of the two error rates is above `off_percent`.
    ErrorRateOff,
    /// The higher of the two error rates is `step_percent` or more.
    ErrorRateStep,
    /// The circuit breaker of a push service with a large share of version 2's pushes is not CLOSED for too long.
    BreakerNotClosed,
    /// Version 2's cost in the last hour is above the budget of an hour.
    CostOverrun,
}

/// Severity of a rule: the action that it requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleSeverity {
    /// One step down.
    Step,
    /// Switch version 2 off.
    Off,
}

/// Result of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleResult {
    /// Rule.
    pub rule: Rule,
    /// `true` if the rule holds.
    pub holds: bool,
    /// `true` if there was enough data to evaluate the rule.
    pub has_data: bool,
    /// `true` if the rule holds and version 1 does no better, by its own figures or because it makes the same push.
    pub is_providers_fault: bool,
    /// Error rate that was compared, if the rule uses one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<MeasuredRate>,
    /// Value that was compared: minutes or micro-euro, depending on the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
    /// Threshold. Its unit is percent, minutes or micro-euro, depending on the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<i64>,
    /// Minimum sample of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needed_sample: Option<u32>,
    /// Host of the push service, if the rule is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

impl RuleResult {
    /// Returns the action that the rule requires.
    #[must_use]
    pub const fn severity(&self) -> RuleSeverity {
        match self.rule {
            Rule::ErrorRateOff | Rule::BreakerNotClosed => RuleSeverity::Off,
            Rule::ErrorRateStep | Rule::CostOverrun => RuleSeverity::Step,
        }
    }

    const fn without_data(rule: Rule) -> Self {
        Self {
            rule,
            holds: false,
            has_data: false,
            is_providers_fault: false,
            reading: None,
            value: None,
            threshold: None,
            needed_sample: None,
            host: None,
        }
    }
}

/// Returns the results of all rules, the most severe first.
pub fn evaluate(input: &GuardInput<'_>, settings: &GuardSettings, now: Timestamp) -> Vec<RuleResult> {
    let minutes = recent_minutes(input, input.changed_at, settings, now);
    let off = error_rate(Rule::ErrorRateOff, minutes, settings);
    let step = error_rate(Rule::ErrorRateStep, minutes, settings);
    vec![off, breaker(input, settings, now), step, cost(input)]
}

/// Returns the minutes that began at `since` or later and are not too old for the error rates.
fn recent_minutes<'a>(
    input: &GuardInput<'a>,
    since: Option<Timestamp>,
    settings: &GuardSettings,
    now: Timestamp,
) -> &'a [MinuteCounts] {
    let most = SignedDuration::from_mins(i64::from(settings.longest_window_minutes));
    minutes_since(input.minutes, since, most, now)
}

/// Evaluates the rule for each error rate. The result of one that lowers the percentage comes first, then the higher
/// rate.
fn error_rate(rule: Rule, minutes: &[MinuteCounts], settings: &GuardSettings) -> RuleResult {
    let (threshold, needed_sample) = match rule {
        Rule::ErrorRateOff => (settings.off_percent, settings.off_sample),
        _ => (settings.step_percent, settings.step_sample),
    };
    let is_violated = |rate: Share| match rule {
        Rule::ErrorRateOff => rate.is_above(threshold),
        _ => rate.is_at_least(threshold),
    };
    let rates = ErrorRateKind::FOR_GUARD.into_iter().filter_map(|kind| kind.read(minutes, 1, needed_sample));
    let results = rates.map(|rate| {
        let holds = is_violated(rate.v2);
        let is_providers_fault = holds && is_no_better_in_version_1(&rate, is_violated, settings);
        (rate, holds, is_providers_fault)
    });
    let weight = |(_, holds, is_providers_fault): &(MeasuredRate, bool, bool)| (*holds && !is_providers_fault, *holds);
    let worst = results.reduce(|worst, other| match weight(&other).cmp(&weight(&worst)) {
        Ordering::Greater => other,
        Ordering::Equal if other.0.v2.is_worse_than(worst.0.v2) => other,
        _ => worst,
    });
    RuleResult {
        holds: worst.is_some_and(|(_, holds, _)| holds),
        has_data: worst.is_some(),
        is_providers_fault: worst.is_some_and(|(_, _, is_providers_fault)| is_providers_fault),
        reading: worst.map(|(rate, ..)| rate),
        threshold: Some(i64::from(threshold)),
        needed_sample: Some(needed_sample),
        ..RuleResult::without_data(rule)
    }
}

/// Returns `true` if version 1 does no better. Its own rate shows that if it has a sample. Without one, version 1 would
/// have met the same unavailable push services, so only the other failures count.
fn is_no_better_in_version_1(
    rate: &MeasuredRate,
    is_violated: impl Fn(Share) -> bool,
    settings: &GuardSettings,
) -> bool {
    if is_sample_of_version_1(rate.v1, settings) {
        rate.v1.is_at_least_of(settings.v1_no_better_percent, rate.v2)
    } else {
        !is_violated(rate.v2_while_available())
    }
}

/// Returns `true` if version 1's sample can be compared. Version 1 sends less once most recipients get version 2, so
/// half the sample is enough.
fn is_sample_of_version_1(rate: Share, settings: &GuardSettings) -> bool {
    rate.is_sample(settings.off_sample / 2)
}

/// Checks the host whose circuit breaker is not CLOSED for the longest time. Hosts with a small share of the pushes are
/// left out, and those come first for which version 1 does better.
fn breaker(input: &GuardInput<'_>, settings: &GuardSettings, now: Timestamp) -> RuleResult {
    let threshold = SignedDuration::from_mins(i64::from(settings.breaker_minutes));
    let matters = |host: &&HostState| host.pushes.is_at_least(settings.breaker_share_percent);
    let away = |host: &HostState| {
        let since = host.not_closed_since?;
        let away = now.duration_since(since);
        let does_better = away > threshold && !is_host_no_better_in_version_1(host, since, input, settings, now);
        Some((does_better, away, host.host.clone()))
    };
    let longest = input.hosts.iter().filter(matters).filter_map(away).max();
    let holds = longest.as_ref().is_some_and(|(_, away, _)| *away > threshold);
    RuleResult {
        holds,
        has_data: input.hosts.iter().any(|host| host.pushes.whole > 0),
        is_providers_fault: holds && longest.as_ref().is_some_and(|(does_better, ..)| !does_better),
        value: longest.as_ref().map(|(_, away, _)| away.as_mins()),
        threshold: Some(i64::from(settings.breaker_minutes)),
        host: longest.map(|(.., host)| host),
        ..RuleResult::without_data(Rule::BreakerNotClosed)
    }
}

/// Returns `true` if version 1 does no better at a host whose circuit breaker is not CLOSED. Version 1 ignores circuit
/// breakers. So if the host is down, as large a part of version 1's pushes fails as goes to the host. Without a sample,
/// the probes show that the host does not answer.
fn is_host_no_better_in_version_1(
    host: &HostState,
    since: Timestamp,
    input: &GuardInput<'_>,
    settings: &GuardSettings,
    now: Timestamp,
) -> bool {
    let since = input.changed_at.map_or(since, |changed_at| changed_at.max(since));
    let rate = ErrorRateKind::FirstPushesFailed.of_version_1(recent_minutes(input, Some(since), settings, now));
    !is_sample_of_version_1(rate, settings) || rate.is_at_least_of(settings.v1_no_better_percent, host.pushes)
}

fn cost(input: &GuardInput<'_>) -> RuleResult {
    let budget = input.hourly_budget_micros.map(|micros| i64::try_from(micros).unwrap_or(i64::MAX));
    RuleResult {
        holds: budget.is_some_and(|budget| input.cost_micros > budget),
        has_data: budget.is_some(),
        value: Some(input.cost_micros),
        threshold: budget,
        ..RuleResult::without_data(Rule::CostOverrun)
    }
}
