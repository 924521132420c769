//! Quota of retries, so that many failing calls do not each make all their attempts. It is that of the SDK's standard
//! mode: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>.

use std::sync::atomic::{AtomicU32, Ordering};

/// Tokens of a full quota.
const FULL: u32 = 500;
/// Tokens of a retry. A call that succeeds after retries returns those of its last one.
const RETRY: u32 = 5;

/// Tokens that are left.
#[derive(Debug)]
pub(super) struct RetryQuota(AtomicU32);

impl Default for RetryQuota {
    fn default() -> Self {
        Self(AtomicU32::new(FULL))
    }
}

impl RetryQuota {
    /// Takes the tokens of a retry. Returns false if too few are left.
    pub(super) fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(RETRY)).is_ok()
    }

    /// Returns tokens after a success in attempt number `made` (from 1).
    pub(super) fn refund(&self, made: u32) {
        if self.0.load(Ordering::Relaxed) < FULL {
            let returned = if made > 1 { RETRY } else { 1 };
            let refunded = |left: u32| Some(left.saturating_add(returned).min(FULL));
            // The closure always returns a value.
            _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, refunded);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_retries_empty_the_quota_and_successes_fill_it_again() {
        let quota = RetryQuota::default();
        assert_eq!((0..200).filter(|_| quota.take()).count(), 100);
        (0..4).for_each(|_| quota.refund(1));
        assert!(!quota.take());
        quota.refund(1);
        assert!(quota.take() && !quota.take());
        quota.refund(2);
        assert!(quota.take());
        (0..1_000).for_each(|_| quota.refund(2));
        assert_eq!((0..200).filter(|_| quota.take()).count(), 100);
    }
}
