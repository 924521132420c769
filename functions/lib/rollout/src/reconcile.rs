//! The scheduled run of the controller: record changes in the audit, evaluate the guard, advance the ramp, write the
//! percentage, and publish alerts.
//!
//! A run reads once each: the controller's record, the four parameters, the budgets, the record of alerts, and the
//! counters of [`crate::observe`]. It writes the controller's record. Only a change costs more: SSM's history, an audit
//! record, the parameter, and the alerts.

mod messages;

use std::time::Duration;

use jiff::Timestamp;

use super::controller::RolloutController;
use super::error::ReconcileError;
use super::history::HistoryChanges;
use super::observation::{Observation, ObservationRange};
use super::state::{ControllerState, Intent};
use super::write_percentage::WriteOutcome;
use alerts::{AlertPublisher, checks};
use delivery::PublicBaseUrl;
use delivery::config::ConfigSnapshot;
use domain::budget::budget_usage;
use domain::rollout::guard::{self, GuardAction, GuardInput, GuardSettings, GuardVerdict, HoldReason};
use domain::rollout::ramp::{self, RampDecision, RampInput};
use domain::rollout::{ParameterVersion, Percentage};
use domain::settings::Settings;
use domain::{Actor, Alert, ManagedParameter};
use store::{StoreError, Versioned};

/// Delay of the second evaluation after a first bad one. The scheduler has a precision of one minute, so two scheduled
/// runs may be almost two minutes apart.
pub const REEVALUATION_DELAY: Duration = Duration::from_secs(30);

/// Result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconcileOutcome {
    /// Summary as text.
    pub done: String,
    /// `true` if version 2 looks bad, so a second evaluation should follow after [`REEVALUATION_DELAY`].
    pub reevaluate: bool,
}

/// State of the parameters in SSM, after their changes were recorded.
#[derive(Debug, Clone, Default)]
struct ParameterState {
    percentage: Option<ParameterVersion>,
    changes: HistoryChanges,
    /// Missing and invalid parameters, with the reasons.
    invalid: Vec<(&'static str, String)>,
}

/// Input of a run's decisions.
struct Evaluation<'a> {
    config: &'a ConfigSnapshot,
    /// Present version in SSM; `None` if it is missing or cannot be read.
    percentage: Option<ParameterVersion>,
    observation: Observation,
    now: Timestamp,
}

/// Planned change of the percentage, with the alert that is published if it succeeds.
#[derive(Default)]
struct PlannedChange {
    intent: Option<Intent>,
    alert: Option<Alert>,
}

impl RolloutController {
    /// Executes one scheduled run. `observe` reads the counters. If SSM fails, the guard still evaluates version 2, and
    /// alerts are published.
    ///
    /// # Errors
    /// A call to a table or SSM fails. The next run repeats the work.
    pub async fn reconcile(
        &self,
        publisher: &AlertPublisher,
        config: &ConfigSnapshot,
        observe: impl AsyncFnOnce(ObservationRange) -> Result<Observation, StoreError>,
        now: Timestamp,
    ) -> Result<ReconcileOutcome, ReconcileError> {
        let read = self.record.read::<ControllerState>().await?;
        let mut next = read.value.clone();
        let parameters = self.read_state(&mut next).await;
        let holding_since = next.ramp.as_ref().map(|ramp| ramp.holding_since);
        let observation = observe(ObservationRange { changed_at: next.changed_at, holding_since }).await?;
        let ParameterState { percentage, changes, invalid } = parameters.clone().unwrap_or_default();
        let evaluation = Evaluation { config, percentage, observation, now };
        let verdict = evaluation.evaluate_guard(&mut next);
        let mut alerts = messages::of_verdict(&verdict, &evaluation.observation, &config.settings.guard, now);
        alerts.extend(checks::parameters(&invalid));
        alerts.extend(self.budget_alerts(&config.settings, now).await);
        if changes.has_ended_ramp {
            alerts.push(messages::of_ramp_end(false, evaluation.in_force()));
        }
        let planned = match changes.restore_after {
            None => evaluation.plan(&verdict, &mut next),
            Some(_) => PlannedChange::default(),
        };
        next.intent = planned.intent.clone().or(next.intent);
        let Some(saved) = self.save(&read, next).await? else {
            return Ok(ReconcileOutcome { done: "skipped: another run is active".to_owned(), reevaluate: false });
        };
        let done = self.apply(saved, planned, changes, &mut alerts, now).await;
        publisher.publish(alerts, now).await;
        parameters?;
        let reevaluate = verdict.action == (GuardAction::Hold { why: HoldReason::AwaitingSecondEvaluation });
        Ok(ReconcileOutcome { done: done?, reevaluate })
    }

    /// Only stores the audit records of changed parameters, so that they need not wait for the next scheduled run.
    ///
    /// # Errors
    /// A call to a table or SSM fails. The next scheduled run stores the records.
    pub async fn record_changes(&self) -> Result<&'static str, ReconcileError> {
        // The state is not saved. The scheduled run must also see the change, to end a ramp or to restore a value.
        let before = self.record.read::<ControllerState>().await?.value;
        let mut next = before.clone();
        self.read_state(&mut next).await?;
        Ok(if next.seen == before.seen { "nothing changed" } else { "change recorded in the audit" })
    }

    /// Reads the parameters, and stores audit records of their new versions. The address of links has no audit.
    async fn read_state(&self, next: &mut ControllerState) -> Result<ParameterState, ReconcileError> {
        let address = format!("{}/{}", self.prefix, PublicBaseUrl::PARAMETER);
        let audited = ManagedParameter::ALL.map(|parameter| self.full_name(parameter));
        let names = audited.into_iter().chain([address.clone()]).collect();
        let mut present = self.parameters.versions(names).await?;
        let mut state = ParameterState::default();
        // A service without links has no address.
        let error = present.get(&address).and_then(|found| PublicBaseUrl::parse(found.value.expose()).err());
        state.invalid.extend(error.map(|error| (PublicBaseUrl::PARAMETER, error.to_string())));
        for parameter in ManagedParameter::ALL {
            let found = present.get(&self.full_name(parameter));
            let reason = parameter.invalid_reason(found.map(|found| found.value.expose().as_str()));
            state.invalid.extend(reason.map(|reason| (parameter.as_str(), reason)));
            let Some(found) = found else { continue };
            let changes = self.record_versions(parameter, found.version, next).await?;
            if parameter == ManagedParameter::RolloutPercentage {
                state.changes = changes;
            }
        }
        state.percentage = present.remove(&self.full_name(ManagedParameter::RolloutPercentage));
        Ok(state)
    }

    /// Returns the alerts about budgets; none if the budgets cannot be read. Sending respects the budgets in any case.
    async fn budget_alerts(&self, settings: &Settings, now: Timestamp) -> Vec<Alert> {
        let used = self.budgets.used(now).await;
        let used = used.inspect_err(|error| tracing::warn!(%error, "failed to read budgets")).ok();
        used.map(|used| {
            checks::budgets(&budget_usage(settings, settings.types.iter().map(|kind| &kind.id), &used, now))
        })
        .unwrap_or_default()
    }

    /// Replaces the record; `None` if another run replaced it first. So only one concurrent run continues.
    async fn save(
        &self,
        read: &Versioned<ControllerState>,
        next: ControllerState,
    ) -> Result<Option<Versioned<ControllerState>>, StoreError> {
        match self.record.replace(read, next).await {
            Ok(saved) => Ok(Some(saved)),
            Err(StoreError::ConditionFailed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Restores an operator's value, or writes the planned percentage.
    async fn apply(
        &self,
        saved: Versioned<ControllerState>,
        planned: PlannedChange,
        changes: HistoryChanges,
        alerts: &mut Vec<Alert>,
        now: Timestamp,
    ) -> Result<String, ReconcileError> {
        if let Some(from) = changes.restore_after {
            alerts.push(messages::of_overlap());
            self.restore(from, now).await?;
            return Ok(RESTORED.to_owned());
        }
        let Some(intent) = planned.intent else {
            alerts.extend(planned.alert);
            return Ok("rollout unchanged".to_owned());
        };
        let written = self.write_percentage(&intent).await;
        alerts.extend(planned.alert.filter(|_| written == Ok(WriteOutcome::Written)));
        let done = match written? {
            WriteOutcome::Written => format!("rollout-percentage set to {}", percentage_of(intent.to)),
            WriteOutcome::Superseded => "rollout unchanged: an operator changed it first".to_owned(),
            WriteOutcome::Restored => {
                alerts.push(messages::of_overlap());
                RESTORED.to_owned()
            }
        };
        tracing::info!(done, "reconciled rollout");
        self.record_own_write(ManagedParameter::RolloutPercentage, saved, intent.from_version + 1).await?;
        Ok(done)
    }

    /// Stores the audit record of the service's own write at once. If that fails, the next run stores it.
    pub(super) async fn record_own_write(
        &self,
        parameter: ManagedParameter,
        saved: Versioned<ControllerState>,
        version: i64,
    ) -> Result<(), ReconcileError> {
        let mut next = saved.value.clone();
        self.record_versions(parameter, version, &mut next).await?;
        self.save(&saved, next).await?;
        Ok(())
    }
}

/// Summary of a run that restored an operator's value.
const RESTORED: &str = "an operator's value was restored";

impl Evaluation<'_> {
    /// Returns the percentage in force: the value in SSM, or the last valid value if that is invalid or cannot be read.
    fn in_force(&self) -> Percentage {
        let present = self.percentage.as_ref().and_then(|found| found.value.expose().parse().ok());
        present.unwrap_or(self.config.rollout.percentage)
    }

    fn settings(&self) -> &GuardSettings {
        &self.config.settings.guard
    }

    fn evaluate_guard(&self, next: &mut ControllerState) -> GuardVerdict {
        let input = GuardInput {
            percentage: self.in_force(),
            changed_at: next.changed_at,
            minutes: &self.observation.minutes,
            hosts: &self.observation.hosts,
            cost_micros: self.observation.cost_micros,
            hourly_budget_micros: self.config.settings.budgets.hour_micros,
        };
        let verdict = guard::decide(&input, next.guard, self.settings(), self.now);
        (next.guard, next.verdict) = (verdict.state, serde_json::to_value(&verdict).ok());
        verdict
    }

    /// Plans the change of the percentage. The guard has precedence over the ramp.
    fn plan(&self, verdict: &GuardVerdict, next: &mut ControllerState) -> PlannedChange {
        match &self.percentage {
            Some(present) if !next.is_claimed(present.version, self.now) => match verdict.action {
                GuardAction::Lower { to_hundredths } => self.lower(verdict, to_hundredths, present, next),
                GuardAction::Hold { .. } => self.advance_ramp(present, next),
            },
            _ => PlannedChange::default(),
        }
    }

    /// Plans a lower percentage. An invalid value in SSM is overwritten too: until then the last valid value is in
    /// force, and its percentage is too high.
    fn lower(
        &self,
        verdict: &GuardVerdict,
        to: u16,
        present: &ParameterVersion,
        next: &mut ControllerState,
    ) -> PlannedChange {
        let alert = Some(messages::of_lowering(verdict, self.in_force(), to, self.settings().enabled));
        next.ramp = None;
        let intent = self.settings().enabled.then(|| {
            let numbers = next.verdict.clone();
            Intent { numbers, ..self.intent(present, to, Actor::Guard, messages::reason(verdict)) }
        });
        PlannedChange { intent, alert }
    }

    fn advance_ramp(&self, present: &ParameterVersion, next: &mut ControllerState) -> PlannedChange {
        // Before the present version is recorded, its actor is unknown. So it is also unknown whether the ramp
        // continues.
        let is_recorded = next.seen.get(&ManagedParameter::RolloutPercentage) == Some(&present.version);
        let Some(ramp) = next.ramp.as_mut().filter(|_| is_recorded) else { return PlannedChange::default() };
        let input = RampInput {
            percentage: self.in_force(),
            recent: &self.observation.recent,
            hold_time: &self.observation.hold_time,
        };
        let (decision, progress) = ramp::advance(&ramp.plan(), &ramp.progress(), input, self.now);
        ramp.last = serde_json::to_value(&decision).ok();
        match decision {
            RampDecision::Wait { .. } => {
                ramp.set_progress(&progress);
                PlannedChange::default()
            }
            // The progress changes when the new version is recorded, so a failed write is repeated.
            RampDecision::Raise { to_hundredths, .. } => {
                let reason = format!("step {} of {} of the ramp", progress.step + 1, ramp.steps.len());
                let alert = Some(messages::of_ramp(&reason, self.in_force(), to_hundredths));
                let numbers = ramp.last.clone();
                let intent = Intent { numbers, ..self.intent(present, to_hundredths, Actor::Ramp, reason) };
                PlannedChange { intent: Some(intent), alert }
            }
            RampDecision::Done | RampDecision::Overtaken => {
                let alert = Some(messages::of_ramp_end(decision == RampDecision::Done, self.in_force()));
                next.ramp = None;
                PlannedChange { intent: None, alert }
            }
        }
    }

    fn intent(&self, present: &ParameterVersion, to: u16, by: Actor, reason: String) -> Intent {
        let from = Some(self.in_force().hundredths());
        let from_version = present.version;
        Intent { at: self.now, from_version, from, to, by, reason: Some(reason), numbers: None }
    }
}

fn percentage_of(hundredths: u16) -> Percentage {
    Percentage::from_hundredths(hundredths).unwrap_or_default()
}
