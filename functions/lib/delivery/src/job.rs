//! Work on one notification: its state, the facts found during this work, and the result of one step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::breakers::BulkheadSlot;
use crate::compose_error::ComposeError;
use crate::config::ConfigSnapshot;
use crate::message::Composer;
use crate::token::TokenKeys;
use domain::breaker::{Host, OpenCircuits};
use domain::budget::{Ceiling, Reservation};
use domain::caps::CapUsage;
use domain::channel::push::Topic;
use domain::channel::{Answer, Channel};
use domain::notification::{Attempt, AttemptOutcome, Notification, Reason};
use domain::recipient::{Recipient, RecipientKey};
use platform::{backoff, random};
use templates::CompiledTemplate;

/// A recipient and a topic.
pub type TopicKey = (RecipientKey, Topic);

/// Way in which the result of a first attempt is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultStorage {
    /// The result is stored at once: in single sends and batches, and in fanout where another slot of a campaign may
    /// have sent to the person.
    Immediate,
    /// The caller stores the result: the fanout worker stores those of a page together.
    LeftToCaller,
    /// A lease is stored before a push: fanout uses this mode where an earlier worker may have pushed and died.
    LeaseFirst,
}

/// Relation of a job's notification to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoredState {
    /// The table does not hold the notification. Its first result is stored in this way.
    New(ResultStorage),
    /// The table holds the notification, in this or an earlier state.
    Stored,
}

/// A notification after its first attempt.
#[derive(Debug)]
pub struct FirstResult {
    /// State.
    pub notification: Notification,
    /// `false` if the caller must store it.
    pub is_stored: bool,
}

/// Work on one notification.
#[derive(Debug)]
pub struct Job {
    /// Current state, which may be ahead of the stored one.
    pub(crate) notification: Notification,
    /// The recipient, unless unknown or erased.
    pub(crate) recipient: Option<Recipient>,
    /// Relation of the notification to the table.
    pub(crate) stored_state: StoredState,
    /// `true` if this process holds the lease of the stored state.
    pub(crate) has_lease: bool,
    /// Channels that a budget refused.
    pub(crate) unaffordable: BTreeSet<Channel>,
    /// Channels for which no message can be composed, each with the reason.
    pub(crate) not_composable: BTreeMap<Channel, Reason>,
    /// Version of the template that the notification names, once it is loaded.
    pub(crate) template: Option<Arc<CompiledTemplate>>,
    /// Hosts whose breaker refused a call during this work, each with the time until which it is skipped.
    pub(crate) open_circuits: OpenCircuits,
    /// Devices that must rest after a call of this work, each with the end of its rest.
    pub(crate) device_rests: BTreeMap<String, Timestamp>,
    /// Slot of this process for the notification's topic.
    pub(crate) topic_slot: Option<BulkheadSlot<TopicKey>>,
    /// `true` if a provider accepted a newer message of the same topic, or may have accepted it.
    pub(crate) is_superseded: bool,
    /// Reservation of the claim that is stored, or may be stored.
    pub(crate) reservation: Option<Reservation>,
    /// Reservations that were not spent and are not released yet.
    pub(crate) unspent: Vec<Reservation>,
    /// SNS message id of an accepted SMS, not yet stored.
    pub(crate) sms_message_id: Option<String>,
    /// Claims of the frequency caps, if the notification has one of them.
    pub(crate) cap_claims: Option<CapUsage>,
}

/// Result of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepOutcome {
    /// The reached state is stored, and the work on the notification ends here.
    Stored,
    /// The facts changed: a call ended, a circuit opened, a budget refused, or a receipt was merged. The escalation
    /// policy selects the next step.
    Reevaluate,
    /// A short wait has passed. The recipient may have changed and is read again.
    Waited,
    /// The pre-send check found this reason against a call on this channel.
    Aborted(AbortReason, Channel),
    /// All slots of the provider are taken, or too many writers use the same budget: the notification is deferred.
    AtCapacity,
    /// The account exceeds the provider's rate. The notification waits on its channel until this time, and the refused
    /// call does not count as a try.
    RateLimited(Timestamp),
    /// Too little time is left for the call: the notification stays due for another invocation.
    OutOfTime,
}

/// Reason why a claimed call is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AbortReason {
    /// The recipient was erased after the last read.
    Erased,
    /// The address is suppressed, and the profile did not show it.
    Suppressed,
}

impl Job {
    /// Creates the work on a notification that is not stored yet. `storage` decides how its result is stored.
    #[must_use]
    pub fn first(notification: Notification, recipient: Option<Recipient>, storage: ResultStorage) -> Self {
        Self::new(notification, recipient, StoredState::New(storage))
    }

    /// Creates the work on a stored notification whose lease this process does not hold.
    #[must_use]
    pub fn resumed(notification: Notification, recipient: Option<Recipient>) -> Self {
        Self::new(notification, recipient, StoredState::Stored)
    }

    fn new(notification: Notification, recipient: Option<Recipient>, stored_state: StoredState) -> Self {
        let tag = notification.id().cap_tag();
        let cap_claims = recipient.as_ref().map(|to| &to.caps).filter(|claims| claims.holds(tag)).cloned();
        Self {
            notification,
            recipient,
            stored_state,
            has_lease: false,
            unaffordable: BTreeSet::new(),
            not_composable: BTreeMap::new(),
            template: None,
            open_circuits: OpenCircuits::new(),
            device_rests: BTreeMap::new(),
            topic_slot: None,
            is_superseded: false,
            reservation: None,
            unspent: Vec::new(),
            sms_message_id: None,
            cap_claims,
        }
    }

    /// Returns `true` until the notification is first stored.
    pub(crate) const fn is_new(&self) -> bool {
        matches!(self.stored_state, StoredState::New(_))
    }

    /// Returns `true` if the notification is not stored, and no other process can have started it.
    pub(crate) const fn is_first_run(&self) -> bool {
        matches!(self.stored_state, StoredState::New(ResultStorage::Immediate | ResultStorage::LeftToCaller))
    }

    /// Returns `true` if attempts are recorded that no table holds.
    pub(crate) fn has_unstored_attempts(&self) -> bool {
        self.is_new() && !self.notification.attempts().is_empty()
    }

    /// Skips a host until `until`, because its circuit is open.
    pub(crate) fn skip_host(&mut self, host: Host, until: Timestamp) {
        self.open_circuits.insert(host, until);
    }

    /// Returns the composer of the notification's messages.
    pub(crate) fn composer<'a>(&'a self, config: &'a ConfigSnapshot, keys: &'a TokenKeys) -> Composer<'a> {
        let (settings, links) = (&*config.settings, config.links(keys));
        Composer { notification: &self.notification, template: self.template.as_deref(), settings, links }
    }

    /// Excludes a channel because no message can be composed for it.
    pub(crate) fn exclude_not_composable(&mut self, channel: Channel, error: ComposeError) {
        let (notification, reason) = (self.notification.id(), error.reason());
        let template = self.notification.message().template();
        // The errors name variables and places in the template, never values.
        let errors: Vec<_> = error.into_errors().into_iter().map(|e| format!("{} {}", e.field, e.message)).collect();
        tracing::warn!(
            %notification,
            %channel,
            template = template.map(|used| used.name.as_str()),
            version = template.map(|used| used.version),
            reason = reason.as_str(),
            error = errors.join("; "),
            "failed to compose a message; the channel is skipped"
        );
        self.not_composable.insert(channel, reason);
    }

    /// Excludes a channel because this ceiling forbids its call.
    pub(crate) fn exclude(&mut self, channel: Channel, ceiling: Ceiling) {
        self.unaffordable.insert(channel);
        self.notification.exclude(channel, ceiling);
    }

    /// Removes the claim of a call that was not made or not accepted. Its reservation counts as not spent.
    pub(crate) fn release_claim(&mut self) {
        self.notification.release_claim();
        self.unspent.extend(self.reservation.take());
    }

    /// Reuses the needed money if it is still reserved from an earlier try. Then it becomes the current reservation
    /// and is not released. Returns `true` if so.
    pub(crate) fn reuse_reservation(&mut self, needed: &Reservation) -> bool {
        let found = self.unspent.iter().position(|unspent| unspent.serves(needed));
        if let Some(index) = found {
            self.reservation = Some(self.unspent.swap_remove(index));
        }
        found.is_some()
    }

    /// Adds the outcome of a call that began at `at`. A retry gets its backoff here.
    pub(crate) fn record(
        &mut self,
        channel: Channel,
        device: Option<String>,
        answer: Answer,
        at: Timestamp,
        cost_micros: i64,
    ) {
        let mut attempt = Attempt::of(channel, device, answer, at, cost_micros);
        if attempt.outcome == AttemptOutcome::RetryLater {
            let same = |before: &&Attempt| before.device == attempt.device;
            let made = self.notification.attempts_on(channel).filter(same).count() + 1;
            let made = u32::try_from(made).unwrap_or(u32::MAX);
            attempt.retry_after_ms = Some(backoff::delay_ms(made, attempt.retry_after_ms, random::unit()));
        }
        self.notification.record(attempt);
    }

    /// Updates the recipient that was read with the facts that a step found.
    pub(crate) fn update_recipient(&self, recipient: &mut Option<Recipient>, outcome: StepOutcome) {
        for device in recipient.iter_mut().flat_map(|to| &mut to.devices) {
            device.rests_until = self.device_rests.get(&device.device_id).copied().max(device.rests_until);
        }
        match outcome {
            StepOutcome::Aborted(AbortReason::Erased, _) => *recipient = None,
            StepOutcome::Aborted(AbortReason::Suppressed, channel) => {
                recipient.iter_mut().for_each(|to| _ = to.suppressed.insert(channel));
            }
            _ => {}
        }
    }
}
