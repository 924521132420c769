//! Ramp: percentages that are set one after another, each for a hold time in which criteria must hold.
//!
//! [`advance`] is pure; the crate `rollout` calls it every minute and applies the result. A step is taken only if the
//! criteria held for the whole hold time of the previous step, on a sample of that time. If the guard or an operator
//! changes the percentage, the ramp ends.

mod criteria;
mod plan;

pub use criteria::{Criteria, Criterion, RampFigures};
pub use plan::{MAX_STEPS, PlanError, RampPlan, RampStep};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Percentage;

/// Progress of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct RampProgress {
    /// Index of the step in force.
    pub step: usize,
    /// Time at which the step's percentage was set.
    pub step_since: Timestamp,
    /// Time since which the criteria have held without interruption.
    pub holding_since: Timestamp,
}

/// Next action of a ramp.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "next")]
pub enum RampDecision {
    /// No change yet.
    Wait {
        /// Reason to wait.
        why: WaitReason,
        /// Results of the criteria that were checked last: recent figures, or figures of the time since the criteria
        /// hold.
        criteria: Vec<Criterion>,
    },
    /// Set the percentage of the next step.
    Raise {
        /// Percentage in hundredths of a percent.
        to_hundredths: u16,
        /// Results of the criteria.
        criteria: Vec<Criterion>,
    },
    /// The last step has held for its hold time.
    Done,
    /// The percentage differs from the step's: the guard or an operator changed it, and the plan ends.
    Overtaken,
}

/// Reason why a step is not taken yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// The hold time is not over.
    Holding,
    /// A criterion does not hold. The hold time restarts.
    Criteria,
    /// The sample of the hold time is too small.
    NoData,
}

/// Input of a ramp.
#[derive(Debug, Clone, Copy)]
pub struct RampInput<'a> {
    /// Percentage in force.
    pub percentage: Percentage,
    /// Version 2's figures of the last minutes.
    pub recent: &'a RampFigures,
    /// Version 2's figures since the criteria hold.
    pub hold_time: &'a RampFigures,
}

/// Returns the next action, and the plan's progress after it.
#[must_use]
pub fn advance(
    plan: &RampPlan,
    progress: &RampProgress,
    input: RampInput<'_>,
    now: Timestamp,
) -> (RampDecision, RampProgress) {
    let stay = |next| (next, progress.clone());
    let Some(step) = plan.steps.get(progress.step).filter(|step| step.percentage == input.percentage) else {
        return stay(RampDecision::Overtaken);
    };
    let recent = plan.criteria.check(input.recent);
    if recent.iter().any(Criterion::is_broken) {
        let restarted = RampProgress { holding_since: now, ..progress.clone() };
        return (RampDecision::Wait { why: WaitReason::Criteria, criteria: recent }, restarted);
    }
    let held_for = now.duration_since(progress.holding_since);
    if held_for < SignedDuration::from_mins(i64::from(step.hold_minutes)) {
        return stay(RampDecision::Wait { why: WaitReason::Holding, criteria: recent });
    }
    let criteria = plan.criteria.check(input.hold_time);
    if criteria.iter().any(Criterion::is_broken) {
        let restarted = RampProgress { holding_since: now, ..progress.clone() };
        return (RampDecision::Wait { why: WaitReason::Criteria, criteria }, restarted);
    }
    if criteria.iter().any(|criterion| criterion.holds.is_none()) {
        return stay(RampDecision::Wait { why: WaitReason::NoData, criteria });
    }
    match plan.steps.get(progress.step + 1) {
        None => stay(RampDecision::Done),
        Some(higher) => {
            let to_hundredths = higher.percentage.hundredths();
            let next = RampProgress { step: progress.step + 1, step_since: now, holding_since: now };
            (RampDecision::Raise { to_hundredths, criteria }, next)
        }
    }
}

#[cfg(test)]
mod tests;
