//! Counts of attempts by slots of 5 s. One process counts in memory; the table holds the sum over all processes.
//!
//! The failures of a push service are stored by recipient. Any number of failures of one recipient's devices within a
//! window counts as one failure. A failure without a recipient (SES, SNS) counts each time.

use std::collections::{BTreeMap, BTreeSet};

use super::Thresholds;

/// Length of a slot, in milliseconds.
pub const SLOT_MS: i64 = 5_000;
/// Minimum number of different recipients of failed pushes before a push service's breaker opens.
pub const MIN_FAILED_RECIPIENTS: usize = 3;

/// First 32 bits of a recipient's key, which is a keyed hash of the id.
pub type RecipientHash = u32;

/// Number of failed and successful attempts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Failures without a recipient: the provider did not answer, or answered "retry later".
    pub failed: u64,
    /// Attempts that the provider accepted.
    pub succeeded: u64,
}

/// Counts of one slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Slot {
    count: Count,
    /// Recipients of failed pushes; `true` if an answer asked to wait.
    recipients: BTreeMap<RecipientHash, bool>,
}

/// Counts by slot, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotCounts(BTreeMap<i64, Slot>);

/// Sum over some of the newest slots.
#[derive(Debug, Clone, Default)]
struct Sum {
    unmarked: u64,
    succeeded: u64,
    recipients: BTreeSet<RecipientHash>,
    asked: BTreeSet<RecipientHash>,
}

impl SlotCounts {
    /// Returns the slot that contains `at_ms`.
    #[must_use]
    pub const fn slot_of(at_ms: i64) -> i64 {
        at_ms.div_euclid(SLOT_MS)
    }

    /// Adds counts to one slot.
    pub fn add(&mut self, slot: i64, count: Count) {
        let held = &mut self.0.entry(slot).or_default().count;
        held.failed = held.failed.saturating_add(count.failed);
        held.succeeded = held.succeeded.saturating_add(count.succeeded);
    }

    /// Adds the failure of a push to a recipient to one slot. `asked` is `true` if the answer asked to wait.
    pub fn add_recipient(&mut self, slot: i64, recipient: RecipientHash, asked: bool) {
        *self.0.entry(slot).or_default().recipients.entry(recipient).or_default() |= asked;
    }

    /// Adds all counts of another tally.
    pub fn merge(&mut self, other: &Self) {
        for (slot, added) in &other.0 {
            self.add(*slot, added.count);
            added.recipients.iter().for_each(|(recipient, asked)| self.add_recipient(*slot, *recipient, *asked));
        }
    }

    /// Subtracts counts that were added before, and removes the recipients of those slots.
    pub fn subtract(&mut self, other: &Self) {
        for (slot, taken) in &other.0 {
            if let Some(held) = self.0.get_mut(slot) {
                held.count.failed = held.count.failed.saturating_sub(taken.count.failed);
                held.count.succeeded = held.count.succeeded.saturating_sub(taken.count.succeeded);
                held.recipients.retain(|recipient, _| !taken.recipients.contains_key(recipient));
            }
        }
        self.0.retain(|_, slot| *slot != Slot::default());
    }

    /// Removes slots that ended at or before `at_ms`.
    pub fn forget_until(&mut self, at_ms: i64) {
        self.0.retain(|slot, _| ends_ms(*slot) > at_ms);
    }

    /// Returns the slots that ended at or before `at_ms`.
    #[must_use]
    pub fn ended_by(&self, at_ms: i64) -> Vec<i64> {
        self.0.keys().copied().filter(|slot| ends_ms(*slot) <= at_ms).collect()
    }

    /// Returns every slot with its counts, oldest first.
    pub fn slots(&self) -> impl Iterator<Item = (i64, Count)> + '_ {
        self.0.iter().map(|(slot, held)| (*slot, held.count))
    }

    /// Returns every slot with the recipients of failed pushes, oldest first. `true`: an answer asked to wait.
    pub fn recipients(&self) -> impl Iterator<Item = (i64, &BTreeMap<RecipientHash, bool>)> + '_ {
        self.0.iter().map(|(slot, held)| (*slot, &held.recipients))
    }

    /// Returns the number of different recipients of pushes that failed since `at_ms`.
    #[must_use]
    pub fn recipients_since(&self, at_ms: i64) -> usize {
        let recent = self.0.iter().filter(|(slot, _)| ends_ms(**slot) > at_ms);
        recent.flat_map(|(_, held)| held.recipients.keys()).collect::<BTreeSet<_>>().len()
    }

    /// Returns `true` if the breaker must open. The rule: at least `min_attempts` within the window that ends now, of
    /// which at least `failure_percent` failed. All failures of one recipient count as one. Fewer than
    /// [`MIN_FAILED_RECIPIENTS`] recipients are never enough.
    ///
    /// The result is never late, although some attempts are not known here. A failure counts if its slot overlaps the
    /// window. A success counts only if its whole slot lies inside the window. Successes that were not reported are
    /// assumed to fill up the minimum number of attempts. So if an exact count of every attempt meets the rule, this
    /// function returns `true`.
    ///
    /// It also returns `true` if the known attempts meet the rule within any shorter time that ends now. A host that
    /// fails completely is thus detected even if the minute before was good.
    #[must_use]
    pub fn is_bad(&self, thresholds: &Thresholds, now_ms: i64) -> bool {
        let sums = self.sums(thresholds, now_ms);
        let whole = sums.last().is_some_and(|sum| {
            let attempts = sum.attempts().max(thresholds.min_attempts.into());
            sum.is_of_several() && too_many(sum.failed(), attempts, thresholds)
        });
        whole || sums.iter().any(|sum| sum.is_of_several() && too_many(sum.failed(), sum.attempts(), thresholds))
    }

    /// Returns `true` if the whole host must rest. The condition must hold within the window or a shorter time that
    /// ends now: devices of [`MIN_FAILED_RECIPIENTS`] different recipients were asked to wait, and at least
    /// `failure_percent` of the known attempts failed.
    #[must_use]
    pub fn requests_pause(&self, thresholds: &Thresholds, now_ms: i64) -> bool {
        let enough =
            |sum: &Sum| sum.asked.len() >= MIN_FAILED_RECIPIENTS && is_share(sum.failed(), sum.attempts(), thresholds);
        self.sums(thresholds, now_ms).iter().any(enough)
    }

    /// Returns the sums over the newest slot, the two newest slots, and so on, up to the length of the window.
    fn sums(&self, thresholds: &Thresholds, now_ms: i64) -> Vec<Sum> {
        let begins_ms = now_ms - thresholds.window_ms();
        let within = self.0.iter().rev().take_while(|(slot, _)| ends_ms(**slot) > begins_ms);
        let grown = within.scan(Sum::default(), |sum, (slot, held)| {
            sum.unmarked += held.count.failed;
            sum.recipients.extend(held.recipients.keys());
            sum.asked.extend(held.recipients.iter().filter(|(_, asked)| **asked).map(|(recipient, _)| recipient));
            if slot * SLOT_MS > begins_ms {
                sum.succeeded += held.count.succeeded;
            }
            Some(sum.clone())
        });
        grown.collect()
    }
}

impl Sum {
    fn failed(&self) -> u64 {
        self.unmarked + u64::try_from(self.recipients.len()).unwrap_or(u64::MAX)
    }

    fn attempts(&self) -> u64 {
        self.failed() + self.succeeded
    }

    fn is_of_several(&self) -> bool {
        self.unmarked > 0 || self.recipients.len() >= MIN_FAILED_RECIPIENTS
    }
}

fn too_many(failed: u64, attempts: u64, thresholds: &Thresholds) -> bool {
    attempts >= thresholds.min_attempts.into() && is_share(failed, attempts, thresholds)
}

fn is_share(failed: u64, attempts: u64, thresholds: &Thresholds) -> bool {
    failed * 100 >= attempts * u64::from(thresholds.failure_percent)
}

const fn ends_ms(slot: i64) -> i64 {
    (slot + 1) * SLOT_MS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tally(attempts: &[(i64, bool)]) -> SlotCounts {
        let mut tally = SlotCounts::default();
        for (at_ms, failed) in attempts {
            let count = Count { failed: (*failed).into(), succeeded: (!failed).into() };
            tally.add(SlotCounts::slot_of(*at_ms), count);
        }
        tally
    }

    /// Exact rule, as a model: at least 20 attempts in the last 60 s, of which at least half failed.
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
    fn unstored_successes_may_complete_the_minimum_number() {
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

    /// Exact rule for recipients, as a model: all failures of one recipient count as one, and at least three recipients
    /// failed.
    fn recipient_rule(attempts: &[(i64, Option<u32>)], thresholds: &Thresholds, now_ms: i64) -> bool {
        let within = |at_ms: i64| at_ms > now_ms - thresholds.window_ms() && at_ms <= now_ms;
        let counted: Vec<_> = attempts.iter().filter(|(at_ms, _)| within(*at_ms)).collect();
        let failed: BTreeSet<_> = counted.iter().filter_map(|(_, recipient)| *recipient).collect();
        let all = failed.len() + counted.iter().filter(|(_, recipient)| recipient.is_none()).count();
        failed.len() >= MIN_FAILED_RECIPIENTS
            && all >= thresholds.min_attempts as usize
            && failed.len() * 100 >= all * thresholds.failure_percent as usize
    }

    fn of_recipients(failures: impl IntoIterator<Item = (i64, u32, bool)>) -> SlotCounts {
        let mut tally = SlotCounts::default();
        failures
            .into_iter()
            .for_each(|(at_ms, recipient, asked)| tally.add_recipient(SlotCounts::slot_of(at_ms), recipient, asked));
        tally
    }

    #[test]
    fn one_recipient_is_one_failure_however_often_it_is_tried() {
        let usual = Thresholds::default();
        assert!(!of_recipients((0..1_000).map(|n| (n * 50, 7, false))).is_bad(&usual, 51_000));
        assert!(
            !of_recipients((0..1_000).map(|n| (n * 50, u32::try_from(n % 9).unwrap(), true))).is_bad(&usual, 51_000)
        );
        assert!(of_recipients((0..10).map(|n| (50_000, n, false))).is_bad(&usual, 51_000));
        let soon = Thresholds { min_attempts: 1, ..usual };
        assert!(
            !of_recipients([(50_000, 1, true), (50_000, 2, true)]).is_bad(&soon, 51_000),
            "two recipients are no host"
        );
    }

    #[test]
    fn several_recipients_with_a_retry_after_count_for_their_host() {
        let usual = Thresholds::default();
        let asked = |recipients: u32| of_recipients((0..recipients).map(|n| (50_000, n, true)));
        assert!(!asked(2).requests_pause(&usual, 51_000));
        assert!(asked(3).requests_pause(&usual, 51_000));
        assert!(!asked(3).requests_pause(&usual, 116_000), "a minute later it is forgotten");
        assert!(!of_recipients((0..9).map(|n| (50_000, n, false))).requests_pause(&usual, 51_000));
        let mut among_many = asked(3);
        among_many.add(SlotCounts::slot_of(50_000), Count { failed: 0, succeeded: 4 });
        assert!(!among_many.requests_pause(&usual, 51_000), "most devices are served");
        let mut since = asked(3);
        since.add(SlotCounts::slot_of(40_000), Count { failed: 0, succeeded: 1_000 });
        assert!(since.requests_pause(&usual, 51_000), "however good the time before was");
    }

    proptest! {
        /// The result is never later than the exact rule for recipients, for any share of reported successes. Fewer
        /// than three recipients never open the breaker.
        #[test]
        fn by_recipients_it_is_never_later_than_the_exact_rule_and_never_opens_for_two(
            attempts in proptest::collection::vec((0i64..150_000, proptest::option::of(0u32..25), any::<bool>()), 0..200),
            min_attempts in 1u32..40,
            failure_percent in 1u32..=100,
            window_seconds in 10u32..=120,
            now_ms in 0i64..200_000,
        ) {
            let thresholds = Thresholds { min_attempts, failure_percent, window_seconds, ..Thresholds::default() };
            let ended: Vec<_> = attempts.into_iter().filter(|(at_ms, ..)| *at_ms <= now_ms).collect();
            let mut known = of_recipients(ended.iter().filter_map(|(at_ms, recipient, asked)| Some((*at_ms, (*recipient)?, *asked))));
            for (at_ms, ..) in ended.iter().filter(|(_, recipient, reported)| recipient.is_none() && *reported) {
                known.add(SlotCounts::slot_of(*at_ms), Count { failed: 0, succeeded: 1 });
            }
            let all: Vec<_> = ended.iter().map(|(at_ms, recipient, _)| (*at_ms, *recipient)).collect();
            if recipient_rule(&all, &thresholds, now_ms) {
                prop_assert!(known.is_bad(&thresholds, now_ms));
            }
            let of_two = of_recipients(ended.iter().filter_map(|(at_ms, recipient, asked)| Some((*at_ms, (*recipient)? % 2, *asked))));
            prop_assert!(!of_two.is_bad(&thresholds, now_ms) && !of_two.requests_pause(&thresholds, now_ms));
        }

        #[test]
        fn recipients_can_be_taken_away_and_added_twice(
            failures in proptest::collection::vec((0i64..90_000, 0u32..9, any::<bool>()), 0..50),
        ) {
            let tally = of_recipients(failures);
            let mut twice = tally.clone();
            twice.merge(&tally);
            prop_assert_eq!(&twice, &tally);
            twice.subtract(&tally);
            prop_assert_eq!(twice, SlotCounts::default());
        }

        /// If the exact rule over every attempt returns `true`, `is_bad` does too, also if only some successes were
        /// reported.
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

        /// The breaker opens early for two reasons only: too few successes are known, or a shorter time is bad
        /// enough. Without failures it never opens.
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
            prop_assert_eq!(sum, SlotCounts::default());
        }
    }
}
