//! Time window of a request for figures.

use jiff::{SignedDuration, Timestamp};

use super::bucket::{Bucket, Unit};
use platform::http::{Request, whole_number};
use platform::problem::Problem;

/// Maximum length of a window: 90 days.
pub const MAX_MINUTES: i64 = 129_600;

/// Age up to which all minutes are available. They are kept for 3 days, and the table may delete them early on the last
/// day.
const MINUTES_AVAILABLE: SignedDuration = SignedDuration::from_hours(48);

/// Age up to which all hours are available. They are kept for 100 days from their start.
const HOURS_AVAILABLE: SignedDuration = SignedDuration::from_hours(24 * 99);

/// Age up to which all days are available. They are kept for 800 days from their start.
const DAYS_AVAILABLE: SignedDuration = SignedDuration::from_hours(24 * 799);

/// Window from `from` to `to`, which is excluded. Both are on a whole minute. Where minutes may no longer be available,
/// they are on a whole hour, and where hours may no longer be, on a whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    from: Timestamp,
    to: Timestamp,
}

impl Window {
    /// Parses `?minutes=60` (the default; up to now, including the current minute) or `?from=&to=` (`to` defaults to
    /// now).
    ///
    /// # Errors
    /// 422 with the field `minutes`, `from` or `to`: not a number or a time, empty, reversed, in the future, or longer
    /// than 90 days.
    pub fn parse(request: &Request, now: Timestamp) -> Result<Self, Problem> {
        request.only_parameters(&["minutes", "from", "to"])?;
        Self::parse_with_default(request, 60, now)
    }

    /// Parses the same parameters with another default. It does not reject other parameters: its callers have
    /// parameters of their own and check the names.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_with_default(request: &Request, default_minutes: i64, now: Timestamp) -> Result<Self, Problem> {
        let invalid = |field: &str, message: &str| Err(Problem::invalid_field(field, message));
        match (request.query("minutes"), request.query("from"), request.query("to")) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => invalid("minutes", "must not be combined with from or to"),
            (None, None, Some(_)) => invalid("from", "is required if to is given"),
            (None, Some(_), _) => match (request.time("from")?, request.time("to")?) {
                (Some(from), to) => Self::between(from, to, now),
                (None, _) => invalid("from", "is required if to is given"),
            },
            (None, None, None) => Ok(Self::last(default_minutes, now)),
            (Some(minutes), None, None) => match whole_number(minutes) {
                Some(minutes) if (1..=MAX_MINUTES).contains(&minutes) => Ok(Self::last(minutes, now)),
                _ => invalid("minutes", "must be a whole number from 1 to 129600"),
            },
        }
    }

    /// Returns the window of the last minutes up to now, including the current minute.
    #[must_use]
    pub fn last(minutes: i64, now: Timestamp) -> Self {
        let to = Bucket::containing(Unit::Minute, now).end();
        let from = to.saturating_sub(SignedDuration::from_mins(minutes)).unwrap_or(Timestamp::MIN);
        Self::on_whole_buckets(from, to, now)
    }

    /// Returns the window from `from`, which must not be in the future, up to now.
    #[must_use]
    pub fn since(from: Timestamp, now: Timestamp) -> Self {
        Self::on_whole_buckets(from, Bucket::containing(Unit::Minute, now).end(), now)
    }

    /// Returns the window of the first 90 days from `from`, which must not be in the future, or up to now if that is
    /// earlier. Returns `None` if the figures may be deleted.
    #[must_use]
    pub fn first_days(from: Timestamp, now: Timestamp) -> Option<Self> {
        if now.duration_since(from) > DAYS_AVAILABLE {
            return None;
        }
        let longest = from.saturating_add(SignedDuration::from_mins(MAX_MINUTES)).unwrap_or(Timestamp::MAX);
        Some(Self::on_whole_buckets(from, longest.min(Bucket::containing(Unit::Minute, now).end()), now))
    }

    fn between(from: Timestamp, to: Option<Timestamp>, now: Timestamp) -> Result<Self, Problem> {
        let this_minute_ends = Bucket::containing(Unit::Minute, now).end();
        let problem = |field, message: &str| Err(Problem::invalid_field(field, message));
        let until = to.unwrap_or(now);
        if until > this_minute_ends {
            problem("to", "must not be in the future")
        } else if from > now {
            problem("from", "must not be in the future")
        } else if from >= until {
            problem("from", "must be before to")
        } else if until.duration_since(from) > SignedDuration::from_mins(MAX_MINUTES) {
            problem("from", "must be at most 90 days before to")
        } else if now.duration_since(from) > HOURS_AVAILABLE {
            problem("from", "must be at most 99 days ago")
        } else {
            Ok(Self::on_whole_buckets(from, until, now))
        }
    }

    fn on_whole_buckets(from: Timestamp, to: Timestamp, now: Timestamp) -> Self {
        let unit = |at| match now.duration_since(at) {
            age if age > HOURS_AVAILABLE => Unit::Day,
            age if age > MINUTES_AVAILABLE => Unit::Hour,
            _ => Unit::Minute,
        };
        let last = Bucket::containing(unit(to), to);
        let to = if last.start() == to { to } else { last.end() };
        Self { from: Bucket::containing(unit(from), from).start(), to }
    }

    /// Returns the part of the window from `from` on. `from` must be a whole minute or hour, as in [`Window`].
    #[must_use]
    pub fn starting_at(self, from: Timestamp) -> Self {
        Self { from: from.clamp(self.from, self.to), to: self.to }
    }

    /// Returns the buckets of a unit that the window has a part of, in order.
    pub fn buckets(self, unit: Unit) -> impl Iterator<Item = Bucket> {
        let first = Some(Bucket::containing(unit, self.from)).filter(|first| first.start() < self.to);
        std::iter::successors(first, move |last| {
            Some(Bucket::containing(unit, last.end())).filter(|next| next.start() < self.to && next != last)
        })
    }

    /// Returns the start.
    #[must_use]
    pub const fn from(self) -> Timestamp {
        self.from
    }

    /// Returns the end, which is excluded.
    #[must_use]
    pub const fn to(self) -> Timestamp {
        self.to
    }

    /// Returns the length in minutes.
    #[must_use]
    pub fn minutes(self) -> i64 {
        self.to.duration_since(self.from).as_mins()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use platform::private::Private;

    const NOW: &str = "2026-11-23T10:05:30Z";

    fn parse(query: &str) -> Result<(String, String, i64), String> {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let query = pairs.map(|(name, value)| (name.to_owned(), Private::new(value.to_owned()))).collect();
        let request = Request { query, ..Request::default() };
        Window::parse(&request, NOW.parse().unwrap())
            .map(|window| (window.from().to_string(), window.to().to_string(), window.minutes()))
            .map_err(|problem| problem.errors.into_iter().next().unwrap().field)
    }

    fn window(from: &str, to: &str, minutes: i64) -> Result<(String, String, i64), String> {
        Ok((from.to_owned(), to.to_owned(), minutes))
    }

    #[test]
    fn minutes_are_counted_back_from_the_end_of_the_current_minute() {
        assert_eq!(parse(""), window("2026-11-23T09:06:00Z", "2026-11-23T10:06:00Z", 60));
        assert_eq!(parse("minutes=1"), window("2026-11-23T10:05:00Z", "2026-11-23T10:06:00Z", 1));
    }

    #[test]
    fn from_and_to_are_widened_to_whole_minutes() {
        let widened = window("2026-11-23T09:00:00Z", "2026-11-23T09:31:00Z", 31);
        assert_eq!(parse("from=2026-11-23T09:00:20Z&to=2026-11-23T09:30:01Z"), widened);
        assert_eq!(parse("from=2026-11-23T10:05:20Z"), window("2026-11-23T10:05:00Z", "2026-11-23T10:06:00Z", 1));
    }

    #[test]
    fn where_minutes_may_be_deleted_the_window_is_widened_to_whole_hours() {
        let widened = window("2026-11-10T09:00:00Z", "2026-11-10T12:00:00Z", 180);
        assert_eq!(parse("from=2026-11-10T09:20:00Z&to=2026-11-10T11:01:00Z"), widened);
        assert_eq!(parse("minutes=129600").unwrap().0, "2026-08-25T10:00:00Z");
    }

    #[test]
    fn the_first_days_after_a_time_are_available_for_800_days() {
        let first_days = |from: &str| {
            let window = Window::first_days(from.parse().unwrap(), NOW.parse().unwrap())?;
            Some((window.from().to_string(), window.to().to_string()))
        };
        let window = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
        assert_eq!(first_days("2026-11-23T10:04:10Z"), window("2026-11-23T10:04:00Z", "2026-11-23T10:06:00Z"));
        assert_eq!(first_days("2026-11-10T09:20:00Z"), window("2026-11-10T09:00:00Z", "2026-11-23T10:06:00Z"));
        assert_eq!(first_days("2026-08-20T09:20:00Z"), window("2026-08-20T09:00:00Z", "2026-11-18T10:00:00Z"));
        assert_eq!(first_days("2026-03-10T09:20:00Z"), window("2026-03-10T00:00:00Z", "2026-06-09T00:00:00Z"));
        assert_eq!(first_days("2024-09-15T10:05:29Z"), None);
    }

    #[test]
    fn a_window_on_each_limit_is_valid() {
        let ninety_days = "from=2026-08-25T10:05:30Z&to=2026-11-23T10:05:30Z";
        assert_eq!(parse(ninety_days).unwrap().0, "2026-08-25T10:00:00Z");
        assert_eq!(parse("from=2026-08-25T10:05:29Z&to=2026-11-23T10:05:30Z"), Err("from".to_owned()));
        assert_eq!(parse("from=2026-08-16T10:05:30Z&to=2026-08-17T00:00:00Z").unwrap().0, "2026-08-16T10:00:00Z");
        assert_eq!(parse("from=2026-11-23T10:05:29.999Z").unwrap().2, 1, "a partial minute counts as a whole one");
        assert_eq!(parse("from=2026-11-23T10:05:30Z"), Err("from".to_owned()), "a window from now to now is empty");
        assert_eq!(parse("from=2026-11-23T10:05:00Z&to=2026-11-23T10:06:00Z").unwrap().2, 1, "up to this minute's end");
        assert_eq!(parse("from=2026-11-23T10:05:00Z&to=2026-11-23T10:06:00.001Z"), Err("to".to_owned()));
    }

    #[test]
    fn the_problem_of_an_invalid_window_names_the_field() {
        let cases = [
            ("minutes=0", "minutes"),
            ("minutes=-5", "minutes"),
            ("minutes=129601", "minutes"),
            ("minutes=1.5", "minutes"),
            ("minutes=", "minutes"),
            ("minutes=1,2", "minutes"),
            ("minutes=+5", "minutes"),
            ("minutes=007", "minutes"),
            ("minutes=99999999999999999999", "minutes"),
            ("minutes=\u{0663}", "minutes"),
            ("minutes=9&from=2026-11-23T09:00:00Z", "minutes"),
            ("minutes=9&to=2026-11-23T09:00:00Z", "minutes"),
            ("to=2026-11-23T09:00:00Z", "from"),
            ("from=yesterday", "from"),
            ("from=2026-11-23T09:00:00Z,2026-11-23T08:00:00Z", "from"),
            ("from=-009999-01-02T01:00:00Z", "from"),
            ("from=9999-12-30T22:00:00Z", "from"),
            ("from=2026-11-23T09:00:00%2B01:00", "from"),
            ("from=2026-11-23T11:00:00Z", "from"),
            ("from=2026-11-23T09:00:00Z&to=2026-11-23T09:00:00Z", "from"),
            ("from=2026-11-23T09:00:00Z&to=2026-11-23T08:00:00Z", "from"),
            ("from=2026-08-01T00:00:00Z&to=2026-11-23T08:00:00Z", "from"),
            ("from=2025-08-01T00:00:00Z&to=2025-08-02T00:00:00Z", "from"),
            ("from=2026-08-16T10:05:29Z&to=2026-08-17T00:00:00Z", "from"),
            ("from=2026-11-23T09:00:00Z&to=2026-11-23T10:07:00Z", "to"),
            ("from=2026-11-23T09:00:00Z&to=noon", "to"),
            ("minute=9", "minute"),
            ("a b=9", "query"),
        ];
        for (query, field) in cases {
            assert_eq!(parse(query), Err(field.to_owned()), "{query}");
        }
    }
}
