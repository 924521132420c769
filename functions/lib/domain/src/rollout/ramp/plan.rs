//! Plan of a ramp, and its limits.

use super::Criteria;
use crate::rollout::Percentage;

/// Maximum number of steps of a plan.
pub const MAX_STEPS: usize = 10;
/// Maximum hold time of a step: one week, in minutes.
const MAX_HOLD_MINUTES: u32 = 7 * 24 * 60;

/// Plan of a ramp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RampPlan {
    /// Steps, each with a higher percentage than the previous one.
    pub steps: Vec<RampStep>,
    /// Criteria that must hold.
    pub criteria: Criteria,
}

/// One step of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RampStep {
    /// Percentage.
    pub percentage: Percentage,
    /// Time for which the criteria must hold before the next step, in minutes.
    pub hold_minutes: u32,
}

/// Error in a plan: the field, and a sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError {
    /// Path of the field, such as `plan.steps[1].percentage`.
    pub field: String,
    /// Requirement that the field does not meet.
    pub message: &'static str,
}

impl RampPlan {
    /// Builds a plan that begins at the present percentage or above it.
    ///
    /// # Errors
    /// One error for each field that is not valid.
    pub fn new(steps: Vec<RampStep>, criteria: Criteria, present: Percentage) -> Result<Self, Vec<PlanError>> {
        let mut problems = Vec::new();
        let mut problem = |field: String, message| problems.push(PlanError { field, message });
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
