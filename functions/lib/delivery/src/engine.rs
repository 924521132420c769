//! Delivery engine: decides the next step for a notification and carries it out, until the notification ends or must
//! wait.
//!
//! **The state is stored before a provider is paid.** A paid call requires a stored claim. Each push after the first
//! attempt requires a stored lease. So a crash at any line leaves an item in `due` that shows which calls may have been
//! made. The first push is made before anything is stored or answered: see docs/design/fast-lane.md.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::{SignedDuration, Timestamp};

use crate::allowance::{Allowance, MIN_PUSH_TIME, PAID_CALL_LIMIT};
use crate::cap_gate::claim_slot;
use crate::config::{ConfigSnapshot, ConfigSource};
use crate::escalation::{EscalationPolicy, Step};
use crate::gate_inputs::GateInputs;
use crate::gate_result::GateVerdict;
use crate::gates::evaluate_gates;
use crate::job::{FirstResult, Job, ResultStorage, StepOutcome, StoredState};
use crate::persistence::Persistence;
use crate::reachability::unreachable_channels;
use crate::senders::Senders;
use crate::stores::Stores;
use crate::template_cache::TemplateCache;
use crate::template_text::locale_of;
use crate::topic_order::TopicOrder;
use domain::breaker::OpenCircuits;
use domain::caps::CapUsage;
use domain::channel::Channel;
use domain::channel::country::CountryCode;
use domain::notification::{Notification, Reason};
use domain::recipient::Recipient;
use domain::rollout::Version;
use platform::clock::Clock;
use platform::random;
use store::StoreError;

mod campaign_pause;
mod loading;

/// Number of notifications that an invocation processes at once.
///
/// At most half of them may call the same provider, so that a slow provider leaves slots for the others.
pub const CONCURRENCY: usize = 32;
/// Longest wait that is slept through inside an invocation.
const LONGEST_SLEEP: SignedDuration = SignedDuration::from_secs(2);
/// Minimum time for which a notification is deferred when all slots of its provider are taken.
const CAPACITY_WAIT: SignedDuration = SignedDuration::from_secs(5);
/// Period over which waiting notifications are spread at random.
const RESUME_SPREAD: SignedDuration = SignedDuration::from_secs(10);

/// Makes the attempts of notifications.
#[derive(Debug)]
pub struct DeliveryEngine {
    persistence: Persistence,
    senders: Senders,
    topic_order: TopicOrder,
    config: ConfigSource,
    templates: TemplateCache,
    home_country: CountryCode,
    /// `true` if the configuration of the last load has rules of the frequency caps, and before the first load.
    has_cap_rules: AtomicBool,
    clock: Clock,
}

/// Facts that decide the next step, beside the notification and its recipient.
struct Facts {
    config: ConfigSnapshot,
    unreachable: BTreeSet<Channel>,
    unaffordable: BTreeSet<Channel>,
    not_composable: BTreeMap<Channel, Reason>,
    open_circuits: OpenCircuits,
    is_superseded: bool,
}

impl DeliveryEngine {
    pub(crate) fn new(
        stores: Arc<Stores>,
        senders: Senders,
        config: ConfigSource,
        templates: TemplateCache,
        home_country: CountryCode,
        clock: Clock,
    ) -> Self {
        let persistence = Persistence::new(stores, clock.clone());
        Self {
            persistence,
            senders,
            topic_order: TopicOrder::new(clock.clone()),
            config,
            templates,
            home_country,
            has_cap_rules: AtomicBool::new(true),
            clock,
        }
    }

    /// Returns the tables.
    #[must_use]
    pub fn stores(&self) -> &Stores {
        self.persistence.stores()
    }

    /// Returns the senders of all channels.
    #[must_use]
    pub const fn senders(&self) -> &Senders {
        &self.senders
    }

    /// Returns the source of the settings and the rollout.
    #[must_use]
    pub const fn config(&self) -> &ConfigSource {
        &self.config
    }

    /// Returns the compiled templates.
    #[must_use]
    pub const fn templates(&self) -> &TemplateCache {
        &self.templates
    }

    /// Returns the country of the sender.
    #[must_use]
    pub const fn home_country(&self) -> CountryCode {
        self.home_country
    }

    /// Returns the source of the current time.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Makes the first attempt of a new notification and stores its result. `recipient` was read a moment ago.
    ///
    /// # Errors
    /// If the store does not answer, or a notification with this id exists.
    pub async fn start(
        &self,
        notification: Notification,
        recipient: Option<Recipient>,
        config: &ConfigSnapshot,
        allowance: Allowance,
    ) -> Result<Notification, StoreError> {
        let started = self.start_as(ResultStorage::Immediate, notification, recipient, config, allowance).await?;
        Ok(started.notification)
    }

    /// Makes the first attempt of a new notification. `storage` decides how its result is stored.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_as(
        &self,
        storage: ResultStorage,
        mut notification: Notification,
        mut recipient: Option<Recipient>,
        config: &ConfigSnapshot,
        allowance: Allowance,
    ) -> Result<FirstResult, StoreError> {
        let now = self.clock.now();
        if self.apply_gates(&mut notification, &mut recipient, config, now).await? != GateVerdict::Pass {
            let is_stored = storage != ResultStorage::LeftToCaller;
            if is_stored {
                self.stores().notifications.create(&notification).await?;
            }
            return Ok(FirstResult { notification, is_stored });
        }
        let mut job = Job::first(notification, recipient, storage);
        self.run_steps(&mut job, allowance).await?;
        Ok(FirstResult { is_stored: job.stored_state == StoredState::Stored, notification: job.notification })
    }

    /// Evaluates the gates, and claims a slot of the frequency caps if one is needed. Writes the verdict into the
    /// notification. With the verdict `Pass`, it can be sent now.
    ///
    /// Every first attempt requires this call: in a single send, in a batch, and after `scheduled` or `held`. If a slot
    /// was claimed, `recipient` has the new claims.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn apply_gates(
        &self,
        notification: &mut Notification,
        recipient: &mut Option<Recipient>,
        config: &ConfigSnapshot,
        now: Timestamp,
    ) -> Result<GateVerdict, StoreError> {
        let unreachable = &unreachable_channels(recipient.as_ref(), &config.settings.sms, self.home_country, now);
        let gates = GateInputs::new(config, notification.type_id(), recipient.as_ref(), unreachable);
        let mut gated = evaluate_gates(&gates, notification, now);
        let mut claims = None;
        if let (true, Some(to)) = (gated.needs_claim, recipient.as_ref()) {
            let retry_at = soon_after(now + CAPACITY_WAIT);
            // Boxed, so that the state of these writes does not enlarge the future of every send.
            let claimed = claim_slot(&gates, &self.stores().recipients, notification, to, retry_at, now);
            (gated.verdict, claims) = Box::pin(claimed).await?;
        }
        if let (Some(to), Some(claims)) = (recipient.as_mut(), claims) {
            to.caps = claims;
        }
        gated.write_into(notification, now);
        Ok(gated.verdict)
    }

    /// Gives the slot of the frequency caps back if the notification has ended without reaching the recipient. `claims`
    /// is what was read with the recipient; `None` reads it now.
    pub async fn release_cap_slot(&self, notification: &Notification, claims: Option<&CapUsage>) {
        self.persistence.release_cap_slot(notification, claims).await;
    }

    /// Works until the notification ends, must wait, or the allowance is used up. Returns the stored state.
    ///
    /// # Errors
    /// If the store does not answer, or another process took the notification over meanwhile.
    pub async fn advance(&self, mut job: Job, allowance: Allowance) -> Result<Notification, StoreError> {
        self.run_steps(&mut job, allowance).await?;
        Ok(job.notification)
    }

    /// Repeats [`decide`] and [`act`](Self::act) until the state is stored.
    async fn run_steps(&self, job: &mut Job, allowance: Allowance) -> Result<(), StoreError> {
        let mut recipient = job.recipient.take();
        if job.notification.message().template().is_some() {
            Box::pin(self.load_template(job, recipient.as_ref())).await?;
        }
        loop {
            let facts = self.gather_facts(job, recipient.as_ref()).await;
            let now = self.clock.now();
            let step = decide(&mut job.notification, recipient.as_ref(), &facts, now);
            let outcome = self.act(job, step, recipient.as_ref(), &facts.config, allowance, now).await?;
            match outcome {
                StepOutcome::Stored => return Ok(()),
                StepOutcome::Waited => match self.stores().recipients.load(job.notification.id().recipient()).await {
                    Ok(read) => recipient = read,
                    // The next run of the schedule continues: the attempts must not be lost.
                    Err(_) if job.has_unstored_attempts() => {
                        self.defer(job, self.clock.now(), allowance).await?;
                        return Ok(());
                    }
                    Err(error) => return Err(error),
                },
                outcome => job.update_recipient(&mut recipient, outcome),
            }
        }
    }

    /// Loads the version that the notification names, and fixes the locale in which it is written.
    async fn load_template(&self, job: &mut Job, recipient: Option<&Recipient>) -> Result<(), StoreError> {
        let Some(used) = job.notification.message().template() else { return Ok(()) };
        job.template = self.templates.get(&used.name, used.version).await?;
        if let Some((template, to)) = job.template.as_ref().zip(recipient) {
            let settings = &self.config.current().await.settings;
            job.notification.fix_locale(|channels| locale_of(to, template, channels, settings));
        }
        Ok(())
    }

    async fn gather_facts(&self, job: &Job, recipient: Option<&Recipient>) -> Facts {
        let kind = [job.notification.type_id().as_str()];
        let (config, ()) = tokio::join!(self.config.with_types(&kind), self.senders.breakers().refresh());
        // A random time after the end of each circuit's rest, so that waiting notifications do not resume together.
        let mut open_circuits = self.senders.open_circuits(&job.notification, recipient);
        open_circuits.extend(job.open_circuits.iter().map(|(host, until)| (host.clone(), *until)));
        open_circuits.values_mut().for_each(|until| *until = soon_after(*until));
        Facts {
            unreachable: unreachable_channels(recipient, &config.settings.sms, self.home_country, self.clock.now()),
            unaffordable: job.unaffordable.clone(),
            not_composable: job.not_composable.clone(),
            open_circuits,
            is_superseded: job.is_superseded,
            config,
        }
    }

    /// Carries out a step. A step that cannot start now defers the notification.
    async fn act(
        &self,
        job: &mut Job,
        step: Step<'_>,
        recipient: Option<&Recipient>,
        config: &ConfigSnapshot,
        allowance: Allowance,
        now: Timestamp,
    ) -> Result<StepOutcome, StoreError> {
        let mut blocked =
            if step.is_attempt() { self.topic_order.check(job, &self.stores().notifications).await? } else { None };
        if blocked.is_none() && matches!(step, Step::SendPaid(_)) {
            blocked = Box::pin(self.stop_with_campaign(job, allowance, now)).await?;
        }
        let outcome = match (blocked, step, recipient) {
            (Some(blocked), ..) => blocked,
            (None, Step::Finish(status, reason), _) => {
                job.notification.finish(status, reason, now);
                self.persistence.persist_result(job, allowance).await?
            }
            (None, Step::Wait(until), _) if self.sleep_if_short(until, allowance).await => StepOutcome::Waited,
            (None, Step::Wait(until), _) => self.defer(job, until, allowance).await?,
            (None, Step::Push(devices), _) if allowance.fits(MIN_PUSH_TIME, now) => {
                self.senders.push.send(job, &devices, config, allowance).await?
            }
            (None, Step::SendPaid(channel), Some(to)) if allowance.fits(PAID_CALL_LIMIT, now) => {
                // Boxed, because its future is much larger than that of a push.
                Box::pin(self.senders.paid.send(job, channel, to, config, allowance)).await?
            }
            (None, Step::Push(_) | Step::SendPaid(_), _) => StepOutcome::OutOfTime,
        };
        match outcome {
            // The stream or the next minute's run resumes the notification.
            StepOutcome::OutOfTime => self.defer(job, now, allowance).await,
            StepOutcome::AtCapacity => self.defer(job, soon_after(now + CAPACITY_WAIT), allowance).await,
            StepOutcome::RateLimited(until) if self.sleep_if_short(until, allowance).await => Ok(StepOutcome::Waited),
            StepOutcome::RateLimited(until) => self.defer(job, soon_after(until + CAPACITY_WAIT), allowance).await,
            outcome => Ok(outcome),
        }
    }

    /// Stores the notification as `cascading`, due at `until`.
    async fn defer(&self, job: &mut Job, until: Timestamp, allowance: Allowance) -> Result<StepOutcome, StoreError> {
        job.notification.wait(until, self.clock.now());
        self.persistence.persist_result(job, allowance).await
    }

    /// Sleeps through a short wait if the allowance has room for an attempt after it. Returns `false` if the
    /// notification must be deferred instead.
    async fn sleep_if_short(&self, until: Timestamp, allowance: Allowance) -> bool {
        let pause = until.duration_since(self.clock.now());
        if pause > LONGEST_SLEEP || !allowance.fits(MIN_PUSH_TIME, until) {
            return false;
        }
        self.clock.sleep(pause).await
    }
}

/// Selects the next step from these facts alone. A notification without an attempt falls back to version 1 if the
/// kill switch is on.
fn decide<'a>(
    notification: &mut Notification,
    recipient: Option<&'a Recipient>,
    facts: &'a Facts,
    now: Timestamp,
) -> Step<'a> {
    let is_killed = facts.config.rollout.is_killed();
    if is_killed && notification.is_untried() {
        notification.assign_version(Version::V1);
    }
    let policy = EscalationPolicy {
        rules: facts.config.settings.types.rules_of(notification.type_id()),
        recipient,
        unreachable: &facts.unreachable,
        unaffordable: &facts.unaffordable,
        not_composable: &facts.not_composable,
        open_circuits: &facts.open_circuits,
        is_killed,
        is_superseded: facts.is_superseded,
    };
    policy.next_step(notification, now)
}

/// Returns a random time within [`RESUME_SPREAD`] after `at`, so that waiting notifications do not resume at the same
/// moment.
fn soon_after(at: Timestamp) -> Timestamp {
    let spread_ms = i64::try_from(RESUME_SPREAD.as_millis()).unwrap_or(0);
    let later = SignedDuration::from_millis(random::up_to(spread_ms));
    at.checked_add(later).unwrap_or(Timestamp::MAX)
}
