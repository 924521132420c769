//! Steps of a campaign's own rollout, and their criteria. The people of a step must meet the criteria before the next
//! step begins.

use serde::{Deserialize, Serialize};

use crate::guards::{GuardCounts, OutcomeCounts};
use platform::counted_noun::counted_noun;
use platform::problem::FieldError;

/// Minimum time between a step and the next one if there are criteria, in minutes. Results arrive a minute or two after
/// the messages.
const MIN_HOLD_MINUTES: u32 = 5;

const MAX_HOLD_MINUTES: u32 = 7 * 24 * 60;
const MAX_STEPS: usize = 10;

/// Step of a campaign's own rollout.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignStep {
    /// Share of the tasks that may be processed, in percent.
    pub percent: f64,
    /// Time to wait after the step's last task, in minutes.
    #[serde(default)]
    pub hold_minutes: u32,
}

/// Minimum shares of the notifications that reached their recipients, in percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepCriteria {
    /// Minimum share with a confirmed delivery.
    pub min_delivered_percent: Option<f64>,
    /// Minimum share with a click.
    pub min_clicked_percent: Option<f64>,
    /// Minimum share with a conversion.
    pub min_converted_percent: Option<f64>,
}

/// Share of a criterion.
struct Criterion {
    field: &'static str,
    verb: &'static str,
    limit: Option<f64>,
    count: fn(&OutcomeCounts) -> u64,
}

impl StepCriteria {
    const fn each(&self) -> [Criterion; 3] {
        [
            Criterion {
                field: "min_delivered_percent",
                verb: "had proof of delivery",
                limit: self.min_delivered_percent,
                count: |ends| ends.delivered,
            },
            Criterion {
                field: "min_clicked_percent",
                verb: "had a click",
                limit: self.min_clicked_percent,
                count: |ends| ends.clicked,
            },
            Criterion {
                field: "min_converted_percent",
                verb: "led to a conversion",
                limit: self.min_converted_percent,
                count: |ends| ends.converted,
            },
        ]
    }

    /// Adds the errors of the criteria and of their steps.
    pub fn check(&self, steps: &[CampaignStep], errors: &mut Vec<FieldError>) {
        let limits = self.each().into_iter().filter_map(|one| Some((one.field, one.limit?)));
        let mut is_any = false;
        for (field, limit) in limits {
            is_any = true;
            if !(0.0..=100.0).contains(&limit) {
                errors.push(FieldError::new(format!("rollout.criteria.{field}"), "must be from 0 to 100"));
            }
        }
        let short = steps.split_last().map_or(&[][..], |(_, before)| before).iter().enumerate();
        for (index, _) in short.filter(|(_, step)| is_any && step.hold_minutes < MIN_HOLD_MINUTES) {
            let message = "must be at least 5 with criteria: results follow the messages by some minutes";
            errors.push(FieldError::new(format!("rollout.steps[{index}].hold_minutes"), message));
        }
    }

    /// Returns the missed criterion for which the campaign must pause after a step. If fewer than `min_people`
    /// notifications reached their recipients, there is none.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // at most a million people
    pub fn violation(&self, step: &CampaignStep, counts: &GuardCounts, min_people: u64) -> Option<String> {
        let reached = counts.ends.reached;
        if reached < min_people.max(1) {
            return None;
        }
        self.each().into_iter().find_map(|Criterion { verb, limit, count, .. }| {
            let (limit, share) = (limit?, count(&counts.ends) as f64 * 100.0 / reached as f64);
            (share < limit).then(|| {
                let percent = step.percent;
                let notifications = counted_noun(reached, "notification", "notifications");
                format!("after the step of {percent} %, {share:.1} % of {notifications} {verb}, less than {limit} %")
            })
        })
    }
}

/// Adds the errors of steps.
pub fn check_steps(steps: &[CampaignStep], errors: &mut Vec<FieldError>) {
    let mut before = 0.0;
    for (index, step) in steps.iter().enumerate() {
        if !(step.percent > before && step.percent <= 100.0) {
            let message = "must be above the step before and at most 100";
            errors.push(FieldError::new(format!("rollout.steps[{index}].percent"), message));
        }
        if step.hold_minutes > MAX_HOLD_MINUTES {
            let message = "must be at most 10,080 (7 days)";
            errors.push(FieldError::new(format!("rollout.steps[{index}].hold_minutes"), message));
        }
        before = step.percent;
    }
    if steps.len() > MAX_STEPS {
        errors.push(FieldError::new("rollout.steps", "must be at most 10 steps"));
    }
    #[expect(clippy::float_cmp, reason = "100 is exact")]
    if !steps.is_empty() && before != 100.0 {
        errors.push(FieldError::new("rollout.steps", "must end with a step of 100 %"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: CampaignStep = CampaignStep { percent: 10.0, hold_minutes: 5 };

    fn counts(reached: u64, delivered: u64, clicked: u64) -> GuardCounts {
        GuardCounts {
            ends: OutcomeCounts { reached, delivered, clicked, ..OutcomeCounts::default() },
            ..GuardCounts::default()
        }
    }

    #[test]
    fn a_share_below_its_criterion_is_a_violation() {
        let criteria = StepCriteria {
            min_delivered_percent: Some(50.0),
            min_clicked_percent: Some(2.0),
            ..StepCriteria::default()
        };
        let violation = |counts| criteria.violation(&STEP, &counts, 100);
        assert_eq!(violation(counts(200, 100, 4)), None, "exactly the criteria");
        let expected = "after the step of 10 %, 49.5 % of 200 notifications had proof of delivery, less than 50 %";
        assert_eq!(violation(counts(200, 99, 4)).as_deref(), Some(expected));
        assert!(
            violation(counts(200, 200, 3)).is_some_and(|violation| violation.contains("had a click, less than 2 %"))
        );
        assert_eq!(violation(counts(99, 0, 0)), None, "too few people");
        assert_eq!(StepCriteria::default().violation(&STEP, &counts(1_000, 0, 0), 0), None);
    }
}
