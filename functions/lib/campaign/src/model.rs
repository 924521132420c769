//! A campaign: its definition, its state, and the decisions of its launch. Each transition is pure and takes `now`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::definition::CampaignDefinition;
use crate::guards::GuardCounts;
use crate::local_time::Timing;
use crate::operator_kind::OperatorKind;
use crate::retry_assignment::EarlierAssignment;
use crate::state::{CampaignState, PauseReason};
use crate::test_phase::Winner;
use domain::CampaignId;
use domain::notification::{Content, TemplateUse};
use platform::private::Private;
use platform::problem::Problem;
use segments::CampaignLaunches;

/// Maximum time for which `finishing` waits, in seconds: the longest lifetime of a notification.
const MAX_FINISHING_SECONDS: i64 = 28 * 24 * 3_600;

/// A campaign as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// Definition as JSON, as callers write it. A list of recipients is replaced by its hash.
    pub definition: Map<String, Value>,
    /// State.
    pub state: CampaignState,
    /// Reason for a pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_reason: Option<PauseReason>,
    /// Explanation of a pause or of a failure for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_detail: Option<String>,
    /// Variables that were sensitive in the campaign of which this one is a retry.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hidden_variables: BTreeSet<String>,
    /// Author, as people read it.
    pub created_by: Private<String>,
    /// Last plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Last test send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Plan>,
    /// Approval of this definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Decisions of the launch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<Launch>,
    /// Time of the last resume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_at: Option<Timestamp>,
    /// Counts at the last resume after a pause by a guard. The guards compare the later counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guarded_from: Option<GuardCounts>,
    /// Position of the step whose people did not meet the criteria. The operator who resumed the campaign accepted
    /// this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_step: Option<usize>,
    /// Time at which the last task ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// Time at which the campaign ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// A plan, which is a pass over the audience that sends nothing, or a test send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Number of the plan or the test, from 1.
    pub number: u32,
    /// Hash of the messages and their recipients.
    pub hash: String,
    /// Number of tasks, which are the scan segments of the table.
    pub segments: u32,
    /// Audience and messages of the plan, pinned like those of a launch.
    pub launch: Launch,
    /// Time of the request.
    pub at: Timestamp,
}

/// Approval of a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Hash of the approved messages and their recipients.
    pub hash: String,
    /// Author, as people read it.
    pub by: Private<String>,
    /// Subject of a login of the console; `None` for a client, and if an earlier release stored the approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Kind of the author; `None` if an earlier release stored the approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<OperatorKind>,
    /// Time of the approval.
    pub at: Timestamp,
}

/// Values that a launch pins: none of them changes while the campaign runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Launch {
    /// Time of the launch. Relative dates of filters count from it. Recipients who were created later are excluded.
    pub at: Timestamp,
    /// Author of the launch, as people read it. Empty in a plan and a test.
    pub by: Private<String>,
    /// Number of tasks of a slot.
    pub segments: u32,
    /// Expected number of people, by the plan.
    pub expected_people: u64,
    /// Number of them who get an e-mail first, by the plan.
    #[serde(default)]
    pub expected_mails: u64,
    /// Number of them who get an SMS first, by the plan.
    #[serde(default)]
    pub expected_sms: u64,
    /// Filter without references; `None` for a list of recipients.
    pub filter: Option<Value>,
    /// Filter of the people who are excluded, without references.
    pub exclude: Option<Value>,
    /// Campaigns that the filters name.
    #[serde(default, skip_serializing_if = "CampaignLaunches::is_empty")]
    pub earlier: CampaignLaunches,
    /// Messages, one for each variant.
    pub messages: Vec<LaunchedMessage>,
    /// Times at which tasks begin. In a campaign by local time, the last one is for people who moved in the meantime.
    pub slots: Vec<Timestamp>,
    /// Number of people of each slot by local time, by the plan. The last slot has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slot_people: Vec<u64>,
    /// Rules of the type that decide how the messages are sent. Empty if an earlier release launched the campaign.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub type_rules: Map<String, Value>,
    /// Launch of the campaign to whose people this one sends again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retried_launch: Option<Timestamp>,
    /// Assignment of variants in that campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_assignment: Option<EarlierAssignment>,
    /// Identities that changed the campaign during the present pause. Earlier releases stored the names of people.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub revisers: BTreeSet<String>,
    /// Kinds of these identities.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub reviser_kinds: BTreeSet<OperatorKind>,
    /// Variant that the people after a test phase get, once it is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winner: Option<Winner>,
}

/// Message of a variant at the launch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LaunchedMessage {
    /// Name of the variant; empty if there are no variants.
    pub variant: String,
    /// Share in basis points.
    pub weight_bp: u32,
    /// Content, unless the message has a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Template with the values for all people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateUse>,
    /// Attributes of the recipient by variable.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub from_attributes: std::collections::BTreeMap<String, String>,
}

/// The state does not allow a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateConflictError {
    /// State of the campaign.
    pub state: CampaignState,
    /// Requested action.
    pub action: &'static str,
}

impl Campaign {
    /// Creates a draft.
    #[must_use]
    pub const fn draft(definition: Map<String, Value>, created_by: Private<String>) -> Self {
        Self {
            definition,
            state: CampaignState::Draft,
            pause_reason: None,
            pause_detail: None,
            hidden_variables: BTreeSet::new(),
            created_by,
            plan: None,
            test: None,
            approval: None,
            launch: None,
            resumed_at: None,
            guarded_from: None,
            failed_step: None,
            sent_at: None,
            ended_at: None,
        }
    }

    /// Returns `true` if the values of a variable are hidden: the template marks the variable as sensitive, and a
    /// message with them may have been sent.
    #[must_use]
    pub fn hides(&self, variable: &str) -> bool {
        let messages = self.launch.iter().flat_map(|launch| &launch.messages);
        let mut sensitive = messages.filter_map(|message| message.template.as_ref()).flat_map(|used| &used.sensitive);
        self.hidden_variables.contains(variable) || sensitive.any(|name| name == variable)
    }

    /// Parses the definition.
    ///
    /// # Errors
    /// If another release stored it, under other rules.
    pub fn parsed(&self) -> Result<CampaignDefinition, Problem> {
        CampaignDefinition::parse(Value::Object(self.definition.clone()))
    }

    /// Replaces the definition. An approval ends.
    ///
    /// # Errors
    /// If the campaign was launched.
    pub fn redefine(&mut self, definition: Map<String, Value>) -> Result<(), StateConflictError> {
        self.require(&[CampaignState::Draft, CampaignState::Approved], "changed")?;
        if self.definition != definition {
            self.definition = definition;
            self.state = CampaignState::Draft;
            self.approval = None;
        }
        Ok(())
    }

    /// Approves the definition with this hash.
    ///
    /// # Errors
    /// If the campaign was launched.
    pub fn approve(&mut self, approval: Approval) -> Result<(), StateConflictError> {
        self.require(&[CampaignState::Draft, CampaignState::Approved], "approved")?;
        self.state = CampaignState::Approved;
        self.approval = Some(approval);
        Ok(())
    }

    /// Launches the campaign.
    ///
    /// # Errors
    /// If it is not approved, or was launched before.
    pub fn launch(&mut self, launch: Launch, now: Timestamp) -> Result<(), StateConflictError> {
        self.require(&[CampaignState::Approved], "launched")?;
        let begins = launch.slots.first().is_none_or(|first| *first <= now);
        self.state = if begins { CampaignState::Running } else { CampaignState::Scheduled };
        self.launch = Some(launch);
        Ok(())
    }

    /// Pauses the campaign. A repeat changes nothing.
    ///
    /// # Errors
    /// If it is neither scheduled nor running.
    pub fn pause(&mut self, reason: PauseReason, detail: Option<String>) -> Result<(), StateConflictError> {
        if self.state == CampaignState::Paused {
            return Ok(());
        }
        self.require(&[CampaignState::Scheduled, CampaignState::Running], "paused")?;
        self.state = CampaignState::Paused;
        (self.pause_reason, self.pause_detail) = (Some(reason), detail);
        Ok(())
    }

    /// Resumes the campaign. A repeat changes nothing.
    ///
    /// # Errors
    /// If it is not paused.
    pub fn resume(&mut self, now: Timestamp) -> Result<(), StateConflictError> {
        if matches!(self.state, CampaignState::Running | CampaignState::Scheduled) {
            return Ok(());
        }
        self.require(&[CampaignState::Paused], "resumed")?;
        let begins = self.launch.as_ref().and_then(|launch| launch.slots.first()).is_none_or(|first| *first <= now);
        self.state = if begins { CampaignState::Running } else { CampaignState::Scheduled };
        (self.pause_reason, self.pause_detail, self.resumed_at) = (None, None, Some(now));
        // The operator who resumes the campaign accepts what was changed during this pause.
        if let Some(launch) = &mut self.launch {
            launch.revisers.clear();
            launch.reviser_kinds.clear();
        }
        Ok(())
    }

    /// Ends the campaign. A repeat changes nothing.
    ///
    /// # Errors
    /// If it has already ended in another way.
    pub fn cancel(&mut self, now: Timestamp) -> Result<(), StateConflictError> {
        if self.state == CampaignState::Cancelled {
            return Ok(());
        }
        if self.state.is_final() {
            return Err(StateConflictError { state: self.state, action: "cancelled" });
        }
        self.state = CampaignState::Cancelled;
        self.ended_at = Some(now);
        Ok(())
    }

    /// Ends a campaign that cannot begin. Returns `true` if it did. A campaign that has begun does not fail.
    pub fn fail(&mut self, detail: String, now: Timestamp) -> bool {
        if self.state != CampaignState::Scheduled {
            return false;
        }
        self.state = CampaignState::Failed;
        (self.pause_detail, self.ended_at) = (Some(detail), Some(now));
        true
    }

    /// Enters `running` once the first slot is due. Returns `true` if it did.
    pub fn begin(&mut self, now: Timestamp) -> bool {
        let first = self.launch.as_ref().and_then(|launch| launch.slots.first());
        let begins = self.state == CampaignState::Scheduled && first.is_none_or(|first| *first <= now);
        if begins {
            self.state = CampaignState::Running;
        }
        begins
    }

    /// Enters `finishing` once every task is done. Enters `finished` once every notification has ended, at the latest
    /// when the lifetime of the last one is over, which counts from its start. The lifetime is that of the definition,
    /// or `default_lifetime_seconds` of its type. Returns `true` if the state changed.
    pub fn finish(&mut self, is_open: bool, default_lifetime_seconds: i64, now: Timestamp) -> bool {
        let before = self.state;
        if self.state == CampaignState::Running {
            self.state = CampaignState::Finishing;
            self.sent_at = Some(now);
        }
        let given = self.definition.get("ttl_seconds").and_then(Value::as_i64);
        let lifetime = given.unwrap_or(default_lifetime_seconds).min(MAX_FINISHING_SECONDS);
        let last_start = self.sent_at.map(|at| self.last_local_time().map_or(at, |last| last.max(at)));
        let is_over = last_start.is_some_and(|at| now.duration_since(at).as_secs() >= lifetime);
        if self.state == CampaignState::Finishing && (!is_open || is_over) {
            self.state = CampaignState::Finished;
            self.ended_at = Some(now);
        }
        self.state != before
    }

    /// Returns `true` if a campaign whose tasks are done may be checked now: every minute in the first hour, then every
    /// tenth minute. Each check reads the metrics since the launch.
    #[must_use]
    pub fn is_check_due(&self, now: Timestamp) -> bool {
        let minutes = self.sent_at.map_or(0, |at| now.duration_since(at).as_secs() / 60);
        self.state != CampaignState::Finishing || minutes < 60 || minutes % 10 == 0
    }

    /// Returns the last time at which a message may start in a campaign by local time. A person who moved to a zone
    /// that the plan did not contain may get it after the last task.
    fn last_local_time(&self) -> Option<Timestamp> {
        let (definition, launch) = (self.parsed().ok()?, self.launch.as_ref()?);
        match &definition.timing {
            Timing::AtLocal(local) => Some(local.last_instant(launch.at)),
            Timing::Now | Timing::At(_) => None,
        }
    }

    fn require(&self, states: &[CampaignState], action: &'static str) -> Result<(), StateConflictError> {
        if states.contains(&self.state) { Ok(()) } else { Err(StateConflictError { state: self.state, action }) }
    }
}

impl Launch {
    /// Returns the number of tasks.
    #[must_use]
    pub fn tasks(&self) -> u32 {
        self.segments.saturating_mul(u32::try_from(self.slots.len()).unwrap_or(u32::MAX))
    }
}

/// Returns the hash of all messages and their recipients: SHA-256 as hexadecimal digits.
#[must_use]
pub fn hash_of(campaign: &CampaignId, definition: &Map<String, Value>, launch: &Launch, rules: &Value) -> String {
    let Launch { filter, exclude, messages, .. } = launch;
    let decides = json!([campaign, definition, filter, exclude, messages, rules]);
    let hash = digest(&SHA256, decides.to_string().as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
