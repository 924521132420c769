//! The console's pages about numbers: analytics, costs, and the month on the overview.

use console::site::Role;
use serde_json::json;

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

#[tokio::test]
async fn every_range_has_charts_tables_and_the_range_before() {
    let world = an_hour_with_trouble().await;
    let viewer = world.person(Role::Viewer);
    for range in ["1h", "24h", "7d", "30d", "90d"] {
        let page = world.open_page(&viewer, "analytics", &[("range", range)]).await;
        let html = page.text();
        assert_eq!(page.status, 200, "{range}: {html}");
        assert!(html.matches("<svg class=\"chart\"").count() >= 1 && html.contains("Numbers of this chart"), "{range}");
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
    ] {
        let file = world.open_page(&viewer, "analytics-csv", &[("table", table), ("range", "24h")]).await;
        assert_eq!((file.status, file.header("content-type")), (200, Some("text/csv; charset=utf-8")), "{table}");
        assert!(file.text().starts_with(first), "{}", file.text());
        assert!(file.header("content-disposition").unwrap().contains(&format!("{table}-2026-11-")));
    }
    let file = world.open_page(&viewer, "analytics-csv", &[("table", "types")]).await;
    assert!(file.text().contains("DEFAULT,3,"), "{}", file.text());
    assert_eq!(world.open_page(&viewer, "analytics-csv", &[("table", "people")]).await.status, 404);
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
    assert!(html.contains("Budgets held back 1 notifications in the last 24 hours"), "{html}");
    assert!(
        html.contains("<th scope=\"row\">SMS part to IT</th><td class=\"number\">0.0710 EUR</td><td>settings</td>")
    );
    assert!(html.contains("<th scope=\"row\">SMS part to FR</th>") && html.contains("<td>built in</td>"));
    assert!(html.contains("href=\"/console/type?name=DEFAULT\""));
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
}
