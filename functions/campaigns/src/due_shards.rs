//! Due notifications of campaigns: the workers drain each shard that has one.

use campaign::WorkerMessage;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use platform::problem::Problem;
use store::{StoreError, bulk_due_shards};

use super::reconciler::CampaignReconciler;

impl CampaignReconciler {
    /// Sends a message to the workers for each shard of campaigns with a due notification, unless the last one is still
    /// open. Once no campaign is open, only the cascade function reads these shards.
    pub(super) async fn drain_due(&self, now: Timestamp) -> Result<(), Problem> {
        let shards: Vec<_> = bulk_due_shards().collect();
        let found = try_join_all(shards.iter().map(|shard| self.notifications.due(shard, now, 1))).await?;
        let due = shards.into_iter().zip(found).filter(|(_, found)| !found.is_empty()).map(|(shard, _)| shard);
        let begun = due.map(|shard| async move {
            Ok::<_, StoreError>(self.campaigns.begin_drain(&shard, now).await?.then_some(shard))
        });
        let begun: Vec<_> = try_join_all(begun).await?.into_iter().flatten().collect();
        let messages = begun.iter().cloned().map(|due_shard| (WorkerMessage::Due { due_shard }, 0));
        let sent = self.send(messages).await;
        if sent.is_err() {
            try_join_all(begun.iter().map(|shard| self.campaigns.end_drain(shard))).await?;
        }
        sent
    }
}
