//! The decision of the cascade: given a notification, its recipient and the time, what comes next?
//!
//! Pure, so every rule of the ladder can be read and tested here. [`super::advance`] carries the answer out.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use domain::breaker::{Bars, Host};
use domain::channel::Channel;
use domain::notification::{Attempt, AttemptOutcome, Notification, Reason, Status};
use domain::recipient::{Device, Recipient};
use domain::rollout::Version;
use domain::{OnUncertain, Rules};

/// How many times as often the last channel that is left is tried while it answers "later": there is nothing to fall back to,
/// and as the waits double, a quarter of an hour of trouble is sat out.
const TIMES_ON_THE_LAST: u32 = 3;

/// What comes next for a notification.
#[derive(Debug, PartialEq)]
pub enum Step<'a> {
    /// Push to these devices now, all at once.
    Push(Vec<&'a Device>),
    /// Claim this paid channel and send on it now.
    Pay(Channel),
    /// Nothing to do before this time.
    Wait(Timestamp),
    /// It is over.
    Finish(Status, Option<Reason>),
}

impl Step<'_> {
    /// Whether a provider is to be called.
    #[must_use]
    pub const fn is_attempt(&self) -> bool {
        matches!(self, Self::Push(_) | Self::Pay(_))
    }
}

/// What the ladder must know beside the notification itself.
#[derive(Debug, Clone, Copy)]
pub struct Ladder<'a> {
    /// The type's rules as they are in force now.
    pub rules: Rules,
    /// The recipient, unless erased.
    pub recipient: Option<&'a Recipient>,
    /// Channels that can't reach this recipient whatever is tried: a phone in a country that is not allowed.
    pub impossible: &'a BTreeSet<Channel>,
    /// Channels the budget refused.
    pub unaffordable: &'a BTreeSet<Channel>,
    /// Hosts whose breaker is open, and until when each is passed over.
    pub barred: &'a Bars,
    /// Whether version 2 is switched off altogether.
    pub killed: bool,
    /// Whether a provider took a newer message of its topic.
    pub superseded: bool,
}

impl<'a> Ladder<'a> {
    /// What comes next for `notification`.
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
            // The gate asked before the first attempt; what is tried hours later asks again.
            Some(_) if !recipient.wants_type(notification.kind.name) => over(Status::Skipped, Reason::OptedOut),
            Some(Version::V2) => self.climb(notification, recipient, now),
            Some(Version::V1) | None => one_plain_push(notification, recipient, now),
        }
    }

    fn climb(&self, notification: &Notification, recipient: &'a Recipient, now: Timestamp) -> Step<'a> {
        // Until when breakers stand in the way further down: a channel is passed over only while another remains.
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
                    let proof_by = notification.kind.escalate_after.and_then(|after| plus(ended_ms, after));
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

    /// A paid call, now or later, that the provider's breaker does not let through. One that is to be repeated since it may have
    /// reached the person is waited for: nothing else is paid meanwhile.
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
        // Where it cannot go on: to the next channel, unless something on this one may have reached the person already.
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

    /// When an attempt may be repeated; `None` when it may not, its tries are spent, or it would not live to see it: then the
    /// next channel gets its chance at once.
    pub(super) fn again_at(&self, last: &Attempt, made: usize, notification: &Notification) -> Option<Timestamp> {
        if u32::try_from(made).is_ok_and(|made| made >= self.tries_on(last.channel, notification)) {
            return None;
        }
        let repeats = last.outcome == AttemptOutcome::Uncertain && self.rules.on_uncertain == OnUncertain::Repeat;
        let at_ms = if repeats { last.at_ms } else { last.retry_at_ms()? };
        Timestamp::from_millisecond(at_ms).ok().filter(|at| *at < notification.lives_until)
    }

    /// The type's own number while a later channel could still reach the recipient.
    fn tries_on(&self, channel: Channel, notification: &Notification) -> u32 {
        let mut later = notification.channels.iter().skip_while(|each| **each != channel).skip(1);
        let reaches = |next: &Channel| self.recipient.is_some_and(|to| self.may_reach(*next, to));
        let may_follow = later.any(|next| reaches(next) && !self.unaffordable.contains(next));
        let times = if may_follow { 1 } else { TIMES_ON_THE_LAST };
        self.rules.tries.saturating_mul(times)
    }

    /// Whether this recipient has, and agrees to, an address on the channel.
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

/// Where the ladder stands on one channel.
pub(super) enum Rung<'a> {
    /// There is something to do, or to wait for, here.
    Try(Step<'a>),
    /// Nothing more here; go on.
    Passed,
    /// There would be something to do, but not before this time: a breaker is open, or a push service in trouble is waited
    /// for.
    Barred(Timestamp),
    /// A provider took it, at this time.
    Reached(i64),
    /// A paid send's outcome is unknown, and the type says to stop.
    Lost,
}

/// The highest rung on which somebody took the message, or may have: below it nothing is tried any more, although a breaker
/// that stood in the way there may let through by now.
fn reached_so_far(notification: &Notification) -> usize {
    let took = |attempt: &Attempt| matches!(attempt.outcome, AttemptOutcome::Accepted | AttemptOutcome::Uncertain);
    notification.channels.iter().rposition(|channel| notification.attempts_on(*channel).any(took)).unwrap_or(0)
}

fn settled<'a>(notification: &Notification) -> Option<Step<'a>> {
    notification.settled().map(|(status, reason)| Step::Finish(status, reason))
}

/// Version 1: the newest device, once; anything but `Accepted` is `failed`.
fn one_plain_push<'a>(notification: &Notification, recipient: &'a Recipient, now: Timestamp) -> Step<'a> {
    if notification.first_accepted().is_some() {
        return Step::Finish(Status::Accepted, None);
    }
    // What began as version 2 may have been asked for on other channels alone.
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

/// How the last channel ended: the best that any of its devices came to in the end.
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
