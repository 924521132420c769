//! `GET /v1/metrics`: counts, rates, quantiles and costs of a window.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use metrics::figures::{Attempts, Figures, Notifications};
use metrics::{Counters, Window};

/// The response of `GET /v1/metrics`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricsReport {
    /// The window of the figures.
    pub window: WindowView,
    /// Figures of all notifications.
    pub summary: Notifications,
    /// Attempts by channel, for every channel, used or not.
    pub by_channel: BTreeMap<&'static str, Attempts>,
    /// Notifications by arm of the rollout: always `v1` and `v2`; `undecided` if there are any.
    pub by_version: BTreeMap<&'static str, Notifications>,
    /// Notifications by type, for types that have any.
    pub by_type: BTreeMap<String, Notifications>,
    /// Notifications by template. Templates without notifications are left out.
    pub by_template: BTreeMap<String, Notifications>,
    /// Notifications by campaign. Campaigns without notifications are left out.
    pub by_campaign: BTreeMap<String, Notifications>,
}

/// The window that was used. It is the requested one, widened to whole minutes, or to whole hours if it begins more
/// than 48 hours ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WindowView {
    /// First moment in the window.
    pub from: Timestamp,
    /// First moment after the window.
    pub to: Timestamp,
    /// Length of the window, in minutes.
    pub minutes: i64,
}

impl From<Window> for WindowView {
    fn from(window: Window) -> Self {
        Self { from: window.from(), to: window.to(), minutes: window.minutes() }
    }
}

impl MetricsReport {
    /// Computes the response from a window's counters.
    #[must_use]
    pub fn new(window: Window, counters: &Counters) -> Self {
        let Figures { summary, by_channel, by_version, by_type, by_template, by_campaign } = Figures::of(counters);
        Self { window: window.into(), summary, by_channel, by_version, by_type, by_template, by_campaign }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use metrics::histogram::bin_of;
    use metrics::sample::counters;

    fn report(counters: &Counters) -> MetricsReport {
        MetricsReport::new(Window::last(60, "2026-11-23T10:05:30Z".parse().unwrap()), counters)
    }

    #[test]
    fn the_response_equals_the_golden_file() {
        let mut all = counters(&[
            ("version/v1/sent", 40),
            ("version/v1/accepted", 30),
            ("version/v1/failed", 10),
            ("version/v2/sent", 60),
            ("version/v2/accepted", 36),
            ("version/v2/delivered", 21),
            ("version/v2/failed", 1),
            ("version/v2/uncertain", 1),
            ("version/v2/expired", 1),
            ("version/v2/skipped/opted_out", 4),
            ("version/v2/skipped/no_channel", 2),
            ("version/v2/clicked", 19),
            ("version/v2/opened", 20),
            ("version/v2/dismissed", 6),
            ("version/v2/converted", 3),
            ("version/v2/conversion_value_micros", 59_700_000),
            ("version/v2/wasted_cost_micros", 70_000),
            ("version/v2/cost_micros", 280_700),
            ("version/undecided/cancelled", 5),
            ("type/DEFAULT/sent", 92),
            ("type/DEFAULT/accepted", 66),
            ("type/DEFAULT/delivered", 13),
            ("type/PAYMENT_DUE/sent", 8),
            ("type/PAYMENT_DUE/delivered", 8),
            ("type/PAYMENT_DUE/cost_micros", 280_700),
            ("template/payment-due/sent", 8),
            ("template/payment-due/delivered", 8),
            ("template/payment-due/locale_fallback", 3),
            ("campaign/0123456789abcdefghjkmnpqrs.a/sent", 4),
            ("campaign/0123456789abcdefghjkmnpqrs.b/sent", 5),
            ("channel/push/attempts", 96),
            ("channel/push/accepted", 79),
            ("channel/push/retry_later", 6),
            ("channel/push/gone", 10),
            ("channel/push/rejected", 1),
            ("channel/email/attempts", 4),
            ("channel/email/accepted", 4),
            ("channel/email/cost_micros", 400),
            ("channel/sms/attempts", 5),
            ("channel/sms/accepted", 4),
            ("channel/sms/uncertain", 1),
            ("channel/sms/cost_micros", 280_300),
        ]);
        for latency_ms in 1..=100 {
            all.add(format!("version/v2/lat/{}", bin_of(latency_ms * 10)).parse().unwrap(), 1);
            all.add(format!("channel/push/lat/{}", bin_of(latency_ms)).parse().unwrap(), 1);
        }
        let text = serde_json::to_string_pretty(&report(&all)).unwrap();
        assert_eq!(text.trim(), include_str!("golden/metrics.json").trim(), "\n{text}");
    }

    #[test]
    fn without_data_counts_are_zero_and_rates_null() {
        let report = serde_json::to_value(report(&Counters::default())).unwrap();
        for group in [&report["summary"], &report["by_version"]["v1"], &report["by_version"]["v2"]] {
            assert_eq!((&group["sent"], &group["closed"]), (&0.into(), &0.into()));
            for rate in ["delivery_rate", "confirmed_rate", "error_rate", "ctr", "conversion_rate"] {
                assert!(group[rate].is_null(), "{rate}");
            }
            assert!(group["latency_ms"]["p99"].is_null());
        }
        assert_eq!(report["by_channel"].as_object().unwrap().len(), 3);
        for group in ["by_type", "by_template", "by_campaign"] {
            assert_eq!(report[group], serde_json::json!({}), "{group}");
        }
    }

    #[test]
    fn a_confirmation_whose_acceptance_lies_before_the_window_is_one_delivered() {
        let late = counters(&[("version/v2/accepted", -1), ("version/v2/delivered", 1), ("version/v2/clicked", 3)]);
        let v2 = &report(&late).by_version["v2"];
        assert_eq!((v2.accepted, v2.delivered, v2.closed), (0, 1, 1));
        assert_eq!((v2.delivery_rate, v2.confirmed_rate, v2.ctr), (Some(1.0), Some(1.0), Some(1.0)));
    }
}
