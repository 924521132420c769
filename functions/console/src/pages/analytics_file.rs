//! Tables of the analytics as files.

use super::analytics_range::AnalyticsRange;
use super::csv_file;
use super::figure_views::{AttemptCounts, BucketFigures, NotificationFigures, SeriesFigures, WindowFigures};
use crate::site::{ApiProblem, PageReply, Visit};

/// Header of a file with figures of notifications, after its first columns.
const FIGURES: [&str; 12] = [
    "sent",
    "accepted",
    "delivered",
    "failed",
    "uncertain",
    "expired",
    "opened",
    "clicked",
    "converted",
    "p50_ms",
    "p95_ms",
    "cost_micros",
];

/// Answers with a table as a file.
///
/// # Errors
/// The API's problem, or a table that does not exist.
pub async fn file(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let range = AnalyticsRange::of(visit.query(), visit.time.now)?;
    let table = visit.query().optional("table").unwrap_or("series");
    let name = format!("{table}-{}.csv", range.from.strftime("%Y-%m-%d"));
    let header = |first: &[&'static str]| first.iter().copied().chain(FIGURES).collect::<Vec<_>>();
    if table == "series" {
        let series = visit.call(range.call("/v1/metrics/series").query("step", range.step)).await;
        let series: SeriesFigures = series.read()?;
        let row = |it: &BucketFigures| cells(&[it.from.to_string(), it.to.to_string()], &it.summary);
        return Ok(csv_file::download(
            &name,
            &header(&["from", "to"]),
            &series.buckets.iter().map(row).collect::<Vec<_>>(),
        ));
    }
    let window: WindowFigures = visit.call(range.call("/v1/metrics")).await.read()?;
    let rows: Vec<_> = match table {
        "types" => window.by_type.iter().map(|(name, it)| cells(std::slice::from_ref(name), it)).collect(),
        "templates" => window.by_template.iter().map(|(name, it)| cells(std::slice::from_ref(name), it)).collect(),
        "campaigns" => window.by_campaign.iter().map(|(id, it)| cells(std::slice::from_ref(id), it)).collect(),
        "versions" => window.by_version.iter().map(|(name, it)| cells(std::slice::from_ref(name), it)).collect(),
        "channels" => {
            let row = |(name, it): (&String, &AttemptCounts)| {
                let counts = [it.attempts, it.accepted, it.retry_later, it.gone, it.rejected, it.uncertain];
                let last = [it.latency_ms.p95, Some(it.cost_micros)]
                    .map(|it| it.map_or_else(String::new, |it| it.to_string()));
                std::iter::once(name.clone()).chain(counts.map(|it| it.to_string())).chain(last).collect()
            };
            let rows: Vec<Vec<String>> = window.by_channel.iter().map(row).collect();
            let header = [
                "channel",
                "attempts",
                "accepted",
                "retry_later",
                "gone",
                "rejected",
                "uncertain",
                "p95_ms",
                "cost_micros",
            ];
            return Ok(csv_file::download(&name, &header, &rows));
        }
        _ => return Err(ApiProblem::own(404, "There is no such table.")),
    };
    let first = match table {
        "types" => "type",
        "templates" => "template",
        "campaigns" => "campaign",
        _ => "version",
    };
    Ok(csv_file::download(&name, &header(&[first]), &rows))
}

fn cells(first: &[String], it: &NotificationFigures) -> Vec<String> {
    let counts =
        [it.sent, it.accepted, it.delivered, it.failed, it.uncertain, it.expired, it.opened, it.clicked, it.converted];
    let last = [it.latency_ms.p50, it.latency_ms.p95, Some(it.cost_micros)];
    let last = last.map(|it| it.map_or_else(String::new, |it| it.to_string()));
    first.iter().cloned().chain(counts.map(|it| it.to_string())).chain(last).collect()
}
