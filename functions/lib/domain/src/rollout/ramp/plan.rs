//! The plan that an operator gives: what may be in it.

use super::Criteria;
use crate::rollout::Percentage;

/// The most steps of a plan.
pub const MAX_STEPS: usize = 10;
/// The longest that a step may be held: a week.
const MAX_HOLD_MINUTES: u32 = 7 * 24 * 60;

/// Percentages to climb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In order, each above the one before.
    pub steps: Vec<StepPlan>,
    /// What must hold.
    pub criteria: Criteria,
}

/// One percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepPlan {
    /// The percentage.
    pub percentage: Percentage,
    /// How long its criteria must hold before the next one.
    pub hold_minutes: u32,
}

/// What is wrong with a plan: the field, and a sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanProblem {
    /// Such as `plan.steps[1].percentage`.
    pub field: String,
    /// What it must be.
    pub message: &'static str,
}

impl Plan {
    /// Takes a plan that makes sense from where the percentage stands now.
    ///
    /// # Errors
    /// Names each field that does not.
    pub fn new(steps: Vec<StepPlan>, criteria: Criteria, present: Percentage) -> Result<Self, Vec<PlanProblem>> {
        let mut problems = Vec::new();
        let mut problem = |field: String, message| problems.push(PlanProblem { field, message });
        if steps.is_empty() || steps.len() > MAX_STEPS {
            problem("plan.steps".to_owned(), "must have 1 to 10 steps");
        }
        for (place, step) in steps.iter().enumerate() {
            let below = place.checked_sub(1).and_then(|before| steps.get(before));
            if step.percentage == Percentage::ZERO {
                problem(format!("plan.steps[{place}].percentage"), "must be above 0");
            } else if below.is_some_and(|below| step.percentage <= below.percentage) {
                problem(format!("plan.steps[{place}].percentage"), "must be above the step before");
            } else if below.is_none() && step.percentage < present {
                problem(format!("plan.steps[{place}].percentage"), "must not be below the present percentage");
            }
            if !(1..=MAX_HOLD_MINUTES).contains(&step.hold_minutes) {
                problem(format!("plan.steps[{place}].hold_minutes"), "must be 1 to 10,080");
            }
        }
        let Criteria { delivery_above_percent, error_below_percent, p95_below_ms, sample, .. } = criteria;
        if delivery_above_percent > 99 {
            problem("plan.criteria.delivery_above_percent".to_owned(), "must be 0 to 99");
        }
        if !(1..=100).contains(&error_below_percent) {
            problem("plan.criteria.error_below_percent".to_owned(), "must be 1 to 100");
        }
        if !(1..=3_600_000).contains(&p95_below_ms) {
            problem("plan.criteria.p95_below_ms".to_owned(), "must be 1 to 3,600,000");
        }
        if !(1..=1_000_000).contains(&sample) {
            problem("plan.criteria.sample".to_owned(), "must be 1 to 1,000,000");
        }
        if problems.is_empty() { Ok(Self { steps, criteria }) } else { Err(problems) }
    }
}
