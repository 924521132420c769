//! Audit of the parameters: each version in SSM's history becomes one audit record.

use super::controller::RolloutController;
use super::error::ReconcileError;
use super::ownership_tag::{self, OwnershipTag};
use super::state::{ControllerState, SettingsIntent};
use domain::rollout::ParameterVersion;
use domain::{Actor, AuditRecord, ManagedParameter};

/// Consequences of the new versions of the percentage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistoryChanges {
    /// `true` if a change by another actor ended the ramp.
    pub has_ended_ramp: bool,
    /// Version after which an operator's value was overwritten and must be restored.
    pub restore_after: Option<i64>,
}

impl RolloutController {
    /// Stores an audit record for each new version of a parameter up to `present`. SSM's history may lag behind for a
    /// moment. It keeps 100 versions.
    pub(super) async fn record_versions(
        &self,
        parameter: ManagedParameter,
        present: i64,
        next: &mut ControllerState,
    ) -> Result<HistoryChanges, ReconcileError> {
        // If the present version is lower than the last recorded one, the parameter was deleted and created again.
        let seen = next.seen.get(&parameter).copied().filter(|seen| *seen <= present);
        if seen == Some(present) {
            return Ok(HistoryChanges::default());
        }
        // The version before the first new one contains the old value.
        let history = self.parameters.history(&self.full_name(parameter), seen.map_or(0, |seen| seen - 1)).await?;
        let is_percentage = parameter == ManagedParameter::RolloutPercentage;
        let mut changes = HistoryChanges::default();
        for (index, found) in history.iter().enumerate() {
            if seen.is_some_and(|seen| found.version <= seen) {
                continue;
            }
            let before = index.checked_sub(1).map(|before| &history[before]);
            let record = with_actor(AuditRecord::of_history(parameter, found, before), found, before, next);
            self.audit.add(&record).await?;
            if is_percentage {
                changes.has_ended_ramp |= apply_change(next, &record);
            }
            next.seen.insert(parameter, found.version);
        }
        if is_percentage {
            changes.restore_after = ownership_tag::overwritten_by_us(&history).map(|(version, _)| version - 1);
        }
        Ok(changes)
    }
}

/// Adds actor, reason and figures to a record. A version with the tag of the stored intent gets those of the intent. A
/// version with another tag is the service's. A version without a tag is an operator's.
fn with_actor(
    record: AuditRecord,
    found: &ParameterVersion,
    before: Option<&ParameterVersion>,
    next: &ControllerState,
) -> AuditRecord {
    let is_tagged = record.parameter != ManagedParameter::RolloutUsers;
    let tag = is_tagged.then(|| ownership_tag::of(found, before)).flatten();
    let Some(tag) = tag else { return record };
    if record.parameter == ManagedParameter::Settings {
        return with_actor_of_settings(record, &tag, next);
    }
    match next.intent.as_ref().filter(|intent| tag.is_of(intent)) {
        Some(intent) => intent.annotate(record),
        None if tag.is_restore() => {
            let reason = "restored an operator's value that the service had overwritten at the same moment";
            AuditRecord { by: tag.actor(), reason: Some(reason.to_owned()), ..record }
        }
        None => AuditRecord { by: tag.actor(), ..record },
    }
}

/// Adds the actor to a record of settings that the service wrote.
fn with_actor_of_settings(record: AuditRecord, tag: &OwnershipTag<'_>, next: &ControllerState) -> AuditRecord {
    if tag.is_restore() {
        let reason = "restored an operator's settings that the API had overwritten at the same moment";
        return AuditRecord { by: Actor::Service, reason: Some(reason.to_owned()), ..record };
    }
    let is_of =
        |intent: &&SettingsIntent| ownership_tag::of_settings(intent.from_version, intent.at).ends_with(tag.text);
    let intent = next.settings_intent.as_ref().filter(is_of);
    AuditRecord { by: intent.map_or_else(|| tag.actor(), |intent| intent.by.clone()), ..record }
}

/// Applies a change of the percentage to the state: the guard ignores earlier minutes, and a ramp continues after its
/// own step and ends after any other change. Returns `true` if the ramp ended.
fn apply_change(next: &mut ControllerState, record: &AuditRecord) -> bool {
    next.changed_at = Some(record.at);
    if next.intent.as_ref().is_some_and(|intent| intent.from_version < record.version) {
        next.intent = None;
    }
    let Some(ramp) = &mut next.ramp else { return false };
    let is_own_step =
        record.by == Actor::Ramp && ramp.next_percentage().is_some_and(|step| step.to_string() == record.new);
    if is_own_step {
        ramp.advance(record.at);
    } else if record.at > ramp.started_at && !ramp.was_started_by(record) {
        next.ramp = None;
        return true;
    }
    false
}
