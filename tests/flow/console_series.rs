//! Figures by hour and day: they add up to those of the window.

use serde_json::{Value, json};

use super::console::an_hour_with_trouble;
use world::World;

const COUNTS: [&str; 12] = [
    "sent",
    "closed",
    "accepted",
    "delivered",
    "failed",
    "uncertain",
    "expired",
    "cancelled",
    "opened",
    "clicked",
    "converted",
    "cost_micros",
];

/// Three days with traffic at different hours.
async fn three_days() -> World {
    let world = Box::pin(an_hour_with_trouble()).await;
    for hours in [5, 20, 26] {
        world.advance(hours * 3_600);
        for user in ["ada", "bob"] {
            Box::pin(world.send(user, json!({}))).await;
        }
        world.advance(30);
        Box::pin(world.fold()).await;
        Box::pin(world.tick()).await.unwrap();
    }
    world
}

async fn get(world: &World, route: &str, query: &[(&str, &str)]) -> Value {
    let answer = world.ops(route, query).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[tokio::test]
async fn a_series_adds_up_to_the_window() {
    let world = Box::pin(three_days()).await;
    for step in ["hour", "day"] {
        for minutes in ["60", "1440", "5000"] {
            let whole = get(&world, "GET /v1/metrics", &[("minutes", minutes)]).await;
            let series = get(&world, "GET /v1/metrics/series", &[("minutes", minutes), ("step", step)]).await;
            assert_eq!((&series["window"], &series["summary"]), (&whole["window"], &whole["summary"]));
            let buckets = series["buckets"].as_array().unwrap();
            for name in COUNTS {
                let sum: i64 = buckets.iter().map(|bucket| bucket["summary"][name].as_i64().unwrap()).sum();
                assert_eq!(json!(sum), whole["summary"][name], "{name} by {step}");
            }
            for channel in ["push", "email", "sms"] {
                let attempts = |bucket: &Value| bucket["by_channel"][channel]["attempts"].as_i64().unwrap();
                let sum: i64 = buckets.iter().map(attempts).sum();
                assert_eq!(json!(sum), whole["by_channel"][channel]["attempts"], "{channel} by {step}");
            }
            assert_eq!(
                (&buckets[0]["from"], &buckets[buckets.len() - 1]["to"]),
                (&series["window"]["from"], &series["window"]["to"])
            );
            assert!(buckets.windows(2).all(|pair| pair[0]["to"] == pair[1]["from"]), "no gap and no overlap");
        }
    }
}

#[tokio::test]
async fn a_series_is_limited_to_90_buckets() {
    let world = World::start().await;
    for (minutes, step) in [("10080", "hour"), ("129600", "day")] {
        let answer = world.ops("GET /v1/metrics/series", &[("minutes", minutes), ("step", step)]).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["step"]), "{minutes} {step}");
    }
    let from = "2026-08-27T00:00:00Z";
    let series = get(&world, "GET /v1/metrics/series", &[("from", from), ("step", "day")]).await;
    assert_eq!(series["buckets"].as_array().unwrap().len(), 89);
}
