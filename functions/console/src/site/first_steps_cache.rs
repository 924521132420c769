//! First steps of a new stack that this process has seen done.
//!
//! A step that was done stays done, so the figures of 90 days are read only while one is open, and not at every
//! refresh.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Time after which the figures of 90 days are read again while a step is open. The figures of 30 days are read anyway.
const READ_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// First steps that figures show as done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FirstStepsDone {
    /// A push was attempted, so a device is registered.
    pub device: bool,
    /// SES accepted an e-mail.
    pub mail: bool,
    /// A notification was sent.
    pub send: bool,
}

impl FirstStepsDone {
    /// Returns the steps that either has.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self { device: self.device || other.device, mail: self.mail || other.mail, send: self.send || other.send }
    }

    /// Returns `true` if no step is open.
    #[must_use]
    pub const fn are_all(self) -> bool {
        self.device && self.mail && self.send
    }
}

/// Steps that this process has seen done, and the time at which the figures of 90 days were read.
#[derive(Debug, Default)]
pub struct FirstStepsCache(Mutex<(FirstStepsDone, Option<Timestamp>)>);

impl FirstStepsCache {
    /// Adds the steps that figures show. Returns all that are known, and `true` if the figures of 90 days are to be
    /// read.
    pub fn seen(&self, steps: FirstStepsDone, now: Timestamp) -> (FirstStepsDone, bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.0 = known.0.or(steps);
        let is_old = known.1.is_none_or(|at| now.duration_since(at) >= READ_AGAIN_AFTER);
        let is_due = is_old && !known.0.are_all();
        if is_due {
            known.1 = Some(now);
        }
        (known.0, is_due)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_long_figures_are_read_while_a_step_is_open_and_not_at_every_refresh() {
        let (seen, now): (_, Timestamp) = (FirstStepsCache::default(), "2026-11-29T12:00:00Z".parse().unwrap());
        let device = FirstStepsDone { device: true, ..FirstStepsDone::default() };
        assert_eq!(seen.seen(device, now), (device, true));
        assert_eq!(seen.seen(FirstStepsDone::default(), now + SignedDuration::from_secs(10)), (device, false));
        assert_eq!(seen.seen(FirstStepsDone::default(), now + READ_AGAIN_AFTER), (device, true));
        let rest = FirstStepsDone { device: false, mail: true, send: true };
        let later = now + SignedDuration::from_hours(1);
        assert_eq!(seen.seen(rest, later), (device.or(rest), false));
    }
}
