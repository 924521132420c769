//! Pauses and cancellations of a campaign while work on one of its notifications is under way.

use jiff::Timestamp;

use super::DeliveryEngine;
use crate::allowance::Allowance;
use crate::campaign_states::Permission;
use crate::job::{Job, StepOutcome};
use domain::notification::Status;
use store::StoreError;

impl DeliveryEngine {
    /// Defers or ends a notification before a paid call if its campaign was paused or cancelled since the work began:
    /// a push service may have taken seconds to refuse the message. Returns `None` if the call may be made. Without an
    /// answer of the table, it may.
    ///
    /// # Errors
    /// If the state cannot be stored.
    pub(super) async fn stop_with_campaign(
        &self,
        job: &mut Job,
        allowance: Allowance,
        now: Timestamp,
    ) -> Result<Option<StepOutcome>, StoreError> {
        let campaign = job.notification.campaign().filter(|_| !job.notification.is_test());
        let Some(id) = campaign.map(|campaign| campaign.id.clone()) else { return Ok(None) };
        let permission = self.stores().campaigns.permission(&id, now).await.unwrap_or_else(|error| {
            tracing::warn!(campaign = %id, %error, "failed to read the campaign's state; sending without it");
            Permission::Continue
        });
        match permission {
            Permission::Continue => Ok(None),
            Permission::WaitUntil(until) => self.defer(job, until, allowance).await.map(Some),
            Permission::End => {
                let (status, reason) = job.notification.result_so_far().unwrap_or((Status::Cancelled, None));
                job.notification.finish(status, reason, now);
                self.persistence.persist_result(job, allowance).await.map(Some)
            }
        }
    }
}
