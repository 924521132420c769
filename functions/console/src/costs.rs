//! `GET /v1/metrics/costs`: cost of a window, and a projection for the month.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::metrics::WindowView;
use super::targets::{euro, per_item, percent};
use domain::budget::BudgetUsage;
use metrics::figures::{Figures, rate};
use metrics::{Counters, Window};

/// Minimum elapsed time of a month before its cost is projected.
const BEFORE_A_PROJECTION: SignedDuration = SignedDuration::from_hours(24);

/// The response of `GET /v1/metrics/costs`. Money is in micro-euro.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Costs {
    /// The window of the figures.
    pub window: WindowView,
    /// Total cost.
    pub total_micros: i64,
    /// Cost per notification sent.
    pub average_micros: Option<i64>,
    /// Cost per notification accepted or delivered.
    pub per_delivered_micros: Option<i64>,
    /// Wasted cost: cost of later channels although an earlier one had reached the recipient.
    pub wasted_micros: i64,
    /// Cost of every channel, used or not.
    pub by_channel: BTreeMap<&'static str, ChannelCost>,
    /// Cost of each arm of the rollout.
    pub by_version: BTreeMap<&'static str, i64>,
    /// The present month.
    pub month: Month,
    /// Every budget that is set, with its present usage.
    pub budgets: Vec<BudgetUsage>,
    /// Warnings to the operator, as text.
    pub warnings: Vec<String>,
}

/// Cost of one channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelCost {
    /// Total cost of this channel.
    pub total_micros: i64,
    /// Cost per attempt.
    pub average_micros: Option<i64>,
    /// Share of the window's total, 0 to 1.
    pub share: Option<f64>,
}

/// A calendar month in UTC, up to now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Month {
    /// The month, such as `2026-11`.
    pub month: String,
    /// Elapsed share of the month, 0 to 1.
    pub elapsed: f64,
    /// Cost of the month so far.
    pub spent_micros: i64,
    /// Projected cost of the month at its pace so far; null on its first day.
    pub projected_micros: Option<i64>,
    /// The setting `budgets.month_micros`.
    pub budget_micros: Option<u64>,
    /// Basis of the projection, or the reason why there is none.
    pub note: &'static str,
}

/// Returns the elapsed part of the present month.
#[must_use]
pub fn month_so_far(now: Timestamp) -> Window {
    Window::since(bounds(now).map_or(now, |(start, _)| start), now)
}

/// Returns the first moment of the month and of the next month, in UTC.
fn bounds(now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let first = now.to_zoned(TimeZone::UTC).date().first_of_month();
    let next = first.last_of_month().tomorrow().ok()?;
    let midnight = |date: Date| date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    Some((midnight(first)?, midnight(next)?))
}

impl Costs {
    /// Computes the costs from the window's counters, and the projection from those of [`month_so_far`].
    #[must_use]
    pub fn new(
        window: Window,
        counters: &Counters,
        month: &Counters,
        budget_micros: Option<u64>,
        now: Timestamp,
    ) -> Self {
        let figures = Figures::of(counters);
        let total_micros = figures.summary.cost_micros;
        let channel = |(name, it): (&&'static str, &metrics::figures::Attempts)| {
            let (cost, attempts) = (it.cost_micros.max(0), it.attempts);
            (
                *name,
                ChannelCost {
                    total_micros: cost,
                    average_micros: per_item(cost, attempts),
                    share: rate(cost, total_micros),
                },
            )
        };
        let month = Month::new(Figures::of(month).summary.cost_micros, budget_micros, now);
        Self {
            window: window.into(),
            total_micros,
            average_micros: per_item(total_micros, figures.summary.sent),
            per_delivered_micros: per_item(total_micros, figures.summary.reached()),
            wasted_micros: figures.summary.wasted_cost_micros,
            by_channel: figures.by_channel.iter().map(channel).collect(),
            by_version: figures.by_version.iter().map(|(name, it)| (*name, it.cost_micros)).collect(),
            warnings: month.warning().into_iter().collect(),
            month,
            budgets: Vec::new(),
        }
    }

    /// Adds the present usage of the budgets.
    #[must_use]
    pub fn with_budgets(self, budgets: Vec<BudgetUsage>) -> Self {
        Self { budgets, ..self }
    }
}

impl Month {
    fn new(spent_micros: i64, budget_micros: Option<u64>, now: Timestamp) -> Self {
        let (start, end) = bounds(now).unwrap_or((now, now));
        let (over, whole) = (now.duration_since(start), end.duration_since(start));
        let is_early = over < BEFORE_A_PROJECTION;
        let projected = || i128::from(spent_micros) * whole.as_millis() / over.as_millis().max(1);
        Self {
            month: start.strftime("%Y-%m").to_string(),
            elapsed: rate(over.as_secs(), whole.as_secs()).unwrap_or(0.0),
            spent_micros,
            projected_micros: (!is_early).then(|| i64::try_from(projected()).unwrap_or(i64::MAX)),
            budget_micros,
            note: match (is_early, budget_micros) {
                (true, _) => "less than a day of this month is over, too little for a projection",
                (false, None) => "at this month's pace so far; the setting budgets.month_micros is not set",
                (false, Some(_)) => "at this month's pace so far",
            },
        }
    }

    fn warning(&self) -> Option<String> {
        let budget = i64::try_from(self.budget_micros?).unwrap_or(i64::MAX);
        if self.spent_micros > budget {
            return Some(format!(
                "{} has cost {}, more than its budget of {}",
                self.month,
                euro(self.spent_micros),
                euro(budget)
            ));
        }
        let projected = self.projected_micros.filter(|projected| *projected > budget)?;
        Some(format!(
            "at its pace so far {} will have cost {}, {} of its budget of {}",
            self.month,
            euro(projected),
            percent(projected, budget),
            euro(budget)
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::budget::{SpentAmounts, budget_usage};
    use domain::settings::Settings;
    use metrics::sample::{NOW, counters, week};

    fn month(spent_micros: i64, budget_micros: Option<u64>, now: &str) -> Month {
        Month::new(spent_micros, budget_micros, now.parse().unwrap())
    }

    #[test]
    fn the_response_equals_the_golden_file() {
        let now = NOW.parse().unwrap();
        let spent = counters(&[("version/v2/cost_micros", 4_000_000)]);
        let text = r#"{"budgets": {"month_micros": 5000000}, "types": {"PAYMENT_DUE": {"day_micros": 500000}}}"#;
        let used = SpentAmounts { month_micros: 4_000_000, sms_day_micros: 210_000, ..SpentAmounts::default() };
        let settings = Settings::parse(text).unwrap();
        let budgets = budget_usage(&settings, settings.types.iter().map(|kind| &kind.id), &used, now);
        let answer = Costs::new(Window::last(10_080, now), &week(), &spent, Some(5_000_000), now).with_budgets(budgets);
        let text = serde_json::to_string_pretty(&answer).unwrap();
        assert_eq!(text.trim(), include_str!("golden/costs.json").trim(), "\n{text}");
    }

    #[test]
    fn the_month_is_projected_at_its_pace_whatever_its_length() {
        let half = month(150, None, "2026-11-16T00:00:00Z");
        assert_eq!((half.projected_micros, half.elapsed, half.month.as_str()), (Some(300), 0.5, "2026-11"));
        assert_eq!(month(280, None, "2027-02-28T00:00:00Z").projected_micros, Some(290), "27 of 28 days");
        assert_eq!(month(310, None, "2026-12-31T23:59:59.999Z").projected_micros, Some(310));
    }

    #[test]
    fn the_first_day_of_a_month_has_no_pace() {
        assert_eq!(month(9_000, Some(1), "2026-11-01T23:59:59Z").projected_micros, None);
        assert_eq!(month(9_000, Some(1), "2026-11-02T00:00:00Z").projected_micros, Some(270_000));
    }

    #[test]
    fn only_above_its_budget_a_month_warns() {
        let at = "2026-11-16T00:00:00Z";
        assert_eq!((month(150, Some(300), at).warning(), month(150, None, at).warning()), (None, None));
        assert!(month(151, Some(300), at).warning().unwrap().contains("will have cost"));
        assert!(month(301, Some(300), at).warning().unwrap().contains("has cost"));
        assert!(
            month(2, Some(1), "2026-11-01T00:00:00Z").warning().unwrap().contains("has cost"),
            "also on its first day"
        );
        assert_eq!(month(0, Some(0), at).warning(), None);
    }

    #[test]
    fn the_month_so_far_is_read_from_its_first_midnight_to_this_minute() {
        let window = month_so_far(NOW.parse().unwrap());
        assert_eq!(
            (window.from().to_string(), window.to().to_string()),
            ("2026-11-01T00:00:00Z".into(), "2026-11-23T10:06:00Z".into())
        );
        assert_eq!(month_so_far("2026-11-01T00:00:00Z".parse().unwrap()).minutes(), 1);
    }

    #[test]
    fn nothing_sent_has_no_average() {
        let now = NOW.parse().unwrap();
        let none = Costs::new(Window::last(60, now), &Counters::default(), &Counters::default(), None, now);
        assert_eq!((none.total_micros, none.average_micros, none.per_delivered_micros), (0, None, None));
        assert_eq!((none.by_channel["sms"].average_micros, none.by_channel["sms"].share), (None, None));
    }
}
