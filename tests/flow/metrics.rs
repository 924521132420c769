//! Counting of notifications.

use serde_json::json;

use world::World;

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
    world.redeliver_stream_to_rollup();
    assert_eq!(world.metrics().await, metrics);
}

#[tokio::test]
async fn cloudwatch_receives_the_same_figures() {
    let world = an_hour_with_trouble().await;
    let figures = world.published_figures().await;
    assert_eq!(
        (figures["Closed"], figures.get("ErrorRate")),
        (3.0, None),
        "three are too few for a sample: {figures:?}"
    );
    assert_eq!((figures["HourCostEuro"], figures["V2Share"], figures["RolloutPercentage"]), (0.000_092, 100.0, 100.0));
    assert_eq!(figures["BreakersOpen"], 0.0);
    for _ in 0..17 {
        world.send("ada", json!({})).await;
    }
    world.fold().await;
    let figures = world.published_figures().await;
    assert_eq!((figures["Closed"], figures["ErrorRate"]), (20.0, 5.0), "{figures:?}");
    assert!(figures.contains_key("LatencyP95"));
    // Six minutes later the last five minutes are empty, but the cost of the hour is unchanged.
    world.advance(360);
    let figures = world.published_figures().await;
    assert_eq!((figures["Closed"], figures.get("ErrorRate"), figures["HourCostEuro"]), (0.0, None, 0.000_092));
}

#[tokio::test]
async fn a_sweep_reports_the_age_of_the_oldest_due_notification() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let at = (world.clock.now() + std::time::Duration::from_secs(5)).to_string();
    world.send("ada", json!({"send_at": at})).await;
    world.advance(4);
    assert_eq!(world.sweep().await.oldest_ms, 0);
    world.advance(31);
    let late = world.sweep().await;
    assert_eq!((late.found, late.worked, late.oldest_ms), (1, 1, 30_000));
    assert_eq!(world.sweep().await.oldest_ms, 0);
}
