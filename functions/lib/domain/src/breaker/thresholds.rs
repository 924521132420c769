//! Thresholds and open periods of breakers: the section `breaker` of the settings.

use platform::problem::FieldError;
use serde::{Deserialize, Serialize};

/// Values that an operator can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Minimum number of attempts within the window: 1 to 10,000.
    pub min_attempts: u32,
    /// Share of failures from which the breaker opens, in percent: 1 to 100.
    pub failure_percent: u32,
    /// Length of the window in which attempts count: 10 to 120 s.
    pub window_seconds: u32,
    /// Time from opening to the first probe: 10 to 600 s. It is longer than any call. So a call that began before the
    /// breaker opened has ended when it closes.
    pub open_seconds: u32,
    /// Maximum of the open period, which doubles with each failed probe: `open_seconds` to 3,600 s.
    pub max_open_seconds: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { min_attempts: 20, failure_percent: 50, window_seconds: 60, open_seconds: 30, max_open_seconds: 300 }
    }
}

impl Thresholds {
    /// Checks that every value is within its range.
    ///
    /// # Errors
    /// Returns a sentence about the first value that is out of its range.
    pub fn check(&self) -> Result<(), FieldError> {
        let within = |range: std::ops::RangeInclusive<u32>, value: u32| range.contains(&value);
        if !within(1..=10_000, self.min_attempts) {
            return Err(FieldError::new("breaker.min_attempts", "must be from 1 to 10,000"));
        }
        if !within(1..=100, self.failure_percent) {
            return Err(FieldError::new("breaker.failure_percent", "must be from 1 to 100"));
        }
        if !within(10..=120, self.window_seconds) {
            return Err(FieldError::new("breaker.window_seconds", "must be from 10 to 120"));
        }
        if !within(10..=600, self.open_seconds) {
            return Err(FieldError::new("breaker.open_seconds", "must be from 10 to 600"));
        }
        if !within(self.open_seconds..=3_600, self.max_open_seconds) {
            return Err(FieldError::new("breaker.max_open_seconds", "must be from open_seconds to 3,600"));
        }
        Ok(())
    }

    /// Returns the length of the window, in milliseconds.
    #[must_use]
    pub fn window_ms(&self) -> i64 {
        i64::from(self.window_seconds) * 1_000
    }

    /// Returns the maximum time that a provider's own request can keep a host open before a probe, in milliseconds.
    #[must_use]
    pub fn longest_ms(&self) -> u64 {
        u64::from(self.max_open_seconds) * 1_000
    }

    /// Returns the next open period, in milliseconds: twice `last_ms` within the limits. `last_ms` is 0 if the
    /// breaker was not open before.
    #[must_use]
    pub fn open_ms(&self, last_ms: i64) -> i64 {
        let first_ms = i64::from(self.open_seconds) * 1_000;
        last_ms.saturating_mul(2).max(first_ms).min(i64::from(self.max_open_seconds) * 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_time_doubles_from_30_seconds_to_5_minutes() {
        let thresholds = Thresholds::default();
        let mut open_ms = 0;
        let mut times = Vec::new();
        for _ in 0..6 {
            open_ms = thresholds.open_ms(open_ms);
            times.push(open_ms / 1_000);
        }
        assert_eq!(times, [30, 60, 120, 240, 300, 300]);
    }

    #[test]
    fn values_that_make_no_breaker_are_named() {
        let usual = Thresholds::default();
        assert_eq!(usual.check(), Ok(()));
        for (bad, name) in [
            (Thresholds { min_attempts: 0, ..usual }, "min_attempts"),
            (Thresholds { failure_percent: 0, ..usual }, "failure_percent"),
            (Thresholds { failure_percent: 101, ..usual }, "failure_percent"),
            (Thresholds { window_seconds: 9, ..usual }, "window_seconds"),
            (Thresholds { window_seconds: 121, ..usual }, "window_seconds"),
            (Thresholds { open_seconds: 9, ..usual }, "open_seconds"),
            (Thresholds { max_open_seconds: 29, ..usual }, "max_open_seconds"),
            (Thresholds { max_open_seconds: 3_601, ..usual }, "max_open_seconds"),
        ] {
            assert!(bad.check().is_err_and(|why| why.field.contains(name)), "{bad:?}");
        }
    }
}
