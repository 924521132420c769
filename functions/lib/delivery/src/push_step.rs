//! Push channel of the escalation policy: which devices are tried now, which later, and when push is waited for.

use jiff::Timestamp;

use super::step::{Ladder, Rung, Step};
use domain::breaker::Host;
use domain::channel::Channel;
use domain::notification::{Attempt, AttemptOutcome, Notification};
use domain::recipient::{Device, Recipient};

/// A device that may be tried.
struct Candidate<'a> {
    device: &'a Device,
    /// Earliest time of its next try.
    at: Timestamp,
    /// Time until which the host's open breaker, or the device's own rest, forbids a call.
    barred: Option<Timestamp>,
}

impl<'a> Ladder<'a> {
    /// Selects the devices to push to.
    ///
    /// The first round goes to every device; a retry goes only to devices that answered "retry later". A device is
    /// skipped while its host's breaker is open or the device rests.
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

    /// Returns the time until which a push service in trouble is waited for before a paid call.
    ///
    /// Returns `None` if that time has passed, or if the type sets no `wait_for_push`.
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
            // An open breaker left this device out of the first round. A device that was registered later is not a
            // target.
            None => {
                let first = notification.attempts_on(Channel::Push).next();
                first.is_none_or(|first| device.created_at.as_millisecond() <= first.at_ms).then_some(now)?
            }
            // While a push service in trouble is waited for, "retry later" does not use up tries.
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
