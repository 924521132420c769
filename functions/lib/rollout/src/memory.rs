//! What is remembered from one minute to the next.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use domain::rollout::Percentage;
use domain::rollout::guard::Memory;
use domain::rollout::ramp::{Criteria, Plan, Progress, StepPlan};
use domain::{AuditRecord, By, Watched};

/// How long an intent keeps others from acting: longer than an act may take, clocks' skew included, and shorter than it takes
/// until the next minute's round, which does again what failed.
pub(super) const CLAIM: SignedDuration = SignedDuration::from_secs(45);

/// The record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// The last version of each parameter that is written down.
    pub seen: BTreeMap<Watched, i64>,
    /// When the percentage was last changed.
    pub changed_at: Option<Timestamp>,
    /// The guard's count of bad minutes.
    pub guard: Memory,
    /// The guard's last verdict with its numbers.
    pub verdict: Option<Value>,
    /// The ramp that is under way.
    pub ramp: Option<RampState>,
    /// What somebody was about to write.
    pub intent: Option<Intent>,
}

/// A ramp as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RampState {
    /// Each step: hundredths of a percent, minutes.
    pub steps: Vec<(u16, u32)>,
    /// What must hold.
    pub criteria: Criteria,
    /// Who started it.
    pub by: By,
    /// When.
    pub started_at: Timestamp,
    /// The step in force.
    pub step: usize,
    /// When its percentage was set.
    pub step_since: Timestamp,
    /// Since when its criteria have held.
    pub holding_since: Timestamp,
    /// What the last minute found.
    #[serde(default)]
    pub last: Option<Value>,
}

/// Something that is about to be written to a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// When.
    pub at: Timestamp,
    /// The version that it was decided on: the write makes the next one.
    pub from_version: i64,
    /// The percentage in force before, in hundredths; `None` when there was none.
    pub from: Option<u16>,
    /// The percentage to be, in hundredths.
    pub to: u16,
    /// Who.
    pub by: By,
    /// Why.
    pub reason: Option<String>,
    /// The numbers behind it.
    pub numbers: Option<Value>,
}

impl Remembered {
    /// Whether somebody may be about to write the percentage, whose present version is this one.
    #[must_use]
    pub fn is_claimed(&self, version: i64, now: Timestamp) -> bool {
        let is_open = |intent: &Intent| intent.from_version == version && now.duration_since(intent.at) < CLAIM;
        self.intent.as_ref().is_some_and(is_open)
    }
}

impl RampState {
    /// A plan that begins now.
    #[must_use]
    pub fn begin(plan: &Plan, by: By, now: Timestamp) -> Self {
        let steps = plan.steps.iter().map(|step| (step.percentage.hundredths(), step.hold_minutes)).collect();
        let criteria = plan.criteria;
        Self { steps, criteria, by, started_at: now, step: 0, step_since: now, holding_since: now, last: None }
    }

    /// The plan in it.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let step = |(hundredths, hold_minutes): &(u16, u32)| {
            let percentage = Percentage::from_hundredths(*hundredths).unwrap_or_default();
            StepPlan { percentage, hold_minutes: *hold_minutes }
        };
        Plan { steps: self.steps.iter().map(step).collect(), criteria: self.criteria }
    }

    /// Where it stands.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        Progress { step: self.step, step_since: self.step_since, holding_since: self.holding_since }
    }

    /// What its next step would set.
    #[must_use]
    pub fn next_percentage(&self) -> Option<Percentage> {
        self.steps.get(self.step + 1).and_then(|(hundredths, _)| Percentage::from_hundredths(*hundredths).ok())
    }

    /// What is written beside the change that begins it.
    #[must_use]
    pub fn beginning(&self) -> Value {
        json!({"ramp": self.started_at})
    }

    /// Whether a change is the one that set its first step.
    #[must_use]
    pub fn began_with(&self, record: &AuditRecord) -> bool {
        record.numbers.as_ref() == Some(&self.beginning())
    }

    /// The step after the one in force is in force.
    pub const fn climb(&mut self, at: Timestamp) {
        self.move_to(&Progress { step: self.step + 1, step_since: at, holding_since: at });
    }

    /// Where it stands now.
    pub const fn move_to(&mut self, progress: &Progress) {
        self.step = progress.step;
        self.step_since = progress.step_since;
        self.holding_since = progress.holding_since;
    }
}

impl Intent {
    /// The record of a version, with what it was written for.
    #[must_use]
    pub fn explains(&self, record: AuditRecord) -> AuditRecord {
        let (by, reason, numbers) = (self.by.clone(), self.reason.clone(), self.numbers.clone());
        AuditRecord { by, reason, numbers, ..record }
    }
}
