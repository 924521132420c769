//! Writing down what changed: SSM's history of a parameter becomes audit records, once for each version.

use super::{Remembered, Steward, mark};
use crate::RoundError;
use domain::rollout::ParameterVersion;
use domain::{AuditRecord, By, Watched};

/// What the versions of the percentage since the last look come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Somebody's change ended the ramp.
    pub has_ended_ramp: bool,
    /// The version after which an operator's value must stand again.
    pub owes_since: Option<i64>,
}

impl Steward {
    /// Writes down each version of a parameter up to `present` that is not yet, as far as SSM's history shows them: it may be
    /// behind for a moment, and keeps 100.
    pub(super) async fn write_down(
        &self,
        parameter: Watched,
        present: i64,
        next: &mut Remembered,
    ) -> Result<Changes, RoundError> {
        // A version below the last one seen is of a parameter that was deleted and made anew.
        let seen = next.seen.get(&parameter).copied().filter(|seen| *seen <= present);
        if seen == Some(present) {
            return Ok(Changes::default());
        }
        // The version before the first unseen one tells what was there before.
        let history = self.parameters.history(&self.name_of(parameter), seen.map_or(0, |seen| seen - 1)).await?;
        let mut changes = Changes::default();
        for (at, found) in history.iter().enumerate().filter(|(_, found)| seen.is_none_or(|seen| found.version > seen))
        {
            let before = at.checked_sub(1).map(|before| &history[before]);
            let record = explained(AuditRecord::of_history(parameter, found, before), found, before, next);
            self.audit.add(&record).await?;
            if parameter == Watched::RolloutPercentage {
                changes.has_ended_ramp |= moved(next, &record);
            }
            next.seen.insert(parameter, found.version);
        }
        if parameter == Watched::RolloutPercentage {
            changes.owes_since = mark::owed(&history).map(|(version, _)| version - 1);
        }
        Ok(changes)
    }
}

/// What a round or a caller intended is theirs, with its reason; what bears the service's mark is the service's; the rest is an
/// operator's.
fn explained(
    record: AuditRecord,
    found: &ParameterVersion,
    before: Option<&ParameterVersion>,
    next: &Remembered,
) -> AuditRecord {
    let mark = (record.parameter == Watched::RolloutPercentage).then(|| mark::of(found, before)).flatten();
    let Some(mark) = mark else { return record };
    match next.intent.as_ref().filter(|intent| mark.is_of(intent)) {
        Some(intent) => intent.explains(record),
        None if mark.is_put_back() => {
            let reason = "an operator's value, which was overwritten in the moment it was written, is put back";
            AuditRecord { by: mark.by(), reason: Some(reason.to_owned()), ..record }
        }
        None => AuditRecord { by: mark.by(), ..record },
    }
}

/// Takes note that the percentage was moved: the guard's minutes begin anew, a ramp climbs by its own step and ends with anybody
/// else's. Answers whether it ended.
fn moved(next: &mut Remembered, record: &AuditRecord) -> bool {
    next.changed_at = Some(record.at);
    if next.intent.as_ref().is_some_and(|intent| intent.from_version < record.version) {
        next.intent = None;
    }
    let Some(ramp) = &mut next.ramp else { return false };
    let is_its_step =
        record.by == By::Ramp && ramp.next_percentage().is_some_and(|step| step.to_string() == record.new);
    if is_its_step {
        ramp.climb(record.at);
    } else if record.at > ramp.started_at && !ramp.began_with(record) {
        next.ramp = None;
        return true;
    }
    false
}
