//! Rules for devices that are no longer used. Each rule is "older than a cutoff", not "on this day". So a day without a
//! cleanup only delays the deletion.

use jiff::Timestamp;

/// Reason why a device is no longer used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleReason {
    /// The subscription ended before this time, as its browser reported.
    ExpiredBefore(Timestamp),
    /// The device has neither registered again nor sent a receipt since this time.
    UnusedSince(Timestamp),
}

/// Data of a device that cleanup checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceAge {
    /// Time of the last registration or receipt.
    pub last_used_at: Timestamp,
    /// Time at which the subscription ends, as the browser reported it.
    pub expires_at: Option<Timestamp>,
}

impl DeviceAge {
    /// Returns the reason why the device may be deleted; `None` if it may not. A time equal to its cutoff is not older.
    #[must_use]
    pub fn stale(self, expired_before: Timestamp, unused_since: Timestamp) -> Option<StaleReason> {
        if self.expires_at.is_some_and(|at| at < expired_before) {
            Some(StaleReason::ExpiredBefore(expired_before))
        } else if self.last_used_at < unused_since {
            Some(StaleReason::UnusedSince(unused_since))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn only_what_is_older_than_its_cutoff_is_stale() {
        let age =
            |last_used, expires: Option<i64>| DeviceAge { last_used_at: at(last_used), expires_at: expires.map(at) };
        let stale = |age: DeviceAge| age.stale(at(1_000), at(500));
        assert_eq!(stale(age(500, None)), None);
        assert_eq!(stale(age(499, None)), Some(StaleReason::UnusedSince(at(500))));
        assert_eq!(stale(age(900, Some(1_000))), None);
        assert_eq!(stale(age(900, Some(999))), Some(StaleReason::ExpiredBefore(at(1_000))));
        assert_eq!(stale(age(1, Some(1))), Some(StaleReason::ExpiredBefore(at(1_000))));
    }
}
