//! What a minute holds of one shard, and how more of the shard is taken in: each record once, whatever comes again, late,
//! in parts, or beside what was given up before.

use std::collections::BTreeMap;

use super::change::{Change, Sequence};
use super::counted::Counted;
use super::counters::Counters;
use super::fold::fold;

/// The counters, and which records are in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Minute {
    /// The sum of the records' differences.
    pub counters: Counters,
    /// Those records.
    pub counted: Counted,
}

impl Minute {
    /// Takes in those of `changes` that are not in it yet; `None` when all of them are.
    ///
    /// `changes` are everything that a gapless stretch of the shard holds of this minute, but for `poison`: records of the
    /// stretch that nobody could read. A run ends before one of those, so that it can still be counted when it can be read.
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
