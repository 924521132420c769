//! A paid call: claimed with its money, made once, and noted; or taken back when it was not made.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::allowance::{Allowance, PAID_CALL};
use super::dispatcher::{Dispatcher, Job, SetAside, alarm_on_config, record};
use super::push_round::Round;
use crate::aws::deadline;
use crate::breaker::{Entry, Host};
use crate::channels::{Answer, Channel, Outcome, PaidMessage};
use crate::notification::Claim;
use crate::recipients::Recipient;
use crate::rollout::Live;
use crate::store::{Reserved, Saved, StoreError};

/// The longest that taking back a claim may take.
const TO_WITHDRAW: Duration = Duration::from_secs(2);

/// Whether a paid send may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claimed {
    Yes,
    /// The budget does not allow it; nothing was written.
    Unaffordable,
    /// Nothing was written: a receipt came first, and is known now.
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
                self.breakers.count(&host, pass, &answer, at, &live.settings.breaker).await;
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
            Ok(Claimed::Unaffordable) => {
                job.unaffordable.insert(channel);
                return Ok(Called::Not(Round::Done));
            }
            Ok(Claimed::ThinkAgain) => return Ok(Called::Not(Round::Done)),
            Err(error) => {
                if error.is_transient() {
                    self.withdraw(job, allowance).await;
                }
                return Err(error);
            }
        }
        job.leased = true;
        if let Some(obstacle) = self.obstacle(recipient, channel).await {
            job.notification.in_flight = None;
            return Ok(Called::Not(Round::Met(obstacle, channel)));
        }
        let at = self.clock.now();
        if at >= job.notification.lives_until {
            job.notification.in_flight = None;
            return Ok(Called::Not(Round::Done));
        }
        let (answer, message_id) = self.channels.send(message, &job.notification, &live.settings, at).await;
        alarm_on_config(channel, &answer);
        job.sms_message_id = message_id;
        let paid = matches!(answer.outcome, Outcome::Accepted | Outcome::Uncertain);
        if paid && channel == Channel::Sms {
            job.set_aside = None;
        }
        Ok(Called::Made { answer, at, cost_micros: if paid { price_micros } else { 0 } })
    }

    /// Stores the claim of a paid send; an SMS's with its money, unless that is still set aside from a try that the provider
    /// did not take.
    async fn claim(
        &self,
        job: &mut Job,
        claim: Claim,
        recipient: &Recipient,
        live: &Live,
        allowance: Allowance,
    ) -> Result<Claimed, StoreError> {
        // What is set aside on one UTC day is given back on the same.
        let at = self.clock.now();
        let held = job.set_aside.is_some_and(|held| held.price_micros == claim.price_micros);
        job.notification.lease(allowance.lease_until, at);
        job.notification.in_flight = Some(claim);
        if claim.channel == Channel::Sms && !held {
            return self.claim_with_money(job, claim, recipient, live, at).await;
        }
        if let Saved::Noted(facts) = self.notifications.claim(&mut job.notification, job.is_new).await? {
            job.notification.learn(*facts);
            job.notification.in_flight = None;
            return Ok(Claimed::ThinkAgain);
        }
        job.is_new = false;
        if claim.channel != Channel::Sms {
            self.give_back(job).await;
        }
        Ok(Claimed::Yes)
    }

    async fn claim_with_money(
        &self,
        job: &mut Job,
        claim: Claim,
        recipient: &Recipient,
        live: &Live,
        at: Timestamp,
    ) -> Result<Claimed, StoreError> {
        let read_at = job.notification.revision;
        let put = self.notifications.put_in_transaction(&mut job.notification, job.is_new)?;
        // Noted before the call: a claim that is taken back though its answer was lost gives its money back.
        job.set_aside = Some(SetAside { price_micros: claim.price_micros, at });
        let limits = &live.settings.sms;
        let reserved = self.sms_budget.reserve(put, &recipient.key, claim.price_micros, limits, at).await;
        match reserved {
            Ok(Reserved::Yes) => {
                job.is_new = false;
                return Ok(Claimed::Yes);
            }
            Ok(Reserved::No) => {}
            Err(ref error) if error.is_condition_failed() && !job.is_new => {}
            Err(error) => return Err(error),
        }
        // Nothing was written, and this is certain.
        job.notification.revision = read_at;
        job.notification.in_flight = None;
        job.set_aside = None;
        match reserved {
            Err(error) if !self.has_learned(job).await? => Err(error),
            Err(_) => Ok(Claimed::ThinkAgain),
            Ok(_) => Ok(Claimed::Unaffordable),
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
        job.notification.in_flight = None;
        job.notification.wait(now, now);
        let patience = allowance.to_insist(now).min(TO_WITHDRAW);
        if deadline::anew(patience, self.save_over_receipts(job)).await.is_ok() {
            self.give_back(job).await;
        }
    }

    /// Receipts that come first are taken over.
    async fn save_over_receipts(&self, job: &mut Job) -> Result<(), StoreError> {
        while let Saved::Noted(facts) = self.notifications.save_held(&mut job.notification).await? {
            job.notification.learn(*facts);
        }
        Ok(())
    }
}
