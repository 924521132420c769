//! Counters of one minute and one stream shard. Each record is counted once, even if it is delivered again, late, in
//! parts, or after earlier records were given up.

use std::collections::BTreeMap;

use super::change::{Change, Sequence};
use super::counted::Counted;
use super::counters::Counters;
use super::fold::fold;

/// Counters of a minute, with the records that they include.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Minute {
    /// Sum of the records' differences.
    pub counters: Counters,
    /// Sequence numbers of the records included.
    pub counted: Counted,
}

impl Minute {
    /// Adds those of `changes` that are not included yet. Returns `None` if all of them are included.
    ///
    /// `changes` are all changes of this minute in a gapless part of the shard, except `poison`. `poison` are the
    /// records of that part that could not be read. A run ends before a poison record. If that record can be read
    /// later, it can still be counted.
    #[must_use]
    pub fn with(&self, changes: &[&Change], poison: &[Sequence]) -> Option<Self> {
        let stretch: BTreeMap<_, _> = changes.iter().map(|change| (&change.sequence, change)).collect();
        let fresh = || stretch.iter().filter(|(sequence, _)| !self.counted.holds(sequence));
        fresh().next()?;
        let mut next = self.clone();
        fresh().for_each(|(_, change)| next.counters.merge(&fold(change.old.as_ref(), &change.new)));
        let readable = |one: &&Sequence, other: &&Sequence| !poison.iter().any(|lost| *one < lost && lost < *other);
        let sequences: Vec<_> = stretch.into_keys().collect();
        for run in sequences.chunk_by(readable) {
            next.counted.note(run[0], run[run.len() - 1]);
        }
        Some(next)
    }
}

#[cfg(test)]
#[path = "minute_tests.rs"]
mod tests;
