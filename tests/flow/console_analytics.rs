//! The console's pages about numbers: analytics, costs, and the month on the overview.

use console::site::Role;
use serde_json::json;

use super::campaign_opt_outs::{half_sent, links_of, refuse};
use super::console::an_hour_with_trouble;
use world::{Reply, World};

#[tokio::test]
async fn an_empty_range_says_why_and_what_to_do() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    let page = world.open_page(&viewer, "analytics", &[]).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains("Nothing was sent in this range") && page.text().contains("/console/send\""));
    let page = world.open_page(&viewer, "costs", &[]).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains("Nothing was paid for") && page.text().contains("built-in estimates"));
}

/// Looks for the table of each chart in a part that is closed, and for its CSV beside it.
fn has_folded_numbers(html: &str) {
    for figure in html.split("<figure class=\"card\">").skip(1) {
        let (figure, _) = figure.split_once("</figure>").unwrap();
        if figure.contains("There is no value in this range") {
            continue;
        }
        let (before, folded) = figure.split_once("<details>").unwrap();
        let (folded, after) = folded.split_once("</details>").unwrap();
        assert!(folded.contains("<summary>Numbers of this chart: ") && folded.contains("<table>"), "{figure}");
        assert!(!before.contains("<table>") && after.contains(" as CSV</a>"), "{figure}");
    }
}

#[tokio::test]
async fn every_range_has_charts_tables_and_the_range_before() {
    let world = an_hour_with_trouble().await;
    let viewer = world.person(Role::Viewer);
    for range in ["1h", "24h", "7d", "30d", "90d"] {
        let page = world.open_page(&viewer, "analytics", &[("range", range)]).await;
        let html = page.text();
        assert_eq!(page.status, 200, "{range}: {html}");
        assert!(html.matches("<svg class=\"chart\"").count() >= 1, "{range}");
        has_folded_numbers(html);
        assert!(
            html.contains(&format!("range={range}")) && html.contains("<caption>From sent to converted"),
            "{range}"
        );
        assert_eq!(html.contains("range before: "), range != "90d", "{range}: figures are kept for 99 days");
        assert_eq!(html.contains("Mon</th>"), !range.ends_with('h'), "{range}");
        assert!(html.contains("href=\"/console/type?name=DEFAULT\""), "{range}");
    }
    let page = world.open_page(&viewer, "analytics", &[("range", "7d"), ("compare", "none"), ("zone", "utc")]).await;
    assert!(!page.text().contains("range before: ") && page.text().contains("Compare with the range before"));
    assert!(
        page.text().contains("/console/analytics?compare=none&#38;zone=utc&#38;range=30d"),
        "the address keeps all"
    );
}

#[tokio::test]
async fn a_chart_by_hours_names_its_zone_and_its_file_has_complete_times() {
    let world = an_hour_with_trouble().await;
    let viewer = world.person(Role::Viewer);
    world.set("settings", r#"{"organisation": {"time_zone": "Asia/Tokyo"}}"#);
    world.advance(31);
    let page = world.open_page(&viewer, "analytics", &[("range", "24h"), ("zone", "organisation")]).await;
    let html = page.text();
    assert!(html.contains("notifications by hour of Asia/Tokyo"), "{html}");
    assert!(html.contains("2026-11-23T09%3A00%3A00Z%2C"), "{html}");
}

#[tokio::test]
async fn days_are_chosen_and_wrong_ones_keep_what_was_typed() {
    let world = an_hour_with_trouble().await;
    let viewer = world.person(Role::Viewer);
    let days = |from, to| [("range", "custom"), ("from", from), ("to", to)];
    let page = world.open_page(&viewer, "analytics", &days("2026-11-22", "2026-11-23")).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains("datetime=\"2026-11-22T00:00:00Z\""));
    for (from, to, field) in [
        ("2026-11-23", "2026-11-22", "to"),
        ("<b>", "2026-11-22", "from"),
        ("2026-01-01", "2026-01-02", "from"),
        ("2026-12-01", "2026-12-02", "from"),
    ] {
        let page = world.open_page(&viewer, "analytics", &days(from, to)).await;
        assert_eq!(page.status, 422, "{from}");
        assert!(page.text().contains(&format!("href=\"#field-{field}\"")), "{from}: {}", page.text());
        assert!(!page.text().contains("<b>") && page.text().contains(&format!("value=\"{to}\"")), "{from}");
    }
}

#[tokio::test]
async fn tables_are_files_without_formulas() {
    let world = an_hour_with_trouble().await;
    let viewer = world.person(Role::Viewer);
    for (table, first) in [
        ("series", "from,to,sent,"),
        ("types", "type,sent,"),
        ("versions", "version,sent,"),
        ("channels", "channel,attempts,"),
        ("funnel", "step,notifications\r\nsent,3\r\naccepted,"),
        ("skipped", "reason,notifications\r\n"),
        ("opt_outs", "type,opted_out_by_link,not_sent_after_opt_out,sent\r\nall,0,0,3"),
        ("latency", "group,name,p50_ms,p95_ms,p99_ms\r\nall,,"),
        ("week", "hour,mon,tue,wed,thu,fri,sat,sun,zone\r\n"),
    ] {
        let file = world.open_page(&viewer, "analytics-csv", &[("table", table), ("range", "24h")]).await;
        assert_eq!((file.status, file.header("content-type")), (200, Some("text/csv; charset=utf-8")), "{table}");
        assert!(file.text().starts_with(first), "{}", file.text());
        assert!(file.header("content-disposition").unwrap().contains(&format!("{table}-2026-11-")));
    }
    let file = world.open_page(&viewer, "analytics-csv", &[("table", "types")]).await;
    assert!(file.text().contains("DEFAULT,3,"), "{}", file.text());
    world.advance(3_600);
    let week = [("table", "week"), ("range", "7d"), ("zone", "utc")];
    let file = world.open_page(&viewer, "analytics-csv", &week).await;
    assert_eq!(file.text().lines().count(), 25, "{}", file.text());
    assert!(file.text().contains("\n10:00,3,0,0,0,0,0,0,UTC"), "a Monday: {}", file.text());
    assert_eq!(world.open_page(&viewer, "analytics-csv", &[("table", "people")]).await.status, 404);
}

#[tokio::test]
async fn every_table_has_its_file_with_the_range_and_the_zone_of_the_page() {
    let world = an_hour_with_trouble().await;
    let viewer = world.person(Role::Viewer);
    let page = world.open_page(&viewer, "analytics", &[("range", "7d"), ("zone", "utc")]).await;
    let html = page.text();
    // Tables of charts have a file of their own, within the chart.
    let own = html.split("</figure>").map(|part| part.split("<figure").next().unwrap()).collect::<String>();
    let tables: Vec<_> = own.split("<table>").skip(1).collect();
    assert!(tables.len() >= 7, "{html}");
    for table in tables {
        let after = table.split_once("</table>").unwrap().1;
        let link = after.split_once("analytics-csv?table=").expect("a link to a file").1;
        assert!(after.find("<h2>").is_none_or(|place| place > after.find("analytics-csv").unwrap()), "{table}");
        assert!(link.split('"').next().unwrap().ends_with("&#38;range=7d&#38;zone=utc"), "{link}");
    }
    assert!(html.contains("99 % (p99)") && html.contains("<th scope=\"row\">Each call of push</th>"), "{html}");
}

#[tokio::test]
async fn who_opted_out_by_a_link_is_counted_by_type() {
    let (world, _) = half_sent().await;
    let links = links_of(&world, "/v1/preferences/");
    let people = links.len();
    refuse(&world, links, "NEWS|*").await;
    world.advance(30);
    world.fold().await;
    let page = world.open_page(&world.person(Role::Viewer), "analytics", &[]).await;
    let table = page.text().split_once("<h2>Opt-outs</h2>").unwrap().1.split_once("</table>").unwrap().0;
    let row = format!("?name=NEWS\">NEWS</a></th><td class=\"number\">{people}</td><td class=\"number\">100.0 %</td>");
    assert!(table.contains(&row), "{row}: {table}");
    assert!(table.contains(&format!("All types</th><td class=\"number\">{people}</td>")), "{table}");
}

#[tokio::test]
async fn costs_show_budgets_what_they_hold_back_and_the_prices() {
    let world = an_hour_with_trouble().await;
    let viewer = world.person(Role::Viewer);
    let admin = world.person(Role::Admin);
    let budgets = r#"{"budgets": {"day_micros": 100}, "prices": {"email_micros": 100, "sms_micros": {"IT": 71000}}}"#;
    let tag = [("action", "save"), ("if_match", "\"1\""), ("document", budgets)];
    let saved = world.send_form(&admin, "settings", &tag).await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    world.advance(31);
    for _ in 0..2 {
        world.send("bob", json!({"channels": ["email"]})).await;
    }
    world.advance(30);
    Box::pin(world.fold()).await;
    let page = world.open_page(&viewer, "costs", &[]).await;
    let html = page.text();
    assert_eq!(page.status, 200, "{html}");
    assert!(html.contains("holds back"), "the day's budget is used up: {html}");
    assert!(html.contains("Budgets held back 1 notification in the last 24 hours"), "{html}");
    assert!(
        html.contains("<th scope=\"row\">SMS part to IT</th><td class=\"number\">0.0710 EUR</td><td>settings</td>")
    );
    assert!(html.contains("<th scope=\"row\">SMS part to FR</th>") && html.contains("<td>built in</td>"));
    assert!(html.contains("href=\"/console/type?name=DEFAULT\""));
    for (table, label, rows) in [
        ("channels", "By channel as CSV", "channel,day_micros,month_micros,average_micros\r\nemail,192,192,96\r\n"),
        ("types", "By type as CSV", "type,day_micros,month_micros,average_micros\r\nDEFAULT,192,192,"),
        ("budgets", "Budgets as CSV", "budget,type,used_micros,limit_micros,remaining_micros,resets_at\r\nday,,"),
    ] {
        let link = format!("href=\"/console/costs-csv?table={table}\">{label}</a>");
        assert!(html.contains(&link), "{link}: {html}");
        let file = world.open_page(&viewer, "costs-csv", &[("table", table)]).await;
        assert_eq!((file.status, file.header("content-type")), (200, Some("text/csv; charset=utf-8")), "{table}");
        assert!(file.text().starts_with(rows), "{}", file.text());
        assert!(file.header("content-disposition").unwrap().contains(&format!("costs-{table}-2026-11-23.csv")));
    }
    assert_eq!(world.open_page(&viewer, "costs-csv", &[("table", "prices")]).await.status, 404);
}

#[tokio::test]
async fn the_overview_has_the_month_the_breakers_and_the_alerts() {
    let world = World::start().await;
    let viewer = world.person(Role::Viewer);
    let page = world.open_page(&viewer, "", &[]).await;
    assert!(page.text().contains("No alert was published") && !page.text().contains("Circuit breakers that are not"));
    for id in ["ada", "bob", "eve"] {
        world.subscribe(id, id).await;
        world.push.answer(id, [Reply::status(429).with("Retry-After", "120")]);
        world.send(id, json!({})).await;
    }
    world.set("settings", "{");
    world.advance(60);
    world.fold().await;
    Box::pin(world.tick()).await.unwrap();
    assert!(!world.alerts().is_empty());
    world.advance(1);
    let page = world.open_page(&viewer, "", &[]).await;
    let html = page.text();
    assert_eq!(page.status, 200, "{html}");
    assert!(html.contains("Circuit breakers that are not closed"), "{html}");
    assert!(html.contains("<svg class=\"chart\"") && html.contains("day of UTC"));
    assert!(html.contains("<caption>The last alerts"), "{html}");
    let place = |part: &str| html.find(part).unwrap_or_else(|| panic!("{part}: {html}"));
    assert!(place("Circuit breakers that are not closed") < place("<h2>Alerts of the last"), "first");
    assert!(place("<h2>Alerts of the last") < place("<h2>Waits for a person</h2>"), "before what can wait");
    let alerts = html.split_once("<caption>The last alerts").unwrap().1.split_once("</table>").unwrap().0;
    assert!(alerts.contains("<a href=\"/console/settings\">"), "the parameter: {alerts}");
}
