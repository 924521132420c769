//! Tables of the analytics that the page shows and the files contain: the funnel, opt-outs, latency, and hours of the
//! week.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::analytics_range::AnalyticsRange;
use super::figure_views::{BucketFigures, NotificationFigures, QuantileFigures, SeriesFigures, WindowFigures};
use crate::site::{ApiProblem, Visit};

/// Weekdays, in order.
pub const DAYS: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// Stage of the funnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunnelStage {
    /// Name.
    pub label: &'static str,
    /// Meaning.
    pub hint: &'static str,
    /// Notifications that got this far.
    pub notifications: i64,
}

/// Opt-outs of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptOutCounts {
    /// Type; empty for all of them.
    pub kind: String,
    /// Messages by whose link the recipient opted out.
    pub by_link: i64,
    /// Notifications that were not sent because the recipient had opted out.
    pub respected: i64,
    /// Notifications with at least one attempt.
    pub sent: i64,
}

/// Latency of a group of notifications, or of the calls of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatencyCounts {
    /// `all`, `type`, `version` or `channel`.
    pub group: &'static str,
    /// Name in the group.
    pub name: String,
    /// Quantiles.
    pub quantiles: QuantileFigures,
}

/// Returns the stages from sent to converted.
#[must_use]
pub const fn funnel_stages(figures: &NotificationFigures) -> [FunnelStage; 5] {
    const fn stage(label: &'static str, hint: &'static str, notifications: i64) -> FunnelStage {
        FunnelStage { label, hint, notifications }
    }
    [
        stage("Sent", "at least one attempt was made", figures.sent),
        stage("Accepted", "a provider accepted it; delivered ones included", figures.reached()),
        stage("Delivered", "the device or the provider confirmed it", figures.delivered),
        stage("Clicked", "its link was followed", figures.clicked),
        stage("Converted", "it led to what was wanted", figures.converted),
    ]
}

/// Returns the opt-outs of all notifications, then those of each type that has some, most opt-outs first.
#[must_use]
pub fn opt_outs(window: &WindowFigures) -> Vec<OptOutCounts> {
    let counts = |kind: &str, it: &NotificationFigures| OptOutCounts {
        kind: kind.to_owned(),
        by_link: it.opted_out,
        respected: it.opt_outs_respected(),
        sent: it.sent,
    };
    let mut types: Vec<_> = window.by_type.iter().map(|(kind, it)| counts(kind, it)).collect();
    types.retain(|it| it.by_link + it.respected > 0);
    types.sort_by_key(|it| std::cmp::Reverse((it.by_link, it.respected)));
    std::iter::once(counts("", &window.summary)).chain(types).collect()
}

/// Returns the latency of all notifications, of each version and type, and of the calls of each channel. Groups without
/// a value are left out.
#[must_use]
pub fn latencies(window: &WindowFigures) -> Vec<LatencyCounts> {
    let row = |group, name: &str, quantiles: &QuantileFigures| LatencyCounts {
        group,
        name: name.to_owned(),
        quantiles: quantiles.clone(),
    };
    let all = std::iter::once(row("all", "", &window.summary.latency_ms));
    let versions = window.by_version.iter().map(|(name, it)| row("version", name, &it.latency_ms));
    let types = window.by_type.iter().map(|(name, it)| row("type", name, &it.latency_ms));
    let channels = window.by_channel.iter().map(|(name, it)| row("channel", name, &it.latency_ms));
    all.chain(channels).chain(versions).chain(types).filter(|it| it.quantiles.p50.is_some()).collect()
}

/// Reads the hours of the last week of a range; `None` if the range is shorter.
///
/// # Errors
/// The API's problem.
pub async fn week_of(visit: &Visit<'_>, range: &AnalyticsRange) -> Result<Option<Vec<BucketFigures>>, ApiProblem> {
    let now = visit.time.now;
    if !range.has_week(now) {
        return Ok(None);
    }
    let [first, second] = range.calls_for_week(now);
    let (first, second) = tokio::join!(visit.call(first), visit.call(second));
    let parts: [SeriesFigures; 2] = [first.read()?, second.read()?];
    Ok(Some(parts.into_iter().flat_map(|part| part.buckets).collect()))
}

/// Returns the number sent by hour of the day and weekday, in a zone.
#[must_use]
pub fn week_sums(zone: &TimeZone, week: &[BucketFigures]) -> [[i64; 7]; 24] {
    let mut sums = [[0_i64; 7]; 24];
    for bucket in week {
        let at = bucket.from.to_zoned(zone.clone());
        let day = DAYS.iter().position(|day| *day == at.weekday()).unwrap_or_default();
        if let Some(sum) = usize::try_from(at.hour()).ok().and_then(|hour| sums.get_mut(hour)) {
            sum[day] += bucket.summary.sent;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(opted_out: i64, respected: i64, p99: Option<i64>) -> NotificationFigures {
        let skipped = [("opted_out".to_owned(), respected), ("unknown".to_owned(), 9)].into();
        let latency_ms = QuantileFigures { p50: p99, p95: p99, p99 };
        NotificationFigures { sent: 10, opted_out, skipped, latency_ms, ..NotificationFigures::default() }
    }

    #[test]
    fn types_without_opt_outs_or_latency_are_left_out() {
        let by_type = [("A", figures(0, 0, None)), ("B", figures(0, 3, Some(9))), ("C", figures(1, 0, None))];
        let window = WindowFigures {
            summary: figures(1, 3, Some(9)),
            by_channel: [].into(),
            by_version: [].into(),
            by_type: by_type.map(|(name, it)| (name.to_owned(), it)).into(),
            by_template: [].into(),
            by_campaign: [].into(),
        };
        let found = opt_outs(&window);
        let found: Vec<_> = found.iter().map(|it| (it.kind.as_str(), it.by_link, it.respected)).collect();
        assert_eq!(found, [("", 1, 3), ("C", 1, 0), ("B", 0, 3)]);
        let found = latencies(&window);
        assert_eq!(
            found.iter().map(|it| (it.group, it.name.as_str())).collect::<Vec<_>>(),
            [("all", ""), ("type", "B")]
        );
    }
}
