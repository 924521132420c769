//! Write of the parameter `settings` by the API, under an intent in the controller's record.

use jiff::Timestamp;

use super::command::CommandError;
use super::controller::RolloutController;
use super::error::ReconcileError;
use super::ownership_tag;
use super::state::{ControllerState, SettingsIntent};
use aws::parameters::{NewVersion, ParameterStoreError};
use domain::rollout::ParameterVersion;
use domain::{Actor, ManagedParameter};
use platform::time_limits::ROLLOUT_CHANGE_LIMIT;

impl RolloutController {
    /// Returns the present version of the settings, without any cache; `None` if the parameter does not exist.
    ///
    /// # Errors
    /// If SSM does not answer.
    pub async fn present_settings(&self) -> Result<Option<ParameterVersion>, ParameterStoreError> {
        let name = self.full_name(ManagedParameter::Settings);
        Ok(self.parameters.versions(vec![name.clone()]).await?.remove(&name))
    }

    /// Returns the versions of the settings that SSM still has, oldest first.
    ///
    /// # Errors
    /// If SSM does not answer.
    pub async fn settings_history(&self) -> Result<Vec<ParameterVersion>, ParameterStoreError> {
        self.parameters.history(&self.full_name(ManagedParameter::Settings), 0).await
    }

    /// Writes valid settings after the version that `expects` accepts, and stores the audit record with its author.
    /// Returns the new version, or the present one if it has the same text.
    ///
    /// # Errors
    /// [`CommandError::Superseded`] if the present version is another one, or an operator wrote at the same moment;
    /// then the operator's value is in force.
    pub async fn write_settings(
        &self,
        text: &str,
        expects: impl Fn(i64) -> bool,
        by: Actor,
        now: Timestamp,
    ) -> Result<i64, CommandError> {
        let read = self.record.read::<ControllerState>().await?;
        let present = self.present_settings().await.map_err(ReconcileError::from)?.ok_or(CommandError::Missing)?;
        if !expects(present.version) {
            return Err(CommandError::Superseded);
        }
        if read.value.settings_intent.as_ref().is_some_and(|intent| intent.blocks(present.version, now)) {
            return Err(CommandError::Busy);
        }
        if present.value.expose() == text {
            return Ok(present.version);
        }
        let intent = SettingsIntent { at: now, from_version: present.version, by };
        let announced = ControllerState { settings_intent: Some(intent.clone()), ..read.value.clone() };
        let saved = self.record.replace(&read, announced).await?;
        let write = tokio::time::timeout(ROLLOUT_CHANGE_LIMIT, self.overwrite_settings(&intent, text));
        let written = write.await.unwrap_or_else(|_| Err(ParameterStoreError::too_slow("PutParameter")));
        let is_written = written.map_err(ReconcileError::from)?;
        // A version that was overwritten and restored has its audit record from the next scheduled run.
        if !is_written {
            self.record.replace(&saved, ControllerState { settings_intent: None, ..saved.value.clone() }).await?;
            return Err(CommandError::Superseded);
        }
        self.record_own_write(ManagedParameter::Settings, saved, intent.from_version + 1).await?;
        Ok(intent.from_version + 1)
    }

    /// Writes the settings if the version is still the one of the intent. If an operator wrote between the read and the
    /// write, the operator's value is restored. Returns `false` if the new settings are not in force.
    async fn overwrite_settings(&self, intent: &SettingsIntent, text: &str) -> Result<bool, ParameterStoreError> {
        let present = self.present_settings().await?;
        if present.is_none_or(|present| present.version != intent.from_version) {
            return Ok(false);
        }
        let ours = self.put_settings(text, &ownership_tag::of_settings(intent.from_version, intent.at)).await?;
        if ours == intent.from_version + 1 {
            return Ok(true);
        }
        let history = self.settings_history().await?;
        let theirs = history.iter().rev().find(|version| (intent.from_version + 1..ours).contains(&version.version));
        if let Some(theirs) = theirs {
            let description = ownership_tag::of_settings_restore(ours, intent.at);
            self.put_settings(theirs.value.expose(), &description).await?;
        }
        Ok(false)
    }

    async fn put_settings(&self, value: &str, description: &str) -> Result<i64, ParameterStoreError> {
        let next = NewVersion { value, description, allowed_pattern: ownership_tag::SETTINGS_PATTERN };
        self.parameters.overwrite(&self.full_name(ManagedParameter::Settings), next).await
    }
}
