//! Write of the percentage under an intent. It replaces the conditional write that SSM does not have.

use jiff::Timestamp;

use super::controller::RolloutController;
use super::ownership_tag;
use super::state::Intent;
use aws::parameters::{NewVersion, ParameterStoreError};
use domain::ManagedParameter;
use domain::rollout::Percentage;
use platform::time_limits::ROLLOUT_CHANGE_LIMIT;

/// Maximum number of restores while an operator keeps writing. The next scheduled run continues.
const MAX_RESTORES: u32 = 3;

/// Result of writing an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The percentage is written.
    Written,
    /// The parameter has changed since the decision, so nothing was written.
    Superseded,
    /// An operator wrote between the last read and the write. The operator's value is restored.
    Restored,
}

impl RolloutController {
    /// Writes the intended percentage if the parameter has not changed since the decision.
    pub(super) async fn write_percentage(&self, intent: &Intent) -> Result<WriteOutcome, ParameterStoreError> {
        let write = tokio::time::timeout(ROLLOUT_CHANGE_LIMIT, self.write_if_unchanged(intent));
        write.await.unwrap_or_else(|_| Err(ParameterStoreError::too_slow("PutParameter")))
    }

    async fn write_if_unchanged(&self, intent: &Intent) -> Result<WriteOutcome, ParameterStoreError> {
        let name = self.full_name(ManagedParameter::RolloutPercentage);
        let present = self.parameters.versions(vec![name.clone()]).await?.remove(&name);
        if present.is_none_or(|present| present.version != intent.from_version) {
            return Ok(WriteOutcome::Superseded);
        }
        let value = Percentage::from_hundredths(intent.to).unwrap_or_default().to_string();
        let version = self.overwrite(&value, &ownership_tag::of_intent(intent)).await?;
        if version == intent.from_version + 1 {
            return Ok(WriteOutcome::Written);
        }
        self.restore(intent.from_version, intent.at).await?;
        Ok(WriteOutcome::Restored)
    }

    /// Restores an operator's value that was written after version `from` and then overwritten by the service. Repeats
    /// this if another one was overwritten meanwhile. The decision uses only SSM's history, so any process can restore
    /// the value after a crash.
    pub(super) async fn restore(&self, from: i64, now: Timestamp) -> Result<(), ParameterStoreError> {
        let name = self.full_name(ManagedParameter::RolloutPercentage);
        for _ in 0..MAX_RESTORES {
            let history = self.parameters.history(&name, from - 1).await?;
            let (Some((_, value)), Some(last)) = (ownership_tag::overwritten_by_us(&history), history.last()) else {
                return Ok(());
            };
            self.overwrite(&value.to_string(), &ownership_tag::of_restore(last.version, now)).await?;
        }
        Ok(())
    }

    async fn overwrite(&self, value: &str, description: &str) -> Result<i64, ParameterStoreError> {
        let next = NewVersion { value, description, allowed_pattern: ownership_tag::ALLOWED_PATTERN };
        self.parameters.overwrite(&self.full_name(ManagedParameter::RolloutPercentage), next).await
    }
}
