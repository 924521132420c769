//! What is counted.

use serde_json::json;

use crate::world::{Reply, World};

#[tokio::test]
async fn the_metrics_show_what_happened_once_each() {
    let world = World::start().await;
    for user in ["ada", "bob", "eve"] {
        world.subscribe(user, user).await;
    }
    world.put_profile("bob", json!({"email": "bob@example.com"})).await;
    world.push.answer("bob", [Reply::status(410)]);
    world.push.answer("eve", [Reply::status(410)]);
    for user in ["ada", "bob", "eve", "nobody"] {
        world.send(user, json!({})).await;
    }
    world.advance(30);
    let metrics = world.metrics().await;
    let summary = &metrics["summary"];
    assert_eq!((&summary["sent"], &summary["accepted"], &summary["failed"]), (&json!(3), &json!(2), &json!(1)));
    assert_eq!(summary["skipped"], json!({"unknown_recipient": 1}));
    assert_eq!(summary["cost_micros"], 92);
    assert_eq!(metrics["by_version"]["v2"]["sent"], 3);
    assert_eq!(metrics["by_type"]["DEFAULT"]["accepted"], 2);
    let push = &metrics["by_channel"]["push"];
    assert_eq!((&push["attempts"], &push["accepted"], &push["gone"]), (&json!(3), &json!(1), &json!(2)));
    // The same records again change nothing.
    world.tell_rollup_again();
    assert_eq!(world.metrics().await, metrics);
}
