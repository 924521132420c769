//! Concurrent duplicates of schedules and stream records: each notification is processed once, each paid call is made
//! once, each item is cleaned up once.

use std::time::Duration;

use serde_json::{Value, json};

use world::{ApiResponse, Reply, World};

/// Twelve recipients with four sets of channels, each with a message that is due in a minute.
async fn much_is_due(world: &World) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..12 {
        let (id, email, phone) =
            (format!("user-{number}"), format!("user-{number}@example.com"), format!("+3933312345{number:02}"));
        let profile =
            [json!({"email": email}), json!({"phone": phone}), json!({"email": email, "phone": phone}), json!({})];
        world.put_profile(&id, profile[number % 4].clone()).await;
        if number % 4 > 1 {
            world.subscribe(&id, &format!("device-{number}")).await;
            let gone = (number % 8 == 2).then(|| Reply::status(410));
            world.push.answer(&format!("device-{number}"), gone);
        }
        let sent = world.send(&id, json!({"send_at": "2026-11-23T10:01:00Z"})).await;
        ids.push(sent.body["id"].as_str().unwrap().to_owned());
    }
    world.advance(90);
    ids
}

async fn outcome_counts(world: &World, ids: &[String]) -> Vec<ApiResponse> {
    let mut outcome_counts = Vec::new();
    for id in ids {
        outcome_counts.push(world.get(id).await);
    }
    outcome_counts
}

#[tokio::test]
async fn two_sweeps_and_the_stream_at_once_process_each_notification_once() {
    let world = World::start().await;
    world.set("settings", r#"{"sms": {"daily_ceiling_micros": 100000000}}"#);
    let ids = much_is_due(&world).await;
    // A second instance of cascade, which shares only the tables with the first.
    let other = world.another_cascade().await;
    let ends_at_ms = u64::try_from(world.clock.now().as_millisecond()).unwrap() + 60_000;
    let (one, two, ()) = tokio::join!(
        world.sweep(),
        async { other.sweep(2_000, ends_at_ms).await.unwrap() },
        world.redeliver_stream_to_cascade()
    );
    assert_eq!((one.failed, two.failed), (0, 0));
    assert!(one.worked + two.worked <= ids.len(), "{one} and {two}");
    for end in outcome_counts(&world, &ids).await {
        assert_eq!(end.body["status"], "accepted", "{end:?}");
        let accepted = end.attempts().iter().filter(|tried| tried.ends_with(":accepted")).count();
        assert_eq!(accepted, 1, "{end:?}");
    }
    // Three recipients have e-mail only, three have SMS only; of the three with every channel, one has lost its device.
    let gone = (0..12).filter(|number| number % 8 == 2).count();
    assert_eq!((world.mails().len(), world.texts().len()), (3 + gone, 3));
    for number in (0..12).filter(|number| number % 4 > 1) {
        assert_eq!(world.push.count(&format!("device-{number}")), 1, "device-{number}");
    }
    assert_eq!(world.sweep().await.found, 0);
}

#[tokio::test]
async fn ticks_merges_and_cleanups_that_fire_twice_at_once_change_nothing_more_than_once() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world.subscribe("bob", "phone").await;
    for id in ["ada", "bob", "nobody"] {
        world.send(id, json!({})).await;
    }
    let counted = world.metrics().await["summary"].clone();
    world.advance(3 * 3_600);
    for _ in 0..2 {
        let (one, two) = tokio::join!(world.tick(), world.tick());
        one.and(two).unwrap();
        world.advance(180);
    }
    let later = &world.metrics_of_last(240).await["summary"];
    for name in ["sent", "accepted", "skipped", "cost_micros"] {
        assert_eq!((name, &later[name]), (name, &counted[name]));
    }
    // A device that was unused for long, and erasures to retry.
    world.advance(181 * 86_400);
    world.on_recipient("DELETE /v1/recipients/{id}", "ada", json!({})).await;
    world.advance(300);
    let within = Duration::from_secs(9);
    let (one, two, three) = tokio::join!(world.clean(within), world.clean(within), world.retry_erasures());
    let removed =
        [&one, &two, &three].map(|summary| serde_json::to_value(summary).unwrap()["unused_devices"]["done"].clone());
    assert!(removed.iter().filter_map(Value::as_u64).sum::<u64>() <= 1, "{removed:?}");
    world.clean(within).await;
    assert_eq!(world.devices("bob").await, 0);
    assert!(world.items("settings").iter().all(|item| item["pk"]["S"] != "erased"));
}
