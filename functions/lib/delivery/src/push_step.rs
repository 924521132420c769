//! The rung of web push: which devices now, which later, and whether a push service in trouble is waited for.

use jiff::Timestamp;

use super::step::{Ladder, Rung, Step};
use domain::breaker::Host;
use domain::channel::Channel;
use domain::notification::{Attempt, AttemptOutcome, Notification};
use domain::recipient::{Device, Recipient};

/// A device that may be tried.
struct Candidate<'a> {
    device: &'a Device,
    /// When its turn is.
    at: Timestamp,
    /// Until when its push service's breaker, or its own rest, is in the way.
    barred: Option<Timestamp>,
}

impl<'a> Ladder<'a> {
    /// The first round goes to every device, a retry only to those that said "later". Those whose push service's breaker is
    /// open, or asked for this one device to be left alone, are left until that is over.
    pub(super) fn on_push(&self, notification: &Notification, recipient: &'a Recipient, now: Timestamp) -> Rung<'a> {
        if !self.may_reach(Channel::Push, recipient) {
            return Rung::Passed;
        }
        let patient_until = self.patient_until(notification, now);
        let living = || recipient.devices.iter().filter(|device| device.is_live(now));
        let candidates: Vec<_> =
            living().filter_map(|device| self.candidate(device, notification, now, patient_until)).collect();
        let ready = candidates.iter().filter(|one| one.barred.is_none() && one.at <= now);
        let ready: Vec<_> = ready.map(|one| one.device).collect();
        let turn = |one: &Candidate<'_>| one.barred.map_or(one.at, |barred| barred.max(one.at));
        match candidates.iter().map(turn).min() {
            _ if !ready.is_empty() => Rung::Try(Step::Push(ready)),
            Some(soonest) if candidates.iter().any(|one| one.barred.is_none()) => Rung::Try(Step::Wait(soonest)),
            Some(soonest) => Rung::Barred(soonest),
            None => match patient_until {
                Some(until) if living().any(|device| said_later(device, notification)) => Rung::Barred(until),
                _ => Rung::Passed,
            },
        }
    }

    /// Until when a push service in trouble is waited for before anything is paid; `None` when that is over, or the type does
    /// not ask for it.
    pub(super) fn patient_until(&self, notification: &Notification, now: Timestamp) -> Option<Timestamp> {
        let until = notification.due_at.checked_add(self.rules.wait_for_push?).ok()?;
        (now < until).then_some(until)
    }

    fn candidate(
        &self,
        device: &'a Device,
        notification: &Notification,
        now: Timestamp,
        patient_until: Option<Timestamp>,
    ) -> Option<Candidate<'a>> {
        let tried = || attempts_of(device, notification);
        let at = match tried().next_back() {
            // Left out of the first round by its breaker. One that was registered since then was never meant.
            None => {
                let first = notification.attempts_on(Channel::Push).next();
                first.is_none_or(|first| device.created_at.as_millisecond() <= first.at_ms).then_some(now)?
            }
            // While a push service in trouble is waited for, "later" does not spend tries.
            Some(last) => {
                let within_patience = |at: &Timestamp| patient_until.is_some_and(|until| *at < until);
                self.again_at(last, tried().count(), notification)
                    .or_else(|| self.again_at(last, 0, notification).filter(within_patience))?
            }
        };
        let barred = self.barred.get(&Host::of_device(device)).copied().filter(|until| *until > now);
        let barred = barred.max(device.resting_until(now));
        Some(Candidate { device, at, barred })
    }
}

fn attempts_of<'n>(device: &Device, notification: &'n Notification) -> impl DoubleEndedIterator<Item = &'n Attempt> {
    let of_device = move |attempt: &&Attempt| attempt.device.as_deref() == Some(device.device_id.as_str());
    notification.attempts_on(Channel::Push).filter(of_device)
}

fn said_later(device: &Device, notification: &Notification) -> bool {
    let last = attempts_of(device, notification).next_back();
    last.is_some_and(|last| last.outcome == AttemptOutcome::RetryLater)
}
