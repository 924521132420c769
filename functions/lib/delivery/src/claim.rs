//! Claim of a paid call: a conditional write before the call. If a budget applies, it also reserves the price.

use std::time::Duration;

use crate::allowance::Allowance;
use crate::job::{Job, StepOutcome, StoredState};
use crate::persistence::Persistence;
use aws::deadline;
use domain::budget::{Ceiling, Limit, Reservation};
use domain::notification::Claim;
use domain::recipient::Recipient;
use domain::settings::Settings;
use platform::clock::Clock;
use store::{ReserveResult, SaveResult, StoreError};

/// Maximum time to roll back a claim.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(2);

/// Stores claims and rolls them back.
#[derive(Debug)]
pub(crate) struct Claims {
    persistence: Persistence,
    clock: Clock,
}

impl Claims {
    pub(crate) const fn new(persistence: Persistence, clock: Clock) -> Self {
        Self { persistence, clock }
    }

    /// Stores the claim of a paid call, with its reservation if a budget applies. Returns `None` if the claim is
    /// stored. Otherwise nothing was written, and the outcome has the reason.
    ///
    /// If the money is still reserved from an earlier try that the provider did not accept, it is used again.
    ///
    /// # Errors
    /// If the store does not answer: the claim is then rolled back, because it may be stored.
    pub(crate) async fn claim(
        &self,
        job: &mut Job,
        claim: Claim,
        recipient: &Recipient,
        settings: &Settings,
        allowance: Allowance,
    ) -> Result<Option<StepOutcome>, StoreError> {
        let timeout = allowance.claim_timeout(self.clock.now());
        let claimed = self.try_claim(job, claim, recipient, settings, allowance);
        let claimed = deadline::with_timeout(timeout, claimed).await;
        if claimed.as_ref().is_err_and(StoreError::is_transient) {
            Box::pin(self.rollback_claim(job, allowance)).await;
        }
        claimed
    }

    async fn try_claim(
        &self,
        job: &mut Job,
        claim: Claim,
        recipient: &Recipient,
        settings: &Settings,
        allowance: Allowance,
    ) -> Result<Option<StepOutcome>, StoreError> {
        let at = self.clock.now();
        let Claim { channel, price_micros } = claim;
        let limits = Limit::all_for(channel, job.notification.type_id(), settings);
        let cost_so_far = job.notification.cost_micros();
        if let Some(limit) = limits.iter().find(|limit| limit.forbids_alone(price_micros, cost_so_far)) {
            return Ok(Some(over_budget(job, claim, limit.ceiling)));
        }
        job.notification.claim(claim, allowance.lease_until, at);
        // Set before the write: if the write's answer is lost and the claim is rolled back, the money is released.
        job.reservation = Reservation::needed(channel, job.notification.type_id(), price_micros, &limits, at);
        match job.reservation.clone() {
            Some(needed) if !job.reuse_reservation(&needed) => {
                Box::pin(self.claim_with_reservation(job, claim, &needed, recipient, &limits)).await
            }
            _ => self.claim_alone(job).await,
        }
    }

    /// Stores a claim to which no budget applies, or whose money is already reserved.
    async fn claim_alone(&self, job: &mut Job) -> Result<Option<StepOutcome>, StoreError> {
        let notifications = &self.persistence.stores().notifications;
        let is_new = job.is_new();
        if let SaveResult::Conflict(facts) = notifications.claim(&mut job.notification, is_new).await? {
            job.notification.merge_engagement(*facts);
            job.release_claim();
            return Ok(Some(StepOutcome::Reevaluate));
        }
        job.stored_state = StoredState::Stored;
        Ok(None)
    }

    async fn claim_with_reservation(
        &self,
        job: &mut Job,
        claim: Claim,
        needed: &Reservation,
        recipient: &Recipient,
        limits: &[Limit],
    ) -> Result<Option<StepOutcome>, StoreError> {
        let stores = self.persistence.stores();
        let (read_at, is_new) = (job.notification.revision(), job.is_new());
        let put = stores.notifications.put_in_transaction(&mut job.notification, is_new)?;
        let cap = stores.recipients.count_sms_in_transaction(&recipient.key, needed, limits)?;
        let reserved = stores.budgets.reserve(put, cap, needed, limits).await;
        match reserved {
            Ok(ReserveResult::Reserved) => {
                job.stored_state = StoredState::Stored;
                return Ok(None);
            }
            Ok(ReserveResult::Exceeded(_) | ReserveResult::Contended) => {}
            Err(ref error) if error.is_condition_failed() && !is_new => {}
            Err(error) => return Err(error),
        }
        // It is certain that nothing was written.
        job.notification.restore_revision(read_at);
        job.notification.release_claim();
        job.reservation = None;
        match reserved {
            Ok(ReserveResult::Exceeded(ceiling)) => Ok(Some(over_budget(job, claim, ceiling))),
            Ok(_) => Ok(Some(StepOutcome::AtCapacity)),
            Err(error) if !self.merge_receipt(job).await? => Err(error),
            Err(_) => Ok(Some(StepOutcome::Reevaluate)),
        }
    }

    /// Merges the stored receipt if only a receipt was stored since the refused claim was read. Returns `true` if so.
    async fn merge_receipt(&self, job: &mut Job) -> Result<bool, StoreError> {
        let stored = self.persistence.stores().notifications.get(job.notification.id()).await?;
        let same = stored.filter(|stored| stored.revision() == job.notification.revision());
        let news = same.map(|stored| *stored.engagement()).filter(|facts| facts != job.notification.engagement());
        news.into_iter().for_each(|facts| job.notification.merge_engagement(facts));
        Ok(news.is_some())
    }

    /// Rolls back a claim that may or may not be stored.
    ///
    /// The call is not made, so a claim that remained would end as `uncertain`. The revision was generated for this
    /// claim alone, so no other writer's claim is overwritten.
    async fn rollback_claim(&self, job: &mut Job, allowance: Allowance) {
        let now = self.clock.now();
        job.release_claim();
        job.notification.wait(now, now);
        let timeout = allowance.persist_timeout(now).min(ROLLBACK_TIMEOUT);
        if deadline::with_fresh_timeout(timeout, self.save_over_receipts(job)).await.is_ok() {
            Box::pin(self.persistence.release_unspent(job)).await;
        }
    }

    /// Stores the notification. If a receipt was stored first, merges the receipt and stores again.
    async fn save_over_receipts(&self, job: &mut Job) -> Result<(), StoreError> {
        let notifications = &self.persistence.stores().notifications;
        while let SaveResult::Conflict(facts) = notifications.save_leased(&mut job.notification).await? {
            job.notification.merge_engagement(*facts);
        }
        Ok(())
    }
}

fn over_budget(job: &mut Job, Claim { channel, .. }: Claim, ceiling: Ceiling) -> StepOutcome {
    let notification = job.notification.id();
    tracing::info!(%notification, %channel, ceiling = ceiling.as_str(), "budget refused a paid call");
    job.exclude(channel, ceiling);
    StepOutcome::Reevaluate
}
