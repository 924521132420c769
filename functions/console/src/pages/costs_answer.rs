//! Answer of the API about costs, for the page of the costs and its files.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::site::ApiCall;

/// Costs of a window, and what holds at present: the month and the budgets.
#[derive(Debug, Deserialize)]
pub struct CostsAnswer {
    pub total_micros: i64,
    pub per_delivered_micros: Option<i64>,
    pub wasted_micros: i64,
    pub by_channel: BTreeMap<String, ChannelCosts>,
    pub month: CostsMonth,
    pub budgets: Vec<BudgetAnswer>,
    pub warnings: Vec<String>,
}

/// Costs of a channel.
#[derive(Debug, Deserialize)]
pub struct ChannelCosts {
    pub total_micros: i64,
    pub average_micros: Option<i64>,
}

/// Present month, with its projection.
#[derive(Debug, Deserialize)]
pub struct CostsMonth {
    pub month: String,
    pub elapsed: f64,
    pub spent_micros: i64,
    pub projected_micros: Option<i64>,
    pub budget_micros: Option<i64>,
    pub note: String,
}

/// Budget of the present period.
#[derive(Debug, Deserialize)]
pub struct BudgetAnswer {
    pub ceiling: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub limit_micros: i64,
    pub used_micros: i64,
    pub remaining_micros: i64,
    pub resets_at: Timestamp,
}

/// Returns the call for the last 24 hours.
#[must_use]
pub fn of_day(route: &'static str) -> ApiCall {
    ApiCall::get(route).query("minutes", "1440")
}

/// Returns the call for the present month of UTC, from its first moment.
#[must_use]
pub fn of_month(route: &'static str, now: Timestamp) -> ApiCall {
    let first = now.to_zoned(TimeZone::UTC).date().first_of_month().to_zoned(TimeZone::UTC);
    let first = first.map_or(now - SignedDuration::from_hours(24), |zoned| zoned.timestamp());
    ApiCall::get(route).query("from", first.to_string())
}
