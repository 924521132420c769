//! Selection: the people of a page who belong to a task.

use std::ops::ControlFlow;
use std::time::Duration;

use campaign::{Assigned, CampaignAudience, PersonOutcome, TaskPass};
use delivery::config::ConfigSnapshot;
use domain::notification::NotificationId;
use domain::recipient::Recipient;
use store::{HistoryReader, StoreError};
use tokio::time::Instant;

use crate::takeover::by_recipient;
use crate::task_run::TaskRun;

/// Age of a page from which a person's profile is read again before the send. At a slow pace, the profiles of the last
/// people of a page would be 20 s old.
const PROFILE_MAX_AGE: Duration = Duration::from_secs(2);

impl TaskRun<'_> {
    /// Returns a person as of now. A person who no longer belongs to the task has the outcome `Erased`, or `None`. If
    /// the page was read a moment ago, nothing is read. A plan sends nothing and reads no person again.
    pub async fn recheck_person(
        &self,
        audience: &CampaignAudience<'_>,
        (selected, recipient): (Assigned, Recipient),
        read_at: Instant,
        config: &ConfigSnapshot,
    ) -> Result<ControlFlow<Option<PersonOutcome>, (Assigned, Recipient)>, StoreError> {
        if read_at.elapsed() <= PROFILE_MAX_AGE || matches!(self.pass, TaskPass::Plan(_)) {
            return Ok(ControlFlow::Continue((selected, recipient)));
        }
        // Boxed, because it is rare and would enlarge the future of every person.
        Box::pin(self.read_again(audience, &recipient, config)).await
    }

    /// Reads a person again, and returns the result of [`recheck_person`](Self::recheck_person).
    async fn read_again(
        &self,
        audience: &CampaignAudience<'_>,
        recipient: &Recipient,
        config: &ConfigSnapshot,
    ) -> Result<ControlFlow<Option<PersonOutcome>, (Assigned, Recipient)>, StoreError> {
        let read = self.services.engine().stores().recipients().load(&recipient.key).await?;
        let Some(recipient) = read else { return Ok(ControlFlow::Break(Some(PersonOutcome::Erased))) };
        let mut selected = self.selected(audience, vec![recipient], config).await?;
        Ok(selected.pop().map_or(ControlFlow::Break(None), ControlFlow::Continue))
    }

    /// Returns the people of a page who belong to the task.
    pub async fn selected(
        &self,
        audience: &CampaignAudience<'_>,
        page: Vec<Recipient>,
        config: &ConfigSnapshot,
    ) -> Result<Vec<(Assigned, Recipient)>, StoreError> {
        let histories = HistoryReader {
            notifications: self.services.engine().stores().notifications().clone(),
            hasher: self.services.hasher.clone(),
            launches: self.launch.earlier.clone(),
        };
        let histories = histories.of_campaign(audience, &page).await?;
        let select = |one: Recipient| Some((audience.select(&one, histories.of(&one))?, one));
        let selected = self.only_retried(page.into_iter().filter_map(select).collect()).await?;
        if let TaskPass::Plan(_) = self.pass { self.with_caps(selected, config).await } else { Ok(selected) }
    }

    /// Adds the claims of the frequency caps for a plan, if there are rules. A send reads them with each person.
    async fn with_caps(
        &self,
        selected: Vec<(Assigned, Recipient)>,
        config: &ConfigSnapshot,
    ) -> Result<Vec<(Assigned, Recipient)>, StoreError> {
        if config.caps.iter().next().is_none() {
            return Ok(selected);
        }
        let keys: Vec<_> = selected.iter().map(|(_, recipient)| recipient.key.clone()).collect();
        let mut found = self.services.engine().stores().recipients().caps_of(&keys).await?;
        let with = |(selected, recipient): (Assigned, Recipient)| {
            let caps = found.remove(&recipient.key).unwrap_or_default();
            (selected, Recipient { caps, ..recipient })
        };
        Ok(selected.into_iter().map(with).collect())
    }

    /// Returns only people whose notification of the earlier campaign has one of the named outcomes.
    async fn only_retried(
        &self,
        selected: Vec<(Assigned, Recipient)>,
    ) -> Result<Vec<(Assigned, Recipient)>, StoreError> {
        let (Some(retry), Some(launched_at)) = (&self.definition.retry_of, self.launch.retried_launch) else {
            return Ok(selected);
        };
        let hasher = &self.services.hasher;
        let id = |recipient: &Recipient| {
            NotificationId::of_campaign(recipient.key.clone(), launched_at, hasher, retry.campaign.as_str())
        };
        let ids: Vec<_> = selected.iter().map(|(_, recipient)| id(recipient)).collect();
        let before = by_recipient(self.services.engine().stores().notifications().get_many(&ids).await?);
        let is_meant = |recipient: &Recipient| {
            let before = before.get(&recipient.key).map(PersonOutcome::of);
            before.is_some_and(|outcome| retry.takes(&outcome))
        };
        Ok(selected.into_iter().filter(|(_, recipient)| is_meant(recipient)).collect())
    }
}
