//! Rules of the guard, each with its input, threshold and sample.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::figures::{ErrorRateKind, MeasuredRate, minutes_since};
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
    /// `true` if the rule holds and version 1 does no better in the same minutes.
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
    let most = SignedDuration::from_mins(i64::from(settings.longest_window_minutes));
    let minutes = minutes_since(input.minutes, input.changed_at, most, now);
    let read = |sample| {
        let readings = ErrorRateKind::FOR_GUARD.into_iter().filter_map(|measure| measure.read(minutes, 1, sample));
        readings.reduce(|worst, other| if other.v2.is_worse_than(worst.v2) { other } else { worst })
    };
    let off = error_rate(Rule::ErrorRateOff, read(settings.off_sample), settings);
    let step = error_rate(Rule::ErrorRateStep, read(settings.step_sample), settings);
    let fault = ErrorRateKind::FOR_GUARD
        .into_iter()
        .filter_map(|measure| measure.read(minutes, 1, settings.off_sample))
        .any(|reading| reading.v2.is_at_least(settings.step_percent) && is_providers_fault(&reading, settings));
    vec![off, breaker(input, settings, fault, now), step, cost(input)]
}

fn error_rate(rule: Rule, worst: Option<MeasuredRate>, settings: &GuardSettings) -> RuleResult {
    let (threshold, needed_sample) = match rule {
        Rule::ErrorRateOff => (settings.off_percent, settings.off_sample),
        _ => (settings.step_percent, settings.step_sample),
    };
    let holds = worst.is_some_and(|worst| match rule {
        Rule::ErrorRateOff => worst.v2.is_above(threshold),
        _ => worst.v2.is_at_least(threshold),
    });
    RuleResult {
        holds,
        has_data: worst.is_some(),
        is_providers_fault: holds && worst.is_some_and(|worst| is_providers_fault(&worst, settings)),
        reading: worst,
        threshold: Some(i64::from(threshold)),
        needed_sample: Some(needed_sample),
        ..RuleResult::without_data(rule)
    }
}

/// Returns `true` if version 1 does no better. Version 1 sends less once most recipients get version 2, so half the
/// sample is enough.
fn is_providers_fault(reading: &MeasuredRate, settings: &GuardSettings) -> bool {
    reading.v1.is_sample(settings.off_sample / 2)
        && reading.v1.is_at_least_of(settings.v1_no_better_percent, reading.v2)
}

/// Checks the host whose circuit breaker is not CLOSED for the longest time. Hosts with a small share of the pushes are
/// left out.
fn breaker(input: &GuardInput<'_>, settings: &GuardSettings, fault: bool, now: Timestamp) -> RuleResult {
    let matters = |host: &&HostState| host.pushes.is_at_least(settings.breaker_share_percent);
    let away = |host: &HostState| host.not_closed_since.map(|since| (now.duration_since(since), host.host.clone()));
    let longest = input.hosts.iter().filter(matters).filter_map(away).max();
    let threshold = SignedDuration::from_mins(i64::from(settings.breaker_minutes));
    let holds = longest.as_ref().is_some_and(|(away, _)| *away > threshold);
    RuleResult {
        holds,
        has_data: input.hosts.iter().any(|host| host.pushes.whole > 0),
        is_providers_fault: holds && fault,
        value: longest.as_ref().map(|(away, _)| away.as_mins()),
        threshold: Some(i64::from(settings.breaker_minutes)),
        host: longest.map(|(_, host)| host),
        ..RuleResult::without_data(Rule::BreakerNotClosed)
    }
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
