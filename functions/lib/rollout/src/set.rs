//! What ops ask for through the API: another percentage, a ramp, or its end.

use jiff::Timestamp;

use super::act::Acted;
use super::{Intent, RampState, Remembered, RoundError, Steward};
use domain::rollout::Percentage;
use domain::rollout::ramp::{Criteria, Plan, PlanProblem, StepPlan};
use domain::{By, Watched};
use store::StoreError;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// This percentage, and no ramp.
    Percentage(Percentage),
    /// This ramp, from its first step on.
    Ramp(Vec<StepPlan>, Criteria),
    /// No ramp; the percentage stays.
    NoRamp,
}

/// Why it is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetProblem {
    /// The plan makes no sense.
    #[error("the plan makes no sense")]
    Plan(Vec<PlanProblem>),
    /// Somebody else is changing it, or just did: look again.
    #[error("the rollout is being changed by somebody else")]
    Busy,
    /// There is no such parameter: `make init` was not run.
    #[error("the parameter rollout-percentage does not exist")]
    Missing,
    /// A table or SSM.
    #[error(transparent)]
    Round(#[from] RoundError),
}

impl From<StoreError> for SetProblem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::ConditionFailed { .. } => Self::Busy,
            other => Self::Round(other.into()),
        }
    }
}

impl Steward {
    /// Does what is wanted, with a record of who wanted it and why.
    ///
    /// # Errors
    /// See [`SetProblem`].
    pub async fn set(
        &self,
        wanted: Wanted,
        by: By,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<Remembered, SetProblem> {
        let read = self.record.read::<Remembered>().await?;
        let name = self.name_of(Watched::RolloutPercentage);
        let present = self.parameters.versions(vec![name.clone()]).await.map_err(RoundError::from)?.remove(&name);
        let present = present.ok_or(SetProblem::Missing)?;
        if read.value.is_claimed(present.version, now) {
            return Err(SetProblem::Busy);
        }
        let from = present.value.expose().parse::<Percentage>().ok();
        let mut next = read.value.clone();
        let (to, numbers) = match wanted {
            Wanted::NoRamp => {
                next.ramp = None;
                (None, None)
            }
            Wanted::Percentage(to) => {
                next.ramp = None;
                (Some(to), None)
            }
            Wanted::Ramp(steps, criteria) => {
                let plan = Plan::new(steps, criteria, from.unwrap_or_default()).map_err(SetProblem::Plan)?;
                let ramp = RampState::begin(&plan, by.clone(), now);
                let beginning = ramp.beginning();
                next.ramp = Some(ramp);
                (plan.steps.first().map(|step| step.percentage), Some(beginning))
            }
        };
        let intent = to.filter(|to| Some(*to) != from).map(|to| Intent {
            at: now,
            from_version: present.version,
            from: from.map(Percentage::hundredths),
            to: to.hundredths(),
            by,
            reason,
            numbers,
        });
        next.intent.clone_from(&intent);
        let saved = self.record.replace(&read, next.clone()).await?;
        let Some(intent) = intent else { return Ok(next) };
        match self.act(&intent).await {
            Ok(Acted::Written) => {
                self.note_own(saved, intent.from_version + 1).await?;
                Ok(next)
            }
            other => {
                // What was refused has changed nothing; the intent stays where the write may have come through all the same.
                let intent = next.intent.take().filter(|_| other.is_err());
                let before = Remembered { ramp: read.value.ramp, intent, ..next };
                self.record.replace(&saved, before).await?;
                other.map_err(RoundError::from)?;
                Err(SetProblem::Busy)
            }
        }
    }
}
