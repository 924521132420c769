//! Figures of the API, as the pages about numbers read them, and the charts that they make.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::site::{ChartLine, ChartPoint, LineChart};

/// Figures of notifications.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct NotificationFigures {
    /// Notifications with at least one attempt.
    pub sent: i64,
    /// Notifications that ended.
    pub closed: i64,
    /// Accepted and not confirmed.
    pub accepted: i64,
    /// Confirmed.
    pub delivered: i64,
    /// Accepted by no channel.
    pub failed: i64,
    /// Paid sends with an unknown outcome.
    pub uncertain: i64,
    /// Notifications whose lifetime ended first.
    pub expired: i64,
    /// Skipped, by reason.
    pub skipped: BTreeMap<String, i64>,
    /// Opened.
    pub opened: i64,
    /// Clicked.
    pub clicked: i64,
    /// Converted.
    pub converted: i64,
    /// Messages of campaigns by whose link the recipient opted out.
    #[serde(default)]
    pub opted_out: i64,
    /// With an attempt in another language than the recipient's, of templates alone.
    #[serde(default)]
    pub locale_fallbacks: Option<i64>,
    /// (accepted + delivered) / closed.
    pub delivery_rate: Option<f64>,
    /// (failed + uncertain + expired) / closed.
    pub error_rate: Option<f64>,
    /// clicked / (accepted + delivered).
    pub ctr: Option<f64>,
    /// converted / (accepted + delivered).
    pub conversion_rate: Option<f64>,
    /// Time to the first accepted attempt.
    pub latency_ms: QuantileFigures,
    /// Cost.
    pub cost_micros: i64,
}

/// Quantiles in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct QuantileFigures {
    /// Median.
    pub p50: Option<i64>,
    /// Value that 95 % do not exceed.
    pub p95: Option<i64>,
    /// Value that 99 % do not exceed.
    pub p99: Option<i64>,
}

/// Figures of attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct AttemptCounts {
    /// All attempts.
    pub attempts: i64,
    /// Accepted by the provider.
    pub accepted: i64,
    /// Failed; a retry was possible.
    pub retry_later: i64,
    /// The address no longer existed.
    pub gone: i64,
    /// Rejected.
    pub rejected: i64,
    /// With an unknown outcome.
    pub uncertain: i64,
    /// Duration of the calls.
    pub latency_ms: QuantileFigures,
    /// Cost.
    pub cost_micros: i64,
}

/// Answer of `GET /v1/metrics`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WindowFigures {
    /// All notifications.
    pub summary: NotificationFigures,
    /// Attempts by channel.
    pub by_channel: BTreeMap<String, AttemptCounts>,
    /// Notifications by version.
    pub by_version: BTreeMap<String, NotificationFigures>,
    /// Notifications by type.
    pub by_type: BTreeMap<String, NotificationFigures>,
    /// Notifications by template.
    pub by_template: BTreeMap<String, NotificationFigures>,
    /// Notifications of campaigns by id.
    pub by_campaign: BTreeMap<String, NotificationFigures>,
}

/// Answer of `GET /v1/metrics/series`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SeriesFigures {
    /// `hour` or `day`.
    pub step: String,
    /// Buckets, oldest first.
    pub buckets: Vec<BucketFigures>,
}

/// Hour or day of a series.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct BucketFigures {
    /// First moment.
    pub from: Timestamp,
    /// First moment after it.
    pub to: Timestamp,
    /// All notifications.
    pub summary: NotificationFigures,
    /// Attempts by channel.
    pub by_channel: BTreeMap<String, AttemptCounts>,
}

impl NotificationFigures {
    /// Returns the number of notifications that reached the recipient as far as known.
    #[must_use]
    pub const fn reached(&self) -> i64 {
        self.accepted + self.delivered
    }

    /// Returns the number of notifications that ended without success.
    #[must_use]
    pub const fn not_reached(&self) -> i64 {
        self.failed + self.uncertain + self.expired
    }

    /// Returns the number of notifications that were not sent because the recipient had opted out.
    #[must_use]
    pub fn opt_outs_respected(&self) -> i64 {
        self.skipped.get("opted_out").copied().unwrap_or_default()
    }

    /// Returns `true` if nothing was sent and nothing ended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sent == 0 && self.closed == 0 && self.skipped.is_empty()
    }
}

/// Value of a line of a chart at one bucket.
pub type BucketValue<'a> = &'a dyn Fn(&BucketFigures) -> Option<f64>;

impl SeriesFigures {
    /// Returns a chart of the buckets. Days are those of UTC; hours are shown in a zone.
    #[must_use]
    pub fn chart(&self, title: &str, unit: &str, zone: &TimeZone, lines: &[(&str, BucketValue<'_>)]) -> LineChart {
        let line = |(name, value): &(&str, BucketValue<'_>)| {
            let point = |bucket: &BucketFigures| ChartPoint {
                label: self.label(bucket, zone),
                at: bucket.from,
                value: value(bucket),
            };
            ChartLine { name: (*name).to_owned(), points: self.buckets.iter().map(point).collect() }
        };
        let hour = || format!("hour of {}", zone.iana_name().unwrap_or("UTC"));
        let unit = format!("{unit} by {}", if self.step == "day" { "day of UTC".to_owned() } else { hour() });
        LineChart { title: title.to_owned(), unit, lines: lines.iter().map(line).collect() }
    }

    /// Returns the chart of what was sent, reached and failed.
    #[must_use]
    pub fn outcomes(&self, zone: &TimeZone) -> LineChart {
        self.chart(
            "Sent, accepted or delivered, failed",
            "notifications",
            zone,
            &[
                ("Sent", &|it| number(it.summary.sent)),
                ("Accepted or delivered", &|it| number(it.summary.reached())),
                ("Failed, uncertain or expired", &|it| number(it.summary.not_reached())),
            ],
        )
    }

    fn label(&self, bucket: &BucketFigures, zone: &TimeZone) -> String {
        if self.step == "day" {
            return bucket.from.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string();
        }
        bucket.from.to_zoned(zone.clone()).strftime("%m-%d %H:%M").to_string()
    }
}

/// Returns a count as the value of a chart.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::unnecessary_wraps)] // counts, and the type of a value
pub fn number(count: i64) -> Option<f64> {
    Some(count as f64)
}

/// Returns a part as a share of the whole, from 0 to 1.
#[must_use]
#[allow(clippy::cast_precision_loss)] // counts
pub fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64).clamp(0.0, 1.0))
}
