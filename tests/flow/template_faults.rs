//! Templates that could not be read: a throttled table, a malformed row.

use serde_json::json;

use super::campaigns::with;
use super::template_sends::with_reminder;

#[tokio::test]
async fn a_template_whose_row_could_not_be_read_is_neither_unknown_nor_without_a_version() {
    let mut world = with_reminder().await;
    world.subscribe("ada", "phone").await;
    let news = json!({"title": "News", "class": "marketing", "channels": ["push"], "template": "reminder"});
    assert_eq!(world.put_type("NEWS", news).await.status, 201);
    world.break_template();
    world.cold_start().await;
    let campaign = with(json!({"content": null, "template": {"name": "reminder"}, "variables": {"days": 3}}));
    for refused in [
        world.send_template("ada", "reminder", json!({"days": 3}), json!({})).await,
        world.send("ada", json!({"type": "NEWS", "content": null, "variables": {"days": 3}})).await,
        world.test_template(json!({"to": ["ada"]})).await,
        world.campaign_request("POST /v1/campaigns", "", campaign).await,
    ] {
        assert_eq!((refused.status, refused.header("Retry-After")), (503, Some("2")), "{refused:?}");
    }
    // The content needs no template.
    assert_eq!(world.send("ada", json!({"type": "NEWS"})).await.body["status"], "accepted");
}

#[tokio::test]
async fn a_template_is_not_missing_while_the_catalog_was_never_read() {
    let mut world = with_reminder().await;
    world.aws.state.lock().unwrap().catalog_is_throttled = true;
    world.cold_start().await;
    let refused = world.test_template(json!({"to": ["ada"]})).await;
    assert_eq!((refused.status, refused.header("Retry-After")), (503, Some("2")), "{refused:?}");
}
