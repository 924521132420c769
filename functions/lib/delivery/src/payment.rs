//! Paid call: the claim and its reservation are stored, the call is made once, and the outcome is recorded.
//!
//! If the call is not made, the claim is rolled back.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::allowance::{Allowance, PAID_CALL};
use super::dispatcher::{Dispatcher, Job, alarm_on_config, record};
use super::push_round::Round;
use crate::PaidMessage;
use crate::breakers::Entry;
use crate::config::ConfigSnapshot;
use aws::deadline;
use domain::breaker::Host;
use domain::budget::{Ceiling, Limit, Reservation};
use domain::channel::{Answer, Channel, Outcome};
use domain::notification::Claim;
use domain::recipient::Recipient;
use store::{ReserveResult, Saved, StoreError};

/// Maximum time to roll back a claim.
const TO_WITHDRAW: Duration = Duration::from_secs(2);

/// Result of claiming a paid send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claimed {
    /// The claim is stored, with its reservation.
    Yes,
    /// This ceiling forbids the call; nothing was written.
    No(Ceiling),
    /// Too many writers use the same budget at once; nothing was written.
    Busy,
    /// A receipt was stored first and is now merged; nothing was written.
    ThinkAgain,
}

/// Result of a claim and its call.
enum Called {
    /// The call was made at this time.
    Made { answer: Answer, at: Timestamp, cost_micros: i64 },
    /// The call was not made, for this reason.
    Not(Round),
}

impl Dispatcher {
    /// Claims the channel, calls its provider once and records the outcome. Returns the reason if the call was not
    /// made.
    pub(super) fn pay<'a>(
        &'a self,
        job: &'a mut Job,
        channel: Channel,
        recipient: &'a Recipient,
        live: &'a ConfigSnapshot,
        allowance: Allowance,
    ) -> BoxFuture<'a, Result<Round, StoreError>> {
        Box::pin(self.pay_now(job, channel, recipient, live, allowance))
    }

    async fn pay_now(
        &self,
        job: &mut Job,
        channel: Channel,
        recipient: &Recipient,
        live: &ConfigSnapshot,
        allowance: Allowance,
    ) -> Result<Round, StoreError> {
        let links = self.channels.links(live);
        let message = self.channels.compose(channel, &job.notification, recipient, &live.settings, links);
        let Some(message) = message else {
            job.unaffordable.insert(channel);
            return Ok(Round::Done);
        };
        let host = Host::paid(channel);
        let Some(_permit) = self.bulkhead.enter(&host).await else { return Ok(Round::Crowded) };
        let pass = match self.breakers.enter(&host).await {
            Entry::Let(pass) => pass,
            Entry::Barred(until) => {
                job.barred.insert(host, until);
                return Ok(Round::Done);
            }
        };
        // If the call was not made, its probe is returned to the breaker for the next caller.
        match self.claim_and_call(job, &message, recipient, live, allowance).await {
            Ok(Called::Made { answer, at, cost_micros }) => {
                self.breakers.count(&host, None, pass, &answer, at, &live.settings.breaker).await;
                record(&mut job.notification, channel, None, answer, at, cost_micros);
                Ok(Round::Done)
            }
            Ok(Called::Not(round)) => {
                self.breakers.give_back(&host, pass, &live.settings.breaker).await;
                Ok(round)
            }
            Err(error) => {
                self.breakers.give_back(&host, pass, &live.settings.breaker).await;
                Err(error)
            }
        }
    }

    async fn claim_and_call(
        &self,
        job: &mut Job,
        message: &PaidMessage,
        recipient: &Recipient,
        live: &ConfigSnapshot,
        allowance: Allowance,
    ) -> Result<Called, StoreError> {
        if !allowance.fits(PAID_CALL, self.clock.now()) {
            return Ok(Called::Not(Round::Late));
        }
        let (channel, price_micros) = (message.channel(), message.price_micros(&live.settings));
        let claim = self.claim(job, Claim { channel, price_micros }, recipient, live, allowance);
        match deadline::with_timeout(allowance.to_claim(self.clock.now()), claim).await {
            Ok(Claimed::Yes) => {}
            Ok(Claimed::No(ceiling)) => {
                tracing::info!(notification = %job.notification.id, %channel, ceiling = ceiling.as_str(), "over budget");
                job.unaffordable.insert(channel);
                job.notification.over_budget.insert(channel, ceiling);
                return Ok(Called::Not(Round::Done));
            }
            Ok(Claimed::ThinkAgain) => return Ok(Called::Not(Round::Done)),
            Ok(Claimed::Busy) => return Ok(Called::Not(Round::Crowded)),
            Err(error) => {
                if error.is_transient() {
                    Box::pin(self.withdraw(job, allowance)).await;
                }
                return Err(error);
            }
        }
        job.leased = true;
        if let Some(obstacle) = self.obstacle(recipient, channel).await {
            job.unclaim();
            return Ok(Called::Not(Round::Met(obstacle, channel)));
        }
        let at = self.clock.now();
        if at >= job.notification.lives_until {
            job.unclaim();
            return Ok(Called::Not(Round::Done));
        }
        let (answer, message_id) = self.channels.send(message, &job.notification, &live.settings, at).await;
        alarm_on_config(channel, &answer);
        job.sms_message_id = message_id;
        if matches!(answer.outcome, Outcome::Accepted | Outcome::Uncertain) {
            job.reserved = None;
            return Ok(Called::Made { answer, at, cost_micros: price_micros });
        }
        job.unclaim();
        Ok(Called::Made { answer, at, cost_micros: 0 })
    }

    /// Stores the claim of a paid send, with its reservation if a budget applies.
    ///
    /// If the money is still reserved from an earlier try that the provider did not take, it is used again.
    async fn claim(
        &self,
        job: &mut Job,
        claim: Claim,
        recipient: &Recipient,
        live: &ConfigSnapshot,
        allowance: Allowance,
    ) -> Result<Claimed, StoreError> {
        let at = self.clock.now();
        let type_id = &job.notification.type_id;
        let Claim { channel, price_micros } = claim;
        let limits = Limit::all_for(channel, type_id, &live.settings);
        let cost_so_far = job.notification.cost_micros();
        if let Some(limit) = limits.iter().find(|limit| limit.forbids_alone(price_micros, cost_so_far)) {
            return Ok(Claimed::No(limit.ceiling));
        }
        job.notification.lease(allowance.lease_until, at);
        job.notification.in_flight = Some(claim);
        job.notification.over_budget.remove(&channel);
        // Set before the write: if the write's answer is lost and the claim is rolled back, the money is released.
        job.reserved = Reservation::needed(channel, &job.notification.type_id, price_micros, &limits, at);
        match job.reserved.clone() {
            Some(needed) if !job.has_unspent(&needed) => {
                Box::pin(self.claim_with_money(job, &needed, recipient, &limits)).await
            }
            _ => self.claim_alone(job).await,
        }
    }

    /// Stores a claim to which no budget applies, or whose money is already reserved.
    async fn claim_alone(&self, job: &mut Job) -> Result<Claimed, StoreError> {
        if let Saved::Conflict(facts) = self.notifications.claim(&mut job.notification, job.is_new).await? {
            job.notification.merge_engagement(*facts);
            job.unclaim();
            return Ok(Claimed::ThinkAgain);
        }
        job.is_new = false;
        Ok(Claimed::Yes)
    }

    async fn claim_with_money(
        &self,
        job: &mut Job,
        needed: &Reservation,
        recipient: &Recipient,
        limits: &[Limit],
    ) -> Result<Claimed, StoreError> {
        let read_at = job.notification.revision;
        let put = self.notifications.put_in_transaction(&mut job.notification, job.is_new)?;
        let cap = self.recipients.count_sms_in_transaction(&recipient.key, needed, limits)?;
        let reserved = self.budgets.reserve(put, cap, needed, limits).await;
        match reserved {
            Ok(ReserveResult::Reserved) => {
                job.is_new = false;
                return Ok(Claimed::Yes);
            }
            Ok(ReserveResult::Exceeded(_) | ReserveResult::Contended) => {}
            Err(ref error) if error.is_condition_failed() && !job.is_new => {}
            Err(error) => return Err(error),
        }
        // It is certain that nothing was written.
        job.notification.revision = read_at;
        job.notification.in_flight = None;
        job.reserved = None;
        match reserved {
            Ok(ReserveResult::Exceeded(ceiling)) => Ok(Claimed::No(ceiling)),
            Ok(_) => Ok(Claimed::Busy),
            Err(error) if !self.has_learned(job).await? => Err(error),
            Err(_) => Ok(Claimed::ThinkAgain),
        }
    }

    /// Returns `true` if only a receipt was stored since the refused claim was read. The receipt is then merged.
    async fn has_learned(&self, job: &mut Job) -> Result<bool, StoreError> {
        let stored = self.notifications.get(&job.notification.id).await?;
        let same = stored.filter(|stored| stored.revision == job.notification.revision);
        let learned = same.map(|stored| stored.engagement).filter(|facts| *facts != job.notification.engagement);
        learned.into_iter().for_each(|facts| job.notification.merge_engagement(facts));
        Ok(learned.is_some())
    }

    /// Rolls back a claim that may or may not be stored.
    ///
    /// The call is not made, so a claim that remained would end as `uncertain`. The revision was generated for this
    /// claim alone, so no other writer's claim is overwritten.
    async fn withdraw(&self, job: &mut Job, allowance: Allowance) {
        let now = self.clock.now();
        job.unclaim();
        job.notification.wait(now, now);
        let patience = allowance.to_insist(now).min(TO_WITHDRAW);
        if deadline::with_fresh_timeout(patience, self.save_over_receipts(job)).await.is_ok() {
            Box::pin(self.give_back(job)).await;
        }
    }

    /// Stores the notification. If a receipt was stored first, merges the receipt and stores again.
    async fn save_over_receipts(&self, job: &mut Job) -> Result<(), StoreError> {
        while let Saved::Conflict(facts) = self.notifications.save_held(&mut job.notification).await? {
            job.notification.merge_engagement(*facts);
        }
        Ok(())
    }

    /// Releases the reservations that were not spent.
    pub(super) async fn give_back(&self, job: &mut Job) {
        let recipient = job.notification.id.recipient();
        for unspent in job.unspent.drain(..) {
            match self.recipients.uncount_sms_in_transaction(recipient, &unspent) {
                Ok(cap) => self.budgets.release(&unspent, cap).await,
                Err(error) => tracing::error!(%error, "failed to release reserved money"),
            }
        }
    }
}

impl Job {
    /// Removes the claim of a call that was not made or not taken. Its reservation counts as not spent.
    fn unclaim(&mut self) {
        self.notification.in_flight = None;
        self.unspent.extend(self.reserved.take());
    }

    /// Returns `true` if the needed money is still reserved from an earlier try. Then it becomes the current
    /// reservation and is not released.
    fn has_unspent(&mut self, needed: &Reservation) -> bool {
        let found = self.unspent.iter().position(|unspent| unspent.serves(needed));
        if let Some(place) = found {
            self.reserved = Some(self.unspent.swap_remove(place));
        }
        found.is_some()
    }
}
