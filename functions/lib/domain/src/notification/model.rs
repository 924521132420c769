//! The notification and its state transitions. Each transition is pure and takes `now`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::{
    Attempt, AttemptOutcome, CampaignUse, Engagement, MessageLocale, NotificationId, NotificationMessage, Reason,
    Status,
};
use crate::TypeId;
use crate::budget::Ceiling;
use crate::channel::Channel;
use crate::notification::Urgency;
use crate::recipient::RecipientId;
use crate::rollout::Version;
use platform::private::Private;
use platform::random;

/// Maximum time from the request to `send_at`: 90 days.
pub const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Claim for a paid attempt. The call may have been made; its outcome is not yet stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Channel of the call.
    pub channel: Channel,
    /// Price of the call, in micro-euro.
    pub price_micros: i64,
}

/// One message to one recipient, with all attempts to deliver it. Only the transitions below change it.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    pub(super) parts: NotificationParts,
}

/// Fields of a [`Notification`], as a store reads them.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationParts {
    /// Fields that the request determined.
    pub request: NotificationRequest,
    /// Current state.
    pub status: Status,
    /// Reason for the state.
    pub reason: Option<Reason>,
    /// Version of the service that sends the notification. It is decided when the notification is first due.
    pub version: Option<Version>,
    /// Claim of the paid attempt that is in progress.
    pub in_flight: Option<Claim>,
    /// Channels that a budget excluded, each with the last ceiling that did so.
    pub over_budget: BTreeMap<Channel, Ceiling>,
    /// Attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// Time of the last change of state.
    pub updated_at: Timestamp,
    /// Time of the next step; `None` in a final state. In the state `sending`, it is the end of the lease.
    pub next_action_at: Option<Timestamp>,
    /// Time spent in the state `held`, in milliseconds.
    pub waited_ms: i64,
    /// Facts from receipts, clicks and providers.
    pub engagement: Engagement,
    /// Random number that changes with every change of state. Every write has the previous value as a condition.
    pub revision: u32,
}

/// Fields of a notification that the caller's request determines.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationRequest {
    /// Public id.
    pub id: NotificationId,
    /// Recipient.
    pub to: RecipientId,
    /// Client id of the caller.
    pub caller: String,
    /// Type. Its rules are those of the settings in force.
    pub type_id: TypeId,
    /// `true` if the type was critical at the request: functions process the notification before others.
    pub is_critical: bool,
    /// `true` for a test send, which no figure counts.
    pub is_test: bool,
    /// Content, or template and variables.
    pub message: NotificationMessage,
    /// Order in which channels are tried.
    pub channels: Vec<Channel>,
    /// Urgency for the push service (RFC 8030, section 5.3).
    pub urgency: Urgency,
    /// Topic that the caller chose. A newer message of the same topic replaces an older one.
    pub topic: Option<Private<String>>,
    /// Position among the messages of the request. It orders messages of one topic.
    pub request_index: u32,
    /// Campaign that the notification belongs to.
    pub campaign: Option<CampaignUse>,
    /// Metadata that the caller chose.
    pub metadata: Option<Private<Map<String, Value>>>,
    /// Time of the request.
    pub created_at: Timestamp,
    /// Time at which the notification is first due.
    pub due_at: Timestamp,
    /// End of the lifetime: no attempt begins later.
    pub lives_until: Timestamp,
    /// Time at which the table deletes the item.
    pub kept_until: Timestamp,
}

impl Notification {
    /// Creates a notification in the state `scheduled`.
    #[must_use]
    pub fn new(request: NotificationRequest) -> Self {
        let (created_at, due_at) = (request.created_at, request.due_at);
        Self {
            parts: NotificationParts {
                request,
                status: Status::Scheduled,
                reason: None,
                version: None,
                in_flight: None,
                over_budget: BTreeMap::new(),
                attempts: Vec::new(),
                updated_at: created_at,
                next_action_at: Some(due_at),
                waited_ms: 0,
                engagement: Engagement::default(),
                revision: random::new_revision(0),
            },
        }
    }

    /// Restores a stored notification. Reported failures that the lease holder did not apply are applied.
    #[must_use]
    pub fn from_parts(parts: NotificationParts) -> Self {
        let mut notification = Self { parts };
        notification.apply_failure_reports();
        notification
    }

    /// Returns the fields for changes, to build the states that a test needs.
    #[cfg(any(test, feature = "testing"))]
    pub const fn parts_mut(&mut self) -> &mut NotificationParts {
        &mut self.parts
    }

    /// Assigns the version of the service that sends the notification.
    pub const fn assign_version(&mut self, version: Version) {
        self.parts.version = Some(version);
    }

    /// Fixes the locale in which a template's message is written, unless an earlier attempt fixed it.
    /// The channels of the notification are passed to `locale`.
    pub fn fix_locale(&mut self, locale: impl FnOnce(&[Channel]) -> MessageLocale) {
        let request = &mut self.parts.request;
        if let NotificationMessage::Template(template) = &mut request.message {
            template.locale.get_or_insert_with(|| locale(&request.channels));
        }
    }

    /// Replaces the variables of a template, for texts that are shown and not sent.
    pub fn replace_variables(&mut self, variables: Map<String, Value>) {
        if let NotificationMessage::Template(template) = &mut self.parts.request.message {
            template.variables = Private::new(variables);
        }
    }

    /// Enters `sending` with a claim for a paid call. A budget no longer excludes the channel.
    pub fn claim(&mut self, claim: Claim, lease_until: Timestamp, now: Timestamp) {
        self.lease(lease_until, now);
        self.parts.in_flight = Some(claim);
        self.parts.over_budget.remove(&claim.channel);
    }

    /// Removes the claim of a call that was not made or not accepted.
    pub const fn release_claim(&mut self) {
        self.parts.in_flight = None;
    }

    /// Excludes a channel because this ceiling forbids its call.
    pub fn exclude(&mut self, channel: Channel, ceiling: Ceiling) {
        self.parts.over_budget.insert(channel, ceiling);
    }

    /// Draws a new revision for a write, and returns the previous one, which is the condition of the write.
    pub fn renew_revision(&mut self) -> u32 {
        let previous = self.parts.revision;
        self.parts.revision = random::new_revision(previous);
        previous
    }

    /// Restores the revision after a write that changed nothing.
    pub const fn restore_revision(&mut self, previous: u32) {
        self.parts.revision = previous;
    }

    /// Enters `sending` with a lease until `lease_until`. If the function crashes, another one resumes after the lease.
    pub fn lease(&mut self, lease_until: Timestamp, now: Timestamp) {
        self.enter(Status::Sending, None, now);
        self.parts.next_action_at = Some(lease_until);
    }

    /// Enters `cascading`. The next attempt is due at `until`, at the latest at the end of the lifetime.
    pub fn wait(&mut self, until: Timestamp, now: Timestamp) {
        self.enter(Status::Cascading, None, now);
        self.parts.next_action_at = Some(until.min(self.parts.request.lives_until).max(now));
    }

    /// Enters `held` before the first attempt, because a gate requires a wait until `until`.
    pub fn hold(&mut self, reason: Reason, until: Timestamp, now: Timestamp) {
        self.enter(Status::Held, Some(reason), now);
        self.parts.next_action_at = Some(until.min(self.parts.request.lives_until).max(now));
    }

    /// Enters a final state.
    pub fn finish(&mut self, status: Status, reason: Option<Reason>, now: Timestamp) {
        self.enter(status, reason, now);
        self.parts.in_flight = None;
        self.parts.next_action_at = None;
    }

    /// Cancels the notification if no function is processing it and its state is not final. A repeat succeeds.
    ///
    /// # Errors
    /// The current status, if that status does not allow cancellation.
    pub fn cancel(&mut self, now: Timestamp) -> Result<(), Status> {
        match self.parts.status {
            Status::Cancelled => Ok(()),
            Status::Scheduled | Status::Held | Status::Cascading => {
                self.finish(Status::Cancelled, None, now);
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Ends the notification because its campaign was cancelled. What was sent keeps its outcome, and the outcome of an
    /// interrupted call is lost.
    pub fn end_with_campaign(&mut self, now: Timestamp) {
        self.record_lost();
        let (status, reason) = self.result_so_far().unwrap_or((Status::Cancelled, None));
        self.finish(status, reason, now);
    }

    /// Leaves the notification as it is until `until`, because its campaign is paused.
    pub fn wait_for_campaign(&mut self, until: Timestamp) {
        self.parts.next_action_at = Some(until.min(self.parts.request.lives_until));
    }

    /// Adds the outcome of a call.
    pub fn record(&mut self, attempt: Attempt) {
        self.parts.in_flight = None;
        self.parts.attempts.push(attempt);
        // A provider's report may have arrived before the response to the call was read.
        self.apply_failure_reports();
    }

    /// Records an attempt that a crash interrupted, if there is one. The call may have been made; its outcome is lost.
    ///
    /// A push is free and can be repeated, so only paid attempts are recorded. The exception is the first push of a
    /// campaign's notification: a lease is stored for it only after an earlier worker died, so it may have been sent
    /// already, and a third one must not follow.
    pub fn record_lost(&mut self) {
        if let Some(claim) = self.parts.in_flight {
            self.record(Attempt::lost(claim.channel, self.parts.updated_at, claim.price_micros));
        } else if self.parts.request.campaign.is_some()
            && self.parts.status == Status::Sending
            && self.parts.attempts.is_empty()
        {
            self.record(Attempt::lost(Channel::Push, self.parts.updated_at, 0));
        }
    }

    /// Returns the final status that the facts require, whatever rule ends the notification; `None` if there is no such
    /// fact.
    ///
    /// * Proof of delivery gives `delivered`.
    /// * Otherwise the last attempt that is `accepted` or `uncertain` decides.
    ///
    /// So an unknown outcome is dropped only after a later attempt was accepted. An earlier accepted attempt does not
    /// hide it.
    #[must_use]
    pub fn result_so_far(&self) -> Option<(Status, Option<Reason>)> {
        if self.parts.engagement.is_delivered() {
            return Some((Status::Delivered, None));
        }
        let deciding = self.parts.attempts.iter().rev().find(|attempt| attempt.outcome.may_have_arrived());
        deciding.map(|last| match last.outcome {
            AttemptOutcome::Uncertain => (Status::Uncertain, Some(Reason::OutcomeUnknown)),
            _ => (Status::Accepted, None),
        })
    }

    /// Returns `true` if there is neither an attempt nor proof of delivery.
    #[must_use]
    pub fn is_untried(&self) -> bool {
        self.parts.attempts.is_empty() && !self.parts.engagement.is_delivered()
    }

    fn enter(&mut self, status: Status, reason: Option<Reason>, now: Timestamp) {
        if self.parts.status == Status::Held {
            self.parts.waited_ms += now.duration_since(self.parts.updated_at).as_millis().try_into().unwrap_or(0);
        }
        self.parts.status = status;
        self.parts.reason = reason;
        self.parts.updated_at = now;
    }

    /// Returns the cost so far, in micro-euro.
    #[must_use]
    pub fn cost_micros(&self) -> i64 {
        self.parts.attempts.iter().map(|attempt| attempt.cost_micros).sum()
    }

    /// Returns the first accepted attempt.
    #[must_use]
    pub fn first_accepted(&self) -> Option<&Attempt> {
        self.parts.attempts.iter().find(|attempt| attempt.outcome == AttemptOutcome::Accepted)
    }

    /// Returns the channel that reached the recipient: the one with proof of delivery, otherwise the one accepted
    /// first.
    #[must_use]
    pub fn channel(&self) -> Option<Channel> {
        self.parts
            .engagement
            .delivered()
            .map(|(_, channel)| channel)
            .or_else(|| self.first_accepted().map(|attempt| attempt.channel))
    }

    /// Returns the attempts on one channel, oldest first.
    pub fn attempts_on(&self, channel: Channel) -> impl DoubleEndedIterator<Item = &Attempt> {
        self.parts.attempts.iter().filter(move |attempt| attempt.channel == channel)
    }

    /// Returns `true` if this notification comes after `other` in their topic. The order is due time, then request
    /// time, then position in the request, then id.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        let order =
            |one: &Self| (one.parts.request.due_at, one.parts.request.created_at, one.parts.request.request_index);
        (order(self), self.parts.request.id.ordered()) > (order(other), other.parts.request.id.ordered())
    }

    /// Returns the remaining lifetime; zero after its end.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> SignedDuration {
        self.parts.request.lives_until.duration_since(now).max(SignedDuration::ZERO)
    }
}
