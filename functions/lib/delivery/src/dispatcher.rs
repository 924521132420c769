//! Executes the steps of the escalation policy until a notification ends or must wait.
//!
//! **The state is stored before a provider is called.** A push requires a stored lease. A paid call requires a stored
//! claim. So a crash at any line leaves an item in `due` that shows which calls may have been made.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::allowance::{Allowance, PAID_CALL, SHORTEST_PUSH};
use super::last_look::Obstacle;
use super::push_round::Round;
use super::step::{Ladder, Step};
use super::topic_order::TopicKey;
use super::unreachable_channels;
use crate::Channels;
use crate::breakers::{Breakers, Bulkhead, Permit};
use crate::config::ConfigSource;
use aws::deadline;
use domain::breaker::{Bars, Host};
use domain::budget::Reservation;
use domain::channel::country::CountryCode;
use domain::channel::{Answer, Channel, Outcome, Rejection};
use domain::notification::{Attempt, AttemptOutcome, Notification};
use domain::recipient::Recipient;
use domain::rollout::Version;
use platform::alarm::AlarmLine;
use platform::backoff;
use platform::clock::Clock;
use store::{BudgetStore, NotificationsStore, RecipientsStore, Saved, SmsMessageStore, StoreError, SuppressionsStore};

/// Maximum number of tries to store the result of a paid call, each with the SDK's own retries.
const TRIES_TO_STORE: u32 = 3;
/// Maximum time to store an SMS's message id.
const TO_REMEMBER: Duration = Duration::from_millis(500);
/// Longest wait for a retry that happens inside an invocation.
const LONGEST_NAP: SignedDuration = SignedDuration::from_secs(2);

/// Number of notifications that an invocation processes at once.
///
/// At most `SHARE` of them may call the same provider, so that a slow provider leaves slots for the others.
pub const CONCURRENCY: usize = 32;
pub(super) const SHARE: usize = CONCURRENCY / 2;
/// Minimum time for which a notification is deferred when all slots of its provider are taken.
const CROWDED: SignedDuration = SignedDuration::from_secs(5);
/// Period over which waiting notifications are spread at random.
const SPREAD: SignedDuration = SignedDuration::from_secs(10);

/// A notification in progress, with the state of this work.
#[derive(Debug)]
pub struct Job {
    /// Current state, which may be ahead of the stored one.
    pub notification: Notification,
    /// The recipient, unless unknown or erased.
    pub recipient: Option<Recipient>,
    /// `true` until the notification is first stored.
    pub is_new: bool,
    /// `true` if this process holds the lease of the stored state.
    pub(super) leased: bool,
    /// Channels that a budget refused.
    pub(super) unaffordable: BTreeSet<Channel>,
    /// Hosts whose breaker refused a call during this work, each with the time until which it is skipped.
    pub(super) barred: Bars,
    /// Devices that must rest after a call of this work, each with the end of its rest.
    pub(super) resting: BTreeMap<String, Timestamp>,
    /// Permit of this process to work on the notification's topic.
    pub(super) turn: Option<Permit<TopicKey>>,
    /// `true` if a provider accepted a newer message of the same topic.
    pub(super) is_superseded: bool,
    /// Reservation of the claim that is stored, or may be stored.
    pub(super) reserved: Option<Reservation>,
    /// Reservations that were not spent and are not released yet.
    pub(super) unspent: Vec<Reservation>,
    /// SNS message id of an accepted SMS, not yet stored.
    pub(super) sms_message_id: Option<String>,
}

impl Job {
    /// Creates the work on a notification, without a lease. `is_new` is `true` if the notification is not stored yet.
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

/// Result of storing the reached state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    Yes,
    /// Not stored: more remains to do, or a receipt was stored first. The receipt is merged; the next step is
    /// selected again.
    ThinkAgain,
}

/// Stores, providers and settings that an attempt needs.
#[derive(Debug)]
pub struct Dispatcher {
    /// Table of the notifications.
    pub notifications: NotificationsStore,
    /// Table of the recipients.
    pub recipients: RecipientsStore,
    /// Suppressed addresses.
    pub suppressions: SuppressionsStore,
    /// Budgets and their reservations.
    pub budgets: BudgetStore,
    /// Notification of each sent SMS, by SNS message id.
    pub sms_messages: SmsMessageStore,
    /// Clients of the providers.
    pub channels: Channels,
    /// Circuit breakers of the providers' hosts.
    pub breakers: Breakers,
    /// Limits how many calls of this process one provider can hold.
    pub bulkhead: Bulkhead,
    /// Lets one message of a topic and recipient proceed at a time.
    pub topics: Bulkhead<TopicKey>,
    /// Settings and rollout, as operators set them in Parameter Store.
    pub live: ConfigSource,
    /// Country of the sender.
    pub home_country: CountryCode,
    /// Source of the current time.
    pub clock: Clock,
}

impl Dispatcher {
    /// Works until the notification ends, must wait, or the allowance is used up. Returns the stored state.
    ///
    /// # Errors
    /// If the store does not answer, or another process took the notification over meanwhile.
    pub async fn advance(&self, mut job: Job, allowance: Allowance) -> Result<Notification, StoreError> {
        let mut recipient = job.recipient.take();
        loop {
            let (live, ()) = tokio::join!(self.live.current(), self.breakers.refresh());
            let impossible = unreachable_channels(recipient.as_ref(), &live.settings.sms, self.home_country);
            let unaffordable = job.unaffordable.clone();
            let barred = self.barred(&job, recipient.as_ref());
            let ladder = Ladder {
                rules: live.settings.types.rules_of(&job.notification.type_id),
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
                // The state may have changed during the wait, and a read costs little compared to the wait.
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
                // Due, but not in this invocation: the stream or the next minute's run resumes the notification.
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

    /// Returns the hosts of this notification whose breaker is open, with the time until which each is skipped.
    ///
    /// That time is a random one, up to [`SPREAD`] after the breaker allows a call.
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

    /// Stores the reached state.
    ///
    /// The result of a paid call is retried beyond the time that the rest of the request has. If the result is not
    /// stored, the claim shows only that the call may have been made.
    async fn store(&self, job: &mut Job, allowance: Allowance) -> Result<Stored, StoreError> {
        if job.notification.attempts.last().is_some_and(|attempt| attempt.cost_micros > 0) {
            deadline::with_fresh_timeout(allowance.to_insist(self.clock.now()), self.insist(job)).await
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
                    let pause_ms = backoff::delay_ms(made, Some(100 << made), platform::random::unit());
                    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                    made += 1;
                }
                stored => return stored,
            }
        }
    }

    /// Stores the state, then releases reserved money that a provider did not take.
    ///
    /// A crash between the two leaves the money reserved. So the budgets show less than is available, never more.
    pub(super) async fn persist(&self, job: &mut Job) -> Result<Stored, StoreError> {
        if job.is_new {
            self.notifications.create(&job.notification).await?;
            job.is_new = false;
        } else if let Saved::Conflict(facts) = self.notifications.save_held(&mut job.notification).await? {
            job.notification.merge_engagement(*facts);
            return Ok(Stored::ThinkAgain);
        }
        if job.notification.in_flight.is_none() {
            Box::pin(self.give_back(job)).await;
        }
        self.remember_sms(job).await;
        Ok(Stored::Yes)
    }

    /// Stores the message id of an accepted SMS. Without the id, the delivery report cannot be matched; sending
    /// continues.
    async fn remember_sms(&self, job: &mut Job) {
        let Some(message_id) = job.sms_message_id.take() else { return };
        let remember = self.sms_messages.add(&message_id, &job.notification.id, self.clock.now());
        if let Err(error) = deadline::with_timeout(TO_REMEMBER, remember).await {
            tracing::warn!(notification = %job.notification.id, %error, "an SMS will stay unconfirmed");
        }
    }

    /// Sleeps through a short wait if the allowance has room for an attempt after it. Returns `false` if the
    /// notification must be deferred instead.
    async fn nap(&self, until: Timestamp, allowance: Allowance) -> bool {
        let pause = until.duration_since(self.clock.now());
        if pause > LONGEST_NAP || !allowance.fits(SHORTEST_PUSH, until) {
            return false;
        }
        self.clock.sleep(pause).await
    }
}

/// Returns a random time within [`SPREAD`] after `at`, so that waiting notifications do not resume at the same
/// moment.
fn soon_after(at: Timestamp) -> Timestamp {
    let spread_ms = i64::try_from(SPREAD.as_millis()).unwrap_or(0);
    let later = SignedDuration::from_millis(platform::random::up_to(spread_ms));
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
        attempt.retry_after_ms = Some(backoff::delay_ms(made, attempt.retry_after_ms, platform::random::unit()));
    }
    notification.record(attempt);
}

pub(super) fn alarm_on_config(channel: Channel, answer: &Answer) {
    if answer.outcome == (Outcome::Rejected { reason: Rejection::Config }) {
        tracing::error!(
            alarm = AlarmLine::ChannelConfig.as_str(),
            %channel,
            provider = answer.provider,
            status_code = answer.status_code,
            detail = answer.detail,
            "a provider refuses us: check keys, clock, identity and account"
        );
    }
}
