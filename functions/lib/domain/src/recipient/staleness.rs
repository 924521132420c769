//! When a device is no longer of use: always "older than a moment", never "of today", so that a day on which nothing looked
//! changes only when it is found.

use jiff::Timestamp;

/// Why a device is no longer of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale {
    /// Its browser said it would end before then.
    ExpiredBefore(Timestamp),
    /// It neither registered again nor sent a receipt since then.
    UnusedSince(Timestamp),
}

/// What a sweep sees of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceAge {
    /// When it last registered or sent a receipt.
    pub last_used_at: Timestamp,
    /// When its browser said it ends.
    pub expires_at: Option<Timestamp>,
}

impl DeviceAge {
    /// Whether, and why, the device may go. A moment equal to its cutoff may not.
    #[must_use]
    pub fn stale(self, expired_before: Timestamp, unused_since: Timestamp) -> Option<Stale> {
        if self.expires_at.is_some_and(|at| at < expired_before) {
            Some(Stale::ExpiredBefore(expired_before))
        } else if self.last_used_at < unused_since {
            Some(Stale::UnusedSince(unused_since))
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
        assert_eq!(stale(age(499, None)), Some(Stale::UnusedSince(at(500))));
        assert_eq!(stale(age(900, Some(1_000))), None);
        assert_eq!(stale(age(900, Some(999))), Some(Stale::ExpiredBefore(at(1_000))));
        assert_eq!(stale(age(1, Some(1))), Some(Stale::ExpiredBefore(at(1_000))));
    }
}
