//! Tables of the analytics as files.

use std::collections::BTreeMap;

use super::analytics_range::AnalyticsRange;
use super::analytics_tables::{
    FunnelStage, LatencyCounts, OptOutCounts, funnel_stages, latencies, opt_outs, week_of, week_sums,
};
use super::csv_file;
use super::figure_views::{AttemptCounts, BucketFigures, NotificationFigures, SeriesFigures, WindowFigures};
use crate::site::{ApiProblem, PageReply, Visit};

/// Header of a file with figures of notifications, after its first columns.
const FIGURES: [&str; 14] = [
    "sent",
    "accepted",
    "delivered",
    "failed",
    "uncertain",
    "expired",
    "opened",
    "clicked",
    "converted",
    "opted_out",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "cost_micros",
];
/// Header of the file of channels.
const CHANNELS: [&str; 11] = [
    "channel",
    "attempts",
    "accepted",
    "retry_later",
    "gone",
    "rejected",
    "uncertain",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "cost_micros",
];

/// Rows of a table with its header.
type Table = (Vec<&'static str>, Vec<Vec<String>>);

/// Answers with a table as a file.
///
/// # Errors
/// The API's problem, or a table that does not exist.
pub async fn file(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let range = AnalyticsRange::of(visit.query(), visit.time.now)?;
    let table = visit.query().optional("table").unwrap_or("series");
    let name = format!("{table}-{}.csv", range.from.strftime("%Y-%m-%d"));
    let (header, rows) = match table {
        "series" => {
            let series = visit.call(range.call("/v1/metrics/series").query("step", range.step)).await;
            let series: SeriesFigures = series.read()?;
            let row = |it: &BucketFigures| cells(&[it.from.to_string(), it.to.to_string()], &it.summary);
            (figures_header(&["from", "to"]), series.buckets.iter().map(row).collect())
        }
        "week" => week_table(visit, &range).await?,
        _ => {
            let window: WindowFigures = visit.call(range.call("/v1/metrics")).await.read()?;
            table_of(table, &window).ok_or_else(|| ApiProblem::own(404, "There is no such table."))?
        }
    };
    Ok(csv_file::download(&name, &header, &rows))
}

/// Returns a table of the figures of the range; `None` if there is none of this name.
fn table_of(table: &str, window: &WindowFigures) -> Option<Table> {
    let grouped = |first: &'static str, groups: &BTreeMap<String, NotificationFigures>| {
        let rows = groups.iter().map(|(name, it)| cells(std::slice::from_ref(name), it));
        (figures_header(&[first]), rows.collect())
    };
    let figures = &window.summary;
    Some(match table {
        "types" => grouped("type", &window.by_type),
        "templates" => grouped("template", &window.by_template),
        "campaigns" => grouped("campaign", &window.by_campaign),
        "versions" => grouped("version", &window.by_version),
        "channels" => (CHANNELS.to_vec(), window.by_channel.iter().map(channel_cells).collect()),
        "funnel" => {
            let row = |stage: FunnelStage| vec![stage.label.to_lowercase(), stage.notifications.to_string()];
            (vec!["step", "notifications"], funnel_stages(figures).map(row).to_vec())
        }
        "skipped" => {
            let row = |(reason, count): (&String, &i64)| vec![reason.clone(), count.to_string()];
            (vec!["reason", "notifications"], figures.skipped.iter().map(row).collect())
        }
        "opt_outs" => {
            let row = |it: OptOutCounts| {
                let kind = if it.kind.is_empty() { "all".to_owned() } else { it.kind };
                vec![kind, it.by_link.to_string(), it.respected.to_string(), it.sent.to_string()]
            };
            let header = vec!["type", "opted_out_by_link", "not_sent_after_opt_out", "sent"];
            (header, opt_outs(window).into_iter().map(row).collect())
        }
        "latency" => {
            let row = |it: LatencyCounts| {
                let quantiles = [it.quantiles.p50, it.quantiles.p95, it.quantiles.p99].map(optional);
                [it.group.to_owned(), it.name].into_iter().chain(quantiles).collect()
            };
            (vec!["group", "name", "p50_ms", "p95_ms", "p99_ms"], latencies(window).into_iter().map(row).collect())
        }
        _ => return None,
    })
}

/// Returns the hours of the week, in the zone of the page; without rows if the range has no week.
async fn week_table(visit: &Visit<'_>, range: &AnalyticsRange) -> Result<Table, ApiProblem> {
    let zone = &visit.zone.zone;
    let header = vec!["hour", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "zone"];
    let row = |(hour, days): (usize, &[i64; 7])| {
        let zone = zone.iana_name().unwrap_or("UTC").to_owned();
        let days = days.iter().map(i64::to_string);
        std::iter::once(format!("{hour:02}:00")).chain(days).chain([zone]).collect()
    };
    let week = week_of(visit, range).await?;
    let rows = week.map(|week| week_sums(zone, &week).iter().enumerate().map(row).collect());
    Ok((header, rows.unwrap_or_default()))
}

fn figures_header(first: &[&'static str]) -> Vec<&'static str> {
    first.iter().copied().chain(FIGURES).collect()
}

fn optional(value: Option<i64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn channel_cells((name, it): (&String, &AttemptCounts)) -> Vec<String> {
    let counts = [it.attempts, it.accepted, it.retry_later, it.gone, it.rejected, it.uncertain];
    let last = [it.latency_ms.p50, it.latency_ms.p95, it.latency_ms.p99, Some(it.cost_micros)].map(optional);
    std::iter::once(name.clone()).chain(counts.map(|it| it.to_string())).chain(last).collect()
}

fn cells(first: &[String], it: &NotificationFigures) -> Vec<String> {
    let counts =
        [it.sent, it.accepted, it.delivered, it.failed, it.uncertain, it.expired, it.opened, it.clicked, it.converted];
    let last = [it.latency_ms.p50, it.latency_ms.p95, it.latency_ms.p99, Some(it.cost_micros)].map(optional);
    let counts = counts.into_iter().chain([it.opted_out]).map(|it| it.to_string());
    first.iter().cloned().chain(counts).chain(last).collect()
}
