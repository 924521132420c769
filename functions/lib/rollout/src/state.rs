//! State of the controller. One record of the control table keeps it from one scheduled run to the next.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use domain::rollout::Percentage;
use domain::rollout::guard::GuardState;
use domain::rollout::ramp::{Criteria, RampPlan, RampProgress, RampStep};
use domain::{Actor, AuditRecord, ManagedParameter};

/// Time for which an intent blocks other writers. It is longer than a write may take, including clock skew. It is
/// shorter than the time until the next scheduled run, which repeats a failed write.
pub(super) const INTENT_LIFETIME: SignedDuration = SignedDuration::from_secs(45);

/// Stored record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ControllerState {
    /// Last version of each parameter that has an audit record.
    pub seen: BTreeMap<ManagedParameter, i64>,
    /// Time of the last change of the percentage.
    pub changed_at: Option<Timestamp>,
    /// The guard's number of bad evaluations.
    pub guard: GuardState,
    /// The guard's last verdict with its figures.
    pub verdict: Option<Value>,
    /// Active ramp.
    pub ramp: Option<RampState>,
    /// Announced write of the percentage.
    pub intent: Option<Intent>,
    /// Announced write of the settings.
    pub settings_intent: Option<SettingsIntent>,
}

/// Stored state of a ramp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RampState {
    /// Each step as hundredths of a percent and hold time in minutes.
    pub steps: Vec<(u16, u32)>,
    /// Criteria that must hold.
    pub criteria: Criteria,
    /// Actor who started the ramp.
    pub by: Actor,
    /// Time of the start.
    pub started_at: Timestamp,
    /// Index of the present step.
    pub step: usize,
    /// Time at which the present step's percentage was set.
    pub step_since: Timestamp,
    /// Time since which the criteria have held without interruption.
    pub holding_since: Timestamp,
    /// Result of the last evaluation.
    #[serde(default)]
    pub last: Option<Value>,
}

/// Announced write of the percentage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Time of the decision.
    pub at: Timestamp,
    /// Version of the parameter at the decision. The write creates the next version.
    pub from_version: i64,
    /// Percentage in force before, in hundredths; `None` if there was none.
    pub from: Option<u16>,
    /// New percentage, in hundredths.
    pub to: u16,
    /// Actor of the change.
    pub by: Actor,
    /// Reason of the change.
    pub reason: Option<String>,
    /// Figures that led to the change.
    pub numbers: Option<Value>,
}

impl ControllerState {
    /// Returns `true` if another process may be about to write the percentage, whose present version is `version`.
    #[must_use]
    pub fn is_claimed(&self, version: i64, now: Timestamp) -> bool {
        let is_open =
            |intent: &Intent| intent.from_version == version && now.duration_since(intent.at) < INTENT_LIFETIME;
        self.intent.as_ref().is_some_and(is_open)
    }
}

impl RampState {
    /// Returns the state of a plan that starts now.
    #[must_use]
    pub fn start(plan: &RampPlan, by: Actor, now: Timestamp) -> Self {
        let steps = plan.steps.iter().map(|step| (step.percentage.hundredths(), step.hold_minutes)).collect();
        let criteria = plan.criteria;
        Self { steps, criteria, by, started_at: now, step: 0, step_since: now, holding_since: now, last: None }
    }

    /// Returns the plan.
    #[must_use]
    pub fn plan(&self) -> RampPlan {
        let step = |(hundredths, hold_minutes): &(u16, u32)| {
            let percentage = Percentage::from_hundredths(*hundredths).unwrap_or_default();
            RampStep { percentage, hold_minutes: *hold_minutes }
        };
        RampPlan { steps: self.steps.iter().map(step).collect(), criteria: self.criteria }
    }

    /// Returns the progress.
    #[must_use]
    pub const fn progress(&self) -> RampProgress {
        RampProgress { step: self.step, step_since: self.step_since, holding_since: self.holding_since }
    }

    /// Returns the percentage of the next step, if there is one.
    #[must_use]
    pub fn next_percentage(&self) -> Option<Percentage> {
        self.steps.get(self.step + 1).and_then(|(hundredths, _)| Percentage::from_hundredths(*hundredths).ok())
    }

    /// Returns the figures of the change that starts the ramp. They identify that change.
    #[must_use]
    pub fn start_marker(&self) -> Value {
        json!({"ramp": self.started_at})
    }

    /// Returns `true` if the change set the ramp's first step.
    #[must_use]
    pub fn was_started_by(&self, record: &AuditRecord) -> bool {
        record.numbers.as_ref() == Some(&self.start_marker())
    }

    /// Moves to the next step.
    pub const fn advance(&mut self, at: Timestamp) {
        self.set_progress(&RampProgress { step: self.step + 1, step_since: at, holding_since: at });
    }

    /// Stores the progress.
    pub const fn set_progress(&mut self, progress: &RampProgress) {
        self.step = progress.step;
        self.step_since = progress.step_since;
        self.holding_since = progress.holding_since;
    }
}

/// Announced write of the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingsIntent {
    /// Time of the announcement.
    pub at: Timestamp,
    /// Version that the write follows.
    pub from_version: i64,
    /// Author.
    pub by: Actor,
}

impl SettingsIntent {
    /// Returns `true` if another writer of the version `present` must wait for this one.
    #[must_use]
    pub fn blocks(&self, present: i64, now: Timestamp) -> bool {
        self.from_version == present && now.duration_since(self.at) < INTENT_LIFETIME
    }
}

impl Intent {
    /// Returns the audit record with the intent's actor, reason and figures.
    #[must_use]
    pub fn annotate(&self, record: AuditRecord) -> AuditRecord {
        let (by, reason, numbers) = (self.by.clone(), self.reason.clone(), self.numbers.clone());
        AuditRecord { by, reason, numbers, ..record }
    }
}
