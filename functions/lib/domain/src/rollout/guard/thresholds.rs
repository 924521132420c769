//! When the guard acts: the section `guard` of the settings parameter.

use serde::{Deserialize, Serialize};

/// The guard's thresholds. Ops may change each without a deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardSettings {
    /// Whether it may write the percentage; when not, it still judges, alerts and says what it would have done.
    pub enabled: bool,
    /// An error rate above this, in percent, switches version 2 off.
    pub off_percent: u32,
    /// An error rate of this or more, in percent, takes one step down.
    pub step_percent: u32,
    /// The sample that switching off needs.
    pub off_sample: u32,
    /// The sample that a step down needs.
    pub step_sample: u32,
    /// How many evaluations in a row must agree.
    pub evaluations: u32,
    /// How far back evidence may be looked for, in minutes.
    pub longest_window_minutes: u32,
    /// How long a breaker may be not CLOSED, in minutes.
    pub breaker_minutes: u32,
    /// The share of version 2's pushes, in percent, from which on a host's breaker matters.
    pub breaker_share_percent: u32,
    /// How long after a change of the percentage no step down is taken, in minutes. Switching off does not wait.
    pub cool_down_minutes: u32,
    /// From how many percent of version 2's error rate on version 1's shows that the fault is the provider's.
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
    /// What is wrong with the values, if anything is.
    ///
    /// # Errors
    /// A sentence for the operator, which names the field.
    pub fn check(&self) -> Result<(), &'static str> {
        let within = |value: u32, least: u32, most: u32| (least..=most).contains(&value);
        if !within(self.off_percent, 1, 100) || !within(self.step_percent, 1, 100) {
            return Err("guard.off_percent and guard.step_percent must be 1 to 100");
        }
        if self.step_percent > self.off_percent {
            return Err("guard.step_percent must not be above guard.off_percent");
        }
        if !within(self.off_sample, 10, 100_000) || !within(self.step_sample, 10, 100_000) {
            return Err("guard.off_sample and guard.step_sample must be 10 to 100,000");
        }
        if !within(self.evaluations, 1, 10) {
            return Err("guard.evaluations must be 1 to 10");
        }
        if !within(self.longest_window_minutes, 1, 60) || !within(self.breaker_minutes, 1, 60) {
            return Err("guard.longest_window_minutes and guard.breaker_minutes must be 1 to 60");
        }
        if !within(self.breaker_share_percent, 1, 100) || !within(self.v1_no_better_percent, 1, 100) {
            return Err("guard.breaker_share_percent and guard.v1_no_better_percent must be 1 to 100");
        }
        if self.cool_down_minutes > 1_440 {
            return Err("guard.cool_down_minutes must be at most 1,440");
        }
        Ok(())
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
        assert!(bad.iter().all(|settings| settings.check().is_err_and(|why| why.starts_with("guard."))));
    }
}
