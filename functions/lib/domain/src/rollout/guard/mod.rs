//! Guard: decides from the recent figures of both versions if version 2 keeps its percentage.
//!
//! [`decide`] is pure; the crate `rollout` calls it every minute and applies the result. The guard only lowers the
//! percentage. A ramp ([`crate::rollout::ramp`]) or an operator raises it.
//!
//! # Speed
//!
//! At worst, 154 s pass from the beginning of the first bad minute until version 2 is off everywhere. This holds with
//! the default thresholds and at least 100 notifications a minute:
//!
//! | step | s |
//! |---|---|
//! | a run starts when the bad minute is 39 s old; its figures may not suffice (see below) | 39 |
//! | the next run sees the whole bad minute: the first bad evaluation | 60 |
//! | the second evaluation, in the same invocation (`rollout::REEVALUATION_DELAY`) | 30 |
//! | reading and writing SSM | 5 |
//! | a process's copy of the percentage: up to 10 s, 20 s while it reads a new one | 20 |
//!
//! At the first run, figures are 10 s old: the stream collects a batch for 5 s, and rollup then folds it. The counts of
//! the bad minute alone are no sample. Together with the good minute before it, they may be below the thresholds.
//!
//! The scheduler has a precision of one minute, so two runs may be further apart. Of three minutes, 26 s remain for
//! that. Without the second evaluation in the same invocation, no time would remain.

mod figures;
mod host;
mod input;
mod rules;
mod thresholds;

pub use figures::{Arm, ErrorRateKind, MeasuredRate, MinuteCounts, Share};
pub use host::HostState;
pub use input::GuardInput;
pub use rules::{Rule, RuleResult};
pub use thresholds::GuardSettings;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Percentage;
use rules::RuleSeverity;

/// Percentages that a step down may set, in hundredths of a percent; below the last one, a step down sets 0.
const STEPS: [u16; 2] = [5_000, 1_000];
/// Minimum time between two evaluations that count as two, because the schedule may fire twice.
const MIN_EVALUATION_INTERVAL: SignedDuration = SignedDuration::from_secs(30);

/// State that the guard keeps from one evaluation to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuardState {
    /// Number of consecutive evaluations with a rule that switches version 2 off.
    pub off: u32,
    /// Number of consecutive evaluations with a rule that takes a step down or switches version 2 off.
    pub step: u32,
    /// Number of consecutive evaluations with a rule that holds, also if version 1 does no better.
    pub violated: u32,
    /// Time of the last evaluation that counted, in milliseconds since the epoch.
    pub evaluated_at_ms: i64,
}

/// Action of the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum GuardAction {
    /// Keep the percentage.
    Hold {
        /// Reason.
        why: HoldReason,
    },
    /// Lower the percentage.
    Lower {
        /// New percentage, in hundredths of a percent.
        to_hundredths: u16,
    },
}

/// Reason to keep the percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// No rule holds.
    Healthy,
    /// Version 2 is off.
    AlreadyOff,
    /// No rule had data or a sample.
    NoData,
    /// A rule holds, but not yet in enough consecutive evaluations.
    #[serde(rename = "not_twice")]
    AwaitingSecondEvaluation,
    /// Version 1 does no better, for every rule that holds. So the provider is at fault, and going back to version 1
    /// would remove the fallback.
    ProvidersFault,
    /// A step down would follow too soon after the last change.
    CoolingDown,
}

/// Result of an evaluation, with all its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GuardVerdict {
    /// Action.
    #[serde(flatten)]
    pub action: GuardAction,
    /// Result of every rule, with input, threshold and sample.
    pub findings: Vec<RuleResult>,
    /// State to keep for the next evaluation.
    #[serde(skip)]
    pub state: GuardState,
}

/// Evaluates the input.
#[must_use]
pub fn decide(input: &GuardInput<'_>, state: GuardState, settings: &GuardSettings, now: Timestamp) -> GuardVerdict {
    let findings = rules::evaluate(input, settings, now);
    let holding = || findings.iter().filter(|result| result.holds);
    // A provider's fault does not lower the percentage, and does not hide another rule that does.
    let worst = holding().filter(|result| !result.is_providers_fault).map(RuleResult::severity).max();
    let is_violated = holding().next().is_some();
    let state = state.and(worst, is_violated, now);
    let hold = |why| GuardAction::Hold { why };
    let action = match worst {
        _ if input.percentage == Percentage::ZERO => hold(HoldReason::AlreadyOff),
        None if is_violated => hold(HoldReason::ProvidersFault),
        None if findings.iter().all(|result| !result.has_data) => hold(HoldReason::NoData),
        None => hold(HoldReason::Healthy),
        Some(_) if state.off >= settings.evaluations => GuardAction::Lower { to_hundredths: 0 },
        Some(_) if state.step < settings.evaluations => hold(HoldReason::AwaitingSecondEvaluation),
        Some(_) if is_cooling_down(input.changed_at, settings, now) => hold(HoldReason::CoolingDown),
        Some(_) => GuardAction::Lower { to_hundredths: one_step_down(input.percentage) },
    };
    GuardVerdict { action, findings, state }
}

/// Returns the largest of 50, 10 and 0 percent that is below the present percentage.
fn one_step_down(present: Percentage) -> u16 {
    STEPS.into_iter().find(|step| *step < present.hundredths()).unwrap_or(0)
}

fn is_cooling_down(changed_at: Option<Timestamp>, settings: &GuardSettings, now: Timestamp) -> bool {
    let cool_down = SignedDuration::from_mins(i64::from(settings.cool_down_minutes));
    changed_at.is_some_and(|changed_at| now.duration_since(changed_at) < cool_down)
}

impl GuardState {
    /// Returns the state after an evaluation with this most severe rule, or with none that lowers the percentage.
    fn and(self, worst: Option<RuleSeverity>, violated: bool, now: Timestamp) -> Self {
        let (off, step) = (worst == Some(RuleSeverity::Off), worst.is_some());
        let now_ms = now.as_millisecond();
        let interval_ms = u64::try_from(MIN_EVALUATION_INTERVAL.as_millis()).unwrap_or(0);
        let is_same = now_ms.abs_diff(self.evaluated_at_ms) < interval_ms;
        // Two bad evaluations too close to each other count once. The first bad evaluation after a good one always
        // counts.
        let count = |streak: u32, holds: bool| match (holds, is_same) {
            (false, _) => 0,
            (true, true) => streak.max(1),
            (true, false) => streak.saturating_add(1),
        };
        let begins = (off && self.off == 0) || (step && self.step == 0) || (violated && self.violated == 0);
        let evaluated_at_ms = if is_same && !begins { self.evaluated_at_ms } else { now_ms };
        Self {
            off: count(self.off, off),
            step: count(self.step, step),
            violated: count(self.violated, violated),
            evaluated_at_ms,
        }
    }
}

#[cfg(test)]
mod tests;
