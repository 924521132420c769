//! Costs: day and month by channel and type, the projection, budgets and what they hold back, and the prices.

use std::collections::BTreeMap;

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::analytics_range::AnalyticsRange;
use super::costs_answer::{BudgetAnswer, ChannelCosts, CostsAnswer, CostsMonth, of_day, of_month};
use super::costs_file::{average, types_by_cost};
use super::figure_views::{NotificationFigures, SeriesFigures, WindowFigures, number};
use super::settings_view::{SettingsAnswer, changed_at};
use crate::site::{
    ApiCall, ApiProblem, EuroScale, Frame, LineChart, PageReply, Visit, count, euro, number_of, percent, rendered,
};

/// Maximum number of rows of a table.
const MAX_ROWS: usize = 50;

#[derive(Debug, Template)]
#[template(path = "costs.html")]
struct CostsPage {
    frame: Frame,
    warnings: Vec<String>,
    month: CostsMonth,
    elapsed: String,
    total_day: String,
    wasted_day: String,
    per_delivered: String,
    spent: String,
    projected: String,
    budget: Option<String>,
    groups: Vec<CostsGroup>,
    budgets: Vec<BudgetLine>,
    held_back: (String, String),
    chart: LineChart,
    prices: Vec<PriceRow>,
    priced_at: Option<Timestamp>,
    has_own_prices: bool,
    is_empty: bool,
}

/// Channels or types.
#[derive(Debug)]
struct CostsGroup {
    title: &'static str,
    /// Table of the file.
    file: &'static str,
    caption: &'static str,
    rows: Vec<CostsRow>,
    more: usize,
}

/// Channel or type, with its cost of a day and of the month.
#[derive(Debug)]
struct CostsRow {
    name: String,
    href: Option<String>,
    day: String,
    month: String,
    average: String,
}

/// Budget, and how much of it is left.
#[derive(Debug)]
struct BudgetLine {
    name: String,
    used: String,
    limit: String,
    remaining: String,
    resets_at: Timestamp,
    share: f64,
    is_used_up: bool,
}

/// Price of a send.
#[derive(Debug)]
struct PriceRow {
    name: String,
    price: String,
    /// `settings`, `built in` or `free`.
    origin: &'static str,
}

/// Shows the costs.
///
/// # Errors
/// The API's problem.
pub async fn show(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let now = visit.time.now;
    let (day, month, day_figures, month_figures, series, settings) = tokio::join!(
        visit.call(of_day("/v1/metrics/costs")),
        visit.call(of_month("/v1/metrics/costs", now)),
        visit.call(of_day("/v1/metrics")),
        visit.call(of_month("/v1/metrics", now)),
        visit.call(AnalyticsRange::ending_now("30d", now).call("/v1/metrics/series").query("step", "day")),
        visit.call(ApiCall::get("/v1/settings").query("history", "true")),
    );
    let (day, month): (CostsAnswer, CostsAnswer) = (day.read()?, month.read()?);
    let (day_figures, month_figures): (WindowFigures, WindowFigures) = (day_figures.read()?, month_figures.read()?);
    let (series, settings): (SeriesFigures, SettingsAnswer) = (series.read()?, settings.read()?);
    let frame = visit.frame("costs", "Costs");
    let types = type_rows(&frame, &day_figures, &month_figures);
    let skipped = |figures: &WindowFigures| figures.summary.skipped.get("budget").copied().unwrap_or_default();
    let held_back = (number_of(skipped(&day_figures), "notification", "notifications"), count(skipped(&month_figures)));
    let page = CostsPage {
        warnings: day.warnings,
        elapsed: percent(Some(month.month.elapsed)),
        total_day: euro(day.total_micros),
        wasted_day: euro(day.wasted_micros),
        per_delivered: day.per_delivered_micros.map_or_else(|| "–".to_owned(), euro),
        spent: euro(month.month.spent_micros),
        projected: month.month.projected_micros.map_or_else(|| "–".to_owned(), euro),
        budget: month.month.budget_micros.map(euro),
        groups: groups(channel_rows(&day.by_channel, &month.by_channel), types),
        budgets: budget_lines(day.budgets),
        held_back,
        chart: chart(&series, &visit.zone.zone),
        prices: price_rows(&settings),
        priced_at: changed_at(&settings, "prices"),
        has_own_prices: settings.settings.iter().any(|it| it.path.starts_with("prices.") && it.is_set()),
        is_empty: month.total_micros == 0 && day.total_micros == 0,
        month: month.month,
        frame,
    };
    rendered(200, &page)
}

fn groups(channels: Vec<CostsRow>, types: Vec<CostsRow>) -> Vec<CostsGroup> {
    let group = |title, file, caption, mut rows: Vec<CostsRow>| {
        let more = rows.len().saturating_sub(MAX_ROWS);
        rows.truncate(MAX_ROWS);
        CostsGroup { title, file, caption, rows, more }
    };
    vec![
        group("By channel", "channels", "Cost of each channel; the average is that of an attempt", channels),
        group(
            "By type",
            "types",
            "Cost of each type, the most expensive one first; the average is that of one that was sent",
            types,
        ),
    ]
}

fn chart(series: &SeriesFigures, zone: &TimeZone) -> LineChart {
    #[allow(clippy::cast_precision_loss)] // micro-euro
    let euros = |micros: i64| Some(micros as f64 / 1e6);
    let of = |channel: &'static str| {
        move |it: &super::figure_views::BucketFigures| {
            it.by_channel.get(channel).map_or(number(0), |it| euros(it.cost_micros))
        }
    };
    let (email, sms) = (of("email"), of("sms"));
    series.chart("Cost of the last 30 days", "EUR", zone, &[("E-mail", &email), ("SMS", &sms)])
}

fn channel_rows(day: &BTreeMap<String, ChannelCosts>, month: &BTreeMap<String, ChannelCosts>) -> Vec<CostsRow> {
    let amounts = |it: &ChannelCosts| [it.total_micros, it.average_micros.unwrap_or_default()];
    let scale = EuroScale::of(day.values().chain(month.values()).flat_map(amounts));
    let row = |(name, of_month): (&String, &ChannelCosts)| CostsRow {
        name: name.clone(),
        href: None,
        day: scale.show(day.get(name).map_or(0, |it| it.total_micros)),
        month: scale.show(of_month.total_micros),
        average: of_month.average_micros.map_or_else(|| "–".to_owned(), |micros| scale.show(micros)),
    };
    month.iter().map(row).collect()
}

fn type_rows(frame: &Frame, day: &WindowFigures, month: &WindowFigures) -> Vec<CostsRow> {
    let all = day.by_type.values().chain(month.by_type.values());
    let scale = EuroScale::of(all.flat_map(|it| [it.cost_micros, average(it).unwrap_or_default()]));
    let row = |(name, it): (&String, &NotificationFigures)| CostsRow {
        name: name.clone(),
        href: Some(frame.href_of("type", "name", name)),
        day: scale.show(day.by_type.get(name).map_or(0, |it| it.cost_micros)),
        month: scale.show(it.cost_micros),
        average: average(it).map_or_else(|| "–".to_owned(), |micros| scale.show(micros)),
    };
    types_by_cost(month).into_iter().map(row).collect()
}

fn budget_lines(budgets: Vec<BudgetAnswer>) -> Vec<BudgetLine> {
    let scale = EuroScale::of(budgets.iter().flat_map(|it| [it.used_micros, it.limit_micros, it.remaining_micros]));
    budgets.into_iter().map(|it| budget_line(it, scale)).collect()
}

fn budget_line(it: BudgetAnswer, scale: EuroScale) -> BudgetLine {
    #[allow(clippy::cast_precision_loss)] // a share for a bar
    let share = if it.limit_micros > 0 { it.used_micros as f64 / it.limit_micros as f64 } else { 1.0 };
    let name = [it.ceiling.as_str(), it.kind.as_deref().unwrap_or_default()].join(" ").trim().to_owned();
    BudgetLine {
        name,
        used: scale.show(it.used_micros),
        limit: scale.show(it.limit_micros),
        remaining: scale.show(it.remaining_micros),
        resets_at: it.resets_at,
        share: share.clamp(0.0, 1.0),
        is_used_up: it.remaining_micros <= 0,
    }
}

fn price_rows(settings: &SettingsAnswer) -> Vec<PriceRow> {
    let micros = |value: &Value| value.as_i64().unwrap_or_default();
    let priced = settings.settings.iter().filter(|it| it.path.starts_with("prices."));
    let amounts = priced.flat_map(|it| match &it.value {
        Value::Object(countries) => countries.values().map(micros).collect(),
        value => vec![micros(value)],
    });
    let scale = EuroScale::of(amounts);
    let origin = |is_own: bool| if is_own { "settings" } else { "built in" };
    let push = PriceRow { name: "Push".to_owned(), price: scale.show(0), origin: "free" };
    let single = |path: &str, name: &str| {
        let found = settings.settings.iter().find(|it| it.path == path);
        found.map(|it| PriceRow {
            name: name.to_owned(),
            price: scale.show(micros(&it.value)),
            origin: origin(it.is_set()),
        })
    };
    let own = settings.document["prices"]["sms_micros"].as_object();
    let countries = settings.settings.iter().find(|it| it.path == "prices.sms_micros");
    let countries = countries.and_then(|it| it.value.as_object()).into_iter().flatten();
    let country = |(code, value): (&String, &Value)| PriceRow {
        name: format!("SMS part to {code}"),
        price: scale.show(micros(value)),
        origin: origin(own.is_some_and(|own| own.contains_key(code))),
    };
    [
        Some(push),
        single("prices.email_micros", "E-mail"),
        single("prices.sms_default_micros", "SMS part to any other country"),
    ]
    .into_iter()
    .flatten()
    .chain(countries.map(country))
    .collect()
}
