//! What a pass may touch, decided from moments alone.

use jiff::{SignedDuration, Timestamp};

use domain::notification::{Notification, Reason, Status};
use store::SweptDevice;

/// Long enough for anything under way to end: a request, a lease, clocks that differ.
const GRACE: SignedDuration = SignedDuration::from_hours(1);

/// The moments before which things may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoffs {
    /// Devices whose browser said they would end before.
    pub expired_before: Timestamp,
    /// Devices that did not register since.
    pub unused_since: Timestamp,
    /// Leftovers and stuck work from before: what is newer may still be under way.
    pub settled_before: Timestamp,
}

impl Cutoffs {
    /// The cutoffs of a pass at `now` when unused devices are kept for so many days.
    #[must_use]
    pub fn at(now: Timestamp, device_unused_days: u32) -> Self {
        let before = |time| now.checked_sub(time).unwrap_or(Timestamp::MIN);
        Self {
            expired_before: now,
            unused_since: before(SignedDuration::from_hours(24 * i64::from(device_unused_days))),
            settled_before: before(GRACE),
        }
    }

    /// Whether a device without a profile is what a cut-short erasure left, and not one that is being registered.
    #[must_use]
    pub fn is_settled(&self, device: &SweptDevice) -> bool {
        device.created_at < self.settled_before
    }
}

/// Ends a notification that nobody finished in its lifetime; whether it was such a one. A paid call that was begun and never
/// recorded ends as what it is, uncertain, what a provider took as accepted, and what was confirmed as delivered.
pub fn end_if_stuck(notification: &mut Notification, cutoffs: &Cutoffs, now: Timestamp) -> bool {
    let rests =
        notification.status.is_final() || notification.next_action_at.is_none_or(|at| at >= cutoffs.settled_before);
    if rests || notification.lives_until >= cutoffs.settled_before {
        return false;
    }
    notification.record_lost();
    let (status, reason) = notification.settled().unwrap_or((Status::Expired, Some(Reason::Lifetime)));
    notification.finish(status, reason, now);
    true
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
