//! `GET /v1/metrics/series`: the figures of a window by hour or by day.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::metrics::WindowView;
use metrics::figures::{Attempts, Figures, Notifications};
use metrics::{Bucket, Counters, Unit, Window};
use platform::http::Request;
use platform::problem::Problem;

/// Maximum number of buckets of a response.
const MAX_BUCKETS: usize = 90;
/// Default window: the last 24 hours, in minutes.
const DAY_MINUTES: i64 = 1_440;

/// Length of a series' buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeriesStep {
    /// Hours of UTC.
    Hour,
    /// Days of UTC.
    Day,
}

impl SeriesStep {
    /// Returns the unit of the stored buckets.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Hour => Unit::Hour,
            Self::Day => Unit::Day,
        }
    }
}

/// Parameters of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeriesRequest {
    /// The window.
    pub window: Window,
    /// The step.
    pub step: SeriesStep,
}

impl SeriesRequest {
    /// Parses the parameters of a request. The default step is an hour.
    ///
    /// # Errors
    /// 422 with the parameter: as for a [`Window`]; `step` if it is unknown or makes more than 90 buckets.
    pub fn parse(request: &Request, now: Timestamp) -> Result<Self, Problem> {
        request.only_parameters(&["minutes", "from", "to", "step"])?;
        let step = match request.query("step") {
            None | Some("hour") => SeriesStep::Hour,
            Some("day") => SeriesStep::Day,
            Some(_) => return Err(Problem::invalid_field("step", "must be hour or day")),
        };
        let window = Window::parse_with_default(request, DAY_MINUTES, now)?;
        if window.buckets(step.unit()).nth(MAX_BUCKETS).is_some() {
            let message = match step {
                SeriesStep::Hour => "makes more than 90 buckets; use day, or a shorter window",
                SeriesStep::Day => "makes more than 90 buckets; begin the window at a midnight of UTC",
            };
            return Err(Problem::invalid_field("step", message));
        }
        Ok(Self { window, step })
    }
}

/// The response of `GET /v1/metrics/series`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricsSeries {
    /// The window of the figures.
    pub window: WindowView,
    /// Length of the buckets.
    pub step: SeriesStep,
    /// Figures of the whole window, as `GET /v1/metrics` returns them.
    pub summary: Notifications,
    /// Every bucket of which the window has a part, oldest first.
    pub buckets: Vec<SeriesBucket>,
}

/// Figures of one bucket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesBucket {
    /// First moment of the bucket's part in the window.
    pub from: Timestamp,
    /// First moment after that part.
    pub to: Timestamp,
    /// Figures of all notifications.
    pub summary: Notifications,
    /// Attempts by channel, for every channel, used or not.
    pub by_channel: BTreeMap<&'static str, Attempts>,
}

impl MetricsSeries {
    /// Computes the response from the counters of each bucket.
    #[must_use]
    pub fn new(window: Window, step: SeriesStep, series: &[(Bucket, Counters)]) -> Self {
        let mut sum = Counters::default();
        series.iter().for_each(|(_, counters)| sum.merge(counters));
        let bucket = |(bucket, counters): &(Bucket, Counters)| {
            let Figures { summary, by_channel, .. } = Figures::of(counters);
            let (from, to) = (bucket.start().max(window.from()), bucket.end().min(window.to()));
            SeriesBucket { from, to, summary, by_channel }
        };
        let buckets = series.iter().map(bucket).collect();
        Self { window: window.into(), step, summary: Figures::of(&sum).summary, buckets }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use metrics::sample::counters;
    use platform::private::Private;

    fn parse(query: &[(&str, &str)]) -> Result<SeriesRequest, String> {
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), Private::new((*value).to_owned()))).collect();
        let now = "2026-11-23T10:05:30Z".parse().unwrap();
        let request = Request { query, ..Request::default() };
        SeriesRequest::parse(&request, now).map_err(|problem| problem.errors[0].field.clone())
    }

    #[test]
    fn the_response_equals_the_golden_file() {
        let window = Window::last(120, "2026-11-23T10:05:30Z".parse().unwrap());
        let of_hour = [
            counters(&[("version/v2/sent", 3), ("version/v2/accepted", 3), ("channel/push/attempts", 3)]),
            Counters::default(),
            counters(&[
                ("version/v2/accepted", -1),
                ("version/v2/delivered", 1),
                ("version/v1/sent", 1),
                ("version/v1/failed", 1),
                ("version/v1/cost_micros", 70_000),
                ("version/v1/lat/57", 1),
                ("channel/sms/attempts", 1),
                ("channel/sms/cost_micros", 70_000),
            ]),
        ];
        let series: Vec<_> = window.buckets(Unit::Hour).zip(of_hour).collect();
        let series = MetricsSeries::new(window, SeriesStep::Hour, &series);
        assert_eq!((series.summary.accepted, series.summary.delivered), (2, 1), "the sum is that of the counters");
        let text = serde_json::to_string_pretty(&series).unwrap();
        assert_eq!(text.trim(), include_str!("golden/series.json").trim(), "\n{text}");
    }

    #[test]
    fn a_series_has_at_most_90_buckets_and_names_the_parameter() {
        assert_eq!(parse(&[]).unwrap().window.buckets(Unit::Hour).count(), 25, "the first hour is not whole");
        let hours = |minutes| parse(&[("minutes", minutes), ("step", "hour")]).map(|_| ());
        assert_eq!((hours("5345"), hours("5347")), (Ok(()), Err("step".to_owned())));
        let days = |from| parse(&[("from", from), ("step", "day")]).map(|it| it.window.buckets(Unit::Day).count());
        assert_eq!(days("2026-08-26T00:00:00Z"), Ok(90));
        assert_eq!(days("2026-08-25T23:00:00Z"), Err("step".to_owned()));
        for (name, value) in [("step", "minute"), ("minutes", "0"), ("to", "2026-11-23T10:00:00Z"), ("hours", "1")] {
            let named = if name == "to" { "from" } else { name };
            assert_eq!(parse(&[(name, value)]).unwrap_err(), named);
        }
    }
}
