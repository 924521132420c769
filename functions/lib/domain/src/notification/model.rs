//! One notification, and the few ways its state may change. Every change is pure and takes `now`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::{Attempt, AttemptOutcome, Content, Engagement, NotificationId, Reason, Status};
use crate::NotificationType;
use crate::budget::Ceiling;
use crate::channel::Channel;
use crate::notification::Urgency;
use crate::recipient::RecipientId;
use crate::rollout::Version;
use platform::private::Private;

/// The most days `send_at` may lie ahead.
pub const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A paid send that is claimed: perhaps called, not yet recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// On which channel.
    pub channel: Channel,
    /// What it costs if it was made.
    pub price_micros: i64,
}

/// One message to one person.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// Its public id.
    pub id: NotificationId,
    /// Whom it is for.
    pub to: RecipientId,
    /// Who sent it.
    pub caller: String,
    /// Its type's rules.
    pub kind: &'static NotificationType,
    /// What it says.
    pub content: Content,
    /// The order in which channels are tried.
    pub channels: Vec<Channel>,
    /// How urgent a push service should think it is (RFC 8030, 5.3).
    pub urgency: Urgency,
    /// The caller's name for messages that replace each other.
    pub topic: Option<Private<String>>,
    /// Its place among the messages of its request, which orders those of one topic.
    pub place: u32,
    /// The caller's own notes.
    pub metadata: Option<Private<Map<String, Value>>>,
    /// Where it stands.
    pub status: Status,
    /// Why.
    pub reason: Option<Reason>,
    /// Which version of the service it goes through; decided when it is first due.
    pub version: Option<Version>,
    /// The paid send that is claimed.
    pub in_flight: Option<Claim>,
    /// Channels that a budget stood in the way of, each with the ceiling that did so last.
    pub over_budget: BTreeMap<Channel, Ceiling>,
    /// What was tried.
    pub attempts: Vec<Attempt>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was to be sent.
    pub due_at: Timestamp,
    /// When trying ends.
    pub lives_until: Timestamp,
    /// When the table forgets it.
    pub kept_until: Timestamp,
    /// When it got into this state.
    pub updated_at: Timestamp,
    /// When somebody must look at it again; `None` once nothing more will be tried. For `sending`, the lease's end.
    pub next_action_at: Option<Timestamp>,
    /// How much of its time was waited on purpose.
    pub waited_ms: i64,
    /// What became of it on the person's side.
    pub engagement: Engagement,
    /// Drawn anew with every change of its state; every write asks for the one before.
    pub revision: u32,
}

impl Notification {
    /// Takes it for work until `lease_until`: from here on a crash is found through the lease.
    pub fn lease(&mut self, lease_until: Timestamp, now: Timestamp) {
        self.enter(Status::Sending, None, now);
        self.next_action_at = Some(lease_until);
    }

    /// Puts it down until `until`, when the next attempt is due.
    pub fn wait(&mut self, until: Timestamp, now: Timestamp) {
        self.enter(Status::Cascading, None, now);
        self.next_action_at = Some(until.min(self.lives_until).max(now));
    }

    /// Holds it back, before anything was tried, because a gate said "not now".
    pub fn hold(&mut self, reason: Reason, until: Timestamp, now: Timestamp) {
        self.enter(Status::Held, Some(reason), now);
        self.next_action_at = Some(until.min(self.lives_until).max(now));
    }

    /// Ends it.
    pub fn finish(&mut self, status: Status, reason: Option<Reason>, now: Timestamp) {
        self.enter(status, reason, now);
        self.in_flight = None;
        self.next_action_at = None;
    }

    /// Withdraws it, if it is at rest.
    ///
    /// # Errors
    /// Its status, when that does not allow it.
    pub fn cancel(&mut self, now: Timestamp) -> Result<(), Status> {
        match self.status {
            Status::Cancelled => Ok(()),
            Status::Scheduled | Status::Held | Status::Cascading => {
                self.finish(Status::Cancelled, None, now);
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Adds what a call came to.
    pub fn record(&mut self, attempt: Attempt) {
        self.in_flight = None;
        self.attempts.push(attempt);
        // A provider may have told of it before its own answer was read.
        self.heed_failures();
    }

    /// Records the paid send that a crash left behind, if there is one: perhaps made, never noted.
    pub fn record_lost(&mut self) {
        if let Some(claim) = self.in_flight {
            self.record(Attempt::lost(claim.channel, self.updated_at, claim.price_micros));
        }
    }

    /// What its ending must say whatever else ends it: that it arrived, that a provider took it, or that this is unknown. An unknown outcome is
    /// forgotten only once a provider took a later attempt; what was accepted before it does not hide it.
    #[must_use]
    pub fn settled(&self) -> Option<(Status, Option<Reason>)> {
        if self.engagement.is_delivered() {
            return Some((Status::Delivered, None));
        }
        let tells =
            |attempt: &&Attempt| matches!(attempt.outcome, AttemptOutcome::Accepted | AttemptOutcome::Uncertain);
        self.attempts.iter().rev().find(tells).map(|last| match last.outcome {
            AttemptOutcome::Uncertain => (Status::Uncertain, Some(Reason::OutcomeUnknown)),
            _ => (Status::Accepted, None),
        })
    }

    fn enter(&mut self, status: Status, reason: Option<Reason>, now: Timestamp) {
        if self.status == Status::Held {
            self.waited_ms += now.duration_since(self.updated_at).as_millis().try_into().unwrap_or(0);
        }
        self.status = status;
        self.reason = reason;
        self.updated_at = now;
    }

    /// What it cost so far.
    #[must_use]
    pub fn cost_micros(&self) -> i64 {
        self.attempts.iter().map(|attempt| attempt.cost_micros).sum()
    }

    /// The first attempt that a provider took.
    #[must_use]
    pub fn first_accepted(&self) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.outcome == AttemptOutcome::Accepted)
    }

    /// The channel that reached the person, as far as known: the one that was confirmed, else the first that was accepted.
    #[must_use]
    pub fn channel(&self) -> Option<Channel> {
        self.engagement
            .delivered()
            .map(|(_, channel)| channel)
            .or_else(|| self.first_accepted().map(|attempt| attempt.channel))
    }

    /// The attempts on one channel, oldest first.
    pub fn attempts_on(&self, channel: Channel) -> impl DoubleEndedIterator<Item = &Attempt> {
        self.attempts.iter().filter(move |attempt| attempt.channel == channel)
    }

    /// Whether it comes after `other` in their topic: by when each is due, then by when it was asked for and its place in the
    /// request.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        let order = |one: &Self| (one.due_at, one.created_at, one.place);
        (order(self), self.id.ordered()) > (order(other), other.id.ordered())
    }

    /// How long it still lives.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> SignedDuration {
        self.lives_until.duration_since(now).max(SignedDuration::ZERO)
    }
}
