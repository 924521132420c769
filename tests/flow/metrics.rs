//! What is counted.

use serde_json::json;

use crate::console::an_hour_with_trouble;

#[tokio::test]
async fn the_metrics_show_what_happened_once_each() {
    let world = an_hour_with_trouble().await;
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
