//! Set of the records of one shard that a minute has counted. With it, a record that is delivered again is counted
//! once.
//!
//! The last sequence number alone is not enough. If a batch is given up, later batches move that number past records
//! that were not counted. These records would then look like counted ones. Each delivery is a gapless part of its
//! shard, so the set is stored as runs of sequence numbers. A minute has few runs, because about ten batches write to
//! it.

use std::fmt;

use super::change::Sequence;

/// Maximum number of separate runs; about ten are usual. Beyond this limit the two oldest runs are joined. Records that
/// were given up between these runs can then no longer be counted. No record is counted twice.
const MOST_RUNS: usize = 128;

/// Runs of sequence numbers, ascending and disjoint. They are stored as text: `111-115,117,119-130`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted(Vec<(Sequence, Sequence)>);

impl Counted {
    /// Parses the stored text. Returns `None` if [`fmt::Display`] cannot have written it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let run = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some((Sequence::parse(first)?, Sequence::parse(last)?))
        };
        let runs: Vec<_> = text.split(',').map(run).collect::<Option<_>>()?;
        let is_ascending = runs.is_sorted_by(|one, next| one.1 < next.0) && runs.iter().all(|run| run.0 <= run.1);
        is_ascending.then_some(Self(runs))
    }

    /// Returns true if this record is counted.
    #[must_use]
    pub fn holds(&self, sequence: &Sequence) -> bool {
        let behind = self.0.partition_point(|(_, last)| last < sequence);
        self.0.get(behind).is_some_and(|(first, _)| first <= sequence)
    }

    /// Marks the minute's records from `first` to `last` as counted.
    pub fn note(&mut self, first: &Sequence, last: &Sequence) {
        let from = self.0.partition_point(|run| run.1 < *first);
        let to = self.0.partition_point(|run| run.0 <= *last).max(from);
        let joined = self.0.drain(from..to).fold((first.clone(), last.clone()), join);
        self.0.insert(from, joined);
        while self.0.len() > MOST_RUNS {
            let oldest = self.0.remove(0);
            self.0[0] = join(oldest, self.0[0].clone());
        }
    }
}

fn join(one: (Sequence, Sequence), other: (Sequence, Sequence)) -> (Sequence, Sequence) {
    (one.0.min(other.0), one.1.max(other.1))
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (first, last)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}", first.digits())?;
            if first != last {
                write!(f, "-{}", last.digits())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn number(number: u32) -> Sequence {
        Sequence::parse(&number.to_string()).unwrap()
    }

    #[test]
    fn runs_that_meet_become_one_and_others_stay_apart() {
        let mut counted = Counted::default();
        for (first, last) in [(111, 115), (119, 130), (117, 117), (125, 140)] {
            counted.note(&number(first), &number(last));
        }
        assert_eq!(counted.to_string(), "111-115,117,119-140");
        assert_eq!(
            [110, 111, 116, 117, 118, 140, 141].map(|one| counted.holds(&number(one))),
            [false, true, false, true, false, true, false]
        );
        counted.note(&number(1), &number(200));
        assert_eq!(counted.to_string(), "1-200");
    }

    #[test]
    fn a_text_comes_back_and_no_other_is_taken() {
        let text = "999999999999999999999,1000000000000000000000-1000000000000000000007";
        assert_eq!(Counted::parse(text).unwrap().to_string(), text);
        for text in ["", "7-", "a", "5,4", "5-4", "5,5", "1-3,2-4"] {
            assert_eq!(Counted::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_minute_in_very_many_pieces_stays_small_and_forgets_only_the_oldest_gaps() {
        let mut counted = Counted::default();
        (1..=1_000).for_each(|place| counted.note(&number(place * 10), &number(place * 10 + 1)));
        assert_eq!(counted.0.len(), MOST_RUNS);
        assert!(counted.holds(&number(15)) && !counted.holds(&number(9_995)) && counted.holds(&number(10_001)));
    }

    proptest! {
        #[test]
        fn runs_hold_what_a_set_would(noted in proptest::collection::vec((0..60u32, 0..6u32), 0..40)) {
            let (mut counted, mut set) = (Counted::default(), BTreeSet::new());
            for (first, length) in noted {
                counted.note(&number(first), &number(first + length));
                set.extend(first..=first + length);
            }
            for place in 0..70 {
                prop_assert_eq!(counted.holds(&number(place)), set.contains(&place));
            }
            prop_assert!(set.is_empty() || Counted::parse(&counted.to_string()) == Some(counted));
        }
    }
}
