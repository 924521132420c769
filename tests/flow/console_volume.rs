//! Changes of the rollout and of types that concern more than 10,000 people of the last seven days.

use console::site::{PageReply, Role};
use serde_json::{Value, json};

use world::{Traffic, World};

/// A week with so many notifications of a type, all accepted.
async fn week_of(kind: &'static str, accepted: usize) -> World {
    let world = World::start().await;
    let offers = json!({"title": "Offers", "class": "marketing", "channels": ["push"]});
    assert_eq!(world.put_type("OFFERS", offers).await.status, 201);
    world.fold_traffic(&[Traffic { kind, ..Traffic::of("v2", accepted, 0) }]).await;
    world.advance(61);
    world
}

fn has(page: &PageReply, parts: &[&str]) {
    for part in parts {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
}

fn hidden(page: &PageReply, name: &str) -> String {
    let (_, rest) = page.text().split_once(&format!("name=\"{name}\" value=\"")).expect(name);
    rest.split('"').next().unwrap().replace("&#34;", "\"")
}

/// Compares the calls of the API that the page lists: the table of both versions and the volume share one.
fn reads_the_week_once(page: &PageReply) {
    let calls = |path: &str| page.text().matches(path).count();
    assert_eq!((calls("/v1/rollout/comparison?"), calls("/v1/metrics")), (1, 0), "{}", page.text());
}

#[tokio::test]
async fn over_10_000_people_a_change_of_the_rollout_is_typed_and_the_way_back_is_not() {
    let world = week_of("DEFAULT", 10_001).await;
    let admin = world.person(Role::Admin);
    let page = world.open_page(&admin, "rollout", &[]).await;
    has(
        &page,
        &["In the last 7 days, 10,001 notifications were sent", "id=\"field-volume\"", "id=\"field-plan_volume\""],
    );
    reads_the_week_once(&page);
    let change = [("action", "percentage"), ("percentage", "7")];
    let plan = [("action", "plan"), ("steps", "10 for 60")];
    let before = world.parameter("rollout-percentage");
    for (form, field) in [(change, "volume"), (plan, "plan_volume")] {
        for typed in ["", "10,000"] {
            let page = world.send_form(&admin, "rollout", &[&form[..], &[(field, typed)]].concat()).await;
            assert_eq!(page.status, 422, "{}", page.text());
            has(&page, &[&format!("href=\"#field-{field}\""), "of the last 7 days: 10,001", form[1].1]);
            reads_the_week_once(&page);
        }
    }
    assert_eq!(world.parameter("rollout-percentage"), before);
    let typed = [("volume", "10,001")];
    let changed = world.send_form(&admin, "rollout", &[&change[..], &typed].concat()).await;
    assert_eq!(changed.status, 303, "{}", changed.text());
    assert_eq!(world.parameter("rollout-percentage"), "7");
    assert_eq!(world.send_form(&admin, "rollout", &[("action", "zero")]).await.status, 303);
    assert_eq!(world.parameter("rollout-percentage"), "0");
}

#[tokio::test]
async fn up_to_10_000_people_nothing_is_typed() {
    let world = week_of("OFFERS", 10_000).await;
    let admin = world.person(Role::Admin);
    let page = world.open_page(&admin, "rollout", &[]).await;
    has(&page, &["In the last 7 days, 10,000 notifications were sent"]);
    assert!(!page.text().contains("field-volume"), "{}", page.text());
    let change = [("action", "percentage"), ("percentage", "7")];
    assert_eq!(world.send_form(&admin, "rollout", &change).await.status, 303);
}

#[tokio::test]
async fn over_10_000_people_a_change_of_a_type_and_its_end_are_typed() {
    let world = week_of("OFFERS", 10_001).await;
    let editor = world.person(Role::Editor);
    let page = world.open_page(&editor, "type", &[("name", "OFFERS")]).await;
    has(&page, &["10,001 notifications of this type were sent", "id=\"field-archive_volume\""]);
    let tag = hidden(&page, "if_match");
    let fields = [
        ("name", "OFFERS"),
        ("title", "Other offers"),
        ("class", "marketing"),
        ("channels", "push"),
        ("if_match", tag.as_str()),
    ];
    let checked = world.send_form(&editor, "type", &[&fields[..], &[("action", "check")]].concat()).await;
    has(&checked, &["id=\"field-volume\"", "Type the number of notifications of the last 7 days, 10,001"]);
    let body = hidden(&checked, "checked");
    let save = [&fields[..], &[("action", "save"), ("checked", body.as_str())]].concat();
    let refused = world.send_form(&editor, "type", &save).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    has(&refused, &["href=\"#field-volume\"", "What would change", "value=\"Other offers\""]);
    assert!(!refused.text().contains("was not checked yet"), "{}", refused.text());
    let title = async || world.type_request("GET", "OFFERS", Value::Null).await.body["title"].clone();
    assert_eq!(title().await, "Offers");
    let archive = [("action", "archive"), ("name", "OFFERS"), ("if_match", tag.as_str())];
    let refused = world.send_form(&editor, "type", &archive).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    has(&refused, &["href=\"#field-archive_volume\""]);
    let typed = [("volume", "10 001"), ("shown_volume", "10001")];
    let saved = world.send_form(&editor, "type", &[&save[..], &typed].concat()).await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    assert_eq!(title().await, "Other offers");
    let page = world.open_page(&editor, "type", &[("name", "OFFERS")]).await;
    let tag = hidden(&page, "if_match");
    let archive = [("action", "archive"), ("name", "OFFERS"), ("if_match", &tag), ("archive_volume", "10,001")];
    assert_eq!(world.send_form(&editor, "type", &archive).await.status, 303);
}
