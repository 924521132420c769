//! What one process knows of a host: the breaker as it last heard of it, and attempts it has told nobody of.

use super::{Admission, Breaker, Count, Phase, Report, Tally};

/// Attempts older than the longest window that settings allow are forgotten.
const KEPT_MS: i64 = 125_000;
/// How far apart the clocks of two instances may be.
pub(crate) const CLOCK_SKEW_MS: i64 = 5_000;

/// A failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failure {
    began_ms: i64,
    ended_ms: i64,
}

/// One host's place in a process's memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    known: Breaker,
    /// Until when a provider wants to be left alone that nobody else could be told of.
    wish_until_ms: i64,
    succeeded: Tally,
    failed: Vec<Failure>,
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

    /// Notes a failure of an attempt that began then and ends now.
    pub fn failed(&mut self, began_ms: i64, now_ms: i64) {
        if self.known.is_closed() {
            self.failed.retain(|failure| failure.ended_ms > now_ms - KEPT_MS);
            self.failed.push(Failure { began_ms, ended_ms: now_ms });
        }
    }

    /// What is to be told: nothing without a failure, else all failures and what went well beside them.
    #[must_use]
    pub fn report(&self, now_ms: i64) -> Option<Report> {
        let began_ms = self.failed.iter().map(|failure| failure.began_ms).min()?;
        let mut tally = self.succeeded.clone();
        tally.forget_until(now_ms - KEPT_MS);
        for failure in &self.failed {
            tally.add(Tally::slot_of(failure.ended_ms), Count { failed: 1, succeeded: 0 });
        }
        Some(Report { tally, began_ms, failures: self.failed.len(), at_ms: now_ms })
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
pub(super) const fn counts(began_ms: i64, since_ms: i64) -> bool {
    since_ms <= began_ms + CLOCK_SKEW_MS
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::breaker::{Signal, Thresholds};

    #[test]
    fn without_a_failure_there_is_nothing_to_tell() {
        let mut memory = Memory::default();
        (0..1_000).for_each(|n| memory.succeeded(n * 10));
        assert_eq!(memory.report(10_000), None);
        memory.failed(9_000, 10_000);
        let report = memory.report(10_000).unwrap();
        let sum: u64 = report.tally.slots().map(|(_, count)| count.succeeded).sum();
        assert_eq!((sum, report.failures, report.began_ms), (1_000, 1, 9_000));
    }

    #[test]
    fn what_was_told_is_not_told_again_and_what_came_meanwhile_is() {
        let mut memory = Memory::default();
        memory.succeeded(1_000);
        memory.failed(900, 1_100);
        let report = memory.report(1_100).unwrap();
        memory.succeeded(1_200);
        memory.failed(1_000, 1_300);
        memory.told(&report);
        let rest = memory.report(1_300).unwrap();
        assert_eq!(rest.tally.slots().collect::<Vec<_>>(), [(0, Count { failed: 1, succeeded: 1 })]);
    }

    #[test]
    fn successes_are_forgotten_in_time() {
        let mut memory = Memory::default();
        memory.succeeded(1_000);
        memory.failed(200_000, 200_000);
        let report = memory.report(200_000).unwrap();
        assert_eq!(report.tally.slots().map(|(_, count)| count.succeeded).sum::<u64>(), 0);
    }

    #[test]
    fn late_results_of_an_earlier_time_change_nothing() {
        let mut memory = Memory::default();
        let open = Breaker::default().opened(&Thresholds::default(), 10_000);
        memory.failed(9_000, 10_000);
        memory.learn(open);
        memory.failed(9_500, 11_000);
        memory.succeeded(11_000);
        assert_eq!(memory.report(11_000), None);
        let closed = open.probing(40_000).unwrap().probed(Signal::Success, &Thresholds::default(), 40_000);
        let mut other = Memory::default();
        other.failed(9_000, 39_000);
        other.failed(40_100, 41_000);
        other.learn(closed);
        assert_eq!(other.report(41_000).unwrap().failures, 1, "the one that began since it was closed");
    }
}
