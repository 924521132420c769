//! Work that does not happen at once: scheduled sends, quiet hours, escalation, expiry, cancellation, the stream.

use serde_json::json;

use world::{Reply, World};

#[tokio::test]
async fn a_scheduled_send_waits_for_its_time_and_its_version_is_decided_then() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let sent = world.send("ada", json!({"send_at": "2026-11-23T12:00:00Z"})).await;
    assert_eq!((&sent.body["status"], &sent.body["version"]), (&json!("scheduled"), &json!(null)));
    assert_eq!(sent.body["next_action_at"], "2026-11-23T12:00:00Z");
    world.advance(2 * 3_600 - 1);
    assert_eq!(world.sweep().await.found, 0);
    world.set("rollout-percentage", "0");
    world.advance(61);
    assert_eq!(world.sweep().await.worked, 1);
    let now = world.get(sent.body["id"].as_str().unwrap()).await;
    assert_eq!((&now.body["status"], &now.body["version"]), (&json!("accepted"), &json!("v1")));
}

#[tokio::test]
async fn quiet_hours_hold_a_message_until_the_morning() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let quiet = json!({"quiet_hours": {"start": "10:30", "end": "12:00"}});
    world.put_profile("ada", json!({"time_zone": "Europe/Rome", "preferences": quiet})).await;
    let sent = world.send("ada", json!({})).await;
    assert_eq!((&sent.body["status"], &sent.body["reason"]), (&json!("held"), &json!("quiet_hours")));
    let until = sent.body["next_action_at"].as_str().unwrap();
    assert!(("2026-11-23T11:00:00Z".."2026-11-23T11:15:00Z").contains(&until), "spread over 15 minutes: {until}");
    assert_eq!(world.push.count("phone"), 0);
    world.advance(4_500);
    world.sweep().await;
    assert_eq!(world.get(sent.body["id"].as_str().unwrap()).await.body["status"], "accepted");
    let latency = &world.metrics().await["summary"]["latency_ms"];
    assert!(latency["p99"].as_f64().unwrap() < 60_000.0, "a hold on purpose is no latency: {latency}");
}

#[tokio::test]
async fn a_lifetime_that_ends_within_quiet_hours_expires_it_and_is_not_held_again() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let quiet = json!({"quiet_hours": {"start": "10:30", "end": "12:00"}});
    world.put_profile("ada", json!({"time_zone": "Europe/Rome", "preferences": quiet})).await;
    let sent = world.send("ada", json!({"ttl_seconds": 1_800})).await;
    assert_eq!(sent.body["next_action_at"], "2026-11-23T10:30:00Z");
    world.advance(1_800);
    world.sweep().await;
    assert_eq!(world.get(sent.body["id"].as_str().unwrap()).await.body["status"], "expired");
    assert_eq!((world.sweep().await.found, world.push.count("phone")), (0, 0));
}

#[tokio::test]
async fn default_quiet_hours_of_a_class_hold_in_the_organisations_zone_and_the_recipients_own_add_to_them() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_type("NEWS", json!({"title": "News", "class": "marketing", "channels": ["push"]})).await;
    // 2026-11-23 is a Monday, and 10:00 UTC is 11:00 in Rome.
    let windows = json!([{"start": "10:45", "end": "12:00", "days": ["mon"]}]);
    let settings = json!({"quiet_hours": {"marketing": windows}, "organisation": {"time_zone": "Europe/Rome"}});
    world.set("settings", &settings.to_string());
    world.advance(30);
    let held = world.send("ada", json!({"type": "NEWS"})).await;
    assert_eq!((&held.body["status"], &held.body["reason"]), (&json!("held"), &json!("quiet_hours")));
    let until = held.body["next_action_at"].as_str().unwrap();
    assert!(("2026-11-23T11:00:00Z".."2026-11-23T11:15:00Z").contains(&until), "{until}");
    assert_eq!(world.send("ada", json!({})).await.body["status"], "accepted", "another class has no default");
    let own = json!({"quiet_hours": {"start": "11:30", "end": "13:00", "also": [{"start": "13:00", "end": "14:00"}]}});
    world.put_profile("ada", json!({"time_zone": "Europe/Rome", "preferences": own})).await;
    let stricter = world.send("ada", json!({"type": "NEWS"})).await;
    let until = stricter.body["next_action_at"].as_str().unwrap();
    assert!(("2026-11-23T13:00:00Z".."2026-11-23T13:15:00Z").contains(&until), "until 14:00 in Rome: {until}");
    let body = json!({"to": "ada", "type": "NEWS", "content": {"title": "Hi", "body": "there"}});
    let plan = world.post("POST /v1/notifications/explain", body, None).await;
    let gate =
        plan.body["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == "quiet_hours").unwrap().clone();
    assert_eq!(
        (&gate["inputs"]["time_zone"], &gate["inputs"]["time_zone_source"]),
        (&json!("Europe/Rome"), &json!("recipient"))
    );
    // At the release the gates run again, and the recipient's own hours hold it once more.
    world.advance(4_500);
    world.sweep().await;
    let again = world.get(held.body["id"].as_str().unwrap()).await;
    assert_eq!((&again.body["status"], &again.body["reason"]), (&json!("held"), &json!("quiet_hours")));
}

#[tokio::test]
async fn silence_escalates_from_push_to_email_and_then_to_sms() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
    let sent = world.send("ada", json!({"type": "PAYMENT_DUE"})).await;
    assert_eq!((&sent.body["status"], &sent.body["channel"]), (&json!("cascading"), &json!("push")));
    let id = sent.body["id"].as_str().unwrap();
    for expected in ["email:accepted", "sms:accepted"] {
        world.advance(4 * 3_600 + 60);
        world.sweep().await;
        assert_eq!(world.get(id).await.attempts().last().unwrap(), expected);
    }
    let end = world.get(id).await;
    assert_eq!((&end.body["status"], &end.body["next_action_at"]), (&json!("accepted"), &json!(null)));
    assert_eq!((world.mails().len(), world.texts().len()), (1, 1));
}

#[tokio::test]
async fn a_lifetime_that_ends_first_expires_it() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(503).with("Retry-After", "10")]);
    let sent = world.send("ada", json!({"ttl_seconds": 30})).await;
    assert_eq!(sent.body["status"], "cascading");
    world.advance(60);
    world.sweep().await;
    let end = world.get(sent.body["id"].as_str().unwrap()).await;
    assert_eq!((&end.body["status"], &end.body["reason"]), (&json!("expired"), &json!("lifetime")));
    assert_eq!(world.push.count("phone"), 1);
}

#[tokio::test]
async fn a_waiting_notification_can_be_cancelled_and_an_ended_one_cannot() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let planned = world.send("ada", json!({"send_at": "2026-11-24T10:00:00Z"})).await;
    let id = planned.body["id"].as_str().unwrap();
    for _ in 0..2 {
        let withdrawn = world.cancel(id).await;
        assert_eq!((withdrawn.status, &withdrawn.body["status"]), (200, &json!("cancelled")));
    }
    world.advance(2 * 86_400);
    assert_eq!(world.sweep().await.found, 0);
    let done = world.send("ada", json!({})).await;
    assert_eq!(world.cancel(done.body["id"].as_str().unwrap()).await.status, 409);
    assert_eq!(world.push.count("phone"), 1);
}

#[tokio::test]
async fn a_notification_that_waits_for_a_retry_can_be_cancelled() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(429).with("Retry-After", "60")]);
    let sent = world.send("ada", json!({})).await;
    assert_eq!(world.cancel(sent.body["id"].as_str().unwrap()).await.body["status"], "cancelled");
    world.advance(120);
    world.sweep().await;
    assert_eq!(world.push.count("phone"), 1);
}

#[tokio::test]
async fn the_stream_and_the_schedule_may_deliver_the_same_record_any_number_of_times() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let planned = world.send("ada", json!({"send_at": "2026-11-23T10:01:00Z"})).await;
    world.advance(90);
    tokio::join!(world.sweep(), world.sweep(), world.redeliver_stream_to_cascade());
    world.redeliver_stream_to_cascade().await;
    world.sweep().await;
    assert_eq!(world.mails().len(), 1);
    assert_eq!(world.get(planned.body["id"].as_str().unwrap()).await.body["status"], "accepted");
}

#[tokio::test]
async fn an_erased_recipient_is_not_reached_by_what_was_planned() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.send("ada", json!({"send_at": "2026-11-24T10:00:00Z"})).await;
    assert_eq!(world.on_recipient("DELETE /v1/recipients/{id}", "ada", json!({})).await.status, 200);
    world.advance(2 * 86_400);
    world.sweep().await;
    assert_eq!(world.push.count("phone"), 0);
    assert_eq!(world.send("ada", json!({})).await.body["reason"], "unknown_recipient");
}

#[tokio::test]
async fn work_beyond_8_seconds_continues_from_the_stream_at_once() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world.push.answer("phone", [Reply::status(410)]);
    world.push.takes(&world.clock, 5);
    let sent = world.send("ada", json!({})).await;
    assert_eq!((&sent.body["status"], sent.attempts()), (&json!("cascading"), vec!["push:gone".to_owned()]));
    assert_eq!(world.mails().len(), 0, "a mail may take 6.5 s, and 2.5 are left");
    world.redeliver_stream_to_cascade().await;
    let end = world.get(sent.body["id"].as_str().unwrap()).await;
    assert_eq!((&end.body["status"], &end.body["channel"]), (&json!("accepted"), &json!("email")));
}

#[tokio::test]
async fn the_rest_of_a_batch_after_20_seconds_is_finished_by_the_schedule() {
    let world = World::start().await;
    let (people, message) = (60, |to: String| json!({"to": to, "content": {"title": "Hi", "body": "there"}}));
    for number in 0..people {
        world.subscribe(&format!("user-{number}"), &format!("device-{number}")).await;
    }
    world.push.takes(&world.clock, 1);
    let sent = world.batch((0..people).map(|number| message(format!("user-{number}"))).collect(), None).await;
    assert_eq!(sent.status, 202);
    let items = sent.body["items"].as_array().unwrap();
    let count = |status: &str| items.iter().filter(|item| item["status"] == status).count();
    assert!(
        count("accepted") > 0 && count("sending") > 0,
        "{} accepted, {} sending",
        count("accepted"),
        count("sending")
    );
    assert_eq!(items.len(), people);
    world.push.takes(&world.clock, 0);
    for _ in 0..3 {
        world.advance(60);
        world.sweep().await;
    }
    for item in items {
        assert_eq!(world.get(item["id"].as_str().unwrap()).await.body["status"], "accepted");
    }
}

/// The rules of a removed type no longer exist, so those of DEFAULT apply: after two days without proof, no paid
/// channel is used.
#[tokio::test]
async fn a_notification_whose_type_was_removed_is_shown_and_finished() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let at = "2026-11-23T12:00:00Z";
    let sent = world.send("ada", json!({"type": "CERTIFICATE_EXPIRING", "send_at": at})).await;
    let id = sent.body["id"].as_str().unwrap();
    world.rename_type_of_every_notification("REMOVED");
    let (status, shown) = world.get_whatever_its_type(id).await;
    assert_eq!((status, &shown["type"], &shown["status"]), (200, &json!("REMOVED"), &json!("scheduled")));
    world.advance(2 * 3_600);
    assert_eq!(world.sweep().await.worked, 1);
    world.advance(2 * 86_400);
    assert_eq!(world.sweep().await.found, 0);
    let (_, shown) = world.get_whatever_its_type(id).await;
    assert_eq!((&shown["type"], &shown["status"]), (&json!("REMOVED"), &json!("accepted")));
    assert_eq!((world.push.count("phone"), shown["attempts"].as_array().unwrap().len()), (1, 1));
}
