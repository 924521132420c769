//! Commands of operators through the API: set a percentage, start a ramp, or end it.

use jiff::Timestamp;

use super::controller::RolloutController;
use super::error::ReconcileError;
use super::state::{ControllerState, Intent, RampState};
use super::write_percentage::WriteOutcome;
use domain::rollout::ramp::{Criteria, PlanError, RampPlan, RampStep};
use domain::rollout::{ParameterVersion, Percentage};
use domain::{Actor, ManagedParameter};
use serde_json::Value;
use store::StoreError;

/// Command of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolloutCommand {
    /// Set this percentage, and end the ramp.
    Percentage(Percentage),
    /// Start this ramp from its first step.
    Ramp(Vec<RampStep>, Criteria),
    /// End the ramp, and keep the percentage.
    NoRamp,
}

/// Reason why a command is refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The plan is invalid.
    #[error("the plan is invalid")]
    Plan(Vec<PlanError>),
    /// Another process is changing the percentage, or has changed it since it was read.
    #[error("another process is changing the rollout")]
    Busy,
    /// The parameter has another version than the caller expects.
    #[error("the parameter has changed since it was read")]
    Superseded,
    /// The parameter does not exist, because `make init` was not run.
    #[error("the parameter does not exist")]
    Missing,
    /// A call to a table or SSM failed.
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::ConditionFailed { .. } => Self::Busy,
            other => Self::Reconcile(other.into()),
        }
    }
}

impl RolloutController {
    /// Executes a command, and stores an audit record with its actor and reason.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn execute(
        &self,
        command: RolloutCommand,
        by: Actor,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<ControllerState, CommandError> {
        let read = self.record.read::<ControllerState>().await?;
        let present = self.present_percentage().await?;
        if read.value.is_claimed(present.version, now) {
            return Err(CommandError::Busy);
        }
        let from = present.value.expose().parse::<Percentage>().ok();
        let mut next = read.value.clone();
        let (to, numbers) = apply(command, &by, from, now, &mut next)?;
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
        match self.write_percentage(&intent).await {
            Ok(WriteOutcome::Written) => {
                self.record_own_write(ManagedParameter::RolloutPercentage, saved, intent.from_version + 1).await?;
                Ok(next)
            }
            other => {
                // Nothing was written, so the ramp is as before. After an error the write may have succeeded, so the
                // intent stays.
                let intent = next.intent.take().filter(|_| other.is_err());
                let before = ControllerState { ramp: read.value.ramp, intent, ..next };
                self.record.replace(&saved, before).await?;
                other.map_err(ReconcileError::from)?;
                Err(CommandError::Busy)
            }
        }
    }

    async fn present_percentage(&self) -> Result<ParameterVersion, CommandError> {
        let name = self.full_name(ManagedParameter::RolloutPercentage);
        let mut found = self.parameters.versions(vec![name.clone()]).await.map_err(ReconcileError::from)?;
        found.remove(&name).ok_or(CommandError::Missing)
    }
}

/// Applies a command to the state's ramp. Returns the percentage to set, if any, and the figures for its audit record.
fn apply(
    command: RolloutCommand,
    by: &Actor,
    from: Option<Percentage>,
    now: Timestamp,
    next: &mut ControllerState,
) -> Result<(Option<Percentage>, Option<Value>), CommandError> {
    next.ramp = None;
    Ok(match command {
        RolloutCommand::NoRamp => (None, None),
        RolloutCommand::Percentage(to) => (Some(to), None),
        RolloutCommand::Ramp(steps, criteria) => {
            let plan = RampPlan::new(steps, criteria, from.unwrap_or_default()).map_err(CommandError::Plan)?;
            let ramp = RampState::start(&plan, by.clone(), now);
            let marker = ramp.start_marker();
            next.ramp = Some(ramp);
            (plan.steps.first().map(|step| step.percentage), Some(marker))
        }
    })
}
