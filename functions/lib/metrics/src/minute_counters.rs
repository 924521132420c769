//! Counters of one minute and one stream shard. Each record is counted once, even if it is delivered again, late, in
//! parts, or after earlier records were given up.

use std::collections::BTreeMap;

use super::change::{NotificationChange, Sequence};
use super::counters::Counters;
use super::difference::difference;
use super::processed_ranges::ProcessedRanges;

/// Counters of a minute, with the records that they include.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MinuteCounters {
    /// Sum of the records' differences.
    pub counters: Counters,
    /// Sequence numbers of the records included.
    pub processed: ProcessedRanges,
}

impl MinuteCounters {
    /// Adds those of `changes` that are not included yet. Returns `None` if all of them are included.
    ///
    /// `changes` are all changes of this minute in a gapless part of the shard, except `poison`. `poison` are the
    /// records of that part that could not be read. A range ends before a poison record. If that record can be read
    /// later, it can still be counted.
    #[must_use]
    pub fn with(&self, changes: &[&NotificationChange], poison: &[Sequence]) -> Option<Self> {
        let slice: BTreeMap<_, _> = changes.iter().map(|change| (&change.sequence, change)).collect();
        let new = || slice.iter().filter(|(sequence, _)| !self.processed.contains(sequence));
        new().next()?;
        let mut next = self.clone();
        new().for_each(|(_, change)| next.counters.merge(&difference(change.old.as_ref(), &change.new)));
        let readable = |one: &&Sequence, other: &&Sequence| !poison.iter().any(|lost| *one < lost && lost < *other);
        let sequences: Vec<_> = slice.into_keys().collect();
        for range in sequences.chunk_by(readable) {
            next.processed.insert(range[0], range[range.len() - 1]);
        }
        Some(next)
    }
}

#[cfg(test)]
#[path = "minute_counters_tests.rs"]
mod tests;
