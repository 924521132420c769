//! Metrics for CloudWatch as lines of the log: the embedded metric format.
//!
//! CloudWatch Logs makes metrics of a log event that is a JSON object with `_aws` in it
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>): no call,
//! no permission and no waiting. Lambda leaves a line alone that is JSON already, also with `LogFormat: JSON`; a line that
//! says its `level` and its `timestamp` keeps both. `_aws` is an object within the object, which the log's own lines cannot
//! hold, so these are written beside them, whatever `LOG_LEVEL` says.
//!
//! Each name costs 0.30 USD a month for each set of dimensions, so there is one set: the empty one. The stage is in the
//! namespace.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A metric's name. There are no others; infra/ names the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Share of the notifications closed in five minutes that ended badly. The delivery rate is what remains to 100.
    ErrorRate,
    /// How many notifications closed in these five minutes: the sample.
    Closed,
    /// From when they were due to the first accepted attempt, of these five minutes.
    LatencyP95,
    /// What the last hour cost.
    HourCostEuro,
    /// Share of the last hour's notifications that were given to version 2.
    V2Share,
    /// The percentage in force.
    RolloutPercentage,
    /// Breakers that are not CLOSED, of all channels.
    BreakersOpen,
    /// Notifications that were due when a sweep began.
    DueFound,
    /// Those of them that it did not reach in its time.
    DueLeft,
    /// How long the one that had waited longest had been due.
    OldestDueAge,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ErrorRate,
        Self::Closed,
        Self::LatencyP95,
        Self::HourCostEuro,
        Self::V2Share,
        Self::RolloutPercentage,
        Self::BreakersOpen,
        Self::DueFound,
        Self::DueLeft,
        Self::OldestDueAge,
    ];

    /// The name in CloudWatch.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ErrorRate => "ErrorRate",
            Self::Closed => "Closed",
            Self::LatencyP95 => "LatencyP95",
            Self::HourCostEuro => "HourCostEuro",
            Self::V2Share => "V2Share",
            Self::RolloutPercentage => "RolloutPercentage",
            Self::BreakersOpen => "BreakersOpen",
            Self::DueFound => "DueFound",
            Self::DueLeft => "DueLeft",
            Self::OldestDueAge => "OldestDueAge",
        }
    }

    /// The unit, as CloudWatch calls it.
    const fn unit(self) -> &'static str {
        match self {
            Self::ErrorRate | Self::V2Share | Self::RolloutPercentage => "Percent",
            Self::LatencyP95 => "Milliseconds",
            Self::OldestDueAge => "Seconds",
            Self::HourCostEuro => "None",
            Self::Closed | Self::BreakersOpen | Self::DueFound | Self::DueLeft => "Count",
        }
    }
}

/// What was measured; `None` where there was nothing to measure, or it could not be read.
pub type Figure = (Metric, Option<f64>);

/// One line for these figures, without those that are `None`.
#[must_use]
pub fn line(stage: &str, at: Timestamp, figures: &[Figure]) -> String {
    let known: Vec<_> = figures.iter().filter_map(|(metric, value)| Some((*metric, (*value)?))).collect();
    let metrics: Vec<_> =
        known.iter().map(|(metric, _)| json!({"Name": metric.as_str(), "Unit": metric.unit()})).collect();
    let directive = json!({"Namespace": format!("PushNotifications/{stage}"), "Dimensions": [[]], "Metrics": metrics});
    let mut line = Map::from_iter([
        ("_aws".to_owned(), json!({"Timestamp": at.as_millisecond(), "CloudWatchMetrics": [directive]})),
        ("timestamp".to_owned(), json!(at.to_string())),
        ("level".to_owned(), json!("INFO")),
        ("message".to_owned(), json!("measured")),
    ]);
    line.extend(known.into_iter().map(|(metric, value)| (metric.as_str().to_owned(), json!(value))));
    Value::Object(line).to_string()
}

/// Tells CloudWatch.
#[derive(Debug, Clone)]
pub struct Reporter {
    stage: String,
    write: fn(&[u8]),
}

impl Reporter {
    /// To stdout, where Lambda takes the lines from.
    #[must_use]
    pub const fn on_stdout(stage: String) -> Self {
        // Nobody could be told that stdout is gone.
        Self { stage, write: |line| drop(std::io::stdout().lock().write_all(line)) }
    }

    /// To nobody: for tests.
    #[must_use]
    pub const fn unheard(stage: String) -> Self {
        Self { stage, write: |_| {} }
    }

    /// One line for these figures.
    pub fn tell(&self, at: Timestamp, figures: &[Figure]) {
        (self.write)((line(&self.stage, at, figures) + "\n").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at() -> Timestamp {
        "2026-11-23T10:05:30.25Z".parse().unwrap()
    }

    #[test]
    fn a_line_is_the_embedded_metric_format() {
        let figures: Vec<_> = (1_u8..).zip(Metric::ALL).map(|(n, metric)| (metric, Some(f64::from(n) / 2.0))).collect();
        let line: Value = serde_json::from_str(&line("staging", at(), &figures)).unwrap();
        let text = serde_json::to_string_pretty(&line).unwrap();
        assert_eq!(text.trim(), include_str!("golden/line.json").trim(), "\n{text}");
    }

    #[test]
    fn what_is_not_known_is_neither_named_nor_given() {
        let line = line("prod", at(), &[(Metric::ErrorRate, None), (Metric::Closed, Some(0.0))]);
        assert!(!line.contains("ErrorRate") && !line.contains('\n'), "{line}");
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Metrics"], json!([{"Name": "Closed", "Unit": "Count"}]));
        assert_eq!(line["Closed"], 0.0);
    }

    #[test]
    fn a_name_is_counted_once_and_is_no_field_of_the_line_itself() {
        let names: std::collections::BTreeSet<_> = Metric::ALL.map(Metric::as_str).into();
        assert_eq!(names.len(), Metric::ALL.len());
        assert!(["_aws", "timestamp", "level", "message", "alarm"].iter().all(|field| !names.contains(field)));
    }
}
