//! The report as Markdown, for e-mail or chat.

use platform::counted_noun::counted_noun;
use std::fmt::{Display, Write};

use jiff::Timestamp;

use super::channels::ChannelsReport;
use super::comparison::{Comparison, Difference};
use super::costs::Costs;
use super::report::{Incident, TargetResult, WeeklyReport};
use super::targets::euro;

impl WeeklyReport {
    /// Returns the content of the JSON report as Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        let (from, to, now) = (minute(self.window.from), minute(self.window.to), minute(self.written_at));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# Notifications, {from} to {to} UTC\n");
        let sent = counted_noun(self.summary.sent, "notification was", "notifications were");
        let closed = counted_noun(self.summary.closed, "is", "are");
        let _ = writeln!(text, "{}. {sent} sent, {closed} over.\n", self.verdict);
        let missed = self.targets.iter().filter(|target| target.result == "fail");
        list(&mut text, missed.map(missed_by).collect());
        targets(&mut text, &self.targets);
        channels(&mut text, &self.channels);
        costs(&mut text, &self.costs);
        comparison(&mut text, &self.comparison);
        incidents(&mut text, &self.incidents);
        let _ = writeln!(text, "Written at {now} UTC.");
        text
    }
}

fn table(text: &mut String, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let _ = writeln!(text, "| {} |", head.join(" | "));
    let _ = writeln!(text, "|{}", "---|".repeat(head.len()));
    for row in rows {
        // Text that people wrote may contain characters that end a cell or a row.
        let cells: Vec<_> = row.iter().map(|cell| cell.replace('|', "\\|").replace(['\n', '\r'], " ")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text.push('\n');
}

fn list(text: &mut String, items: Vec<String>) {
    for item in &items {
        let _ = writeln!(text, "* {item}");
    }
    text.push_str(if items.is_empty() { "" } else { "\n" });
}

fn minute(at: Timestamp) -> impl Display {
    at.strftime("%Y-%m-%d %H:%M")
}

fn missed_by(it: &TargetResult) -> String {
    format!("**Missed:** {} {}, wanted {}", it.target, or_dash(it.actual.as_deref()), it.wanted)
}

fn or_dash<T: Display>(value: Option<T>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}

fn share(value: Option<f64>) -> String {
    or_dash(value.map(|share| format!("{:.1} %", share * 100.0)))
}

fn targets(text: &mut String, targets: &[TargetResult]) {
    text.push_str("## Targets\n\n");
    let row = |it: &TargetResult| {
        let actual = or_dash(it.actual.as_deref());
        vec![it.target.to_owned(), it.wanted.clone(), actual, it.sample.to_string(), it.result.to_owned()]
    };
    table(text, &["target", "wanted", "actual", "of", "result"], targets.iter().map(row));
}

fn channels(text: &mut String, channels: &ChannelsReport) {
    text.push_str("## Channels\n\n");
    let head =
        ["channel", "notifications", "reached", "delivery", "errors", "average ms", "p95 ms", "cost", "per delivery"];
    let rows = channels.channels.iter().map(|(name, it)| {
        let counts = [it.notifications.to_string(), it.reached.to_string()];
        let rates = [share(it.delivery_rate), share(it.error_rate)];
        let times = [or_dash(it.latency_ms.average), or_dash(it.latency_ms.p95)];
        let money = [euro(it.cost_micros), or_dash(it.cost_per_delivered_micros.map(euro))];
        let cells = counts.into_iter().chain(rates).chain(times).chain(money);
        std::iter::once((*name).to_owned()).chain(cells).collect()
    });
    table(text, &head, rows);
    list(text, channels.channels.values().flat_map(|it| it.recommendations.clone()).collect());
}

fn costs(text: &mut String, costs: &Costs) {
    text.push_str("## Costs\n\n");
    let month = &costs.month;
    let of = |micros| or_dash(Option::map(micros, euro));
    let budget = month.budget_micros.map(|budget| i64::try_from(budget).unwrap_or(i64::MAX));
    let name = &month.month;
    let rows = [
        ("total".to_owned(), euro(costs.total_micros)),
        ("for each notification sent".to_owned(), of(costs.average_micros)),
        ("for each that reached its recipient".to_owned(), of(costs.per_delivered_micros)),
        ("wasted, since an earlier channel had delivered".to_owned(), euro(costs.wasted_micros)),
        (format!("{name} so far"), euro(month.spent_micros)),
        (format!("{name} at its pace so far"), of(month.projected_micros)),
        (format!("{name}'s budget"), of(budget)),
    ];
    table(text, &["what", "cost"], rows.map(|(what, cost)| vec![what, cost]));
    list(text, costs.warnings.clone());
}

fn comparison(text: &mut String, it: &Comparison) {
    text.push_str("## v1 against v2\n\n");
    let as_share = |value: f64| format!("{:+.1} points", value * 100.0);
    let as_ms = |value: f64| format!("{value:+.0} ms");
    let cost = |micros: Option<i64>| or_dash(micros.map(euro));
    #[allow(clippy::cast_possible_truncation)] // whole micro-euro
    let as_euro = |value: f64| format!("{}{}", if value > 0.0 { "+" } else { "" }, euro(value as i64));
    let (v1, v2, by) = (&it.v1, &it.v2, &it.differences);
    let row = |name: &str, v1: String, v2: String, by: &Difference, show: &dyn Fn(f64) -> String| {
        let interval = by.low.zip(by.high).map(|(low, high)| format!("{} to {}", show(low), show(high)));
        vec![name.to_owned(), v1, v2, or_dash(by.difference.map(show)), or_dash(interval), by.verdict.to_owned()]
    };
    let rows = [
        vec!["sent".to_owned(), v1.sent.to_string(), v2.sent.to_string(), "-".into(), "-".into(), "-".into()],
        row("delivery rate", share(v1.delivery_rate), share(v2.delivery_rate), &by.delivery_rate, &as_share),
        row("error rate", share(v1.error_rate), share(v2.error_rate), &by.error_rate, &as_share),
        row("click-through rate", share(v1.ctr), share(v2.ctr), &by.ctr, &as_share),
        row("conversion rate", share(v1.conversion_rate), share(v2.conversion_rate), &by.conversion_rate, &as_share),
        row("p95 latency, ms", or_dash(v1.latency_p95_ms), or_dash(v2.latency_p95_ms), &by.latency_p95_ms, &as_ms),
        row(
            "cost of a delivery",
            cost(v1.cost_per_delivery_micros),
            cost(v2.cost_per_delivery_micros),
            &by.cost_per_delivery_micros,
            &as_euro,
        ),
    ];
    table(text, &["figure", "v1", "v2", "difference", "95 % interval", "verdict"], rows);
    let ratio = &it.sample_ratio;
    let (promised, found) = (share(Some(ratio.promised)), share(ratio.found));
    let _ = writeln!(text, "Split: {promised} promised, {found} found, {}: {}.\n", ratio.verdict, ratio.note);
}

fn incidents(text: &mut String, incidents: &[Incident]) {
    text.push_str("## Incidents\n\n");
    if incidents.is_empty() {
        text.push_str("None: no parameter was changed, and no alert was published.\n\n");
    } else {
        let row = |it: &Incident| vec![it.at.to_string(), it.by.clone(), it.what.clone(), it.reason.clone()];
        table(text, &["when", "who", "what", "why"], incidents.iter().map(row));
    }
}

#[cfg(test)]
mod tests {
    use crate::report::tests::{incident, review};
    use metrics::Counters;
    use metrics::sample::week;

    #[test]
    fn the_review_equals_the_golden_file() {
        let text = review(&week(), Some(2_000_000), vec![incident()]).to_markdown();
        assert_eq!(text.trim(), include_str!("golden/report.md").trim(), "\n{text}");
    }

    #[test]
    fn nothing_is_written_as_dashes_and_no_incident_as_none() {
        let text = review(&Counters::default(), None, vec![]).to_markdown();
        assert!(text.contains("| delivery rate | at least 95 % | - | 0 | no data |"), "{text}");
        assert!(text.contains("None: no parameter was changed"));
    }

    #[test]
    fn text_of_people_cannot_break_the_table() {
        let sly = crate::report::Incident { by: "a | b\n| c".to_owned(), ..incident() };
        let text = review(&Counters::default(), None, vec![sly]).to_markdown();
        assert!(text.contains("| a \\| b \\| c |"), "{text}");
    }
}
