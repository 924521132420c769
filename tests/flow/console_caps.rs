//! Frequency caps in the web console: rules that are added, changed and removed, each after a dry run.

use console::site::{PageReply, Role};
use serde_json::{Value, json};

use world::World;

const DAY: [(&str, &str); 4] =
    [("rules[0].id", "day"), ("rules[0].max", "2"), ("rules[0].per", "day"), ("rules[0].classes", "marketing")];

fn hidden(page: &PageReply, name: &str) -> String {
    let (_, rest) = page.text().split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    rest.split('"').next().unwrap().replace("&#34;", "\"")
}

async fn send(world: &World, fields: &[(&str, &str)], action: &str) -> PageReply {
    world.send_form(&world.person(Role::Admin), "caps", &[fields, &[("action", action)]].concat()).await
}

/// Checks the rules, and saves what was checked with the tag that the page showed.
async fn save(world: &World, fields: &[(&str, &str)]) -> PageReply {
    let checked = send(world, fields, "check").await;
    assert_eq!(checked.status, 200, "{}", checked.text());
    let (body, tag) = (hidden(&checked, "checked"), hidden(&checked, "if_match"));
    let fields = [fields, &[("checked", body.as_str()), ("if_match", tag.as_str()), ("rules[1].id", "")]].concat();
    send(world, &fields, "save").await
}

async fn rules(world: &World) -> Value {
    world.caps_request("GET", Value::Null, None, &[]).await.body["rules"].clone()
}

#[tokio::test]
async fn rules_are_checked_saved_and_removed() {
    let world = World::start().await;
    let empty = world.open_page(&world.person(Role::Viewer), "caps", &[]).await;
    assert!(empty.text().contains("No rule was set yet") && empty.text().contains("<fieldset disabled>"));
    let checked = send(&world, &DAY, "check").await;
    assert!(checked.text().contains("2 per day; classes marketing"), "{}", checked.text());
    assert_eq!(rules(&world).await, json!([]));
    assert!(send(&world, &DAY, "save").await.text().contains("was not checked yet"));
    assert_eq!(rules(&world).await, json!([]));
    assert_eq!(save(&world, &DAY).await.header("location"), Some("/console/caps?done=saved"));
    assert_eq!(rules(&world).await, json!([{"id": "day", "max": 2, "per": "day", "classes": ["marketing"]}]));
    let removed = [&DAY[..], &[("rules[0].remove", "on")]].concat();
    assert_eq!(save(&world, &removed).await.status, 303);
    assert_eq!(rules(&world).await, json!([]));
}

#[tokio::test]
async fn a_refused_rule_is_named_and_kept_and_another_writer_is_shown() {
    let world = World::start().await;
    let typed = [("rules[0].id", "day"), ("rules[0].max", "<many>"), ("rules[0].per", "day")];
    let refused = send(&world, &typed, "check").await;
    assert_eq!(refused.status, 422);
    for part in ["href=\"#field-rules[0].max\"", "id=\"field-rules[0].max\"", "value=\"&#60;many&#62;\""] {
        assert!(refused.text().contains(part), "{part}: {}", refused.text());
    }
    let tag = hidden(&refused, "if_match");
    let other = json!({"rules": [{"id": "day", "max": 9, "per": "day"}]});
    assert_eq!(world.caps_request("PUT", other, None, &[]).await.status, 200);
    let stale = send(&world, &[&DAY[..], &[("if_match", tag.as_str())]].concat(), "check").await;
    assert_eq!(stale.status, 412);
    assert_eq!(stale.text().matches("Another person changed").count(), 1, "one heading: {}", stale.text());
    for part in [
        "Another person changed this meanwhile",
        "beside what you typed",
        "Who changed it",
        ">9 per day</td>",
        ">2 per day; classes marketing</td>",
        "value=\"2\"",
    ] {
        assert!(stale.text().contains(part), "{part}: {}", stale.text());
    }
    assert_eq!(rules(&world).await[0]["max"], 9);
}
