//! Buckets of the counters: minutes, hours and days of UTC.
//!
//! A minute is the source: it has one item per stream shard. An hour is the sum of its minutes, a day the sum of its
//! hours. A bucket's key consists of its parent's name and its own, so one Query reads a range of siblings.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// Length of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Bucket to which the stream's records are added; kept for 3 days.
    Minute,
    /// Sum of 60 minutes; kept for 100 days.
    Hour,
    /// Sum of 24 hours; kept for 800 days.
    Day,
}

impl Unit {
    /// Returns the unit's name in keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Returns the length in seconds. Unix time has no leap seconds, so every day of UTC has 86,400.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// Returns the retention of a bucket of this unit, in seconds from its start.
    #[must_use]
    pub const fn retention_seconds(self) -> i64 {
        86_400
            * match self {
                Self::Minute => 3,
                Self::Hour => 100,
                Self::Day => 800,
            }
    }

    /// Returns the next larger unit, of which this one is a part.
    #[must_use]
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::Minute => Some(Self::Hour),
            Self::Hour => Some(Self::Day),
            Self::Day => None,
        }
    }

    /// Returns the next smaller unit, of which this one is the sum.
    #[must_use]
    pub const fn child(self) -> Option<Self> {
        match self {
            Self::Minute => None,
            Self::Hour => Some(Self::Minute),
            Self::Day => Some(Self::Hour),
        }
    }

    /// Returns the format of a bucket's full name. A day's parent is the month, which exists only as a key.
    const fn name_format(self) -> &'static str {
        match self {
            Self::Minute => "%Y-%m-%dT%H:%M",
            Self::Hour => "%Y-%m-%dT%H",
            Self::Day => "%Y-%m-%d",
        }
    }
}

/// A minute, hour or day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket {
    unit: Unit,
    start: Timestamp,
}

impl Bucket {
    /// Returns the bucket that contains a time.
    #[must_use]
    pub fn containing(unit: Unit, at: Timestamp) -> Self {
        let start = at.as_second() - at.as_second().rem_euclid(unit.seconds());
        // This fails only within one day of the year -9999. The time itself is used there.
        Self { unit, start: Timestamp::from_second(start).unwrap_or(at) }
    }

    /// Parses a bucket's name as formatted by [`fmt::Display`]. Returns `None` for any other text.
    #[must_use]
    pub fn parse(unit: Unit, name: &str) -> Option<Self> {
        let rest = match unit {
            Unit::Minute => ":00Z",
            Unit::Hour => ":00:00Z",
            Unit::Day => "T00:00:00Z",
        };
        let bucket = Self::containing(unit, format!("{name}{rest}").parse().ok()?);
        (bucket.to_string() == name).then_some(bucket)
    }

    /// Returns the unit.
    #[must_use]
    pub const fn unit(self) -> Unit {
        self.unit
    }

    /// Returns the start.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        self.start
    }

    /// Returns the end, which is the start of the next bucket.
    #[must_use]
    pub fn end(self) -> Timestamp {
        self.start.saturating_add(SignedDuration::from_secs(self.unit.seconds())).unwrap_or(Timestamp::MAX)
    }

    /// Returns the bucket of the next larger unit that contains this one.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        self.unit.parent().map(|unit| Self::containing(unit, self.start))
    }

    /// Returns the table's partition key, such as `minute#2026-11-23T10`.
    #[must_use]
    pub fn partition(self) -> String {
        let parent = match self.unit {
            Unit::Minute => "%Y-%m-%dT%H",
            Unit::Hour => "%Y-%m-%d",
            Unit::Day => "%Y-%m",
        };
        format!("{}#{}", self.unit.as_str(), self.start.strftime(parent))
    }

    /// Returns the partition of the buckets of which this one is the sum. Returns `None` for a minute.
    #[must_use]
    pub fn children_partition(self) -> Option<String> {
        self.unit.child().map(|child| Self::containing(child, self.start).partition())
    }

    /// Returns the sort key within the partition: two digits. A minute's is followed by `#` and the stream shard.
    #[must_use]
    pub fn sort_key(self) -> String {
        let own = match self.unit {
            Unit::Minute => "%M",
            Unit::Hour => "%H",
            Unit::Day => "%d",
        };
        self.start.strftime(own).to_string()
    }

    /// Parses the keys of an item, as [`Self::partition`] and [`Self::sort_key`] return them; a minute's sort key may
    /// be followed by `#` and the stream shard. Returns `None` for any other keys.
    #[must_use]
    pub fn of_keys(partition: &str, sort: &str) -> Option<Self> {
        let (unit, parent) = partition.split_once('#')?;
        let unit = [Unit::Minute, Unit::Hour, Unit::Day].into_iter().find(|it| it.as_str() == unit)?;
        let own = sort.split('#').next()?;
        let separator = match unit {
            Unit::Minute => ':',
            Unit::Hour => 'T',
            Unit::Day => '-',
        };
        Self::parse(unit, &format!("{parent}{separator}{own}"))
    }

    /// Returns the expiry of the bucket's item, in seconds since the epoch.
    #[must_use]
    pub fn expires_at(self) -> i64 {
        self.start.as_second() + self.unit.retention_seconds()
    }
}

/// Formats the full name, such as `2026-11-23T10`.
impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.start.strftime(self.unit.name_format()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn keys_are_times_and_siblings_share_a_partition() {
        let minute = Bucket::containing(Unit::Minute, at("2026-11-23T10:05:59.999Z"));
        assert_eq!((minute.partition().as_str(), minute.sort_key().as_str()), ("minute#2026-11-23T10", "05"));
        let hour = minute.parent().unwrap();
        assert_eq!((hour.partition().as_str(), hour.sort_key().as_str()), ("hour#2026-11-23", "10"));
        assert_eq!(hour.children_partition().unwrap(), minute.partition());
        let day = hour.parent().unwrap();
        assert_eq!((day.partition().as_str(), day.sort_key().as_str()), ("day#2026-11", "23"));
        assert_eq!(day.children_partition().unwrap(), hour.partition());
        assert_eq!((day.parent(), minute.children_partition()), (None, None));
    }

    #[test]
    fn a_bucket_ends_where_the_next_begins() {
        let day = Bucket::containing(Unit::Day, at("2026-12-31T23:59:59Z"));
        assert_eq!((day.start(), day.end()), (at("2026-12-31T00:00:00Z"), at("2027-01-01T00:00:00Z")));
        assert_eq!(Bucket::containing(Unit::Day, day.end()).to_string(), "2027-01-01");
    }

    #[test]
    fn only_formatted_names_are_parsed() {
        for unit in [Unit::Minute, Unit::Hour, Unit::Day] {
            let bucket = Bucket::containing(unit, at("2026-11-23T10:05:59Z"));
            assert_eq!(Bucket::parse(unit, &bucket.to_string()), Some(bucket));
            assert_eq!(Bucket::of_keys(&bucket.partition(), &bucket.sort_key()), Some(bucket));
            assert_eq!(Bucket::of_keys(&bucket.partition(), &format!("{}#shard", bucket.sort_key())), Some(bucket));
        }
        for name in ["", "2026-11-23", "2026-11-23T1", "2026-11-23T10:30", "2026-11-23T10+"] {
            assert_eq!(Bucket::parse(Unit::Hour, name), None, "{name}");
            assert_eq!(Bucket::of_keys("unmerged#hour", name), None, "{name}");
        }
    }
}
