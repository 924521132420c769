//! Assignment of recipients to version 2, and the operator's controls.

use serde_json::{Value, json};

use world::{Reply, World};

/// Share of 1,000 unknown recipients that is in version 2. They are sent in small batches, so that none exceeds its
/// deadline on a slow machine.
async fn share_in_v2(world: &World) -> usize {
    let mut in_v2 = 0;
    for batch in 0..10 {
        let stranger =
            |user: usize| json!({"to": format!("user-{batch}-{user}"), "content": {"title": "Hi", "body": "x"}});
        let sent = world.batch((0..100).map(stranger).collect(), None).await;
        in_v2 += sent.body["items"].as_array().unwrap().iter().filter(|item| item["version"] == "v2").count();
    }
    in_v2
}

#[tokio::test]
async fn a_change_of_the_parameter_is_followed_within_30_seconds_without_a_deploy() {
    let world = World::start().await;
    for (percentage, least, most) in [("0", 0, 0), ("10", 70, 130), ("100", 1_000, 1_000)] {
        world.set("rollout-percentage", percentage);
        world.advance(30);
        let share = share_in_v2(&world).await;
        assert!((least..=most).contains(&share), "{share} of 1,000 at {percentage} %");
    }
}

#[tokio::test]
async fn version_1_is_one_plain_push_recorded_like_version_2() {
    let world = World::start().await;
    world.set("rollout-percentage", "0");
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let sent = world.send("ada", json!({"type": "PAYMENT_DUE"})).await;
    assert_eq!((&sent.body["status"], &sent.body["version"]), (&json!("accepted"), &json!("v1")));
    world.push.answer("phone", [Reply::status(503)]);
    let failed = world.send("ada", json!({})).await;
    assert_eq!((&failed.body["status"], &failed.body["reason"]), (&json!("failed"), &json!("retries_spent")));
    world.push.answer("phone", [Reply::status(410)]);
    assert_eq!(world.send("ada", json!({})).await.body["reason"], "gone");
    assert_eq!(world.send("ada", json!({})).await.body["reason"], "no_channel");
    assert_eq!((world.mails().len(), world.devices("ada").await), (0, 0));
    let by_version = &world.metrics().await["by_version"];
    assert_eq!((&by_version["v1"]["accepted"], &by_version["v1"]["failed"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn the_kill_switch_beats_the_list_and_ends_what_version_2_had_begun() {
    let world = World::start().await;
    world.set("rollout-users", r#"["ada"]"#);
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(503)]);
    let begun = world.send("ada", json!({})).await;
    let planned = world.send("ada", json!({"send_at": "2026-11-23T10:01:00Z"})).await;
    assert_eq!(begun.body["status"], "cascading");
    world.set("rollout-percentage", "0");
    world.advance(120);
    world.sweep().await;
    let begun = world.get(begun.body["id"].as_str().unwrap()).await;
    assert_eq!((&begun.body["status"], &begun.body["reason"]), (&json!("skipped"), &json!("rollout")));
    let planned = world.get(planned.body["id"].as_str().unwrap()).await;
    assert_eq!((&planned.body["status"], &planned.body["version"]), (&json!("accepted"), &json!("v1")));
    world.set("rollout-percentage", "0.01");
    world.advance(30);
    assert_eq!(world.send("ada", json!({})).await.body["version"], "v2");
}

#[tokio::test]
async fn a_send_that_crashed_before_its_first_attempt_was_stored_becomes_version_1_under_the_kill_switch() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world.push.answer("phone", [Reply::Silence, Reply::status(503)]);
    tokio::select! {
        _ = world.send("ada", json!({"topic": "score"})) => panic!("the push service never answers"),
        () = async { while world.push.count("phone") == 0 { tokio::task::yield_now().await } } => {}
    }
    world.set("rollout-percentage", "0");
    world.advance(100);
    world.sweep().await;
    world.advance(60);
    let failed = world.list(&[("status", "failed")]).await.body["items"][0].clone();
    assert_eq!((&failed["version"], &failed["reason"]), (&json!("v1"), &json!("retries_spent")));
    assert_eq!((world.push.count("phone"), world.mails().len()), (2, 0));
}

#[tokio::test]
async fn the_kill_switch_uses_no_channel_that_is_not_permitted() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let refused = "<ErrorResponse><Error><Type>Sender</Type><Code>RequestTimeout</Code></Error></ErrorResponse>";
    world.aws.state.lock().unwrap().ses.push_back(Reply::text(400, refused));
    let begun = world.send("ada", json!({"channels": ["email"]})).await;
    assert_eq!(begun.attempts(), ["email:retry_later"]);
    let planned = world.send("ada", json!({"channels": ["email"], "send_at": "2026-11-23T10:01:00Z"})).await;
    world.set("rollout-percentage", "0");
    world.advance(3_600);
    world.sweep().await;
    assert_eq!(world.get(begun.body["id"].as_str().unwrap()).await.body["reason"], "rollout");
    assert_eq!(world.get(planned.body["id"].as_str().unwrap()).await.body["reason"], "no_channel");
    assert_eq!((world.push.count("phone"), world.mails().len()), (0, 1));
}

#[tokio::test]
async fn junk_in_the_parameter_keeps_the_last_good_value() {
    let world = World::start().await;
    world.set("rollout-percentage", "10");
    world.advance(30);
    let before = share_in_v2(&world).await;
    for invalid in ["50 %", "10%", "0,5", "101", "-1", "NaN", "", "1e1", &"9".repeat(4_096)] {
        world.set("rollout-percentage", invalid);
        world.advance(30);
        let version = world.send("bob", json!({})).await.body["version"].clone();
        assert_eq!(version, "v2", "bob is among the 10 % whatever {} characters say", invalid.len());
    }
    assert_eq!(share_in_v2(&world).await, before);
}

/// Send and cascade are two processes: one is idle while the other works.
#[tokio::test]
async fn a_kill_switch_followed_by_a_typo_stays_on_in_every_process() {
    let mut world = World::start().await;
    world.subscribe("ada", "phone").await;
    let planned = world.send("ada", json!({"send_at": "2026-11-23T10:10:00Z"})).await;
    world.set("rollout-percentage", "0");
    world.advance(100);
    world.set("rollout-percentage", "0%");
    world.advance(30);
    assert_eq!(world.send("ada", json!({})).await.body["version"], "v1");
    world.cold_start().await;
    assert_eq!(world.send("ada", json!({})).await.body["version"], "v1");
    world.advance(600);
    world.sweep().await;
    assert_eq!(world.get(planned.body["id"].as_str().unwrap()).await.body["version"], "v1");
    let seen = world.ops("GET /v1/rollout", &[]).await.body;
    assert_eq!((&seen["percentage"], &seen["source"]), (&json!(0), &json!("last good")));
}

#[tokio::test]
async fn a_limit_on_sms_followed_by_a_comma_too_many_holds() {
    let world = World::start().await;
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    world.send("ada", json!({"channels": ["sms"]})).await;
    world.set("settings", r#"{"sms": {"per_recipient_per_day": 0}}"#);
    world.set("settings", r#"{"sms": {"per_recipient_per_day": 0,}}"#);
    world.advance(30);
    world.send("ada", json!({"channels": ["sms"]})).await;
    assert_eq!(world.texts().len(), 1);
}

#[tokio::test]
async fn a_list_followed_by_a_typo_holds() {
    let world = World::start().await;
    world.set("rollout-percentage", "0.01");
    world.set("rollout-users", "[]");
    world.advance(30);
    assert_eq!(world.send("eve", json!({})).await.body["version"], "v1");
    world.set("rollout-users", r#"["eve"]"#);
    world.set("rollout-users", r#"["eve" "bob"]"#);
    world.advance(30);
    assert_eq!(world.send("eve", json!({})).await.body["version"], "v2");
}

#[tokio::test]
async fn a_process_that_can_read_nothing_has_version_2_off() {
    let mut world = World::start().await;
    // Created again: its history holds nothing else.
    world.delete_parameter("rollout-percentage");
    world.set("rollout-percentage", "100 percent");
    world.cold_start().await;
    assert_eq!(world.send("ada", json!({})).await.body["version"], "v1");
}

#[tokio::test]
async fn an_ssm_that_does_not_answer_changes_nothing() {
    let world = World::start().await;
    assert_eq!(world.send("ada", json!({})).await.body["version"], "v2");
    world.aws.state.lock().unwrap().ssm_is_down = true;
    world.advance(3_600);
    let sent = world.send("ada", json!({})).await;
    assert_eq!((&sent.body["version"], &sent.body["reason"]), (&json!("v2"), &json!("unknown_recipient")));
}

#[tokio::test]
async fn the_version_is_recorded_on_skips_too() {
    let world = World::start().await;
    let sent = world.send("nobody", json!({})).await;
    assert_eq!(sent.status, 202);
    assert_eq!((&sent.body["status"], &sent.body["version"]), (&json!("skipped"), &json!("v2")));
    assert_eq!(sent.body["attempts"], Value::Array(Vec::new()));
}
