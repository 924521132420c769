//! Rules of escalation: the channels in their order, each tried until it is exhausted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::step::{ChannelState, Step};
use domain::breaker::{Host, OpenCircuits};
use domain::channel::Channel;
use domain::notification::{Attempt, AttemptOutcome, Notification, Reason, Status};
use domain::recipient::{Device, Recipient};
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
    /// `true` if a provider accepted a newer message of the same topic.
    pub is_superseded: bool,
}

impl<'a> EscalationPolicy<'a> {
    /// Returns the next step for `notification`.
    #[must_use]
    pub fn next_step(&self, notification: &Notification, now: Timestamp) -> Step<'a> {
        if notification.engagement().is_delivered() {
            return Step::Finish(Status::Delivered, None);
        }
        let finish_as = |status, reason| settled(notification).unwrap_or(Step::Finish(status, Some(reason)));
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

    fn next_channel(&self, notification: &Notification, recipient: &'a Recipient, now: Timestamp) -> Step<'a> {
        // Earliest time at which a skipped channel can be tried. A channel is skipped only while another one remains.
        let mut skipped_until: Option<Timestamp> = None;
        let earlier_of = |at: Timestamp, skipped: Option<Timestamp>| skipped.map_or(at, |until| until.min(at));
        for (index, channel) in notification.channels().iter().enumerate().skip(first_open_index(notification)) {
            let state = self.channel_state(*channel, notification, recipient, now);
            match self.apply_breaker(*channel, state, notification, now) {
                ChannelState::Try(Step::Wait(at)) => return Step::Wait(earlier_of(at, skipped_until)),
                ChannelState::Try(step) => return step,
                ChannelState::Exhausted => {}
                ChannelState::SkippedUntil(until) => {
                    skipped_until = Some(earlier_of(until, skipped_until));
                    let wait_end = self.push_wait_end(notification, now).filter(|_| *channel == Channel::Push);
                    if let Some(wait_end) = wait_end {
                        return Step::Wait(earlier_of(wait_end, skipped_until));
                    }
                }
                ChannelState::Accepted(ended_ms) => {
                    let proof_deadline = self.rules.escalate_after.and_then(|after| plus(ended_ms, after));
                    let later = &notification.channels()[index + 1..];
                    match proof_deadline {
                        Some(proof_deadline)
                            if later.iter().any(|next| self.may_reach(*next, notification, recipient)) =>
                        {
                            if now < proof_deadline {
                                return Step::Wait(proof_deadline);
                            }
                        }
                        _ => return self.last_result(notification),
                    }
                }
                ChannelState::Uncertain => return Step::Finish(Status::Uncertain, Some(Reason::OutcomeUnknown)),
            }
        }
        skipped_until.map_or_else(|| self.last_result(notification), Step::Wait)
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
        let Some(until) = open_until.filter(|until| *until > now && channel.is_paid()) else { return state };
        let until = match state {
            ChannelState::Try(Step::SendPaid(_)) => until,
            ChannelState::Try(Step::Wait(at)) => until.max(at),
            other => return other,
        };
        let is_uncertain = |attempt: &Attempt| attempt.outcome == AttemptOutcome::Uncertain;
        if notification.attempts_on(channel).any(is_uncertain) {
            return ChannelState::Try(Step::Wait(until));
        }
        ChannelState::SkippedUntil(until)
    }

    fn channel_state(
        &self,
        channel: Channel,
        notification: &Notification,
        to: &'a Recipient,
        now: Timestamp,
    ) -> ChannelState<'a> {
        let tried = || notification.attempts_on(channel);
        if let Some(accepted) = tried().find(|attempt| attempt.outcome == AttemptOutcome::Accepted) {
            return ChannelState::Accepted(accepted.ended_ms());
        }
        if channel == Channel::Push {
            // A crash interrupted the push to all devices, which may have been the second one: no third one follows.
            let is_lost = tried().any(|one| one.outcome == AttemptOutcome::Uncertain && one.device.is_none());
            return match self.rules.on_uncertain {
                OnUncertain::Next if is_lost => ChannelState::Exhausted,
                _ if is_lost => ChannelState::Uncertain,
                _ => self.push_state(notification, to, now),
            };
        }
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
            None => ChannelState::Try(Step::SendPaid(channel)),
            Some(last) => match self.next_try_at(last, tried().count(), notification) {
                Some(at) if at > now => ChannelState::Try(Step::Wait(at)),
                Some(_) => ChannelState::Try(Step::SendPaid(channel)),
                None => state_if_untried,
            },
        }
    }

    fn push_state(&self, notification: &Notification, to: &'a Recipient, now: Timestamp) -> ChannelState<'a> {
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
        if let Some(end) = settled(notification) {
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
    let may_have_arrived =
        |attempt: &Attempt| matches!(attempt.outcome, AttemptOutcome::Accepted | AttemptOutcome::Uncertain);
    notification
        .channels()
        .iter()
        .rposition(|channel| notification.attempts_on(*channel).any(may_have_arrived))
        .unwrap_or(0)
}

fn settled<'a>(notification: &Notification) -> Option<Step<'a>> {
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

fn plus(ended_ms: i64, after: SignedDuration) -> Option<Timestamp> {
    Timestamp::from_millisecond(ended_ms).ok()?.checked_add(after).ok()
}

/// Rules of the push channel for one notification at `now`.
struct PushRules<'p> {
    open_circuits: &'p OpenCircuits,
    /// Time until which a paid call waits for a failing push service.
    wait_end: Option<Timestamp>,
    /// Returns the time of the next try, given the last attempt and the number of tries that count.
    next_try_at: &'p dyn Fn(&Attempt, usize) -> Option<Timestamp>,
    now: Timestamp,
}

/// A device that may be tried.
struct Candidate<'a> {
    device: &'a Device,
    /// Earliest time of its next try.
    at: Timestamp,
    /// Time until which the host's open circuit, or the device's own rest, forbids a call.
    skipped_until: Option<Timestamp>,
}

impl Candidate<'_> {
    fn callable_at(&self) -> Timestamp {
        self.skipped_until.map_or(self.at, |until| until.max(self.at))
    }
}

impl PushRules<'_> {
    /// Selects the devices to push to.
    ///
    /// The first round goes to every device; a retry goes only to devices that answered "retry later". A device is
    /// skipped while its host's circuit is open or the device rests.
    fn state<'a>(&self, notification: &Notification, recipient: &'a Recipient) -> ChannelState<'a> {
        let living = || recipient.devices.iter().filter(|device| device.is_live(self.now));
        let candidates: Vec<_> = living().filter_map(|device| self.candidate(device, notification)).collect();
        let ready = candidates.iter().filter(|one| one.skipped_until.is_none() && one.at <= self.now);
        let ready: Vec<_> = ready.map(|one| one.device).collect();
        match candidates.iter().map(Candidate::callable_at).min() {
            _ if !ready.is_empty() => ChannelState::Try(Step::Push(ready)),
            Some(soonest) if candidates.iter().any(|one| one.skipped_until.is_none()) => {
                ChannelState::Try(Step::Wait(soonest))
            }
            Some(soonest) => ChannelState::SkippedUntil(soonest),
            None => match self.wait_end {
                Some(until) if living().any(|device| must_retry(device, notification)) => {
                    ChannelState::SkippedUntil(until)
                }
                _ => ChannelState::Exhausted,
            },
        }
    }

    fn candidate<'a>(&self, device: &'a Device, notification: &Notification) -> Option<Candidate<'a>> {
        let tried = || attempts_of(device, notification);
        let at = match tried().next_back() {
            // An open circuit left this device out of the first round. A device that was registered later is not a
            // target.
            None => {
                let first = notification.attempts_on(Channel::Push).next();
                let is_target = first.is_none_or(|first| device.created_at.as_millisecond() <= first.at_ms);
                is_target.then_some(self.now)?
            }
            // While a paid call waits for a failing push service, "retry later" does not use up tries.
            Some(last) => {
                let is_waited_for = |at: &Timestamp| self.wait_end.is_some_and(|until| *at < until);
                (self.next_try_at)(last, tried().count())
                    .or_else(|| (self.next_try_at)(last, 0).filter(is_waited_for))?
            }
        };
        let open_until = self.open_circuits.get(&Host::push(device.host())).copied().filter(|until| *until > self.now);
        let skipped_until = open_until.max(device.resting_until(self.now));
        Some(Candidate { device, at, skipped_until })
    }
}

fn attempts_of<'n>(device: &Device, notification: &'n Notification) -> impl DoubleEndedIterator<Item = &'n Attempt> {
    let of_device = move |attempt: &&Attempt| attempt.device.as_deref() == Some(device.device_id.as_str());
    notification.attempts_on(Channel::Push).filter(of_device)
}

fn must_retry(device: &Device, notification: &Notification) -> bool {
    let last = attempts_of(device, notification).next_back();
    last.is_some_and(|last| last.outcome == AttemptOutcome::RetryLater)
}
