//! Rules of the push channel: the devices that are pushed to now, and the time of the next push.

use jiff::Timestamp;

use super::channel_state::ChannelState;
use super::step::Step;
use domain::breaker::{Host, OpenCircuits};
use domain::channel::Channel;
use domain::notification::{Attempt, AttemptOutcome, Notification};
use domain::recipient::{Device, Recipient};

/// Rules of the push channel for one notification at `now`.
pub(super) struct PushRules<'p> {
    pub(super) open_circuits: &'p OpenCircuits,
    /// Time until which a paid call waits for a failing push service.
    pub(super) wait_end: Option<Timestamp>,
    /// Returns the time of the next try, given the last attempt and the number of tries that count.
    pub(super) next_try_at: &'p dyn Fn(&Attempt, usize) -> Option<Timestamp>,
    pub(super) now: Timestamp,
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
    pub(super) fn state<'a>(&self, notification: &Notification, recipient: &'a Recipient) -> ChannelState<'a> {
        let living = || recipient.devices.iter().filter(|device| device.is_live(self.now));
        let candidates: Vec<_> = living().filter_map(|device| self.candidate(device, notification)).collect();
        let ready = candidates.iter().filter(|one| one.skipped_until.is_none() && one.at <= self.now);
        let ready: Vec<_> = ready.map(|one| one.device).collect();
        let soonest = candidates.iter().map(Candidate::callable_at).min();
        let are_all_skipped = candidates.iter().all(|one| one.skipped_until.is_some());
        match (soonest, self.wait_end) {
            _ if !ready.is_empty() => ChannelState::Attempt(Step::Push(ready)),
            (Some(soonest), _) if !are_all_skipped => ChannelState::WaitUntil(soonest),
            (Some(soonest), None) => ChannelState::SkippedUntil(soonest),
            // A paid channel waits for the push service.
            (Some(soonest), Some(wait_end)) => ChannelState::WaitUntil(soonest.min(wait_end)),
            (None, Some(wait_end)) if living().any(|device| must_retry(device, notification)) => {
                ChannelState::WaitUntil(wait_end)
            }
            (None, _) => ChannelState::Exhausted,
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
