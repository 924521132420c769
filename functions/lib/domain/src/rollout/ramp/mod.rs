//! A ramp: percentages to climb, each held for a while, and what must be true all that time.
//!
//! Pure: [`advance`] says what comes next, and [`rollout`] carries it out every minute. A step is taken only when the criteria
//! held over the whole hold time of the one before, on a sample of that time. Whatever moves the percentage but the ramp
//! itself ends it: an operator knows better, and so does the guard.

mod criteria;
mod plan;

pub use criteria::{Criteria, Criterion, Figures};
pub use plan::{MAX_STEPS, Plan, PlanProblem, StepPlan};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Percentage;

/// Where a plan stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The step in force.
    pub step: usize,
    /// When its percentage was set.
    pub step_since: Timestamp,
    /// Since when its criteria have held without a break.
    pub holding_since: Timestamp,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "next")]
pub enum Next {
    /// Nothing yet.
    Wait {
        /// Why.
        why: Wait,
        /// The criteria as found, over the time that they must hold.
        criteria: Vec<Criterion>,
    },
    /// The next step.
    Raise {
        /// In hundredths of a percent.
        to_hundredths: u16,
        /// The criteria as found.
        criteria: Vec<Criterion>,
    },
    /// The last step has held.
    Done,
    /// Somebody else moved the percentage: the plan is over.
    Overtaken,
}

/// Why a step is not taken yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// The hold time is not over.
    Holding,
    /// A criterion does not hold: the hold time begins anew.
    Criteria,
    /// Too little was sent in the hold time to judge by.
    NoData,
}

/// What a ramp looks at.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The percentage in force.
    pub percentage: Percentage,
    /// Version 2's figures of the last minutes: is it well now?
    pub lately: &'a Figures,
    /// Version 2's figures since its criteria have held: was it well on the whole?
    pub held: &'a Figures,
}

/// What comes next, and where the plan then stands.
#[must_use]
pub fn advance(plan: &Plan, progress: &Progress, seen: Seen<'_>, now: Timestamp) -> (Next, Progress) {
    let stay = |next| (next, progress.clone());
    let Some(step) = plan.steps.get(progress.step).filter(|step| step.percentage == seen.percentage) else {
        return stay(Next::Overtaken);
    };
    let lately = plan.criteria.check(seen.lately);
    if lately.iter().any(Criterion::is_broken) {
        let anew = Progress { holding_since: now, ..progress.clone() };
        return (Next::Wait { why: Wait::Criteria, criteria: lately }, anew);
    }
    let held_for = now.duration_since(progress.holding_since);
    if held_for < SignedDuration::from_mins(i64::from(step.hold_minutes)) {
        return stay(Next::Wait { why: Wait::Holding, criteria: lately });
    }
    let criteria = plan.criteria.check(seen.held);
    if criteria.iter().any(Criterion::is_broken) {
        let anew = Progress { holding_since: now, ..progress.clone() };
        return (Next::Wait { why: Wait::Criteria, criteria }, anew);
    }
    if criteria.iter().any(|criterion| criterion.holds.is_none()) {
        return stay(Next::Wait { why: Wait::NoData, criteria });
    }
    match plan.steps.get(progress.step + 1) {
        None => stay(Next::Done),
        Some(higher) => {
            let to_hundredths = higher.percentage.hundredths();
            let next = Progress { step: progress.step + 1, step_since: now, holding_since: now };
            (Next::Raise { to_hundredths, criteria }, next)
        }
    }
}

#[cfg(test)]
mod tests;
