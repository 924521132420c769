//! Set of the records of one shard that a minute has counted. With it, a record that is delivered again is counted
//! once.
//!
//! The last sequence number alone is not enough. If a batch is given up, later batches move that number past records
//! that were not counted. These records would then look like counted ones. Each delivery is a gapless part of its
//! shard, so the set is stored as ranges of sequence numbers. A minute has few ranges, because about ten batches write
//! to it.

use std::fmt;

use super::change::Sequence;

/// Maximum number of separate ranges; about ten are usual. Beyond this limit the two oldest ranges are joined. Records
/// that were given up between these ranges can then no longer be counted. No record is counted twice.
const MAX_RANGES: usize = 128;

/// Ranges of sequence numbers, ascending and disjoint. They are stored as text: `111-115,117,119-130`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessedRanges(Vec<(Sequence, Sequence)>);

impl ProcessedRanges {
    /// Parses the stored text. Returns `None` if [`fmt::Display`] cannot have written it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some((Sequence::parse(first)?, Sequence::parse(last)?))
        };
        let ranges: Vec<_> = text.split(',').map(range).collect::<Option<_>>()?;
        let is_ascending =
            ranges.is_sorted_by(|one, next| one.1 < next.0) && ranges.iter().all(|range| range.0 <= range.1);
        is_ascending.then_some(Self(ranges))
    }

    /// Returns true if this record is counted.
    #[must_use]
    pub fn contains(&self, sequence: &Sequence) -> bool {
        let behind = self.0.partition_point(|(_, last)| last < sequence);
        self.0.get(behind).is_some_and(|(first, _)| first <= sequence)
    }

    /// Marks the minute's records from `first` to `last` as counted.
    pub fn insert(&mut self, first: &Sequence, last: &Sequence) {
        let from = self.0.partition_point(|range| range.1 < *first);
        let to = self.0.partition_point(|range| range.0 <= *last).max(from);
        let joined = self.0.drain(from..to).fold((first.clone(), last.clone()), join);
        self.0.insert(from, joined);
        while self.0.len() > MAX_RANGES {
            let oldest = self.0.remove(0);
            self.0[0] = join(oldest, self.0[0].clone());
        }
    }
}

fn join(one: (Sequence, Sequence), other: (Sequence, Sequence)) -> (Sequence, Sequence) {
    (one.0.min(other.0), one.1.max(other.1))
}

impl fmt::Display for ProcessedRanges {
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
    fn overlapping_ranges_are_joined_and_others_stay_separate() {
        let mut ranges = ProcessedRanges::default();
        for (first, last) in [(111, 115), (119, 130), (117, 117), (125, 140)] {
            ranges.insert(&number(first), &number(last));
        }
        assert_eq!(ranges.to_string(), "111-115,117,119-140");
        assert_eq!(
            [110, 111, 116, 117, 118, 140, 141].map(|one| ranges.contains(&number(one))),
            [false, true, false, true, false, true, false]
        );
        ranges.insert(&number(1), &number(200));
        assert_eq!(ranges.to_string(), "1-200");
    }

    #[test]
    fn only_formatted_ranges_are_parsed() {
        let text = "999999999999999999999,1000000000000000000000-1000000000000000000007";
        assert_eq!(ProcessedRanges::parse(text).unwrap().to_string(), text);
        for text in ["", "7-", "a", "5,4", "5-4", "5,5", "1-3,2-4"] {
            assert_eq!(ProcessedRanges::parse(text), None, "{text}");
        }
    }

    #[test]
    fn many_ranges_stay_within_the_limit_and_lose_only_the_oldest_gaps() {
        let mut ranges = ProcessedRanges::default();
        (1..=1_000).for_each(|place| ranges.insert(&number(place * 10), &number(place * 10 + 1)));
        assert_eq!(ranges.0.len(), MAX_RANGES);
        assert!(ranges.contains(&number(15)) && !ranges.contains(&number(9_995)) && ranges.contains(&number(10_001)));
    }

    proptest! {
        #[test]
        fn ranges_contain_the_same_as_a_set(noted in proptest::collection::vec((0..60u32, 0..6u32), 0..40)) {
            let (mut ranges, mut set) = (ProcessedRanges::default(), BTreeSet::new());
            for (first, length) in noted {
                ranges.insert(&number(first), &number(first + length));
                set.extend(first..=first + length);
            }
            for place in 0..70 {
                prop_assert_eq!(ranges.contains(&number(place)), set.contains(&place));
            }
            prop_assert!(set.is_empty() || ProcessedRanges::parse(&ranges.to_string()) == Some(ranges));
        }
    }
}
