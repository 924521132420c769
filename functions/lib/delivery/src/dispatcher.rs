//! The effect of the cascade: carries out one step after another until a notification ends or must wait.
//!
//! One rule keeps promises: **the state is stored before the world is touched.** A push is attempted only under a
//! stored lease; a paid channel only after its claim is stored. So a crash at any line leaves an item in `due` that
//! says what may have happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::allowance::{Allowance, PAID_CALL, SHORTEST_PUSH};
use super::impossible_channels;
use super::last_look::Obstacle;
use super::push_round::Round;
use super::step::{Ladder, Step};
use super::topic_order::TopicKey;
use crate::Channels;
use crate::breakers::{Breakers, Bulkhead, Permit};
use crate::live::LiveSource;
use aws::deadline;
use domain::breaker::{Bars, Host};
use domain::budget::Reservation;
use domain::channel::country::CountryCode;
use domain::channel::{Answer, Channel, Outcome, Rejection};
use domain::notification::{Attempt, AttemptOutcome, Notification};
use domain::recipient::Recipient;
use domain::rollout::Version;
use platform::backoff;
use platform::clock::Clock;
use store::{BudgetStore, NotificationsStore, RecipientsStore, Saved, SmsMessages, StoreError, SuppressionsStore};

/// How often storing what a paid call came to is tried, each time with the SDK's own retries.
const TRIES_TO_STORE: u32 = 3;
/// The longest that remembering an SMS's id may take.
const TO_REMEMBER: Duration = Duration::from_millis(500);
/// The longest wait for a retry that is sat out inside an invocation.
const LONGEST_NAP: SignedDuration = SignedDuration::from_secs(2);

/// How many notifications an invocation works on at once, and how many of them may wait for the same provider: a slow one
/// must leave room for the others.
pub const CONCURRENCY: usize = 32;
pub(super) const SHARE: usize = CONCURRENCY / 2;
/// How long a notification is put down for when its provider is slow and has its share of this process's calls.
const CROWDED: SignedDuration = SignedDuration::from_secs(5);
/// Over how long those who wait for the same thing are spread.
const SPREAD: SignedDuration = SignedDuration::from_secs(10);

/// A notification being worked on.
#[derive(Debug)]
pub struct Job {
    /// Its present state, perhaps ahead of the stored one.
    pub notification: Notification,
    /// Its recipient, unless unknown or erased.
    pub recipient: Option<Recipient>,
    /// Whether nothing of it is stored yet.
    pub is_new: bool,
    /// Whether the stored state is leased by us.
    pub(super) leased: bool,
    /// Channels the budget refused.
    pub(super) unaffordable: BTreeSet<Channel>,
    /// Hosts that turned it away while it was being worked on, and until when.
    pub(super) barred: Bars,
    /// Devices that are to be left alone since a call of this work, and until when.
    pub(super) resting: BTreeMap<String, Timestamp>,
    /// Its turn among the messages of its topic.
    pub(super) turn: Option<Permit<TopicKey>>,
    /// Whether a newer message of its topic was taken.
    pub(super) is_superseded: bool,
    /// The money behind the claim that is stored, or may be.
    pub(super) reserved: Option<Reservation>,
    /// Money that was not spent, not given back yet.
    pub(super) unspent: Vec<Reservation>,
    /// By what id SNS will tell of an SMS that it took, not remembered yet.
    pub(super) sms_message_id: Option<String>,
}

impl Job {
    /// Work on a notification that is, or is not yet, stored; not leased so far.
    #[must_use]
    pub const fn new(notification: Notification, recipient: Option<Recipient>, is_new: bool) -> Self {
        Self {
            notification,
            recipient,
            is_new,
            leased: false,
            unaffordable: BTreeSet::new(),
            barred: Bars::new(),
            resting: BTreeMap::new(),
            turn: None,
            is_superseded: false,
            reserved: None,
            unspent: Vec::new(),
            sms_message_id: None,
        }
    }
}

/// Whether the state reached is stored, so that this is all for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    Yes,
    /// Not yet: there is more to do, or a receipt came first, is known now, and decides what comes next.
    ThinkAgain,
}

/// Everything an attempt needs.
#[derive(Debug)]
pub struct Dispatcher {
    /// The notifications.
    pub notifications: NotificationsStore,
    /// The recipients.
    pub recipients: RecipientsStore,
    /// Which addresses are suppressed.
    pub suppressions: SuppressionsStore,
    /// The money.
    pub budgets: BudgetStore,
    /// Which notification an SMS was sent for.
    pub sms_messages: SmsMessages,
    /// The providers.
    pub channels: Channels,
    /// Who is not to be called just now.
    pub breakers: Breakers,
    /// What keeps a slow provider from holding all calls of this process.
    pub bulkhead: Bulkhead,
    /// The turns of messages that replace each other.
    pub topics: Bulkhead<TopicKey>,
    /// What ops have set.
    pub live: LiveSource,
    /// The sender's own country.
    pub home_country: CountryCode,
    /// The time.
    pub clock: Clock,
}

impl Dispatcher {
    /// Works until the notification ends or must wait, or the allowance is used up; answers with the stored state.
    ///
    /// # Errors
    /// When the store does not answer, or somebody else took the notification over meanwhile.
    pub async fn advance(&self, mut job: Job, allowance: Allowance) -> Result<Notification, StoreError> {
        let mut recipient = job.recipient.take();
        loop {
            let (live, ()) = tokio::join!(self.live.live(), self.breakers.refresh());
            let impossible = impossible_channels(recipient.as_ref(), &live.settings.sms, self.home_country);
            let unaffordable = job.unaffordable.clone();
            let barred = self.barred(&job, recipient.as_ref());
            let ladder = Ladder {
                rules: live.settings.types.in_force(job.notification.kind),
                recipient: recipient.as_ref(),
                impossible: &impossible,
                unaffordable: &unaffordable,
                barred: &barred,
                killed: live.rollout.is_killed(),
                superseded: job.is_superseded,
            };
            let now = self.clock.now();
            let not_begun = job.notification.attempts.is_empty() && !job.notification.engagement.is_delivered();
            if ladder.killed && not_begun {
                job.notification.version = Some(Version::V1);
            }
            let step = ladder.next_step(&job.notification, now);
            let out_of_turn = if step.is_attempt() { self.out_of_turn(&mut job).await? } else { None };
            let round = match (out_of_turn, step, recipient.as_ref()) {
                (Some(round), ..) => round,
                (None, Step::Finish(status, reason), _) => {
                    job.notification.finish(status, reason, now);
                    Round::Rest(self.store(&mut job, allowance).await?)
                }
                (None, Step::Wait(until), _) if !self.nap(until, allowance).await => {
                    Round::Rest(self.put_down(&mut job, until, allowance).await?)
                }
                // Much may have changed meanwhile, and reading is cheap beside a wait.
                (None, Step::Wait(_), _) => {
                    recipient = self.recipients.load(job.notification.id.recipient()).await?;
                    continue;
                }
                (None, Step::Push(devices), _) if allowance.fits(SHORTEST_PUSH, now) => {
                    self.push(&mut job, &devices, &live, allowance).await?
                }
                (None, Step::Pay(channel), Some(to)) if allowance.fits(PAID_CALL, now) => {
                    self.pay(&mut job, channel, to, &live, allowance).await?
                }
                // Due, but not in this invocation: the stream or the next minute takes it up.
                (None, Step::Push(_) | Step::Pay(_), _) => Round::Late,
            };
            for device in recipient.iter_mut().flat_map(|to| &mut to.devices) {
                device.rests_until = job.resting.get(&device.device_id).copied().max(device.rests_until);
            }
            let stored = match round {
                Round::Done => Stored::ThinkAgain,
                Round::Met(Obstacle::Erased, _) => {
                    recipient = None;
                    Stored::ThinkAgain
                }
                Round::Met(Obstacle::Suppressed, channel) => {
                    recipient.iter_mut().for_each(|to| _ = to.suppressed.insert(channel));
                    Stored::ThinkAgain
                }
                Round::Rest(stored) => stored,
                Round::Late => self.put_down(&mut job, now, allowance).await?,
                Round::Crowded => self.put_down(&mut job, soon_after(now + CROWDED), allowance).await?,
            };
            if stored == Stored::Yes {
                return Ok(job.notification);
            }
        }
    }

    /// The hosts this notification would be sent to whose breaker is open, each until a moment of its own after that.
    fn barred(&self, job: &Job, recipient: Option<&Recipient>) -> Bars {
        let devices = recipient.map(|recipient| recipient.devices.as_slice()).unwrap_or_default();
        let paid = job.notification.channels.iter().filter(|channel| channel.is_paid());
        let hosts = devices.iter().map(Host::of_device).chain(paid.map(|channel| Host::paid(*channel)));
        let mut barred: Bars = hosts
            .filter_map(|host| Some((self.breakers.barred_until(&host)?, host)))
            .map(|(until, host)| (host, until))
            .collect();
        barred.extend(job.barred.iter().map(|(host, until)| (host.clone(), *until)));
        barred.values_mut().for_each(|until| *until = soon_after(*until));
        barred
    }

    async fn put_down(&self, job: &mut Job, until: Timestamp, allowance: Allowance) -> Result<Stored, StoreError> {
        job.notification.wait(until, self.clock.now());
        self.store(job, allowance).await
    }

    /// Stores the state reached. What a paid call came to is insisted on, beyond the time that the rest of the request has:
    /// unless it is stored, all that anybody will know is that the call may have been made.
    async fn store(&self, job: &mut Job, allowance: Allowance) -> Result<Stored, StoreError> {
        if job.notification.attempts.last().is_some_and(|attempt| attempt.cost_micros > 0) {
            deadline::anew(allowance.to_insist(self.clock.now()), self.insist(job)).await
        } else {
            self.persist(job).await
        }
    }

    async fn insist(&self, job: &mut Job) -> Result<Stored, StoreError> {
        let mut made = 1;
        loop {
            match self.persist(job).await {
                Err(error) if error.is_transient() && made < TRIES_TO_STORE => {
                    tracing::warn!(notification = %job.notification.id, %error, made, "a paid result is not stored yet");
                    let pause_ms = backoff::delay_ms(made, Some(100 << made), platform::chance::unit());
                    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                    made += 1;
                }
                stored => return stored,
            }
        }
    }

    /// Stores the state. Money that a provider did not take is given back once it is stored that it did not: a crash between
    /// the two leaves less of the budgets than there is, never more.
    pub(super) async fn persist(&self, job: &mut Job) -> Result<Stored, StoreError> {
        if job.is_new {
            self.notifications.create(&job.notification).await?;
            job.is_new = false;
        } else if let Saved::Noted(facts) = self.notifications.save_held(&mut job.notification).await? {
            job.notification.learn(*facts);
            return Ok(Stored::ThinkAgain);
        }
        if job.notification.in_flight.is_none() {
            Box::pin(self.give_back(job)).await;
        }
        self.remember_sms(job).await;
        Ok(Stored::Yes)
    }

    /// Without it nobody learns what became of the SMS, which is no reason to hold anything up.
    async fn remember_sms(&self, job: &mut Job) {
        let Some(message_id) = job.sms_message_id.take() else { return };
        let remember = self.sms_messages.remember(&message_id, &job.notification.id, self.clock.now());
        if let Err(error) = deadline::at_most(TO_REMEMBER, remember).await {
            tracing::warn!(notification = %job.notification.id, %error, "an SMS will stay unconfirmed");
        }
    }

    /// Sits out a short wait when the allowance leaves room for an attempt behind it.
    async fn nap(&self, until: Timestamp, allowance: Allowance) -> bool {
        let pause = until.duration_since(self.clock.now());
        if pause > LONGEST_NAP || !allowance.fits(SHORTEST_PUSH, until) {
            return false;
        }
        self.clock.sleep(pause).await
    }
}

/// Some time after `at`, so that all who wait for the same thing do not come back in the same instant.
fn soon_after(at: Timestamp) -> Timestamp {
    let spread_ms = i64::try_from(SPREAD.as_millis()).unwrap_or(0);
    let later = SignedDuration::from_millis(platform::chance::up_to(spread_ms));
    at.checked_add(later).unwrap_or(Timestamp::MAX)
}

pub(super) fn record(
    notification: &mut Notification,
    channel: Channel,
    device: Option<String>,
    answer: Answer,
    at: Timestamp,
    cost_micros: i64,
) {
    let mut attempt = Attempt::of(channel, device, answer, at, cost_micros);
    if attempt.outcome == AttemptOutcome::RetryLater {
        let same = |before: &&Attempt| before.device == attempt.device;
        let made = notification.attempts_on(channel).filter(same).count() + 1;
        let made = u32::try_from(made).unwrap_or(u32::MAX);
        attempt.retry_after_ms = Some(backoff::delay_ms(made, attempt.retry_after_ms, platform::chance::unit()));
    }
    notification.record(attempt);
}

pub(super) fn alarm_on_config(channel: Channel, answer: &Answer) {
    if answer.outcome == (Outcome::Rejected { reason: Rejection::Config }) {
        tracing::error!(
            alarm = "channel_config",
            %channel,
            provider = answer.provider,
            status_code = answer.status_code,
            detail = answer.detail,
            "a provider refuses us: check keys, clock, identity and account"
        );
    }
}
