//! Analytics: a range against the range before, charts, the funnel, hours of the week, and tables by type, channel and
//! version. Everything stands in the address, and every table is also a file.

use std::collections::BTreeMap;

use askama::Template;
use jiff::Timestamp;
use jiff::civil::Weekday;

use super::analytics_groups::{CampaignName, FigureGroup, campaign_names, figure_groups};
use super::analytics_range::{AnalyticsRange, RANGES};
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
    files: Vec<FrameLink>,
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
    let week = match range.has_week(now) {
        true => {
            let [first, second] = range.calls_for_week(now);
            let (first, second) = tokio::join!(visit.call(first), visit.call(second));
            let parts: [SeriesFigures; 2] = [first.read()?, second.read()?];
            Some(parts.into_iter().flat_map(|part| part.buckets).collect())
        }
        false => None,
    };
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
        files: file_links(visit, &frame),
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

fn file_links(visit: &Visit<'_>, frame: &Frame) -> Vec<FrameLink> {
    let kept: Vec<_> = ["range", "from", "to"]
        .into_iter()
        .filter_map(|name| Some(format!("&{name}={}", encoded(visit.query().optional(name)?))))
        .collect();
    let link = |(table, label): (&str, &str)| FrameLink {
        href: format!("{}?table={table}{}", frame.href("analytics-csv"), kept.concat()),
        label: label.to_owned(),
        is_current: false,
    };
    let tables = [
        ("series", "Chart"),
        ("types", "Types"),
        ("templates", "Templates"),
        ("campaigns", "Campaigns"),
        ("channels", "Channels"),
        ("versions", "Versions"),
    ];
    tables.map(link).to_vec()
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
        card("Opt-outs that were respected", &|it| count(it.skipped.get("opted_out").copied().unwrap_or_default())),
        card("Cost", &|it| euro(it.cost_micros)),
    ]
}

fn funnel(figures: &NotificationFigures) -> Vec<FunnelStep> {
    let steps = [
        ("Sent", "at least one attempt was made", figures.sent),
        ("Accepted", "a provider accepted it; delivered ones included", figures.reached()),
        ("Delivered", "the device or the provider confirmed it", figures.delivered),
        ("Clicked", "its link was followed", figures.clicked),
        ("Converted", "it led to what was wanted", figures.converted),
    ];
    let mut last = figures.sent;
    let step = |(label, hint, number): (&'static str, &'static str, i64)| {
        let of_last = percent(share(number, last));
        last = number;
        let of_sent = share(number, figures.sent);
        FunnelStep {
            label,
            hint,
            count: count(number),
            of_sent: percent(of_sent),
            of_last,
            share: of_sent.unwrap_or_default(),
        }
    };
    steps.map(step).into_iter().collect()
}

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

fn week_rows(visit: &Visit<'_>, week: &[BucketFigures]) -> Vec<WeekRow> {
    let mut sums = [[0_i64; 7]; 24];
    for bucket in week {
        let at = bucket.from.to_zoned(visit.zone.zone.clone());
        let day = DAYS.iter().position(|day| *day == at.weekday()).unwrap_or_default();
        if let Some(sum) = usize::try_from(at.hour()).ok().and_then(|hour| sums.get_mut(hour)) {
            sum[day] += bucket.summary.sent;
        }
    }
    let row = |(hour, days): (usize, &[i64; 7])| WeekRow {
        hour: format!("{hour:02}:00"),
        days: days.iter().map(|sum| count(*sum)).collect(),
    };
    sums.iter().enumerate().map(row).collect()
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
