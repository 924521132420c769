//! Figures of both versions of the rollout, and their differences with intervals.

use serde_json::Value;

use super::week_volume::WeekVolume;
use crate::site::{ApiCall, IntervalChart, IntervalRow, IntervalUnit, Visit, euro, millis, percent};

/// Hours of the comparison of both versions.
const WEEK_HOURS: &str = "168";

/// Rates of both versions: name in the API, and label.
const RATES: [(&str, &str); 4] = [
    ("delivery_rate", "Delivery rate"),
    ("error_rate", "Error rate"),
    ("ctr", "Click rate"),
    ("conversion_rate", "Conversion rate"),
];

/// Answer of `GET /v1/rollout/comparison` for the last seven days; `None` if it could not be read. A request reads it
/// once: for the table of both versions, and for the volume that a change concerns.
#[derive(Debug)]
pub struct WeekComparison(Option<Value>);

impl WeekComparison {
    /// Reads the answer.
    pub async fn read(visit: &Visit<'_>) -> Self {
        let call = ApiCall::get("/v1/rollout/comparison").query("hours", WEEK_HOURS);
        Self(visit.call(call).await.ok().ok())
    }

    /// Returns the notifications of both versions, with what was typed into the fields that confirm a change.
    #[must_use]
    pub fn volume(&self, visit: &Visit<'_>, fields: &[&'static str]) -> WeekVolume {
        WeekVolume::of_both_versions(visit.form(), fields, self.0.as_ref())
    }

    /// Returns the figures of both versions.
    #[must_use]
    pub fn shown(&self) -> Option<ShownComparison> {
        self.0.as_ref().map(shown_comparison)
    }
}

/// Figures of both versions.
#[derive(Debug)]
pub struct ShownComparison {
    /// Rows.
    pub arms: Vec<ArmRow>,
    /// Chart of the differences.
    pub bands: IntervalChart,
}

/// Figure of both arms, and their difference with its interval.
#[derive(Debug)]
pub struct ArmRow {
    /// Figure.
    pub figure: &'static str,
    /// Its value for version 1.
    pub v1: String,
    /// Its value for version 2.
    pub v2: String,
    /// Interval of the difference.
    pub interval: String,
    /// Verdict.
    pub verdict: String,
}

fn shown_comparison(comparison: &Value) -> ShownComparison {
    ShownComparison { arms: arm_rows(comparison), bands: differences(comparison) }
}

/// Shows one figure.
type ShowFigure = fn(&Value) -> String;

/// Returns the chart of the differences that have an interval.
fn differences(comparison: &Value) -> IntervalChart {
    let row = |(name, label): (&str, &str)| {
        let difference = &comparison["differences"][name];
        Some(IntervalRow {
            label: label.to_owned(),
            value: difference["difference"].as_f64()?,
            low: difference["low"].as_f64()?,
            high: difference["high"].as_f64()?,
        })
    };
    IntervalChart {
        title: "Difference v2 − v1".to_owned(),
        unit: IntervalUnit::Points,
        confidence: "95 %",
        rows: RATES.into_iter().filter_map(row).collect(),
    }
}

fn arm_rows(comparison: &Value) -> Vec<ArmRow> {
    let rate: ShowFigure = |value| percent(value.as_f64());
    let [delivery, error, ctr, conversion] = RATES.map(|(name, label)| (name, label, rate));
    let figures: [(&str, &str, ShowFigure); 6] = [
        delivery,
        error,
        ctr,
        conversion,
        ("latency_p95_ms", "95 % were accepted within", |value| millis(whole(value))),
        ("cost_per_delivery_micros", "Cost of a delivery", |value| whole(value).map_or_else(|| "–".into(), euro)),
    ];
    let row = |(name, figure, show): (&str, &'static str, ShowFigure)| {
        let difference = &comparison["differences"][name];
        let (low, high) = (&difference["low"], &difference["high"]);
        let interval = if low.is_null() { "–".to_owned() } else { format!("{} to {}", show(low), show(high)) };
        ArmRow {
            figure,
            v1: show(&comparison["v1"][name]),
            v2: show(&comparison["v2"][name]),
            interval,
            verdict: difference["verdict"].as_str().unwrap_or_default().to_owned(),
        }
    };
    figures.into_iter().map(row).collect()
}

fn whole(value: &Value) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation)] // milliseconds and micro-euro
    value.as_f64().map(|number| number.round() as i64)
}
