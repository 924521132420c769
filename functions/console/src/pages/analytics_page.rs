//! Analytics: a range against the range before, charts, the funnel, hours of the week, and tables by type, channel and
//! version. Everything stands in the address, and every table is also a file.

use std::collections::BTreeMap;

use askama::Template;
use jiff::Timestamp;

use super::analytics_groups::{CampaignName, FigureGroup, MAX_ROWS, campaign_names, figure_groups};
use super::analytics_range::{AnalyticsRange, RANGES};
use super::analytics_tables::{
    FunnelStage, LatencyCounts, OptOutCounts, funnel_stages, latencies, opt_outs, week_of, week_sums,
};
use super::figure_views::{
    AttemptCounts, BucketFigures, NotificationFigures, SeriesFigures, WindowFigures, number, share,
};
use crate::site::{
    ApiCall, ApiProblem, EuroScale, Frame, FrameLink, LineChart, PageReply, Visit, count, encoded, euro, millis,
    percent, rendered,
};

#[derive(Debug, Template)]
#[template(path = "analytics.html")]
struct AnalyticsPage {
    frame: Frame,
    problem: Option<ApiProblem>,
    ranges: Vec<FrameLink>,
    range: AnalyticsRange,
    end: Timestamp,
    typed: TypedRange,
    compare: FrameLink,
    before: Option<AnalyticsRange>,
    before_note: &'static str,
    cards: Vec<ComparedCard>,
    charts: Vec<LineChart>,
    funnel: Vec<FunnelStep>,
    skipped: Vec<(String, String)>,
    week: Option<Vec<WeekRow>>,
    groups: Vec<FigureGroup>,
    channels: Vec<ChannelRow>,
    opt_outs: Vec<OptOutRow>,
    latencies: Vec<LatencyRow>,
    file_query: String,
    is_empty: bool,
}

/// Days of the form.
#[derive(Debug, Default)]
struct TypedRange {
    from: String,
    to: String,
}

/// Figure of the range and of the range before.
#[derive(Debug)]
struct ComparedCard {
    label: &'static str,
    value: String,
    before: String,
}

/// Step of the funnel.
#[derive(Debug)]
struct FunnelStep {
    label: &'static str,
    hint: &'static str,
    count: String,
    of_sent: String,
    of_last: String,
    share: f64,
}

/// Hour of the day, with the number sent on each weekday.
#[derive(Debug)]
struct WeekRow {
    hour: String,
    days: Vec<String>,
}

/// Opt-outs of a type.
#[derive(Debug)]
struct OptOutRow {
    name: String,
    href: Option<String>,
    by_link: String,
    of_sent: String,
    respected: String,
}

/// Latency of a group.
#[derive(Debug)]
struct LatencyRow {
    name: String,
    quantiles: [String; 3],
}

/// Channel.
#[derive(Debug)]
struct ChannelRow {
    name: String,
    attempts: String,
    accepted: String,
    retried: String,
    refused: String,
    uncertain: String,
    p95: String,
    cost: String,
}

/// Figures of a range.
struct RangeFigures {
    window: WindowFigures,
    series: SeriesFigures,
    before: Option<WindowFigures>,
    week: Option<Vec<BucketFigures>>,
    campaigns: BTreeMap<String, CampaignName>,
}

impl AnalyticsPage {
    /// Returns the address of a table as a file.
    fn file(&self, table: &str) -> String {
        format!("{}?table={table}{}", self.frame.href("analytics-csv"), self.file_query)
    }
}

/// Shows the analytics.
///
/// # Errors
/// The API's problem, unless the form of the range can show it.
pub async fn show(visit: &Visit<'_>) -> Result<PageReply, ApiProblem> {
    let now = visit.time.now;
    let (range, mut problem) = match AnalyticsRange::of(visit.query(), now) {
        Ok(range) => (range, None),
        Err(problem) => (AnalyticsRange::ending_now("24h", now), Some(problem)),
    };
    let is_compared = visit.query().get("compare") != "none";
    let (range, figures) = match read(visit, &range, is_compared).await {
        Ok(figures) => (range, figures),
        // A range that the API does not have is shown above the default one.
        Err(refused) if refused.status == 422 && range.name == "custom" => {
            problem = Some(refused);
            let range = AnalyticsRange::ending_now("24h", now);
            let figures = read(visit, &range, is_compared).await?;
            (range, figures)
        }
        Err(refused) => return Err(refused),
    };
    let status = problem.as_ref().map_or(200, |problem| problem.status);
    rendered(status, &page(visit, range, &figures, problem, is_compared))
}

async fn read(visit: &Visit<'_>, range: &AnalyticsRange, is_compared: bool) -> Result<RangeFigures, ApiProblem> {
    let now = visit.time.now;
    let (window, series) = tokio::join!(
        visit.call(range.call("/v1/metrics")),
        visit.call(range.call("/v1/metrics/series").query("step", range.step))
    );
    let (window, series) = (window.read()?, series.read()?);
    let before = match is_compared {
        // The range before may be older than the figures are kept.
        true => visit.call(range.before(now).call("/v1/metrics")).await.read().ok(),
        false => None,
    };
    let week = week_of(visit, range).await?;
    let window: WindowFigures = window;
    let campaigns = match window.by_campaign.is_empty() {
        true => BTreeMap::new(),
        false => campaign_names(&visit.call(ApiCall::get("/v1/campaigns")).await.ok()?),
    };
    Ok(RangeFigures { window, series, before, week, campaigns })
}

fn page(
    visit: &Visit<'_>,
    range: AnalyticsRange,
    figures: &RangeFigures,
    problem: Option<ApiProblem>,
    is_compared: bool,
) -> AnalyticsPage {
    let RangeFigures { window, series, before, week, campaigns } = figures;
    let zone = &visit.zone.zone;
    let frame = visit.frame("analytics", "Analytics");
    let latency = series.chart(
        "Time to the first accepted attempt",
        "milliseconds",
        zone,
        &[
            ("99 % within", &|it| it.summary.latency_ms.p99.and_then(number)),
            ("95 % within", &|it| it.summary.latency_ms.p95.and_then(number)),
            ("half within", &|it| it.summary.latency_ms.p50.and_then(number)),
        ],
    );
    let before_note = match (is_compared, before) {
        (false, _) => "not compared",
        (true, None) => "the range before is older than the figures of hours, which are kept for 99 days",
        (true, Some(_)) => "",
    };
    let (query, now) = (visit.query(), visit.time.now);
    AnalyticsPage {
        ranges: range_links(visit, &range),
        typed: TypedRange { from: query.get("from").to_owned(), to: query.get("to").to_owned() },
        compare: FrameLink {
            href: visit.with_query("compare", if is_compared { "none" } else { "" }),
            label: if is_compared { "Do not compare" } else { "Compare with the range before" }.to_owned(),
            is_current: is_compared,
        },
        before: before.as_ref().map(|_| range.before(now)),
        before_note,
        cards: cards(&window.summary, before.as_ref().map(|before| &before.summary)),
        charts: vec![series.outcomes(zone), latency],
        funnel: funnel(&window.summary),
        skipped: window.summary.skipped.iter().map(|(reason, it)| (reason.replace('_', " "), count(*it))).collect(),
        week: week.as_ref().map(|week| week_rows(visit, week)),
        groups: figure_groups(&frame, window, campaigns),
        channels: channel_rows(window),
        opt_outs: opt_out_rows(&frame, window),
        latencies: latency_rows(window),
        file_query: file_query(visit),
        is_empty: window.summary.is_empty(),
        end: range.end(now),
        frame,
        problem,
        range,
    }
}

fn range_links(visit: &Visit<'_>, range: &AnalyticsRange) -> Vec<FrameLink> {
    let link = |(name, label): (&str, &str)| FrameLink {
        href: visit.with_query("range", name),
        label: label.to_owned(),
        is_current: range.name == name,
    };
    RANGES.map(link).to_vec()
}

/// Returns the part of the address of files that every table has in common.
fn file_query(visit: &Visit<'_>) -> String {
    let kept = ["range", "from", "to", "zone"]
        .into_iter()
        .filter_map(|name| Some(format!("&{name}={}", encoded(visit.query().optional(name)?))));
    kept.collect()
}

fn cards(now: &NotificationFigures, before: Option<&NotificationFigures>) -> Vec<ComparedCard> {
    let card = |label, show: &dyn Fn(&NotificationFigures) -> String| ComparedCard {
        label,
        value: show(now),
        before: before.map_or_else(String::new, show),
    };
    vec![
        card("Sent", &|it| count(it.sent)),
        card("Accepted or delivered", &|it| count(it.reached())),
        card("Delivery rate", &|it| percent(it.delivery_rate)),
        card("Failed, uncertain or expired", &|it| count(it.not_reached())),
        card("Click rate", &|it| percent(it.ctr)),
        card("95 % were accepted within", &|it| millis(it.latency_ms.p95)),
        card("99 % were accepted within", &|it| millis(it.latency_ms.p99)),
        card("Opted out by a link of a campaign", &|it| count(it.opted_out)),
        card("Not sent, because the person had opted out", &|it| count(it.opt_outs_respected())),
        card("Cost", &|it| euro(it.cost_micros)),
    ]
}

fn funnel(figures: &NotificationFigures) -> Vec<FunnelStep> {
    let mut last = figures.sent;
    let step = |stage: FunnelStage| {
        let of_last = percent(share(stage.notifications, last));
        last = stage.notifications;
        let of_sent = share(stage.notifications, figures.sent);
        FunnelStep {
            label: stage.label,
            hint: stage.hint,
            count: count(stage.notifications),
            of_sent: percent(of_sent),
            of_last,
            share: of_sent.unwrap_or_default(),
        }
    };
    funnel_stages(figures).map(step).into_iter().collect()
}

fn week_rows(visit: &Visit<'_>, week: &[BucketFigures]) -> Vec<WeekRow> {
    let row = |(hour, days): (usize, &[i64; 7])| WeekRow {
        hour: format!("{hour:02}:00"),
        days: days.iter().map(|sum| count(*sum)).collect(),
    };
    week_sums(&visit.zone.zone, week).iter().enumerate().map(row).collect()
}

fn opt_out_rows(frame: &Frame, window: &WindowFigures) -> Vec<OptOutRow> {
    let row = |it: OptOutCounts| OptOutRow {
        href: (!it.kind.is_empty()).then(|| frame.href_of("type", "name", &it.kind)),
        of_sent: percent(share(it.by_link, it.sent)),
        by_link: count(it.by_link),
        respected: count(it.respected),
        name: if it.kind.is_empty() { "All types".to_owned() } else { it.kind },
    };
    opt_outs(window).into_iter().take(MAX_ROWS).map(row).collect()
}

fn latency_rows(window: &WindowFigures) -> Vec<LatencyRow> {
    let name = |it: &LatencyCounts| match it.group {
        "all" => "All notifications".to_owned(),
        "channel" => format!("Each call of {}", it.name),
        group => format!("{group} {}", it.name),
    };
    let row = |it: LatencyCounts| LatencyRow {
        name: name(&it),
        quantiles: [it.quantiles.p50, it.quantiles.p95, it.quantiles.p99].map(millis),
    };
    latencies(window).into_iter().take(MAX_ROWS).map(row).collect()
}

fn channel_rows(window: &WindowFigures) -> Vec<ChannelRow> {
    let scale = EuroScale::of(window.by_channel.values().map(|it| it.cost_micros));
    let row = |(name, it): (&String, &AttemptCounts)| ChannelRow {
        name: name.clone(),
        attempts: count(it.attempts),
        accepted: count(it.accepted),
        retried: count(it.retry_later),
        refused: count(it.gone + it.rejected),
        uncertain: count(it.uncertain),
        p95: millis(it.latency_ms.p95),
        cost: scale.show(it.cost_micros),
    };
    window.by_channel.iter().map(row).collect()
}
