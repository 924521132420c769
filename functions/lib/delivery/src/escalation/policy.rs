//! Rules of escalation: the channels in their order, each tried until it is exhausted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::channel_state::{ChannelState, first_step};
use super::push_rules::PushRules;
use super::step::Step;
use domain::breaker::{Host, OpenCircuits};
use domain::channel::Channel;
use domain::notification::{Attempt, AttemptOutcome, Notification, Reason, Status};
use domain::recipient::Recipient;
use domain::rollout::Version;
use domain::{OnUncertain, TypeRules};

/// Factor by which the tries of the last remaining channel are multiplied.
///
/// The last channel has no fallback. As the waits double, its retries last for about a quarter of an hour.
const LAST_CHANNEL_TRIES_FACTOR: u32 = 3;

/// Inputs of the escalation policy beside the notification itself.
#[derive(Debug, Clone, Copy)]
pub struct EscalationPolicy<'a> {
    /// Rules of the type that are in force now.
    pub rules: TypeRules,
    /// The recipient, unless erased.
    pub recipient: Option<&'a Recipient>,
    /// Channels that cannot reach this recipient, such as SMS to a country that is not allowed.
    pub unreachable: &'a BTreeSet<Channel>,
    /// Channels that a budget refused.
    pub unaffordable: &'a BTreeSet<Channel>,
    /// Channels for which no message can be composed, each with the reason.
    pub not_composable: &'a BTreeMap<Channel, Reason>,
    /// Hosts whose breaker is open, each with the time until which it is skipped.
    pub open_circuits: &'a OpenCircuits,
    /// `true` if the kill switch turned version 2 off.
    pub is_killed: bool,
    /// `true` if a provider accepted a newer message of the same topic, or may have accepted it.
    pub is_superseded: bool,
}

impl<'a> EscalationPolicy<'a> {
    /// Returns the next step for `notification`.
    #[must_use]
    pub fn next_step(&self, notification: &Notification, now: Timestamp) -> Step<'a> {
        if notification.engagement().is_delivered() {
            return Step::Finish(Status::Delivered, None);
        }
        let finish_as =
            |status, reason| finish_with_result_so_far(notification).unwrap_or(Step::Finish(status, Some(reason)));
        let Some(recipient) = self.recipient else {
            return finish_as(Status::Skipped, Reason::UnknownRecipient);
        };
        if now >= notification.lives_until() {
            return finish_as(Status::Expired, Reason::Lifetime);
        }
        if self.is_superseded {
            return finish_as(Status::Skipped, Reason::Superseded);
        }
        match notification.version() {
            Some(Version::V2) if self.is_killed => finish_as(Status::Skipped, Reason::Rollout),
            // A gate checked the opt-out before the first attempt. An attempt hours later checks again.
            Some(_) if !self.allows_type(notification, recipient) => finish_as(Status::Skipped, Reason::OptedOut),
            Some(Version::V2) => self.next_channel(notification, recipient, now),
            Some(Version::V1) | None => self.version_1_step(notification, recipient, now),
        }
    }

    /// Goes through the channels in their order and returns the step of the first one that has any.
    ///
    /// If no channel has a step, the notification ends with its result so far.
    fn next_channel(&self, notification: &Notification, recipient: &'a Recipient, now: Timestamp) -> Step<'a> {
        let open = &notification.channels()[first_open_index(notification)..];
        let states = open.iter().enumerate().map(|(index, channel)| {
            let later = &open[index + 1..];
            self.channel_state(*channel, later, notification, recipient, now)
        });
        first_step(states).unwrap_or_else(|| self.last_result(notification))
    }

    fn channel_state(
        &self,
        channel: Channel,
        later: &[Channel],
        notification: &Notification,
        to: &'a Recipient,
        now: Timestamp,
    ) -> ChannelState<'a> {
        let is_accepted = |attempt: &&Attempt| attempt.outcome == AttemptOutcome::Accepted;
        if let Some(accepted) = notification.attempts_on(channel).find(is_accepted) {
            let may_escalate = later.iter().any(|next| self.may_reach(*next, notification, to));
            return self.accepted_state(accepted, may_escalate, now);
        }
        match channel {
            Channel::Push => self.push_state(notification, to, now),
            Channel::Email | Channel::Sms => {
                self.apply_breaker(channel, self.paid_state(channel, notification, to, now), notification, now)
            }
        }
    }

    /// Returns the state of a channel on which a provider accepted the message.
    ///
    /// The type may require a proof of delivery. If the proof is missing at its deadline, a later channel that reaches
    /// the recipient follows.
    fn accepted_state(&self, accepted: &Attempt, may_escalate: bool, now: Timestamp) -> ChannelState<'a> {
        let deadline = self.rules.escalate_after.and_then(|after| proof_deadline(accepted.ended_ms(), after));
        match deadline.filter(|_| may_escalate) {
            None => ChannelState::Accepted,
            Some(deadline) if now < deadline => ChannelState::WaitUntil(deadline),
            Some(_) => ChannelState::Exhausted,
        }
    }

    /// Applies the provider's breaker to a paid call that is due now or later.
    ///
    /// If an earlier attempt on this channel is uncertain, the notification waits until the breaker allows a call. No
    /// other channel is paid meanwhile.
    fn apply_breaker(
        &self,
        channel: Channel,
        state: ChannelState<'a>,
        notification: &Notification,
        now: Timestamp,
    ) -> ChannelState<'a> {
        let open_until = self.open_circuits.get(&Host::paid(channel)).copied();
        let Some(until) = open_until.filter(|until| *until > now) else { return state };
        let until = match state {
            ChannelState::Attempt(_) => until,
            ChannelState::WaitUntil(at) => until.max(at),
            other => return other,
        };
        let is_uncertain = |attempt: &Attempt| attempt.outcome == AttemptOutcome::Uncertain;
        if notification.attempts_on(channel).any(is_uncertain) {
            return ChannelState::WaitUntil(until);
        }
        ChannelState::SkippedUntil(until)
    }

    /// Returns the state of a paid channel without regard to its breaker.
    fn paid_state(
        &self,
        channel: Channel,
        notification: &Notification,
        to: &'a Recipient,
        now: Timestamp,
    ) -> ChannelState<'a> {
        let tried = || notification.attempts_on(channel);
        let uncertain = tried().filter(|attempt| attempt.outcome == AttemptOutcome::Uncertain).count();
        // State if this channel cannot be tried: the next channel follows, unless an uncertain attempt may have
        // reached the recipient.
        let state_if_untried = match (uncertain, self.rules.on_uncertain) {
            (0, _) => ChannelState::Exhausted,
            (1, OnUncertain::Repeat) => ChannelState::Uncertain,
            (_, OnUncertain::Next) => return ChannelState::Exhausted,
            _ => return ChannelState::Uncertain,
        };
        if !self.may_reach(channel, notification, to) || !self.is_possible(channel) {
            return state_if_untried;
        }
        match tried().next_back() {
            None => ChannelState::Attempt(Step::SendPaid(channel)),
            Some(last) => match self.next_try_at(last, tried().count(), notification) {
                Some(at) if at > now => ChannelState::WaitUntil(at),
                Some(_) => ChannelState::Attempt(Step::SendPaid(channel)),
                None => state_if_untried,
            },
        }
    }

    fn push_state(&self, notification: &Notification, to: &'a Recipient, now: Timestamp) -> ChannelState<'a> {
        // A crash interrupted the push to all devices, which may have been the second one: no third one follows.
        let is_lost = |one: &Attempt| one.outcome == AttemptOutcome::Uncertain && one.device.is_none();
        if notification.attempts_on(Channel::Push).any(is_lost) {
            return match self.rules.on_uncertain {
                OnUncertain::Next => ChannelState::Exhausted,
                OnUncertain::Repeat | OnUncertain::Stop => ChannelState::Uncertain,
            };
        }
        if !self.may_reach(Channel::Push, notification, to) || !self.is_possible(Channel::Push) {
            return ChannelState::Exhausted;
        }
        let wait_end = self.push_wait_end(notification, now);
        let next_try_at = |last: &Attempt, tries: usize| self.next_try_at(last, tries, notification);
        let rules = PushRules { open_circuits: self.open_circuits, wait_end, next_try_at: &next_try_at, now };
        rules.state(notification, to)
    }

    /// Returns the time until which a paid call waits for a failing push service.
    ///
    /// Returns `None` if that time has passed, or if the type sets no `wait_for_push`.
    fn push_wait_end(&self, notification: &Notification, now: Timestamp) -> Option<Timestamp> {
        let until = notification.due_at().checked_add(self.rules.wait_for_push?).ok()?;
        (now < until).then_some(until)
    }

    /// Returns the time at which an attempt may be repeated.
    ///
    /// Returns `None` if the attempt may not be repeated or its tries are spent. The same holds if the time falls at
    /// or past the end of the lifetime. Then the next channel is tried at once.
    fn next_try_at(&self, last: &Attempt, made: usize, notification: &Notification) -> Option<Timestamp> {
        if u32::try_from(made).is_ok_and(|made| made >= self.max_tries(last.channel, notification)) {
            return None;
        }
        let repeats = last.outcome == AttemptOutcome::Uncertain && self.rules.on_uncertain == OnUncertain::Repeat;
        let at_ms = if repeats { last.at_ms } else { last.retry_at_ms()? };
        Timestamp::from_millisecond(at_ms).ok().filter(|at| *at < notification.lives_until())
    }

    /// Returns the number of tries on a channel: the type's own number while a later channel could still be tried.
    ///
    /// Otherwise the number is [`LAST_CHANNEL_TRIES_FACTOR`] times as large.
    fn max_tries(&self, channel: Channel, notification: &Notification) -> u32 {
        let mut later = notification.channels().iter().skip_while(|each| **each != channel).skip(1);
        let reaches = |next: &Channel| self.recipient.is_some_and(|to| self.may_reach(*next, notification, to));
        let may_follow = later.any(|next| reaches(next) && self.is_possible(*next));
        let times = if may_follow { 1 } else { LAST_CHANNEL_TRIES_FACTOR };
        self.rules.tries.saturating_mul(times)
    }

    /// Returns `true` if the recipient has an address on the channel, agrees to the channel, and can be reached
    /// there.
    fn may_reach(&self, channel: Channel, notification: &Notification, recipient: &Recipient) -> bool {
        let is_open = recipient.reachable_on(channel, notification.type_id(), &self.rules);
        is_open && !self.unreachable.contains(&channel)
    }

    fn allows_type(&self, notification: &Notification, recipient: &Recipient) -> bool {
        recipient.preferences.choices.allow_type(notification.type_id(), notification.channels(), &self.rules)
    }

    /// Returns `true` if a message for the channel can be composed and a budget has not refused it.
    fn is_possible(&self, channel: Channel) -> bool {
        !self.unaffordable.contains(&channel) && !self.not_composable.contains_key(&channel)
    }

    fn last_result(&self, notification: &Notification) -> Step<'a> {
        if let Some(end) = finish_with_result_so_far(notification) {
            return end;
        }
        if notification.channels().iter().any(|channel| self.unaffordable.contains(channel)) {
            return Step::Finish(Status::Skipped, Some(Reason::Budget));
        }
        self.not_composed_or_failed(notification)
    }

    /// Ends a notification without an attempt with the reason of the last channel for which no message can be composed.
    fn not_composed_or_failed(&self, notification: &Notification) -> Step<'a> {
        let mut channels = notification.channels().iter().rev();
        match channels.find_map(|channel| self.not_composable.get(channel)) {
            Some(reason) if notification.attempts().is_empty() => Step::Finish(Status::Skipped, Some(*reason)),
            _ => failed(notification),
        }
    }

    /// Version 1: one push to the newest device. Any outcome but `Accepted` ends as `failed`.
    fn version_1_step(&self, notification: &Notification, recipient: &'a Recipient, now: Timestamp) -> Step<'a> {
        if notification.first_accepted().is_some() {
            return Step::Finish(Status::Accepted, None);
        }
        // A notification that began as version 2 may have been requested without the channel push.
        let is_asked = notification.channels().contains(&Channel::Push)
            && recipient.reachable_on(Channel::Push, notification.type_id(), &self.rules);
        let may_push = is_asked && self.is_possible(Channel::Push);
        match recipient.devices.iter().filter(|device| device.is_live(now)).max_by_key(|device| device.created_at) {
            Some(newest) if notification.attempts().is_empty() && may_push => Step::Push(vec![newest]),
            _ => self.not_composed_or_failed(notification),
        }
    }
}

/// Returns the index of the last channel with an accepted or uncertain attempt, or 0.
///
/// Earlier channels are not tried any more, even if a breaker that was open there allows calls by now.
fn first_open_index(notification: &Notification) -> usize {
    notification
        .channels()
        .iter()
        .rposition(|channel| notification.attempts_on(*channel).any(|attempt| attempt.outcome.may_have_arrived()))
        .unwrap_or(0)
}

fn finish_with_result_so_far<'a>(notification: &Notification) -> Option<Step<'a>> {
    notification.result_so_far().map(|(status, reason)| Step::Finish(status, reason))
}

fn failed<'a>(notification: &Notification) -> Step<'a> {
    let reason = match best_outcome_of_last_channel(notification) {
        None => return Step::Finish(Status::Skipped, Some(Reason::NoChannel)),
        Some(AttemptOutcome::Gone) => Reason::Gone,
        Some(AttemptOutcome::RetryLater) => Reason::RetriesSpent,
        Some(_) => Reason::Rejected,
    };
    Step::Finish(Status::Failed, Some(reason))
}

/// Returns the best final outcome of all devices on the last tried channel.
fn best_outcome_of_last_channel(notification: &Notification) -> Option<AttemptOutcome> {
    let tried: Vec<_> = notification.attempts_on(notification.attempts().last()?.channel).collect();
    let is_last =
        |(index, attempt): &(usize, &&Attempt)| tried[index + 1..].iter().all(|later| later.device != attempt.device);
    tried.iter().enumerate().filter(is_last).map(|(_, attempt)| attempt.outcome).min()
}

fn proof_deadline(ended_ms: i64, after: SignedDuration) -> Option<Timestamp> {
    Timestamp::from_millisecond(ended_ms).ok()?.checked_add(after).ok()
}
