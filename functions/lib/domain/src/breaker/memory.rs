//! What one process knows of a host: the breaker as it last heard of it, and attempts it has told nobody of.

use super::{Admission, Breaker, Count, DeviceMark, Phase, Report, Stored, Tally};

/// Attempts older than the longest window that settings allow are forgotten.
const KEPT_MS: i64 = 125_000;
/// How far apart the clocks of two instances may be.
pub const CLOCK_SKEW_MS: i64 = 5_000;

/// Number of devices named in the table beyond which further ones are only counted: an item must stay small, and so many
/// different devices are a host's trouble in any case.
const MOST_MARKED: usize = 16;
/// How long the last count of them holds.
const MARKED_FOR_MS: i64 = 10_000;

/// A failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// When it began.
    pub began_ms: i64,
    /// When it ended.
    pub ended_ms: i64,
    /// Which device's it was; `None` where no single address is behind it.
    pub device: Option<DeviceMark>,
    /// Until when the answer asks to be left alone.
    pub asked_until_ms: Option<i64>,
}

/// One host's place in a process's memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    known: Breaker,
    /// Until when a provider wants to be left alone that nobody else could be told of.
    wish_until_ms: i64,
    succeeded: Tally,
    failed: Vec<Failure>,
    /// Until when the table is known to name enough devices.
    crowded_until_ms: i64,
}

impl Memory {
    /// The breaker as last heard of.
    #[must_use]
    pub const fn known(&self) -> &Breaker {
        &self.known
    }

    /// Whether a call may go out now.
    #[must_use]
    pub fn admission(&self, now_ms: i64) -> Admission {
        match self.known.admission(now_ms) {
            Admission::Free if self.wish_until_ms > now_ms => Admission::Barred(self.wish_until_ms),
            known => known,
        }
    }

    /// Keeps to a provider's wish though the others do not know of it.
    pub fn keep_to(&mut self, until_ms: i64) {
        self.wish_until_ms = self.wish_until_ms.max(until_ms);
    }

    /// Notes a success. While the breaker is not CLOSED nothing is counted.
    pub fn succeeded(&mut self, now_ms: i64) {
        if self.known.is_closed() {
            self.succeeded.forget_until(now_ms - KEPT_MS);
            self.succeeded.add(Tally::slot_of(now_ms), Count { failed: 0, succeeded: 1 });
        }
    }

    /// Notes a failure.
    pub fn failed(&mut self, failure: Failure) {
        if self.known.is_closed() {
            self.failed.retain(|before| before.ended_ms > failure.ended_ms - KEPT_MS);
            self.failed.push(failure);
        }
    }

    /// Notes how many devices the table names.
    pub fn weigh(&mut self, stored: &Stored, now_ms: i64) {
        let is_crowded = stored.tally.devices_since(now_ms - KEPT_MS) >= MOST_MARKED;
        self.crowded_until_ms = if is_crowded { now_ms + MARKED_FOR_MS } else { 0 };
    }

    /// What is to be told: nothing without a failure, else all failures and what went well beside them.
    #[must_use]
    pub fn report(&self, now_ms: i64) -> Option<Report> {
        let began_ms = self.failed.iter().map(|failure| failure.began_ms).min()?;
        let mut tally = self.succeeded.clone();
        tally.forget_until(now_ms - KEPT_MS);
        for failure in &self.failed {
            let slot = Tally::slot_of(failure.ended_ms);
            match failure.device.filter(|_| self.crowded_until_ms <= now_ms) {
                Some(device) => tally.add_device(slot, device, failure.asked_until_ms.is_some()),
                None => tally.add(slot, Count { failed: 1, succeeded: 0 }),
            }
        }
        let asked_until_ms = self.failed.iter().filter_map(|failure| failure.asked_until_ms).max();
        Some(Report { tally, began_ms, failures: self.failed.len(), asked_until_ms, at_ms: now_ms })
    }

    /// A report was taken in; what was noted since then stays.
    pub fn told(&mut self, report: &Report) {
        self.succeeded.subtract(&report.tally);
        self.failed.drain(..report.failures.min(self.failed.len()));
    }

    /// Hears of the breaker. A transition ends what was counted before it: only failures of attempts that began since it
    /// was closed still count.
    pub fn learn(&mut self, breaker: Breaker) {
        if breaker.revision != self.known.revision {
            self.succeeded = Tally::default();
            match breaker.phase {
                Phase::Closed { since_ms } => self.failed.retain(|failure| counts(failure.began_ms, since_ms)),
                _ => self.failed.clear(),
            }
        }
        self.known = breaker;
    }
}

/// Whether an attempt that began then belongs to the time since the breaker was closed.
#[must_use]
pub const fn counts(began_ms: i64, since_ms: i64) -> bool {
    since_ms <= began_ms + CLOCK_SKEW_MS
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::breaker::{Signal, Thresholds};

    const fn failure(began_ms: i64, ended_ms: i64) -> Failure {
        Failure { began_ms, ended_ms, device: None, asked_until_ms: None }
    }

    #[test]
    fn devices_are_named_until_the_table_names_enough() {
        let mut memory = Memory::default();
        memory.failed(Failure { device: Some(7), asked_until_ms: Some(9_000), ..failure(900, 1_000) });
        memory.failed(Failure { device: Some(7), ..failure(900, 1_100) });
        let report = memory.report(1_100).unwrap();
        assert_eq!((report.failures, report.asked_until_ms, report.tally.devices_since(0)), (2, Some(9_000), 1));
        assert_eq!(report.tally.slots().map(|(_, count)| count.failed).sum::<u64>(), 0);
        let mut stored = Stored::default();
        (0..16).for_each(|device| stored.tally.add_device(0, device, false));
        memory.weigh(&stored, 1_100);
        let report = memory.report(1_200).unwrap();
        assert_eq!((report.tally.devices_since(0), report.tally.slots().next().unwrap().1.failed), (0, 2));
        assert_eq!(memory.report(12_000).unwrap().tally.devices_since(0), 1, "unless that was long ago");
    }

    #[test]
    fn without_a_failure_there_is_nothing_to_tell() {
        let mut memory = Memory::default();
        (0..1_000).for_each(|n| memory.succeeded(n * 10));
        assert_eq!(memory.report(10_000), None);
        memory.failed(failure(9_000, 10_000));
        let report = memory.report(10_000).unwrap();
        let sum: u64 = report.tally.slots().map(|(_, count)| count.succeeded).sum();
        assert_eq!((sum, report.failures, report.began_ms), (1_000, 1, 9_000));
    }

    #[test]
    fn what_was_told_is_not_told_again_and_what_came_meanwhile_is() {
        let mut memory = Memory::default();
        memory.succeeded(1_000);
        memory.failed(failure(900, 1_100));
        let report = memory.report(1_100).unwrap();
        memory.succeeded(1_200);
        memory.failed(failure(1_000, 1_300));
        memory.told(&report);
        let rest = memory.report(1_300).unwrap();
        assert_eq!(rest.tally.slots().collect::<Vec<_>>(), [(0, Count { failed: 1, succeeded: 1 })]);
    }

    #[test]
    fn successes_are_forgotten_in_time() {
        let mut memory = Memory::default();
        memory.succeeded(1_000);
        memory.failed(failure(200_000, 200_000));
        let report = memory.report(200_000).unwrap();
        assert_eq!(report.tally.slots().map(|(_, count)| count.succeeded).sum::<u64>(), 0);
    }

    #[test]
    fn late_results_of_an_earlier_time_change_nothing() {
        let mut memory = Memory::default();
        let open = Breaker::default().opened(&Thresholds::default(), 10_000);
        memory.failed(failure(9_000, 10_000));
        memory.learn(open);
        memory.failed(failure(9_500, 11_000));
        memory.succeeded(11_000);
        assert_eq!(memory.report(11_000), None);
        let closed = open.probing(40_000).unwrap().probed(Signal::Success, &Thresholds::default(), 40_000);
        let mut other = Memory::default();
        other.failed(failure(9_000, 39_000));
        other.failed(failure(40_100, 41_000));
        other.learn(closed);
        assert_eq!(other.report(41_000).unwrap().failures, 1, "the one that began since it was closed");
    }
}
