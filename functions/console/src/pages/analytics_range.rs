//! Range of the analytics: a length that ends now, or days from the query.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::site::{ApiCall, ApiProblem, Fields};

/// Ranges that end now: name and label.
pub const RANGES: [(&str, &str); 5] = [
    ("1h", "Last hour"),
    ("24h", "Last 24 hours"),
    ("7d", "Last 7 days"),
    ("30d", "Last 30 days"),
    ("90d", "Last 90 days"),
];
/// Maximum number of hours that are shown by hour; a longer range is shown by day.
const BY_HOUR: i64 = 72;

/// Range from `from` to `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyticsRange {
    /// Name, as in [`RANGES`]; `custom` for days from the query.
    pub name: String,
    /// First moment.
    pub from: Timestamp,
    /// First moment after the range; `None` if it ends now.
    pub to: Option<Timestamp>,
    /// Step of the series.
    pub step: &'static str,
}

impl AnalyticsRange {
    /// Reads the range of a query. The default is the last 24 hours.
    ///
    /// # Errors
    /// A day that is no date, or the last day before the first.
    pub fn of(query: &Fields, now: Timestamp) -> Result<Self, ApiProblem> {
        match query.optional("range").unwrap_or("24h") {
            "custom" => Self::of_days(query, now),
            name => Ok(Self::ending_now(name, now)),
        }
    }

    /// Returns a range that ends now. Ranges of days begin at a midnight of UTC, so that their first day is whole.
    #[must_use]
    pub fn ending_now(name: &str, now: Timestamp) -> Self {
        let back = |hours: i64| now - SignedDuration::from_hours(hours);
        let (name, from) = match name {
            "1h" => ("1h", back(1)),
            "7d" => ("7d", midnight(back(6 * 24))),
            "30d" => ("30d", midnight(back(29 * 24))),
            "90d" => ("90d", midnight(back(89 * 24))),
            _ => ("24h", back(24)),
        };
        let step = if name.ends_with('h') { "hour" } else { "day" };
        Self { name: name.to_owned(), from, to: None, step }
    }

    fn of_days(query: &Fields, now: Timestamp) -> Result<Self, ApiProblem> {
        let day = |name: &str| {
            let date = query.get(name).parse::<Date>().ok();
            let start = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok()).map(|zoned| zoned.timestamp());
            start.ok_or_else(|| ApiProblem::field(name, "must be a day, such as 2026-11-23"))
        };
        let (from, last) = (day("from")?, day("to")?);
        if last < from {
            return Err(ApiProblem::field("to", "must not be before the first day"));
        }
        let end = last + SignedDuration::from_hours(24);
        let to = Some(end).filter(|end| *end <= now);
        let hours = to.unwrap_or(now).duration_since(from).as_hours();
        let step = if hours <= BY_HOUR { "hour" } else { "day" };
        Ok(Self { name: "custom".to_owned(), from, to, step })
    }

    /// Returns the end.
    #[must_use]
    pub fn end(&self, now: Timestamp) -> Timestamp {
        self.to.unwrap_or(now)
    }

    /// Returns the range of the same length before this one.
    #[must_use]
    pub fn before(&self, now: Timestamp) -> Self {
        let length = self.end(now).duration_since(self.from);
        Self { name: self.name.clone(), from: self.from - length, to: Some(self.from), step: self.step }
    }

    /// Returns a call about the range.
    #[must_use]
    pub fn call(&self, route: &'static str) -> ApiCall {
        let to = self.to.map(|to| to.to_string());
        ApiCall::get(route).query("from", self.from.to_string()).query_if("to", to.as_deref())
    }

    /// Returns `true` if the range has the hours of at least one week.
    #[must_use]
    pub fn has_week(&self, now: Timestamp) -> bool {
        self.end(now).duration_since(self.from).as_hours() >= 6 * 24
    }

    /// Returns calls for the hours of the last 7 days of the range: two, because a series has at most 90 hours.
    #[must_use]
    pub fn calls_for_week(&self, now: Timestamp) -> [ApiCall; 2] {
        let end = self.end(now);
        let end = end - SignedDuration::from_secs(end.as_second().rem_euclid(3_600));
        let part = |from: i64, to: i64| {
            let at = |hours| (end - SignedDuration::from_hours(hours)).to_string();
            ApiCall::get("/v1/metrics/series").query("from", at(from)).query("to", at(to)).query("step", "hour")
        };
        [part(168, 84), part(84, 0)]
    }
}

/// Returns the midnight of UTC at or before a time.
#[must_use]
pub fn midnight(at: Timestamp) -> Timestamp {
    at - SignedDuration::new(at.as_second().rem_euclid(86_400), at.subsec_nanosecond())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn range(query: &str) -> Result<AnalyticsRange, String> {
        let now = "2026-11-23T10:05:30.5Z".parse().unwrap();
        AnalyticsRange::of(&Fields::parse(query.as_bytes()), now).map_err(|problem| problem.errors[0].0.clone())
    }

    #[test]
    fn ranges_end_now_and_days_begin_at_midnight() {
        let of =
            |query| range(query).map(|range| (range.from.to_string(), range.to.map(|to| to.to_string()), range.step));
        assert_eq!(of(""), Ok(("2026-11-22T10:05:30.5Z".into(), None, "hour")));
        assert_eq!(of("range=90d"), Ok(("2026-08-26T00:00:00Z".into(), None, "day")));
        assert_eq!(of("range=nonsense").unwrap().2, "hour");
        let days = of("range=custom&from=2026-11-01&to=2026-11-10").unwrap();
        assert_eq!(days, ("2026-11-01T00:00:00Z".into(), Some("2026-11-11T00:00:00Z".into()), "day"));
        assert_eq!(of("range=custom&from=2026-11-22&to=2026-11-23").unwrap().1, None, "today is not over");
        assert_eq!(of("range=custom&from=2026-11-22&to=x").unwrap_err(), "to");
        assert_eq!(of("range=custom&to=2026-11-22").unwrap_err(), "from");
        assert_eq!(of("range=custom&from=2026-11-22&to=2026-11-21").unwrap_err(), "to");
    }

    #[test]
    fn the_range_before_has_the_same_length_and_ends_where_this_one_begins() {
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let range = AnalyticsRange::ending_now("7d", now);
        let before = range.before(now);
        assert_eq!(before.to, Some(range.from));
        assert_eq!(range.from.duration_since(before.from), now.duration_since(range.from));
        assert!(range.has_week(now) && !AnalyticsRange::ending_now("24h", now).has_week(now));
    }
}
