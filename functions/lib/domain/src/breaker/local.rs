//! State that one process holds for a host: the last breaker it read, and attempts that are not reported yet.

use super::{Admission, Breaker, BreakerReport, Count, Phase, RecipientHash, SlotCounts, StoredBreaker};
use platform::time_limits::CLOCK_SKEW_MARGIN;

/// Time after which attempts are removed: slightly longer than the longest window that the settings allow (120 s).
const FAILURE_RETENTION_MS: i64 = 125_000;
/// Assumed maximum clock difference between two instances.
pub const CLOCK_SKEW_MS: i64 = CLOCK_SKEW_MARGIN.as_secs() * 1_000;

/// Number of recipients in the table from which further failures are only counted. It keeps the item small. With that
/// many different recipients, the host itself is at fault.
const MAX_COUNTED_RECIPIENTS: usize = 16;
/// Period for which the last check of that number stays valid.
const RECIPIENT_LIMIT_TTL_MS: i64 = 10_000;

/// Failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Start of the attempt, in milliseconds since the epoch.
    pub began_ms: i64,
    /// End of the attempt, in milliseconds since the epoch.
    pub ended_ms: i64,
    /// Recipient of the push; `None` for SES and SNS, whose failures are those of the whole provider.
    pub recipient: Option<RecipientHash>,
    /// Time until which the provider's answer asked to wait (`Retry-After`).
    pub retry_after_until_ms: Option<i64>,
}

/// In-memory state of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalBreaker {
    known: Breaker,
    /// Time until which a provider asked to wait, while this could not be stored for other instances.
    local_block_until_ms: i64,
    succeeded: SlotCounts,
    failed: Vec<Failure>,
    /// Time until which this process assumes that the table names [`MAX_COUNTED_RECIPIENTS`] recipients or more.
    recipient_limit_until_ms: i64,
}

impl LocalBreaker {
    /// Returns the breaker as last read.
    #[must_use]
    pub const fn known(&self) -> &Breaker {
        &self.known
    }

    /// Decides if a call is allowed at `now_ms`.
    #[must_use]
    pub fn admission(&self, now_ms: i64) -> Admission {
        match self.known.admission(now_ms) {
            Admission::Free if self.local_block_until_ms > now_ms => Admission::CircuitOpen(self.local_block_until_ms),
            known => known,
        }
    }

    /// Blocks calls until `until_ms` in this process only, because the provider's request could not be stored.
    pub fn block_until(&mut self, until_ms: i64) {
        self.local_block_until_ms = self.local_block_until_ms.max(until_ms);
    }

    /// Counts a success. While the breaker is not CLOSED, nothing is counted.
    pub fn succeeded(&mut self, now_ms: i64) {
        if self.known.is_closed() {
            self.succeeded.forget_until(now_ms - FAILURE_RETENTION_MS);
            self.succeeded.add(SlotCounts::slot_of(now_ms), Count { failed: 0, succeeded: 1 });
        }
    }

    /// Records a failure. While the breaker is not CLOSED, nothing is recorded, and neither is the failure of an
    /// attempt that began before the breaker closed: the table would refuse a report with it.
    pub fn failed(&mut self, failure: Failure) {
        if let Phase::Closed { since_ms } = self.known.phase
            && counts(failure.began_ms, since_ms)
        {
            self.failed.retain(|before| before.ended_ms > failure.ended_ms - FAILURE_RETENTION_MS);
            self.failed.push(failure);
        }
    }

    /// Checks the number of recipients that the table names, and stores the result for 10 s (`RECIPIENT_LIMIT_TTL_MS`).
    pub fn update_recipient_limit(&mut self, stored: &StoredBreaker, now_ms: i64) {
        let is_at_limit = stored.tally.recipients_since(now_ms - FAILURE_RETENTION_MS) >= MAX_COUNTED_RECIPIENTS;
        self.recipient_limit_until_ms = if is_at_limit { now_ms + RECIPIENT_LIMIT_TTL_MS } else { 0 };
    }

    /// Returns the report to store: all failures and the successes of the same window. `None` if nothing failed.
    #[must_use]
    pub fn report(&self, now_ms: i64) -> Option<BreakerReport> {
        let began_ms = self.failed.iter().map(|failure| failure.began_ms).min()?;
        let mut tally = self.succeeded.clone();
        tally.forget_until(now_ms - FAILURE_RETENTION_MS);
        for failure in &self.failed {
            let slot = SlotCounts::slot_of(failure.ended_ms);
            match failure.recipient.filter(|_| self.recipient_limit_until_ms <= now_ms) {
                Some(recipient) => tally.add_recipient(slot, recipient, failure.retry_after_until_ms.is_some()),
                None => tally.add(slot, Count { failed: 1, succeeded: 0 }),
            }
        }
        let retry_after_until_ms = self.failed.iter().filter_map(|failure| failure.retry_after_until_ms).max();
        Some(BreakerReport { tally, began_ms, failures: self.failed.len(), retry_after_until_ms, at_ms: now_ms })
    }

    /// Removes the counts of a stored report. Attempts that were recorded after the report was made stay.
    pub fn remove_reported(&mut self, report: &BreakerReport) {
        self.succeeded.subtract(&report.tally);
        self.failed.drain(..report.failures.min(self.failed.len()));
    }

    /// Updates the breaker. After a transition, earlier counts are removed. Only failures of attempts that began
    /// after the breaker closed still count.
    pub fn update(&mut self, breaker: Breaker) {
        if breaker.revision != self.known.revision {
            self.succeeded = SlotCounts::default();
            match breaker.phase {
                Phase::Closed { since_ms } => self.failed.retain(|failure| counts(failure.began_ms, since_ms)),
                _ => self.failed.clear(),
            }
        }
        self.known = breaker;
    }
}

/// Returns `true` if an attempt that began at `began_ms` counts for a breaker that closed at `since_ms`. It allows
/// for [`CLOCK_SKEW_MS`].
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
        Failure { began_ms, ended_ms, recipient: None, retry_after_until_ms: None }
    }

    #[test]
    fn recipients_are_named_until_the_table_names_enough() {
        let mut memory = LocalBreaker::default();
        memory.failed(Failure { recipient: Some(7), retry_after_until_ms: Some(9_000), ..failure(900, 1_000) });
        memory.failed(Failure { recipient: Some(7), ..failure(900, 1_100) });
        let report = memory.report(1_100).unwrap();
        assert_eq!(
            (report.failures, report.retry_after_until_ms, report.tally.recipients_since(0)),
            (2, Some(9_000), 1)
        );
        assert_eq!(report.tally.slots().map(|(_, count)| count.failed).sum::<u64>(), 0);
        let mut stored = StoredBreaker::default();
        (0..16).for_each(|recipient| stored.tally.add_recipient(0, recipient, false));
        memory.update_recipient_limit(&stored, 1_100);
        let report = memory.report(1_200).unwrap();
        assert_eq!((report.tally.recipients_since(0), report.tally.slots().next().unwrap().1.failed), (0, 2));
        assert_eq!(memory.report(12_000).unwrap().tally.recipients_since(0), 1, "unless that was long ago");
    }

    #[test]
    fn without_a_failure_there_is_nothing_to_tell() {
        let mut memory = LocalBreaker::default();
        (0..1_000).for_each(|n| memory.succeeded(n * 10));
        assert_eq!(memory.report(10_000), None);
        memory.failed(failure(9_000, 10_000));
        let report = memory.report(10_000).unwrap();
        let sum: u64 = report.tally.slots().map(|(_, count)| count.succeeded).sum();
        assert_eq!((sum, report.failures, report.began_ms), (1_000, 1, 9_000));
    }

    #[test]
    fn reported_counts_are_not_reported_again_and_later_ones_are() {
        let mut memory = LocalBreaker::default();
        memory.succeeded(1_000);
        memory.failed(failure(900, 1_100));
        let report = memory.report(1_100).unwrap();
        memory.succeeded(1_200);
        memory.failed(failure(1_000, 1_300));
        memory.remove_reported(&report);
        let rest = memory.report(1_300).unwrap();
        assert_eq!(rest.tally.slots().collect::<Vec<_>>(), [(0, Count { failed: 1, succeeded: 1 })]);
    }

    #[test]
    fn successes_are_forgotten_in_time() {
        let mut memory = LocalBreaker::default();
        memory.succeeded(1_000);
        memory.failed(failure(200_000, 200_000));
        let report = memory.report(200_000).unwrap();
        assert_eq!(report.tally.slots().map(|(_, count)| count.succeeded).sum::<u64>(), 0);
    }

    #[test]
    fn late_results_of_an_earlier_time_change_nothing() {
        let mut memory = LocalBreaker::default();
        let open = Breaker::default().opened(&Thresholds::default(), 10_000);
        memory.failed(failure(9_000, 10_000));
        memory.update(open);
        memory.failed(failure(9_500, 11_000));
        memory.succeeded(11_000);
        assert_eq!(memory.report(11_000), None);
        let closed = open.probing(40_000).unwrap().probed(Signal::Success, &Thresholds::default(), 40_000);
        let mut other = LocalBreaker::default();
        other.failed(failure(9_000, 39_000));
        other.failed(failure(40_100, 41_000));
        other.update(closed);
        assert_eq!(other.report(41_000).unwrap().failures, 1, "the one that began since it was closed");
        other.failed(failure(9_000, 42_000));
        assert_eq!(
            other.report(42_000).unwrap().failures,
            1,
            "an earlier one that ends now keeps no report from the table"
        );
    }
}
