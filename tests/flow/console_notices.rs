//! Notices of the console: after an action, the next page says what was done.

use console::site::Role;
use serde_json::{Value, json};

use world::World;

#[tokio::test]
async fn each_action_has_a_notice_of_its_own() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let profile = world.on_recipient("GET /v1/recipients/{id}", "ada", Value::Null).await;
    let device = profile.body["devices"][0]["device_id"].as_str().unwrap().to_owned();
    let kind = json!({"title": "News", "class": "marketing", "channels": ["email"]});
    assert_eq!(world.put_type("NEWS", kind).await.status, 201);
    let admin = world.person(Role::Admin);
    let tag =
        |page: &str| page.split_once("name=\"if_match\" value=\"").unwrap().1.split('"').next().unwrap().to_owned();
    let kind = tag(world.open_page(&admin, "type", &[("name", "NEWS")]).await.text()).replace("&#34;", "\"");
    let template = world.open_page(&admin, "template", &[("name", "payment-due"), ("view", "versions")]).await;
    let template = tag(template.text()).replace("&#34;", "\"");
    for (page, form, notice) in [
        (
            "recipient",
            &[("action", "remove_device"), ("id", "ada"), ("device_id", &device)][..],
            "The device is removed.",
        ),
        ("rollout", &[("action", "zero")], "Back to 0 %. Every recipient gets version 1"),
        ("rollout", &[("action", "plan"), ("steps", "10 for 60\n100 for 1")], "The plan is started."),
        ("rollout", &[("action", "stop_plan")], "The plan is stopped. The percentage stays as it is."),
        ("rollout", &[("action", "percentage"), ("percentage", "5")], "The rollout was changed."),
        ("type", &[("action", "archive"), ("name", "NEWS"), ("if_match", &kind)], "Archived."),
        ("template", &[("action", "archive"), ("name", "payment-due"), ("if_match", &template)], "Archived."),
    ] {
        let done = world.send_form(&admin, page, form).await;
        assert_eq!(done.status, 303, "{page} {form:?}: {}", done.text());
        let next = world.redirected(&admin, &done).await;
        let shown = next.text().split_once("<p class=\"notice\" role=\"status\">").map_or("", |(_, rest)| rest);
        assert!(shown.starts_with(notice), "{page} {form:?}: {}", next.text());
    }
}
