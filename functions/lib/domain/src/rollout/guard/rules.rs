//! The guard's rules, each with its input, its threshold and the sample it rests on.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::figures::{Measure, Reading, Share, since};
use super::{GuardSettings, Situation};

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The worse of the two error rates is above `off_percent`.
    ErrorRateOff,
    /// The worse of the two error rates is `step_percent` or more.
    ErrorRateStep,
    /// The breaker of a push service that carries much of version 2 has been not CLOSED for too long.
    BreakerNotClosed,
    /// Version 2 cost more in the last hour than an hour may cost.
    CostOverrun,
}

/// How much a rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// One step down.
    Step,
    /// Off.
    Off,
}

/// A push service as version 2 meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostState {
    /// Its host.
    pub host: String,
    /// Its share of version 2's pushes in the last hour.
    pub pushes: Share,
    /// Since when its breaker has not been CLOSED; `None` while it is.
    pub not_closed_since: Option<Timestamp>,
}

/// What one rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// Whether it holds.
    pub holds: bool,
    /// Whether there was enough to judge by.
    pub has_data: bool,
    /// Whether version 1 does no better in the same minutes.
    pub is_providers_fault: bool,
    /// The rate it was judged by, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// The value it was judged by: percent, minutes or micro-euro, as the rule has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
    /// What it was compared with, in the same unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<i64>,
    /// The sample that it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needed_sample: Option<u32>,
    /// The push service, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

impl Finding {
    /// What the rule asks for.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self.rule {
            Rule::ErrorRateOff | Rule::BreakerNotClosed => Severity::Off,
            Rule::ErrorRateStep | Rule::CostOverrun => Severity::Step,
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

/// What every rule finds, the most severe first.
pub fn findings(situation: &Situation<'_>, settings: &GuardSettings, now: Timestamp) -> Vec<Finding> {
    let most = SignedDuration::from_mins(i64::from(settings.longest_window_minutes));
    let minutes = since(situation.minutes, situation.changed_at, most, now);
    let read = |sample| {
        let readings = Measure::JUDGED.into_iter().filter_map(|measure| measure.read(minutes, 1, sample));
        readings.reduce(|worst, other| if other.v2.is_worse_than(worst.v2) { other } else { worst })
    };
    let off = error_rate(Rule::ErrorRateOff, read(settings.off_sample), settings);
    let step = error_rate(Rule::ErrorRateStep, read(settings.step_sample), settings);
    let fault = Measure::JUDGED
        .into_iter()
        .filter_map(|measure| measure.read(minutes, 1, settings.off_sample))
        .any(|reading| reading.v2.is_at_least(settings.step_percent) && is_providers_fault(&reading, settings));
    vec![off, breaker(situation, settings, fault, now), step, cost(situation)]
}

fn error_rate(rule: Rule, worst: Option<Reading>, settings: &GuardSettings) -> Finding {
    let (threshold, needed_sample) = match rule {
        Rule::ErrorRateOff => (settings.off_percent, settings.off_sample),
        _ => (settings.step_percent, settings.step_sample),
    };
    let holds = worst.is_some_and(|worst| match rule {
        Rule::ErrorRateOff => worst.v2.is_above(threshold),
        _ => worst.v2.is_at_least(threshold),
    });
    Finding {
        holds,
        has_data: worst.is_some(),
        is_providers_fault: holds && worst.is_some_and(|worst| is_providers_fault(&worst, settings)),
        reading: worst,
        threshold: Some(i64::from(threshold)),
        needed_sample: Some(needed_sample),
        ..Finding::without_data(rule)
    }
}

/// Version 1 sends less than version 2 once most people are in it, so half the sample has to do.
fn is_providers_fault(reading: &Reading, settings: &GuardSettings) -> bool {
    reading.v1.is_sample(settings.off_sample / 2)
        && reading.v1.is_at_least_of(settings.v1_no_better_percent, reading.v2)
}

/// The host whose breaker has been away longest among those that matter.
fn breaker(situation: &Situation<'_>, settings: &GuardSettings, fault: bool, now: Timestamp) -> Finding {
    let matters = |host: &&HostState| host.pushes.is_at_least(settings.breaker_share_percent);
    let away = |host: &HostState| host.not_closed_since.map(|since| (now.duration_since(since), host.host.clone()));
    let longest = situation.hosts.iter().filter(matters).filter_map(away).max();
    let threshold = SignedDuration::from_mins(i64::from(settings.breaker_minutes));
    let holds = longest.as_ref().is_some_and(|(away, _)| *away > threshold);
    Finding {
        holds,
        has_data: situation.hosts.iter().any(|host| host.pushes.whole > 0),
        is_providers_fault: holds && fault,
        value: longest.as_ref().map(|(away, _)| away.as_mins()),
        threshold: Some(i64::from(settings.breaker_minutes)),
        host: longest.map(|(_, host)| host),
        ..Finding::without_data(Rule::BreakerNotClosed)
    }
}

fn cost(situation: &Situation<'_>) -> Finding {
    let budget = situation.hourly_budget_micros.map(|micros| i64::try_from(micros).unwrap_or(i64::MAX));
    Finding {
        holds: budget.is_some_and(|budget| situation.cost_micros > budget),
        has_data: budget.is_some(),
        value: Some(situation.cost_micros),
        threshold: budget,
        ..Finding::without_data(Rule::CostOverrun)
    }
}
