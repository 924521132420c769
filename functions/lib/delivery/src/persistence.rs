//! Writes that store the state which the work on a notification has reached.

use std::sync::Arc;
use std::time::Duration;

use crate::allowance::Allowance;
use crate::job::{Job, ResultStorage, StepOutcome, StoredState};
use crate::stores::Stores;
use aws::deadline;
use campaign::spent_for_all_people;
use domain::caps::CapUsage;
use domain::notification::{Notification, Reason, Status};
use platform::clock::Clock;
use platform::{backoff, random};
use store::{SaveResult, StoreError};

/// Maximum number of tries to store a result that must not be lost, each with the SDK's own retries.
const MAX_PERSIST_TRIES: u32 = 3;
/// Maximum time to store an SMS's message id.
const SMS_MESSAGE_ID_TIMEOUT: Duration = Duration::from_millis(500);

/// Stores the state that the work on a notification has reached.
#[derive(Debug, Clone)]
pub(crate) struct Persistence {
    stores: Arc<Stores>,
    clock: Clock,
}

impl Persistence {
    pub(crate) const fn new(stores: Arc<Stores>, clock: Clock) -> Self {
        Self { stores, clock }
    }

    pub(crate) fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Stores the state at the end of a step, or leaves the first write to the caller.
    ///
    /// The result of a paid call is retried beyond the time that the rest of the request has. If the result is not
    /// stored, the claim shows only that the call may have been made. The first write after a push is retried in the
    /// same way. If it fails, the caller receives an error for a message that was sent.
    pub(crate) async fn persist_result(&self, job: &mut Job, allowance: Allowance) -> Result<StepOutcome, StoreError> {
        if is_left_for_budget(job) {
            Box::pin(self.release_cap_slot(&job.notification, job.cap_claims.as_ref())).await;
            return Ok(StepOutcome::Stored);
        }
        // A notification that holds a slot of the caps stores its result itself, because the slot may be given back.
        if job.stored_state == StoredState::New(ResultStorage::LeftToCaller) && job.cap_claims.is_none() {
            return Ok(StepOutcome::Stored);
        }
        let is_paid = job.notification.attempts().last().is_some_and(|attempt| attempt.cost_micros > 0);
        if is_paid || job.has_unstored_attempts() {
            let timeout = allowance.persist_timeout(self.clock.now());
            deadline::with_fresh_timeout(timeout, self.persist_with_retry(job)).await
        } else {
            self.persist(job).await
        }
    }

    async fn persist_with_retry(&self, job: &mut Job) -> Result<StepOutcome, StoreError> {
        let mut tries = 1;
        loop {
            match self.persist(job).await {
                Err(error) if error.is_transient() && tries < MAX_PERSIST_TRIES => {
                    let notification = job.notification.id();
                    tracing::warn!(%notification, %error, tries, "failed to store an attempt; retrying");
                    let pause_ms = backoff::delay_ms(tries, Some(100 << tries), random::unit());
                    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                    tries += 1;
                }
                stored => return stored,
            }
        }
    }

    /// Stores the state, then releases reserved money that a provider did not take. The first write has the condition
    /// that the notification does not exist. Each later write has the condition that its revision and receipts are
    /// unchanged.
    ///
    /// Returns [`StepOutcome::Reevaluate`] if a receipt was stored first: the receipt is merged, and nothing is stored.
    /// A crash between the two writes leaves the money reserved. So the budgets show less than is available, never
    /// more.
    pub(crate) async fn persist(&self, job: &mut Job) -> Result<StepOutcome, StoreError> {
        if job.is_new() {
            self.stores.notifications.create(&job.notification).await?;
            job.stored_state = StoredState::Stored;
        } else if let SaveResult::Conflict(facts) = self.stores.notifications.save_leased(&mut job.notification).await?
        {
            job.notification.merge_engagement(*facts);
            return Ok(StepOutcome::Reevaluate);
        }
        if job.notification.in_flight().is_none() {
            Box::pin(self.release_unspent(job)).await;
        }
        self.store_sms_message_id(job).await;
        if job.cap_claims.is_some() {
            Box::pin(self.release_cap_slot(&job.notification, job.cap_claims.as_ref())).await;
        }
        Ok(StepOutcome::Stored)
    }

    /// Gives the slot of the frequency caps back if the notification has ended without reaching the recipient. If that
    /// fails, the slot stays claimed until its period ends.
    pub(crate) async fn release_cap_slot(&self, notification: &Notification, claims: Option<&CapUsage>) {
        let (id, tag) = (notification.id(), notification.id().cap_tag());
        let is_unused = notification.status().is_final() && notification.result_so_far().is_none();
        if !is_unused || claims.is_some_and(|claims| !claims.holds(tag)) {
            return;
        }
        let given = self.stores.recipients.release_cap_slot(id.recipient(), tag, claims, self.clock.now());
        if let Err(error) = given.await {
            tracing::warn!(notification = %id, %error, "failed to give back a slot of the frequency caps");
        }
    }

    /// Stores the message id of an accepted SMS. Without the id, the delivery report cannot be matched; sending
    /// continues.
    async fn store_sms_message_id(&self, job: &mut Job) {
        let Some(message_id) = job.sms_message_id.take() else { return };
        let stored = self.stores.sms_messages.add(&message_id, job.notification.id(), self.clock.now());
        if let Err(error) = deadline::with_timeout(SMS_MESSAGE_ID_TIMEOUT, stored).await {
            let notification = job.notification.id();
            tracing::warn!(%notification, %error, "failed to store SNS message id; delivery will not be confirmed");
        }
    }

    /// Releases the reservations that were not spent.
    pub(crate) async fn release_unspent(&self, job: &mut Job) {
        let recipient = job.notification.id().recipient();
        for unspent in job.unspent.drain(..) {
            match self.stores.recipients.uncount_sms_in_transaction(recipient, &unspent) {
                Ok(cap) => self.stores.budgets.release(&unspent, cap).await,
                Err(error) => {
                    tracing::error!(%error, "failed to build the release of reserved money; it stays reserved")
                }
            }
        }
    }
}

/// Returns `true` if a budget that all people share is spent, and nothing was tried for this person of a campaign. The
/// notification is not stored. So the person can get the message once the campaign is resumed.
fn is_left_for_budget(job: &Job) -> bool {
    let notification = &job.notification;
    let is_untried = job.is_new() && notification.attempts().is_empty();
    let is_refused = notification.status() == Status::Skipped && notification.reason() == Some(Reason::Budget);
    let is_of_campaign = notification.campaign().is_some() && !notification.is_test();
    is_untried
        && is_refused
        && is_of_campaign
        && spent_for_all_people(notification.over_budget().values().copied()).is_some()
}
