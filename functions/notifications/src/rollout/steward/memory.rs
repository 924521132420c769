//! What is remembered from one minute to the next.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AuditRecord, By, Watched};
use crate::rollout::Percentage;
use crate::rollout::guard::Memory;
use crate::rollout::ramp::{Criteria, Plan, Progress, StepPlan};

/// How long an intent keeps others from acting: longer than the function that left it can live.
const CLAIM: SignedDuration = SignedDuration::from_secs(90);

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
    /// The percentage before.
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

    /// Where it stands now.
    pub const fn move_to(&mut self, progress: &Progress) {
        self.step = progress.step;
        self.step_since = progress.step_since;
        self.holding_since = progress.holding_since;
    }
}

impl Intent {
    /// The record of what it came to: version `version` of the percentage, at `at`.
    #[must_use]
    pub fn written(&self, version: i64, at: Timestamp) -> AuditRecord {
        let text = |hundredths: u16| Percentage::from_hundredths(hundredths).unwrap_or_default().to_string();
        AuditRecord {
            at,
            parameter: Watched::RolloutPercentage,
            version,
            by: self.by.clone(),
            old: self.from.map(text),
            new: text(self.to),
            reason: self.reason.clone(),
            numbers: self.numbers.clone(),
        }
    }
}
