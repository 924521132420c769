//! Query plan of a window: the buckets that cover it with the fewest Queries. 90 days take at most ten.

use std::collections::BTreeSet;

use super::bucket::{Bucket, Unit};
use super::window::Window;

/// Hours and days that are not up to date: the merge has not yet added all of their children.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnmergedBuckets(BTreeSet<Bucket>);

impl UnmergedBuckets {
    /// Creates the set from the marked buckets.
    pub fn new(marked: impl IntoIterator<Item = Bucket>) -> Self {
        let marked: BTreeSet<_> = marked.into_iter().collect();
        // A day is not up to date if one of its hours is not. The day itself is marked only when that hour is merged.
        let days: Vec<_> = marked.iter().filter_map(|bucket| bucket.parent()).collect();
        Self(marked.into_iter().chain(days).collect())
    }

    fn contains(&self, bucket: Bucket) -> bool {
        self.0.contains(&bucket)
    }
}

/// One Query: a range of siblings in one partition. The first and the last sort key are included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeQuery {
    /// Partition key.
    pub partition: String,
    /// First sort key.
    pub first: String,
    /// Last sort key. The sort keys of a minute's items are this key followed by `#` and a shard.
    pub last: String,
}

/// Returns the fewest Queries that read each moment of the window exactly once: days that lie inside the window and are
/// merged, then such hours, and minutes for the rest.
#[must_use]
pub fn plan_queries(window: Window, unmerged: &UnmergedBuckets) -> Vec<RangeQuery> {
    plan_queries_of(window, Unit::Day, unmerged)
}

/// Returns the fewest Queries that read each moment of the window exactly once, from buckets of at most one unit: no
/// bucket contains moments of two buckets of the unit.
#[must_use]
pub fn plan_queries_of(window: Window, largest: Unit, unmerged: &UnmergedBuckets) -> Vec<RangeQuery> {
    let mut queries: Vec<RangeQuery> = Vec::new();
    for bucket in covering_buckets(window, largest, unmerged) {
        let (partition, key) = (bucket.partition(), bucket.sort_key());
        match queries.last_mut() {
            // Buckets are in order and without a gap. A bucket of the same partition directly follows the last one.
            Some(query) if query.partition == partition => query.last = key,
            _ => queries.push(RangeQuery { partition, first: key.clone(), last: key }),
        }
    }
    queries
}

/// Returns the largest merged buckets, of at most the unit `largest`, that cover the window, in order.
fn covering_buckets(window: Window, largest: Unit, unmerged: &UnmergedBuckets) -> impl Iterator<Item = Bucket> {
    let mut at = window.from();
    std::iter::from_fn(move || {
        if at >= window.to() {
            return None;
        }
        let fits = |bucket: &Bucket| bucket.start() == at && bucket.end() <= window.to() && !unmerged.contains(*bucket);
        let units = [Unit::Day, Unit::Hour].into_iter().filter(|unit| *unit <= largest);
        let bucket = units
            .map(|unit| Bucket::containing(unit, at))
            .find(fits)
            .unwrap_or_else(|| Bucket::containing(Unit::Minute, at));
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

    fn plan(window: Window, unmerged: &UnmergedBuckets) -> Vec<String> {
        let text = |query: RangeQuery| format!("{} {}..{}", query.partition, query.first, query.last);
        plan_queries(window, unmerged).into_iter().map(text).collect()
    }

    fn hour(name: &str) -> Bucket {
        Bucket::parse(Unit::Hour, name).unwrap()
    }

    #[test]
    fn an_hour_is_read_as_minutes_of_two_hours() {
        let plan = plan(window(60, "2026-11-23T10:05:30Z"), &UnmergedBuckets::default());
        assert_eq!(plan, ["minute#2026-11-23T09 06..59", "minute#2026-11-23T10 00..05"]);
    }

    #[test]
    fn ninety_days_take_few_queries() {
        let unmerged = UnmergedBuckets::new([hour("2026-11-23T10")]);
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

    /// Maximum number of Queries for a window, as in docs/api.md. It includes the two Queries for the markers.
    const MAX_QUERIES: usize = 10;

    #[test]
    fn every_window_up_to_90_days_takes_few_queries_at_any_time() {
        let lengths =
            [1, 2, 59, 60, 61, 121, 1_439, 1_441, 2_820, 2_880, 2_940, 4_320, 10_080, 44_641, 89_337, 128_161];
        let year: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut most = 0;
        // The times are 2 h 1 min less than a day apart, so they include every hour of a day and every day of a month.
        for number in 0..400 {
            let now = year + SignedDuration::from_mins(number * 1_319);
            let this = Bucket::containing(Unit::Hour, now);
            // An hour is merged some minutes after its end.
            let last = Bucket::containing(Unit::Hour, this.start() - SignedDuration::from_mins(1));
            let unmerged = UnmergedBuckets::new([this, last]);
            for minutes in lengths.into_iter().chain([MAX_MINUTES]) {
                most = most.max(plan_queries(Window::last(minutes, now), &unmerged).len());
            }
        }
        assert_eq!(most + 2, MAX_QUERIES);
    }

    #[test]
    fn ninety_hours_take_no_more_queries_than_any_window() {
        for number in 0..400 {
            let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
            let now = now + SignedDuration::from_mins(number * 1_319);
            let this = Bucket::containing(Unit::Hour, now);
            let unmerged = UnmergedBuckets::new([
                this,
                Bucket::containing(Unit::Hour, this.start() - SignedDuration::from_mins(1)),
            ]);
            let queries = plan_queries_of(window_of_hours(89, now), Unit::Hour, &unmerged).len();
            assert!(queries + 2 <= MAX_QUERIES, "{now}: {queries}");
        }
    }

    fn window_of_hours(hours: i64, now: Timestamp) -> Window {
        Window::last(hours * 60, now)
    }

    #[test]
    fn an_unmerged_bucket_is_read_from_its_children() {
        let unmerged = UnmergedBuckets::new([hour("2026-11-22T07"), Bucket::parse(Unit::Day, "2026-11-21").unwrap()]);
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
    fn every_moment_of_a_window_is_read_exactly_once() {
        let now: Timestamp = "2026-03-01T00:41:00Z".parse().unwrap();
        let unmerged = UnmergedBuckets::new([hour("2026-02-28T22"), hour("2026-02-27T00")]);
        for minutes in [1, 41, 42, 43, 101, 1_481, 1_482, 1_483, 50_000] {
            let window = Window::last(minutes, now);
            for largest in [Unit::Hour, Unit::Day] {
                let buckets: Vec<_> = covering_buckets(window, largest, &unmerged).collect();
                assert_eq!((buckets[0].start(), buckets.last().unwrap().end()), (window.from(), window.to()));
                assert!(buckets.windows(2).all(|pair| pair[0].end() == pair[1].start()), "{minutes}");
                assert!(buckets.iter().all(|bucket| bucket.unit() <= largest));
            }
        }
    }
}
