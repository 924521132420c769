//! A paid call: claimed with its money, made once, and noted; or taken back when it was not made.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::allowance::{Allowance, PAID_CALL};
use super::dispatcher::{Dispatcher, Job, alarm_on_config, record};
use super::push_round::Round;
use crate::PaidMessage;
use crate::breakers::Entry;
use crate::live::Live;
use aws::deadline;
use domain::breaker::Host;
use domain::budget::{Ceiling, Limit, Reservation};
use domain::channel::{Answer, Channel, Outcome};
use domain::notification::Claim;
use domain::recipient::Recipient;
use store::{Reserved, Saved, StoreError};

/// The longest that taking back a claim may take.
const TO_WITHDRAW: Duration = Duration::from_secs(2);

/// Whether a paid send may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claimed {
    /// The claim is stored, with its money.
    Yes,
    /// This ceiling stands in the way; nothing was written.
    No(Ceiling),
    /// Too many want the same budget at once; nothing was written.
    Busy,
    /// A receipt came first, and is known now; nothing was written.
    ThinkAgain,
}

/// Whether a claimed call was made.
enum Called {
    /// It was, at this time.
    Made { answer: Answer, at: Timestamp, cost_micros: i64 },
    /// It was not, and this is why.
    Not(Round),
}

impl Dispatcher {
    /// Claims the channel, calls its provider once, and notes the outcome; or says why the call was not made after all.
    pub(super) fn pay<'a>(
        &'a self,
        job: &'a mut Job,
        channel: Channel,
        recipient: &'a Recipient,
        live: &'a Live,
        allowance: Allowance,
    ) -> BoxFuture<'a, Result<Round, StoreError>> {
        Box::pin(self.pay_now(job, channel, recipient, live, allowance))
    }

    async fn pay_now(
        &self,
        job: &mut Job,
        channel: Channel,
        recipient: &Recipient,
        live: &Live,
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
        // A probe whose call was not made is the next one's.
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
        live: &Live,
        allowance: Allowance,
    ) -> Result<Called, StoreError> {
        if !allowance.fits(PAID_CALL, self.clock.now()) {
            return Ok(Called::Not(Round::Late));
        }
        let (channel, price_micros) = (message.channel(), message.price_micros(&live.settings));
        let claim = self.claim(job, Claim { channel, price_micros }, recipient, live, allowance);
        match deadline::at_most(allowance.to_claim(self.clock.now()), claim).await {
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

    /// Stores the claim of a paid send, with its money where a budget concerns it, unless that is still set aside from a try
    /// that the provider did not take.
    async fn claim(
        &self,
        job: &mut Job,
        claim: Claim,
        recipient: &Recipient,
        live: &Live,
        allowance: Allowance,
    ) -> Result<Claimed, StoreError> {
        let (at, kind) = (self.clock.now(), job.notification.kind);
        let Claim { channel, price_micros } = claim;
        let limits = Limit::all_for(channel, kind, &live.settings);
        let cost_so_far = job.notification.cost_micros();
        if let Some(limit) = limits.iter().find(|limit| limit.forbids_alone(price_micros, cost_so_far)) {
            return Ok(Claimed::No(limit.ceiling));
        }
        job.notification.lease(allowance.lease_until, at);
        job.notification.in_flight = Some(claim);
        job.notification.over_budget.remove(&channel);
        // Noted before the call: a claim that is taken back though its answer was lost gives its money back.
        job.reserved = Reservation::needed(channel, kind.name, price_micros, &limits, at);
        match job.reserved.clone() {
            Some(needed) if !job.has_unspent(&needed) => {
                Box::pin(self.claim_with_money(job, &needed, recipient, &limits)).await
            }
            _ => self.claim_alone(job).await,
        }
    }

    /// Where no budget concerns it, or its money is set aside already.
    async fn claim_alone(&self, job: &mut Job) -> Result<Claimed, StoreError> {
        if let Saved::Noted(facts) = self.notifications.claim(&mut job.notification, job.is_new).await? {
            job.notification.learn(*facts);
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
        let cap = self.recipients.count_in_transaction(&recipient.key, needed, limits)?;
        let reserved = self.budgets.reserve(put, cap, needed, limits).await;
        match reserved {
            Ok(Reserved::Yes) => {
                job.is_new = false;
                return Ok(Claimed::Yes);
            }
            Ok(Reserved::No(_) | Reserved::Busy) => {}
            Err(ref error) if error.is_condition_failed() && !job.is_new => {}
            Err(error) => return Err(error),
        }
        // Nothing was written, and this is certain.
        job.notification.revision = read_at;
        job.notification.in_flight = None;
        job.reserved = None;
        match reserved {
            Ok(Reserved::No(ceiling)) => Ok(Claimed::No(ceiling)),
            Ok(_) => Ok(Claimed::Busy),
            Err(error) if !self.has_learned(job).await? => Err(error),
            Err(_) => Ok(Claimed::ThinkAgain),
        }
    }

    /// After a claim was refused: whether nothing but a receipt came in between, which is then known.
    async fn has_learned(&self, job: &mut Job) -> Result<bool, StoreError> {
        let stored = self.notifications.get(&job.notification.id).await?;
        let same = stored.filter(|stored| stored.revision == job.notification.revision);
        let learned = same.map(|stored| stored.engagement).filter(|facts| *facts != job.notification.engagement);
        learned.into_iter().for_each(|facts| job.notification.learn(facts));
        Ok(learned.is_some())
    }

    /// Takes a claim back of which nobody knows whether it is stored. The call behind it is not made, so if it stayed, what
    /// never left would end as `uncertain`. Its revision was drawn for it alone: somebody else's claim is not touched.
    async fn withdraw(&self, job: &mut Job, allowance: Allowance) {
        let now = self.clock.now();
        job.unclaim();
        job.notification.wait(now, now);
        let patience = allowance.to_insist(now).min(TO_WITHDRAW);
        if deadline::anew(patience, self.save_over_receipts(job)).await.is_ok() {
            Box::pin(self.give_back(job)).await;
        }
    }

    /// Receipts that come first are taken over.
    async fn save_over_receipts(&self, job: &mut Job) -> Result<(), StoreError> {
        while let Saved::Noted(facts) = self.notifications.save_held(&mut job.notification).await? {
            job.notification.learn(*facts);
        }
        Ok(())
    }

    /// Gives back what was not spent.
    pub(super) async fn give_back(&self, job: &mut Job) {
        let recipient = job.notification.id.recipient();
        for unspent in job.unspent.drain(..) {
            match self.recipients.uncount_in_transaction(recipient, &unspent) {
                Ok(cap) => self.budgets.release(&unspent, cap).await,
                Err(error) => tracing::error!(%error, "reserved money was not given back"),
            }
        }
    }
}

impl Job {
    /// The claim's call was not made, or not taken: its money is not spent.
    fn unclaim(&mut self) {
        self.notification.in_flight = None;
        self.unspent.extend(self.reserved.take());
    }

    /// Whether what is needed is still set aside from an earlier try; if so it is no longer to be given back.
    fn has_unspent(&mut self, needed: &Reservation) -> bool {
        let found = self.unspent.iter().position(|unspent| unspent.serves(needed));
        if let Some(place) = found {
            self.reserved = Some(self.unspent.swap_remove(place));
        }
        found.is_some()
    }
}
