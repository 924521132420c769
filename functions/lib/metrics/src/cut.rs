//! Which buckets make up a window, so that 90 days are a few reads.

use std::collections::BTreeSet;

use super::bucket::{Bucket, Unit};
use super::window::Window;

/// The hours and days that hold less than what lies below them, because the merge has not come to them yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unmerged(BTreeSet<Bucket>);

impl Unmerged {
    /// From the buckets that are marked.
    pub fn new(marked: impl IntoIterator<Item = Bucket>) -> Self {
        let marked: BTreeSet<_> = marked.into_iter().collect();
        // A day is behind as soon as one of its hours is: it is marked only when that hour is merged.
        let days: Vec<_> = marked.iter().filter_map(|bucket| bucket.parent()).collect();
        Self(marked.into_iter().chain(days).collect())
    }

    fn holds(&self, bucket: Bucket) -> bool {
        self.0.contains(&bucket)
    }
}

/// One Query: a run of siblings in one partition, from the first sort key to the last, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The partition key.
    pub partition: String,
    /// The first sort key.
    pub first: String,
    /// The last sort key; a minute's items are that followed by `#` and a shard.
    pub last: String,
}

/// The fewest reads that see each moment of the window once: days where they are whole and merged, hours likewise, and
/// minutes for the rest.
#[must_use]
pub fn reads(window: Window, unmerged: &Unmerged) -> Vec<Read> {
    let mut reads: Vec<Read> = Vec::new();
    for bucket in cut(window, unmerged) {
        let (partition, key) = (bucket.partition(), bucket.sort_key());
        match reads.last_mut() {
            // Buckets come in order without a gap, so one of the same partition follows the last one directly.
            Some(read) if read.partition == partition => read.last = key,
            _ => reads.push(Read { partition, first: key.clone(), last: key }),
        }
    }
    reads
}

fn cut(window: Window, unmerged: &Unmerged) -> impl Iterator<Item = Bucket> {
    let mut at = window.from();
    std::iter::from_fn(move || {
        if at >= window.to() {
            return None;
        }
        let fits = |bucket: &Bucket| bucket.start() == at && bucket.end() <= window.to() && !unmerged.holds(*bucket);
        let larger = [Unit::Day, Unit::Hour].map(|unit| Bucket::containing(unit, at));
        let bucket = larger.into_iter().find(fits).unwrap_or_else(|| Bucket::containing(Unit::Minute, at));
        at = bucket.end();
        Some(bucket)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::MAX_MINUTES;

    fn window(minutes: i64, now: &str) -> Window {
        Window::last(minutes, now.parse().unwrap())
    }

    fn plan(window: Window, unmerged: &Unmerged) -> Vec<String> {
        let text = |read: Read| format!("{} {}..{}", read.partition, read.first, read.last);
        reads(window, unmerged).into_iter().map(text).collect()
    }

    fn hour(name: &str) -> Bucket {
        Bucket::parse(Unit::Hour, name).unwrap()
    }

    #[test]
    fn an_hour_is_read_as_minutes_of_two_hours() {
        let plan = plan(window(60, "2026-11-23T10:05:30Z"), &Unmerged::default());
        assert_eq!(plan, ["minute#2026-11-23T09 06..59", "minute#2026-11-23T10 00..05"]);
    }

    #[test]
    fn ninety_days_are_a_few_reads() {
        let unmerged = Unmerged::new([hour("2026-11-23T10")]);
        let plan = plan(window(129_600, "2026-11-23T10:05:30Z"), &unmerged);
        assert_eq!(
            plan,
            [
                "hour#2026-08-25 10..23",
                "day#2026-08 26..31",
                "day#2026-09 01..30",
                "day#2026-10 01..31",
                "day#2026-11 01..22",
                "hour#2026-11-23 00..09",
                "minute#2026-11-23T10 00..05",
            ]
        );
    }

    /// What docs/api.md says: the most Queries for any window, the two for what is not merged yet included.
    const MOST_QUERIES: usize = 10;

    #[test]
    fn any_window_from_a_minute_to_90_days_is_a_few_reads_at_any_time() {
        let lengths =
            [1, 2, 59, 60, 61, 121, 1_439, 1_441, 2_820, 2_880, 2_940, 4_320, 10_080, 44_641, 89_337, 128_161];
        let year: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut most = 0;
        // Two hours and a minute short of a day apart, so that every hour of the day and every day of the month comes up.
        for number in 0..400 {
            let now = year + SignedDuration::from_mins(number * 1_319);
            let this = Bucket::containing(Unit::Hour, now);
            // An hour is merged some minutes after it is over.
            let last = Bucket::containing(Unit::Hour, this.start() - SignedDuration::from_mins(1));
            let unmerged = Unmerged::new([this, last]);
            for minutes in lengths.into_iter().chain([MAX_MINUTES]) {
                most = most.max(reads(Window::last(minutes, now), &unmerged).len());
            }
        }
        assert_eq!(most + 2, MOST_QUERIES);
    }

    #[test]
    fn what_is_not_merged_yet_is_read_from_what_it_is_made_of() {
        let unmerged = Unmerged::new([hour("2026-11-22T07"), Bucket::parse(Unit::Day, "2026-11-21").unwrap()]);
        let to = "2026-11-22T23:59:00Z";
        let plan = plan(window(2 * 1_440, to), &unmerged);
        assert_eq!(
            plan,
            [
                "hour#2026-11-21 00..23",
                "hour#2026-11-22 00..06",
                "minute#2026-11-22T07 00..59",
                "hour#2026-11-22 08..23"
            ]
        );
    }

    #[test]
    fn every_moment_of_any_window_is_read_exactly_once() {
        let now: Timestamp = "2026-03-01T00:41:00Z".parse().unwrap();
        let unmerged = Unmerged::new([hour("2026-02-28T22"), hour("2026-02-27T00")]);
        for minutes in [1, 41, 42, 43, 101, 1_481, 1_482, 1_483, 50_000] {
            let window = Window::last(minutes, now);
            let buckets: Vec<_> = cut(window, &unmerged).collect();
            assert_eq!((buckets[0].start(), buckets.last().unwrap().end()), (window.from(), window.to()));
            assert!(buckets.windows(2).all(|pair| pair[0].end() == pair[1].start()), "{minutes}");
        }
    }
}
