//! Changes of a campaign's type after its launch. The campaign pauses itself, and a resume accepts the present rules.

use campaign::{Campaign, CampaignDefinition, Launch, PauseReason, rules_at_launch};
use delivery::config::ConfigSnapshot;
use domain::{Actor, NotificationType, TypeState};
use jiff::Timestamp;
use platform::caller::Author;
use platform::problem::{Problem, ProblemKind};
use store::CatalogKey;

use super::CampaignsApi;
use super::config::config_now;
use super::pinning::kind_of;
use super::reconciler::CampaignReconciler;

/// Number of changes of a type that are read with one call.
const CHANGES_PER_READ: usize = 50;

impl CampaignReconciler {
    /// Returns the reason for a pause if the type of a running campaign is paused, archived or another one than at the
    /// launch. While the types cannot be read, it is not.
    pub(super) async fn type_conflict(
        &self,
        launch: &Launch,
        definition: &CampaignDefinition,
    ) -> Option<(PauseReason, String)> {
        let name = definition.kind.as_str();
        let conflict = |config: &ConfigSnapshot| {
            let kind = config.settings.types.get(name).filter(|_| config.settings.types.is_certain_of(name));
            kind.and_then(|kind| launch.type_conflict(kind))
        };
        conflict(&self.config.with_types(&[name]).await)?;
        // Read again, because the cached types may be older than the resume that accepted a change.
        conflict(&config_now(&self.config).await)
    }
}

impl CampaignsApi {
    /// Accepts the present rules of the type for a campaign that is resumed.
    ///
    /// # Errors
    /// 409 if the type is paused, or if `by` changed it although the settings require two people. 422 if no campaign
    /// can be sent with the type.
    pub(super) async fn accept_type(&self, campaign: &mut Campaign, by: &Author) -> Result<(), Problem> {
        let (definition, config) = (campaign.parsed()?, self.config_now().await);
        let Some(launch) = &mut campaign.launch else { return Ok(()) };
        let kind = kind_of(&definition, &config)?;
        check_active(kind)?;
        if launch.type_conflict(kind).is_none() {
            return Ok(());
        }
        Box::pin(self.pinning.messages(&definition, kind, &config)).await?;
        if config.settings.campaigns.two_people && self.has_changed_type(kind, launch.at, by).await? {
            let detail = "The setting campaigns.two_people is on: a client that did not change the type since the launch \
                          must resume it.";
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        launch.type_rules = rules_at_launch(kind);
        Ok(())
    }

    /// Returns `true` if a client changed a type after this time.
    async fn has_changed_type(&self, kind: &NotificationType, since: Timestamp, by: &Author) -> Result<bool, Problem> {
        let (key, mut after) = (CatalogKey::Type(kind.id.clone()), None::<String>);
        loop {
            let page = self.catalog.changes(&key, CHANGES_PER_READ, after.as_deref()).await?;
            let is_by = |actor: &Actor| matches!(actor, Actor::Api(author) if author.is_same(by));
            if page.items.iter().any(|change| change.at >= since && is_by(&change.by)) {
                return Ok(true);
            }
            let is_older = page.items.last().is_none_or(|oldest| oldest.at < since);
            match page.next {
                Some(next) if !is_older => after = Some(next),
                _ => return Ok(false),
            }
        }
    }
}

/// Checks that messages of a type are sent now.
///
/// # Errors
/// 409 if the type is paused: every message would be stored as held, and evaluated again until the type is active.
pub(super) fn check_active(kind: &NotificationType) -> Result<(), Problem> {
    if kind.rules.state != TypeState::Paused {
        return Ok(());
    }
    let detail = format!("The type {} is paused, so every message would be held. Make the type active first.", kind.id);
    Err(Problem::new(ProblemKind::Conflict, detail))
}
