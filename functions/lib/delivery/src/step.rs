//! Escalation policy: selects the next step for a notification from its recipient and the time.
//!
//! The decision is a pure function, so every rule can be read and tested here.
//! [`Dispatcher::advance`](crate::Dispatcher::advance) carries the step out.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use domain::breaker::{Bars, Host};
use domain::channel::Channel;
use domain::notification::{Attempt, AttemptOutcome, Notification, Reason, Status};
use domain::recipient::{Device, Recipient};
use domain::rollout::Version;
use domain::{OnUncertain, TypeRules};

/// Factor by which the tries of the last remaining channel are multiplied.
///
/// The last channel has no fallback. As the waits double, its retries last for about a quarter of an hour.
const TIMES_ON_THE_LAST: u32 = 3;

/// Next step for a notification.
#[derive(Debug, PartialEq)]
pub enum Step<'a> {
    /// Push to these devices now, all at once.
    Push(Vec<&'a Device>),
    /// Claim this paid channel and send on it now.
    Pay(Channel),
    /// Wait until this time.
    Wait(Timestamp),
    /// End the notification with this status and reason.
    Finish(Status, Option<Reason>),
}

impl Step<'_> {
    /// Returns `true` if the step calls a provider.
    #[must_use]
    pub const fn is_attempt(&self) -> bool {
        matches!(self, Self::Push(_) | Self::Pay(_))
    }
}

/// Inputs of the escalation policy beside the notification itself.
#[derive(Debug, Clone, Copy)]
pub struct Ladder<'a> {
    /// Rules of the type that are in force now.
    pub rules: TypeRules,
    /// The recipient, unless erased.
    pub recipient: Option<&'a Recipient>,
    /// Channels that cannot reach this recipient, such as SMS to a country that is not allowed.
    pub impossible: &'a BTreeSet<Channel>,
    /// Channels that a budget refused.
    pub unaffordable: &'a BTreeSet<Channel>,
    /// Hosts whose breaker is open, each with the time until which it is skipped.
    pub barred: &'a Bars,
    /// `true` if the kill switch turned version 2 off.
    pub killed: bool,
    /// `true` if a provider accepted a newer message of the same topic.
    pub superseded: bool,
}

impl<'a> Ladder<'a> {
    /// Returns the next step for `notification`.
    #[must_use]
    pub fn next_step(&self, notification: &Notification, now: Timestamp) -> Step<'a> {
        if notification.engagement.is_delivered() {
            return Step::Finish(Status::Delivered, None);
        }
        let over = |status, reason| settled(notification).unwrap_or(Step::Finish(status, Some(reason)));
        let Some(recipient) = self.recipient else {
            return over(Status::Skipped, Reason::UnknownRecipient);
        };
        if now >= notification.lives_until {
            return over(Status::Expired, Reason::Lifetime);
        }
        if self.superseded {
            return over(Status::Skipped, Reason::Superseded);
        }
        match notification.version {
            Some(Version::V2) if self.killed => over(Status::Skipped, Reason::Rollout),
            // A gate checked the opt-out before the first attempt. An attempt hours later checks again.
            Some(_) if !recipient.wants_type(notification.type_id.as_str()) => over(Status::Skipped, Reason::OptedOut),
            Some(Version::V2) => self.climb(notification, recipient, now),
            Some(Version::V1) | None => one_plain_push(notification, recipient, now),
        }
    }

    fn climb(&self, notification: &Notification, recipient: &'a Recipient, now: Timestamp) -> Step<'a> {
        // Earliest time at which a skipped channel can be tried. A channel is skipped only while another one remains.
        let mut barred: Option<Timestamp> = None;
        let sooner = |at: Timestamp, barred: Option<Timestamp>| barred.map_or(at, |barred| barred.min(at));
        for (rung, channel) in notification.channels.iter().enumerate().skip(reached_so_far(notification)) {
            match self.past_breaker(
                *channel,
                self.on_channel(*channel, notification, recipient, now),
                notification,
                now,
            ) {
                Rung::Try(Step::Wait(at)) => return Step::Wait(sooner(at, barred)),
                Rung::Try(step) => return step,
                Rung::Passed => {}
                Rung::Barred(until) => {
                    barred = Some(sooner(until, barred));
                    let patient_until = self.patient_until(notification, now).filter(|_| *channel == Channel::Push);
                    if let Some(patient_until) = patient_until {
                        return Step::Wait(sooner(patient_until, barred));
                    }
                }
                Rung::Reached(ended_ms) => {
                    let proof_by = self.rules.escalate_after.and_then(|after| plus(ended_ms, after));
                    let higher = &notification.channels[rung + 1..];
                    match proof_by {
                        Some(proof_by) if higher.iter().any(|next| self.may_reach(*next, recipient)) => {
                            if now < proof_by {
                                return Step::Wait(proof_by);
                            }
                        }
                        _ => return self.top_of(notification),
                    }
                }
                Rung::Lost => return Step::Finish(Status::Uncertain, Some(Reason::OutcomeUnknown)),
            }
        }
        barred.map_or_else(|| self.top_of(notification), Step::Wait)
    }

    /// Applies the provider's breaker to a paid call, present or planned.
    ///
    /// If an earlier attempt on this channel is uncertain, the notification waits until the breaker allows a call. No
    /// other channel is paid meanwhile.
    fn past_breaker(&self, channel: Channel, rung: Rung<'a>, notification: &Notification, now: Timestamp) -> Rung<'a> {
        let barred = self.barred.get(&Host::paid(channel)).copied();
        let Some(until) = barred.filter(|until| *until > now && channel.is_paid()) else { return rung };
        let until = match rung {
            Rung::Try(Step::Pay(_)) => until,
            Rung::Try(Step::Wait(at)) => until.max(at),
            other => return other,
        };
        let unknown = |attempt: &Attempt| attempt.outcome == AttemptOutcome::Uncertain;
        if notification.attempts_on(channel).any(unknown) {
            return Rung::Try(Step::Wait(until));
        }
        Rung::Barred(until)
    }

    fn on_channel(&self, channel: Channel, notification: &Notification, to: &'a Recipient, now: Timestamp) -> Rung<'a> {
        let tried = || notification.attempts_on(channel);
        if let Some(taken) = tried().find(|attempt| attempt.outcome == AttemptOutcome::Accepted) {
            return Rung::Reached(taken.ended_ms());
        }
        if channel == Channel::Push {
            return self.on_push(notification, to, now);
        }
        let lost = tried().filter(|attempt| attempt.outcome == AttemptOutcome::Uncertain).count();
        // Result if this channel cannot be tried: the next channel, unless an uncertain attempt may have reached the
        // recipient.
        let otherwise = match (lost, self.rules.on_uncertain) {
            (0, _) => Rung::Passed,
            (1, OnUncertain::Repeat) => Rung::Lost,
            (_, OnUncertain::Next) => return Rung::Passed,
            _ => return Rung::Lost,
        };
        if !self.may_reach(channel, to) || self.unaffordable.contains(&channel) {
            return otherwise;
        }
        match tried().next_back() {
            None => Rung::Try(Step::Pay(channel)),
            Some(last) => match self.again_at(last, tried().count(), notification) {
                Some(at) if at > now => Rung::Try(Step::Wait(at)),
                Some(_) => Rung::Try(Step::Pay(channel)),
                None => otherwise,
            },
        }
    }

    /// Returns the time at which an attempt may be repeated.
    ///
    /// Returns `None` if the attempt may not be repeated or its tries are spent. The same holds if the time falls at
    /// or past the end of the lifetime. Then the next channel is tried at once.
    pub(super) fn again_at(&self, last: &Attempt, made: usize, notification: &Notification) -> Option<Timestamp> {
        if u32::try_from(made).is_ok_and(|made| made >= self.tries_on(last.channel, notification)) {
            return None;
        }
        let repeats = last.outcome == AttemptOutcome::Uncertain && self.rules.on_uncertain == OnUncertain::Repeat;
        let at_ms = if repeats { last.at_ms } else { last.retry_at_ms()? };
        Timestamp::from_millisecond(at_ms).ok().filter(|at| *at < notification.lives_until)
    }

    /// Returns the number of tries on a channel: the type's own number while a later channel could still be tried.
    ///
    /// Otherwise the number is [`TIMES_ON_THE_LAST`] times as large.
    fn tries_on(&self, channel: Channel, notification: &Notification) -> u32 {
        let mut later = notification.channels.iter().skip_while(|each| **each != channel).skip(1);
        let reaches = |next: &Channel| self.recipient.is_some_and(|to| self.may_reach(*next, to));
        let may_follow = later.any(|next| reaches(next) && !self.unaffordable.contains(next));
        let times = if may_follow { 1 } else { TIMES_ON_THE_LAST };
        self.rules.tries.saturating_mul(times)
    }

    /// Returns `true` if the recipient has an address on the channel, agrees to the channel, and can be reached
    /// there.
    #[must_use]
    pub fn may_reach(&self, channel: Channel, recipient: &Recipient) -> bool {
        recipient.reachable_on(channel) && !self.impossible.contains(&channel)
    }

    fn top_of(&self, notification: &Notification) -> Step<'a> {
        if let Some(end) = settled(notification) {
            return end;
        }
        if notification.channels.iter().any(|channel| self.unaffordable.contains(channel)) {
            return Step::Finish(Status::Skipped, Some(Reason::Budget));
        }
        failed(notification)
    }
}

/// State of one channel in the escalation.
pub(super) enum Rung<'a> {
    /// A step, or a wait, on this channel.
    Try(Step<'a>),
    /// Nothing more to do on this channel; continue with the next one.
    Passed,
    /// Nothing to do on this channel before this time: a breaker is open, or push is waited for.
    Barred(Timestamp),
    /// A provider accepted the message; the attempt ended at this time, in milliseconds since the epoch.
    Reached(i64),
    /// The outcome of a paid send is uncertain, and the type's rules stop here.
    Lost,
}

/// Returns the index of the last channel with an accepted or uncertain attempt, or 0.
///
/// Earlier channels are not tried any more, even if a breaker that was open there allows calls by now.
fn reached_so_far(notification: &Notification) -> usize {
    let took = |attempt: &Attempt| matches!(attempt.outcome, AttemptOutcome::Accepted | AttemptOutcome::Uncertain);
    notification.channels.iter().rposition(|channel| notification.attempts_on(*channel).any(took)).unwrap_or(0)
}

fn settled<'a>(notification: &Notification) -> Option<Step<'a>> {
    notification.settled().map(|(status, reason)| Step::Finish(status, reason))
}

/// Version 1: one push to the newest device. Any outcome but `Accepted` ends as `failed`.
fn one_plain_push<'a>(notification: &Notification, recipient: &'a Recipient, now: Timestamp) -> Step<'a> {
    if notification.first_accepted().is_some() {
        return Step::Finish(Status::Accepted, None);
    }
    // A notification that began as version 2 may have been requested without the channel push.
    let may_push = notification.channels.contains(&Channel::Push) && recipient.reachable_on(Channel::Push);
    match recipient.devices.iter().filter(|device| device.is_live(now)).max_by_key(|device| device.created_at) {
        Some(newest) if notification.attempts.is_empty() && may_push => Step::Push(vec![newest]),
        _ => failed(notification),
    }
}

fn failed<'a>(notification: &Notification) -> Step<'a> {
    let reason = match last_channels_best(notification) {
        None => return Step::Finish(Status::Skipped, Some(Reason::NoChannel)),
        Some(AttemptOutcome::Gone) => Reason::Gone,
        Some(AttemptOutcome::RetryLater) => Reason::RetriesSpent,
        Some(_) => Reason::Rejected,
    };
    Step::Finish(Status::Failed, Some(reason))
}

/// Returns the best final outcome of all devices on the last tried channel.
fn last_channels_best(notification: &Notification) -> Option<AttemptOutcome> {
    let tried: Vec<_> = notification.attempts_on(notification.attempts.last()?.channel).collect();
    let is_last =
        |(place, attempt): &(usize, &&Attempt)| tried[place + 1..].iter().all(|later| later.device != attempt.device);
    tried.iter().enumerate().filter(is_last).map(|(_, attempt)| attempt.outcome).min()
}

fn plus(ended_ms: i64, after: SignedDuration) -> Option<Timestamp> {
    Timestamp::from_millisecond(ended_ms).ok()?.checked_add(after).ok()
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
