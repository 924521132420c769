//! Outcomes of recipients' notifications of earlier campaigns, for filters that use them.

use std::collections::HashMap;

use campaign::{CampaignAudience, CampaignId};
use domain::notification::{Notification, NotificationId};
use domain::recipient::{KeyHasher, Recipient, RecipientKey};
use futures_util::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use segments::{CampaignHistory, CampaignLaunches, Filter, Person};

use super::{Consistency, NotificationsStore, StoreError};

/// Number of notifications of one call, and number of calls at once.
const IDS_PER_CALL: usize = 100;
const MAX_CONCURRENT_CALLS: usize = 8;

/// Reads the outcomes of recipients' notifications of some campaigns: half a read unit for each person and campaign.
#[derive(Debug, Clone)]
pub struct HistoryReader {
    /// Table.
    pub notifications: NotificationsStore,
    /// Computes the ids of notifications.
    pub hasher: KeyHasher,
    /// Campaigns with the times of their launches.
    pub launches: CampaignLaunches,
}

/// Histories that were read, by recipient.
#[derive(Debug, Default)]
pub struct Histories(HashMap<RecipientKey, CampaignHistory>);

impl Histories {
    /// Returns the history of a recipient, if it was read.
    #[must_use]
    pub fn of(&self, recipient: &Recipient) -> Option<&CampaignHistory> {
        self.0.get(&recipient.key)
    }
}

impl HistoryReader {
    /// Reads the histories of the people for whom only the history decides if they belong to a campaign.
    ///
    /// # Errors
    /// If a call to DynamoDB fails, or an item is malformed.
    pub async fn of_campaign(
        &self,
        people: &CampaignAudience<'_>,
        page: &[Recipient],
    ) -> Result<Histories, StoreError> {
        self.of_those(page, |recipient| people.needs_history(recipient)).await
    }

    /// Reads the histories of the people for whom only the history decides if a filter matches at `now`.
    ///
    /// # Errors
    /// If a call to DynamoDB fails, or an item is malformed.
    pub async fn of_filter(
        &self,
        filter: &Filter,
        now: Timestamp,
        page: &[Recipient],
    ) -> Result<Histories, StoreError> {
        let is_open = |recipient: &Recipient| filter.decide(Person { recipient, now, history: None }).is_none();
        self.of_those(page, is_open).await
    }

    /// Reads the histories of the people that `is_needed` names.
    ///
    /// # Errors
    /// If a call to DynamoDB fails, or an item is malformed.
    pub async fn of_those(
        &self,
        page: &[Recipient],
        is_needed: impl Fn(&Recipient) -> bool,
    ) -> Result<Histories, StoreError> {
        if self.launches.is_empty() {
            return Ok(Histories::default());
        }
        let needed: Vec<RecipientKey> =
            page.iter().filter(|recipient| is_needed(recipient)).map(|recipient| recipient.key.clone()).collect();
        let mut read: HashMap<_, _> = needed.iter().map(|key| (key.clone(), CampaignHistory::default())).collect();
        let calls: Vec<_> = self
            .launches
            .iter()
            .flat_map(|(campaign, at)| needed.chunks(IDS_PER_CALL).map(|keys| self.call(campaign, *at, keys)))
            .collect();
        let mut calls = futures_util::stream::iter(calls).buffer_unordered(MAX_CONCURRENT_CALLS);
        while let Some((campaign, found)) = calls.try_next().await? {
            for notification in &found {
                read.entry(notification.id().recipient().clone()).or_default().add(campaign, notification);
            }
        }
        Ok(Histories(read))
    }

    async fn call<'a>(
        &self,
        campaign: &'a CampaignId,
        launched_at: Timestamp,
        keys: &[RecipientKey],
    ) -> Result<(&'a CampaignId, Vec<Notification>), StoreError> {
        let id =
            |key: &RecipientKey| NotificationId::of_campaign(key.clone(), launched_at, &self.hasher, campaign.as_str());
        let ids: Vec<_> = keys.iter().map(id).collect();
        Ok((campaign, self.notifications.read_many(&ids, Consistency::Eventual).await?))
    }
}
