//! A stream record and the minute to which it belongs.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::bucket::{Bucket, Unit};
use super::image::Image;

/// Maximum delay of the stream's time after the notification's own time. A record stays 24 hours in the stream.
const MAX_STREAM_LAG: SignedDuration = SignedDuration::from_hours(24);

/// Maximum lead of the notification's own time over the stream's time, allowed for clock skew.
const MAX_CLOCK_LEAD: SignedDuration = SignedDuration::from_mins(2);

/// Sequence number of a record in its shard: up to 40 digits, ascending along the shard.
///
/// DynamoDB's sequence numbers have 21 to 40 digits without leading zeros, so they compare as text only when padded.
#[derive(Debug, Clone)]
pub struct Sequence {
    padded: String,
    given: String,
}

impl Sequence {
    /// Parses a sequence number. Returns `None` if the text is not 1 to 40 digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        well_formed.then(|| Self { padded: format!("{text:0>40}"), given: text.to_owned() })
    }

    /// Returns the text as the stream delivered it. Lambda requires this form in a partial batch response.
    #[must_use]
    pub fn as_given(&self) -> &str {
        &self.given
    }

    /// Returns the number without leading zeros, for storage.
    #[must_use]
    pub fn digits(&self) -> &str {
        match self.padded.trim_start_matches('0') {
            "" => "0",
            digits => digits,
        }
    }
}

impl PartialEq for Sequence {
    fn eq(&self, other: &Self) -> bool {
        self.padded == other.padded
    }
}

impl Eq for Sequence {}

impl PartialOrd for Sequence {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Orders sequence numbers as their records in the shard.
impl Ord for Sequence {
    fn cmp(&self, other: &Self) -> Ordering {
        self.padded.cmp(&other.padded)
    }
}

/// A change of one notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationChange {
    /// Sequence number of the record in its shard.
    pub sequence: Sequence,
    /// Time at which the stream recorded the change, if the record contains it.
    pub recorded_at: Option<Timestamp>,
    /// Notification before the change; `None` for a new notification.
    pub old: Option<Image>,
    /// Notification after the change.
    pub new: Image,
}

impl NotificationChange {
    /// Returns the minute of the change, from the notification's own time. That time is limited to 24 hours before
    /// and 2 minutes after the stream's time: a minute that is already merged and expired cannot count a change.
    /// Every delivery of the record returns the same minute.
    #[must_use]
    pub fn minute(&self) -> Bucket {
        let own = self.new.updated_at;
        let at = self.recorded_at.map_or(own, |recorded| {
            let possible = |offset| recorded.saturating_add(offset).unwrap_or(recorded);
            own.clamp(possible(-MAX_STREAM_LAG), possible(MAX_CLOCK_LEAD))
        });
        Bucket::containing(Unit::Minute, at)
    }
}

/// Groups changes by minute. The changes of a minute keep their order.
#[must_use]
pub fn by_minute(changes: &[NotificationChange]) -> BTreeMap<Bucket, Vec<&NotificationChange>> {
    let mut minutes = BTreeMap::<_, Vec<_>>::new();
    for change in changes {
        minutes.entry(change.minute()).or_default().push(change);
    }
    minutes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn change(sequence: &str, updated_at: &str, recorded_at: Option<&str>) -> NotificationChange {
        let millis = updated_at.parse::<Timestamp>().unwrap().as_millisecond();
        let item = json!({"status": "cancelled", "type": "DEFAULT", "due_at": 1, "updated_at": millis});
        let new = serde_json::from_value(item).unwrap();
        let recorded_at = recorded_at.map(|text| text.parse().unwrap());
        NotificationChange { sequence: Sequence::parse(sequence).unwrap(), recorded_at, old: None, new }
    }

    #[test]
    fn sequence_numbers_of_any_length_compare_as_numbers() {
        let short = Sequence::parse("900000000000000000000").unwrap();
        let long = Sequence::parse("1000000000000000000000").unwrap();
        assert!(short < long);
        assert_eq!(Sequence::parse("007").unwrap(), Sequence::parse("7").unwrap());
        assert_eq!(["007", "000"].map(|text| Sequence::parse(text).unwrap().digits().to_owned()), ["7", "0"]);
        assert_eq!((short.as_given().len(), Sequence::parse("007").unwrap().as_given()), (21, "007"));
        for text in ["", "12a", "-1", &"1".repeat(41)] {
            assert_eq!(Sequence::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_change_belongs_to_the_minute_of_its_notification() {
        let late = change("1", "2026-11-23T10:05:59Z", Some("2026-11-23T23:00:00Z"));
        assert_eq!(late.minute().to_string(), "2026-11-23T10:05");
        assert_eq!(change("1", "2026-11-23T10:05:59Z", None).minute().to_string(), "2026-11-23T10:05");
    }

    #[test]
    fn an_impossible_time_is_clamped() {
        let ancient = change("1", "2020-01-01T00:00:00Z", Some("2026-11-23T10:05:00Z"));
        assert_eq!(ancient.minute().to_string(), "2026-11-22T10:05");
        let ahead = change("1", "2030-01-01T00:00:00Z", Some("2026-11-23T10:05:00Z"));
        assert_eq!(ahead.minute().to_string(), "2026-11-23T10:07");
    }
}
