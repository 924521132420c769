//! Cutoffs of a pass, and the rule that ends stuck notifications. Both depend on times only.

use jiff::{SignedDuration, Timestamp};

use domain::notification::{Notification, Reason, Status};

/// Period after which any work in progress has ended: a request, a lease, and clock skew.
const GRACE: SignedDuration = SignedDuration::from_hours(1);

/// The times before which items may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoffs {
    /// Devices whose subscription expires before this time are removed.
    pub expired_before: Timestamp,
    /// Devices without any use since this time (a registration or a receipt) are removed.
    pub unused_since: Timestamp,
    /// Leftovers and stuck notifications are handled if they are older than this time. Newer ones may still be in
    /// progress.
    pub settled_before: Timestamp,
}

impl Cutoffs {
    /// Returns the cutoffs of a pass at `now`, if unused devices are kept for `device_unused_days`.
    #[must_use]
    pub fn at(now: Timestamp, device_unused_days: u32) -> Self {
        let before = |time| now.checked_sub(time).unwrap_or(Timestamp::MIN);
        Self {
            expired_before: now,
            unused_since: before(SignedDuration::from_hours(24 * i64::from(device_unused_days))),
            settled_before: before(GRACE),
        }
    }
}

/// Ends a notification that is still open after its lifetime; returns true if it was. A paid call that began and has no
/// recorded outcome ends as uncertain. If a provider accepted the message, the status is accepted; if the delivery is
/// proven, delivered.
pub fn end_if_stuck(notification: &mut Notification, cutoffs: &Cutoffs, now: Timestamp) -> bool {
    let is_waiting =
        notification.status().is_final() || notification.next_action_at().is_none_or(|at| at >= cutoffs.settled_before);
    if is_waiting || notification.lives_until() >= cutoffs.settled_before {
        return false;
    }
    notification.record_lost();
    let (status, reason) = notification.result_so_far().unwrap_or((Status::Expired, Some(Reason::Lifetime)));
    notification.finish(status, reason, now);
    true
}

#[cfg(test)]
#[path = "cutoffs_tests.rs"]
mod tests;
