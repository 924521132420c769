//! Thresholds of the guard: the section `guard` of the settings parameter.

use platform::problem::FieldError;
use serde::{Deserialize, Serialize};

/// Thresholds of the guard. Operators may change each without a deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardSettings {
    /// Allows the guard to write the percentage. If `false`, the guard still evaluates, publishes alerts and reports
    /// its decision.
    pub enabled: bool,
    /// Error rate above which version 2 is switched off, in percent.
    pub off_percent: u32,
    /// Error rate from which a step down is taken, in percent.
    pub step_percent: u32,
    /// Minimum sample to switch version 2 off.
    pub off_sample: u32,
    /// Minimum sample for a step down.
    pub step_sample: u32,
    /// Number of consecutive evaluations that must agree.
    pub evaluations: u32,
    /// Maximum age of the figures for error rates, in minutes.
    pub longest_window_minutes: u32,
    /// Maximum time for which a circuit breaker may be not CLOSED, in minutes.
    pub breaker_minutes: u32,
    /// Share of version 2's pushes from which the circuit breaker of a host counts, in percent.
    pub breaker_share_percent: u32,
    /// Time after a change of the percentage in which no step down is taken, in minutes. Switching off does not wait.
    pub cool_down_minutes: u32,
    /// Ratio of version 1's error rate to version 2's from which the provider is at fault, in percent.
    pub v1_no_better_percent: u32,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            off_percent: 20,
            step_percent: 10,
            off_sample: 50,
            step_sample: 100,
            evaluations: 2,
            longest_window_minutes: 15,
            breaker_minutes: 10,
            breaker_share_percent: 20,
            cool_down_minutes: 10,
            v1_no_better_percent: 67,
        }
    }
}

impl GuardSettings {
    /// Checks the values.
    ///
    /// # Errors
    /// A sentence for the operator, which names the field.
    pub fn check(&self) -> Result<(), FieldError> {
        let ranges = [
            ("guard.off_percent", self.off_percent, 1..=100, "must be 1 to 100"),
            ("guard.step_percent", self.step_percent, 1..=100, "must be 1 to 100"),
            ("guard.step_percent", self.step_percent, 1..=self.off_percent, "must not be above guard.off_percent"),
            ("guard.off_sample", self.off_sample, 10..=100_000, "must be 10 to 100,000"),
            ("guard.step_sample", self.step_sample, 10..=100_000, "must be 10 to 100,000"),
            ("guard.evaluations", self.evaluations, 1..=10, "must be 1 to 10"),
            ("guard.longest_window_minutes", self.longest_window_minutes, 1..=60, "must be 1 to 60"),
            ("guard.breaker_minutes", self.breaker_minutes, 1..=60, "must be 1 to 60"),
            ("guard.breaker_share_percent", self.breaker_share_percent, 1..=100, "must be 1 to 100"),
            ("guard.v1_no_better_percent", self.v1_no_better_percent, 1..=100, "must be 1 to 100"),
            ("guard.cool_down_minutes", self.cool_down_minutes, 0..=1_440, "must be at most 1,440"),
        ];
        let outside = ranges.into_iter().find(|(_, value, range, _)| !range.contains(value));
        outside.map_or(Ok(()), |(field, _, _, message)| Err(FieldError::new(field, message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_thresholds_make_sense_and_others_are_named() {
        assert_eq!(GuardSettings::default().check(), Ok(()));
        let bad = [
            GuardSettings { off_percent: 0, ..GuardSettings::default() },
            GuardSettings { step_percent: 21, ..GuardSettings::default() },
            GuardSettings { off_sample: 9, ..GuardSettings::default() },
            GuardSettings { evaluations: 0, ..GuardSettings::default() },
            GuardSettings { longest_window_minutes: 61, ..GuardSettings::default() },
            GuardSettings { v1_no_better_percent: 101, ..GuardSettings::default() },
            GuardSettings { cool_down_minutes: 1_441, ..GuardSettings::default() },
        ];
        assert!(bad.iter().all(|settings| settings.check().is_err_and(|why| why.field.starts_with("guard."))));
    }
}
