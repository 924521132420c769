//! Rules of the guard as rows of a table, each with the distance to its threshold.

use serde_json::Value;

use crate::site::{count, euro};

/// Rule of the guard, and its distance to the threshold.
#[derive(Debug, PartialEq, Eq)]
pub struct GuardRow {
    /// Rule, with the host if it is about one.
    pub rule: String,
    /// Measured value.
    pub measured: String,
    /// Threshold.
    pub threshold: String,
    /// Distance of the measured value to the threshold.
    pub distance: String,
    /// Minimum sample.
    pub sample: String,
    /// State in words.
    pub state: &'static str,
    /// Colour of the state.
    pub class: &'static str,
}

/// Returns the rows of a verdict of the guard.
#[must_use]
pub fn guard_rows(verdict: &Value) -> Vec<GuardRow> {
    verdict["findings"].as_array().into_iter().flatten().map(guard_row).collect()
}

/// Returns the action of a verdict in words, with its reason; empty before the first evaluation.
#[must_use]
pub fn guard_action(verdict: &Value) -> String {
    let words = |name: &str| verdict[name].as_str().unwrap_or_default().replace('_', " ");
    match (verdict["action"].as_str(), verdict["to_hundredths"].as_i64()) {
        (Some("lower"), Some(hundredths)) => format!("lower to {} %", hundredths_as_percent(hundredths)),
        (Some(_), _) => format!("{}: {}", words("action"), words("why")),
        (None, _) => String::new(),
    }
}

fn hundredths_as_percent(hundredths: i64) -> String {
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:02}") }
}

fn guard_row(rule: &Value) -> GuardRow {
    let name = rule["rule"].as_str().unwrap_or_default();
    let unit = |number: i64| match name {
        "cost_overrun" => euro(number),
        "breaker_not_closed" => format!("{number} min"),
        _ => format!("{number} %"),
    };
    let (reading, value, threshold) = (&rule["reading"], rule["value"].as_i64(), rule["threshold"].as_i64());
    let dash = || "–".to_owned();
    let percent = |share: &Value| share_of(share).map_or_else(dash, |rate| format!("{rate:.1} %"));
    let measured = match value {
        _ if reading.is_object() => format!("v2 {}, v1 {}", percent(&reading["v2"]), percent(&reading["v1"])),
        Some(value) => unit(value),
        None if name == "breaker_not_closed" && rule["has_data"] == true => "CLOSED".to_owned(),
        None => dash(),
    };
    let distance = match (share_of(&reading["v2"]), value, threshold) {
        #[allow(clippy::cast_precision_loss)] // a percentage
        (Some(rate), _, Some(threshold)) => {
            let points = threshold as f64 - rate;
            format!("{:.1} points {}", points.abs(), if points < 0.0 { "above" } else { "below" })
        }
        (None, Some(value), Some(threshold)) => {
            format!("{} {}", unit((threshold - value).abs()), if value > threshold { "above" } else { "below" })
        }
        _ => dash(),
    };
    let is_true = |field: &str| rule[field].as_bool() == Some(true);
    let (state, class) = match (is_true("holds"), is_true("is_providers_fault"), is_true("has_data")) {
        (true, true, _) => ("crossed; v1 does no better", "warn"),
        (true, false, _) => ("crossed", "bad"),
        (false, _, true) => ("kept", "good"),
        (false, _, false) => ("too little data", ""),
    };
    let host = rule["host"].as_str().map(|host| format!(" ({host})")).unwrap_or_default();
    GuardRow {
        rule: format!("{}{host}", name.replace('_', " ")),
        measured,
        threshold: threshold.map_or_else(dash, unit),
        distance,
        sample: rule["needed_sample"].as_i64().map_or_else(dash, count),
        state,
        class,
    }
}

/// Returns a share in percent; `None` without a sample.
fn share_of(share: &Value) -> Option<f64> {
    let (part, whole) = (share["part"].as_i64()?, share["whole"].as_i64()?);
    #[allow(clippy::cast_precision_loss)] // counts of notifications
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::rollout::guard::{self, Arm, GuardInput, GuardSettings, GuardState, HostState, MinuteCounts, Share};
    use jiff::{SignedDuration, Timestamp};

    use super::*;

    /// Verdict as the guard stores it: 8 of 200 pushes of version 2 failed, and a host has not answered for 12 minutes.
    fn verdict(percentage: &str) -> Value {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let arm = |failed| Arm { first_pushes: 200, first_pushes_failed: failed, ..Arm::default() };
        let minutes = [MinuteCounts { begins: now - SignedDuration::from_mins(1), v1: arm(2), v2: arm(8) }];
        let hosts = [HostState {
            host: "push.example".into(),
            not_closed_since: Some(now - SignedDuration::from_mins(12)),
            pushes: Share { part: 50, whole: 100 },
        }];
        let input = GuardInput {
            percentage: percentage.parse().unwrap(),
            changed_at: None,
            minutes: &minutes,
            hosts: &hosts,
            cost_micros: 1_500_000,
            hourly_budget_micros: Some(2_000_000),
        };
        let verdict = guard::decide(&input, GuardState::default(), &GuardSettings::default(), now);
        serde_json::to_value(verdict).unwrap()
    }

    #[test]
    fn each_rule_has_its_distance_to_the_threshold() {
        let rows = guard_rows(&verdict("50"));
        let found: Vec<_> = rows
            .iter()
            .map(|row| [&row.rule, &row.measured, &row.threshold, &row.distance, &row.sample].map(String::as_str))
            .collect();
        let expected = [
            ["error rate off", "v2 4.0 %, v1 1.0 %", "20 %", "16.0 points below", "50"],
            ["breaker not closed (push.example)", "12 min", "10 min", "2 min above", "–"],
            ["error rate step", "v2 4.0 %, v1 1.0 %", "10 %", "6.0 points below", "100"],
            ["cost overrun", "1.50 EUR", "2.00 EUR", "0.50 EUR below", "–"],
        ];
        assert_eq!(found, expected);
        let states: Vec<_> = rows.iter().map(|row| row.state).collect();
        assert_eq!(states, ["kept", "crossed", "kept", "kept"]);
    }

    #[test]
    fn an_action_has_its_reason() {
        assert_eq!(guard_action(&verdict("50")), "hold: not twice");
        assert_eq!(guard_action(&verdict("0")), "hold: already off");
        let lower = |hundredths: u16| serde_json::json!({"action": "lower", "to_hundredths": hundredths});
        assert_eq!([guard_action(&lower(1_000)), guard_action(&lower(1_250))], ["lower to 10 %", "lower to 12.50 %"]);
        assert_eq!(guard_action(&Value::Null), "");
    }
}
