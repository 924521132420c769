//! Attempts by slots of 5 s: what one process counts in memory, and what all of them added up in the table.

use std::collections::BTreeMap;

use super::Thresholds;

/// How finely time is counted.
pub const SLOT_MS: i64 = 5_000;

/// Attempts that went well or failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// The provider did not answer, or said "later".
    pub failed: u64,
    /// The provider took the message.
    pub succeeded: u64,
}

/// Counts by slot, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<i64, Count>);

impl Tally {
    /// The slot a moment belongs to.
    #[must_use]
    pub const fn slot_of(at_ms: i64) -> i64 {
        at_ms.div_euclid(SLOT_MS)
    }

    /// Counts of one slot.
    pub fn add(&mut self, slot: i64, count: Count) {
        let held = self.0.entry(slot).or_default();
        held.failed = held.failed.saturating_add(count.failed);
        held.succeeded = held.succeeded.saturating_add(count.succeeded);
    }

    /// Takes away what was added before.
    pub fn subtract(&mut self, other: &Self) {
        for (slot, count) in &other.0 {
            if let Some(held) = self.0.get_mut(slot) {
                held.failed = held.failed.saturating_sub(count.failed);
                held.succeeded = held.succeeded.saturating_sub(count.succeeded);
            }
        }
        self.0.retain(|_, count| *count != Count::default());
    }

    /// Forgets slots that ended by `at_ms`.
    pub fn forget_until(&mut self, at_ms: i64) {
        self.0.retain(|slot, _| ends_ms(*slot) > at_ms);
    }

    /// Slots that ended by `at_ms`.
    #[must_use]
    pub fn ended_by(&self, at_ms: i64) -> Vec<i64> {
        self.0.keys().copied().filter(|slot| ends_ms(*slot) <= at_ms).collect()
    }

    /// Every slot with its counts, oldest first.
    pub fn slots(&self) -> impl Iterator<Item = (i64, Count)> + '_ {
        self.0.iter().map(|(slot, count)| (*slot, *count))
    }

    /// Whether it is time to open: at least `min_attempts` within the window that ends now, and of those at least
    /// `failure_percent` failed.
    ///
    /// Never late, whatever is not known here: a failure counts when its slot touches the window, a success only when its
    /// whole slot lies inside, and successes that nobody reported may have made up the least number of attempts. So this
    /// says yes whenever a count of every single attempt would. And sooner, for any shorter time that ends now and in which
    /// the known attempts alone are enough: a host that fails altogether must not outlive the good minute before.
    #[must_use]
    pub fn is_bad(&self, thresholds: &Thresholds, now_ms: i64) -> bool {
        let begins_ms = now_ms - thresholds.window_ms();
        let mut sum = Count::default();
        for (slot, count) in self.0.iter().rev().take_while(|(slot, _)| ends_ms(**slot) > begins_ms) {
            sum.failed += count.failed;
            if slot * SLOT_MS > begins_ms {
                sum.succeeded += count.succeeded;
            }
            if too_many(sum, sum.failed + sum.succeeded, thresholds) {
                return true;
            }
        }
        too_many(sum, (sum.failed + sum.succeeded).max(thresholds.min_attempts.into()), thresholds)
    }
}

fn too_many(sum: Count, attempts: u64, thresholds: &Thresholds) -> bool {
    attempts >= thresholds.min_attempts.into() && sum.failed * 100 >= attempts * u64::from(thresholds.failure_percent)
}

const fn ends_ms(slot: i64) -> i64 {
    (slot + 1) * SLOT_MS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tally(attempts: &[(i64, bool)]) -> Tally {
        let mut tally = Tally::default();
        for (at_ms, failed) in attempts {
            let count = Count { failed: (*failed).into(), succeeded: (!failed).into() };
            tally.add(Tally::slot_of(*at_ms), count);
        }
        tally
    }

    /// The rule as it is written: at least 20 attempts in the last 60 s, of which at least half failed.
    fn rule(attempts: &[(i64, bool)], thresholds: &Thresholds, now_ms: i64) -> bool {
        let within = |at_ms: i64| at_ms > now_ms - thresholds.window_ms() && at_ms <= now_ms;
        let counted: Vec<_> = attempts.iter().filter(|(at_ms, _)| within(*at_ms)).collect();
        let failed = counted.iter().filter(|(_, failed)| *failed).count();
        counted.len() >= thresholds.min_attempts as usize
            && failed * 100 >= counted.len() * thresholds.failure_percent as usize
    }

    #[test]
    fn half_of_20_is_enough_and_less_is_not() {
        let usual = Thresholds::default();
        let mixed = |failed: usize, all: usize| -> Vec<_> { (0..all).map(|n| (50_000, n < failed)).collect() };
        assert!(tally(&mixed(10, 20)).is_bad(&usual, 51_000));
        assert!(!tally(&mixed(9, 20)).is_bad(&usual, 51_000));
        assert!(!tally(&mixed(49, 100)).is_bad(&usual, 51_000));
        assert!(tally(&mixed(50, 100)).is_bad(&usual, 51_000));
        assert!(!tally(&mixed(50, 100)).is_bad(&usual, 115_000), "a minute later it is forgotten");
    }

    #[test]
    fn successes_that_nobody_knows_of_may_make_up_the_least_number() {
        let usual = Thresholds::default();
        assert!(tally(&[(1_000, true); 10]).is_bad(&usual, 2_000));
        assert!(!tally(&[(1_000, true); 9]).is_bad(&usual, 2_000));
    }

    #[test]
    fn at_the_windows_edge_failures_count_and_successes_do_not() {
        let mut attempts = vec![(1_000, false); 20];
        attempts.extend([(3_000, true); 10]);
        attempts.extend([(40_000, false); 10]);
        assert!(tally(&attempts).is_bad(&Thresholds::default(), 62_000), "10 of 20 since 2,000");
    }

    #[test]
    fn a_host_that_fails_altogether_does_not_outlive_the_good_minute_before() {
        let mut attempts: Vec<_> = (0..5_000).map(|n| (n * 10, false)).collect();
        attempts.extend((0..20).map(|n| (55_000 + n * 100, true)));
        assert!(tally(&attempts).is_bad(&Thresholds::default(), 57_000));
    }

    proptest! {
        /// Whoever knows every attempt, and their exact times, never says yes where this says no; also when only some of
        /// the successes were reported.
        #[test]
        fn it_is_never_later_than_the_exact_rule(
            attempts in proptest::collection::vec((0i64..150_000, any::<bool>(), any::<bool>()), 0..200),
            min_attempts in 1u32..40,
            failure_percent in 1u32..=100,
            window_seconds in 10u32..=120,
            now_ms in 0i64..200_000,
        ) {
            let thresholds = Thresholds { min_attempts, failure_percent, window_seconds, ..Thresholds::default() };
            let ended: Vec<_> = attempts.into_iter().filter(|(at_ms, ..)| *at_ms <= now_ms).collect();
            let known = ended.iter().filter(|(_, failed, reported)| *failed || *reported);
            let known: Vec<_> = known.map(|(at_ms, failed, _)| (*at_ms, *failed)).collect();
            let all: Vec<_> = ended.iter().map(|(at_ms, failed, _)| (*at_ms, *failed)).collect();
            if rule(&all, &thresholds, now_ms) {
                prop_assert!(tally(&known).is_bad(&thresholds, now_ms));
            }
        }

        /// It opens early for two reasons only: too few successes are known, or a shorter time is bad enough. Without
        /// failures it never does.
        #[test]
        fn it_opens_for_a_reason(succeeded in 0i64..500, failed in 0i64..9) {
            let mut attempts: Vec<_> = (0..succeeded).map(|n| (n * 100, false)).collect();
            attempts.extend((0..failed).map(|n| (n * 100, true)));
            prop_assert!(!tally(&attempts).is_bad(&Thresholds::default(), 50_000));
        }

        #[test]
        fn what_was_added_can_be_taken_away(attempts in proptest::collection::vec((0i64..90_000, any::<bool>()), 0..50)) {
            let mut sum = tally(&attempts);
            sum.subtract(&tally(&attempts));
            prop_assert_eq!(sum, Tally::default());
        }
    }
}
