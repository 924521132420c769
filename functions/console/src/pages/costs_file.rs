//! Tables of the costs as files.

use super::costs_answer::{BudgetAnswer, ChannelCosts, CostsAnswer, of_day, of_month};
use super::csv_file;
use super::figure_views::{NotificationFigures, WindowFigures};
use crate::site::{ApiProblem, PageReply, Visit};

/// Rows of a table with its header.
type CostsTable = (&'static [&'static str], Vec<Vec<String>>);

const CHANNELS: &[&str] = &["channel", "day_micros", "month_micros", "average_micros"];
const TYPES: &[&str] = &["type", "day_micros", "month_micros", "average_micros"];
const BUDGETS: &[&str] = &["budget", "type", "used_micros", "limit_micros", "remaining_micros", "resets_at"];

/// Answers with a table as a file.
///
/// # Errors
/// The API's problem, or a table that does not exist.
pub async fn file(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let now = visit.time.now;
    let table = visit.query().get("table");
    let (header, rows) = match table {
        "channels" => {
            let (day, month) =
                tokio::join!(visit.call(of_day("/v1/metrics/costs")), visit.call(of_month("/v1/metrics/costs", now)));
            channels(&day.read()?, &month.read()?)
        }
        "types" => {
            let (day, month) =
                tokio::join!(visit.call(of_day("/v1/metrics")), visit.call(of_month("/v1/metrics", now)));
            types(&day.read()?, &month.read()?)
        }
        "budgets" => budgets(&visit.call(of_day("/v1/metrics/costs")).await.read::<CostsAnswer>()?.budgets),
        _ => return Err(ApiProblem::own(404, "There is no such table.")),
    };
    Ok(csv_file::download(&format!("costs-{table}-{}.csv", now.strftime("%Y-%m-%d")), header, &rows))
}

/// Returns the types by their cost of the month, the most expensive one first.
#[must_use]
pub fn types_by_cost(month: &WindowFigures) -> Vec<(&String, &NotificationFigures)> {
    let mut types: Vec<_> = month.by_type.iter().collect();
    types.sort_by_key(|(_, it)| std::cmp::Reverse(it.cost_micros));
    types
}

/// Returns the average cost of a notification that was sent; `None` if none was.
#[must_use]
pub fn average(it: &NotificationFigures) -> Option<i64> {
    (it.sent > 0).then(|| it.cost_micros / it.sent)
}

fn channels(day: &CostsAnswer, month: &CostsAnswer) -> CostsTable {
    let row = |(name, it): (&String, &ChannelCosts)| {
        let of_day = day.by_channel.get(name).map_or(0, |it| it.total_micros);
        cells([name.clone()], &[Some(of_day), Some(it.total_micros), it.average_micros])
    };
    (CHANNELS, month.by_channel.iter().map(row).collect())
}

fn types(day: &WindowFigures, month: &WindowFigures) -> CostsTable {
    let row = |(name, it): (&String, &NotificationFigures)| {
        let of_day = day.by_type.get(name).map_or(0, |it| it.cost_micros);
        cells([name.clone()], &[Some(of_day), Some(it.cost_micros), average(it)])
    };
    (TYPES, types_by_cost(month).into_iter().map(row).collect())
}

fn budgets(budgets: &[BudgetAnswer]) -> CostsTable {
    let row = |it: &BudgetAnswer| {
        let names = [it.ceiling.clone(), it.kind.clone().unwrap_or_default()];
        let mut row = cells(names, &[Some(it.used_micros), Some(it.limit_micros), Some(it.remaining_micros)]);
        row.push(it.resets_at.to_string());
        row
    };
    (BUDGETS, budgets.iter().map(row).collect())
}

fn cells<const N: usize>(names: [String; N], numbers: &[Option<i64>]) -> Vec<String> {
    let numbers = numbers.iter().map(|number| number.map_or_else(String::new, |number| number.to_string()));
    names.into_iter().chain(numbers).collect()
}
