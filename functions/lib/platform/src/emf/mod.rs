//! CloudWatch metrics as log lines in the embedded metric format (EMF).
//!
//! CloudWatch Logs creates metrics from a log event that is a JSON object with the member `_aws`:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
//! This requires no API call, no permission and no waiting. Lambda does not change a line that is JSON already, also
//! with `LogFormat: JSON`. A line with its own `level` and `timestamp` keeps both. `_aws` is a nested object, which
//! the logger cannot write. So these lines are written to stdout directly, at every `LOG_LEVEL`.
//!
//! Each metric name costs 0.30 USD a month for each set of dimensions. So there is only one set, the empty one. The
//! stage is part of the namespace.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Name of a metric. These are all metrics; infra/ uses the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
pub enum Metric {
    /// Share of the notifications closed in five minutes that ended badly. The delivery rate is 100 minus this value.
    ErrorRate,
    /// Number of notifications closed in these five minutes, as the sample size.
    Closed,
    /// 95th percentile of the time from due to the first accepted attempt, for these five minutes.
    LatencyP95,
    /// Cost of the last hour.
    HourCostEuro,
    /// Share of the last hour's notifications that version 2 sent.
    V2Share,
    /// Rollout percentage in force.
    RolloutPercentage,
    /// Number of circuit breakers that are not CLOSED, for all channels.
    BreakersOpen,
    /// Number of notifications that were due at the start of a sweep.
    DueFound,
    /// Number of due notifications that the sweep did not process in its time.
    DueLeft,
    /// Age of the oldest due notification, counted from its due time.
    OldestDueAge,
}

impl Metric {
    /// All metrics.
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

    /// Returns the name in CloudWatch.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns the unit in CloudWatch.
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

/// Metric with its value. `None` means that there was nothing to measure, or that the value could not be read.
pub type MetricValue = (Metric, Option<f64>);

/// Returns one line for these figures, without those that are `None`.
#[must_use]
pub fn line(stage: &str, at: Timestamp, figures: &[MetricValue]) -> String {
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

/// Writes metric lines.
#[derive(Debug, Clone)]
pub struct Reporter {
    stage: String,
    write: fn(&[u8]),
}

impl Reporter {
    /// Creates a reporter that writes to stdout, which Lambda reads.
    #[must_use]
    pub const fn on_stdout(stage: String) -> Self {
        // If stdout is closed, the error cannot be reported, so it is ignored.
        Self { stage, write: |line| drop(std::io::stdout().lock().write_all(line)) }
    }

    /// Creates a reporter that discards all lines, for tests.
    #[must_use]
    pub const fn discarding(stage: String) -> Self {
        Self { stage, write: |_| {} }
    }

    /// Writes one line for these figures.
    pub fn publish(&self, at: Timestamp, figures: &[MetricValue]) {
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
