//! Circuit breakers: a failing provider gets no calls, and recipients are reached over other channels.

mod blocked_devices;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use world::{ApiResponse, Reply, World};

/// Number of devices whose consecutive failures open a breaker, because as many successes on other processes may be
/// unknown.
const ENOUGH: usize = 10;

/// Recipients with one device each: `<name>-0` and so on.
async fn crowd(world: &World, name: &str, people: usize) -> Vec<String> {
    let ids: Vec<_> = (0..people).map(|number| format!("{name}-{number}")).collect();
    for id in &ids {
        world.subscribe(id, id).await;
    }
    ids
}

/// A world whose push service has just failed for enough devices to open its breaker.
async fn with_a_push_service_that_fails() -> World {
    let world = World::start().await;
    let canaries = crowd(&world, "canary", ENOUGH).await;
    world.push.always(Some(Reply::status(503)));
    for canary in canaries {
        assert_eq!(world.send(&canary, json!({})).await.attempts(), ["push:retry_later"]);
    }
    world
}

async fn reachable(world: &World, id: &str) {
    world.subscribe(id, id).await;
    world.put_profile(id, json!({"email": "ada@example.com"})).await;
}

/// Sends one probe in the first minute; notifications that were due at that moment are deferred to the second.
async fn two_minutes(world: &World) {
    for _ in 0..2 {
        world.advance(61);
        world.sweep().await;
    }
}

async fn again(world: &World, sent: &ApiResponse) -> ApiResponse {
    world.get(sent.body["id"].as_str().unwrap()).await
}

fn breakers(world: &World) -> Vec<String> {
    let name = |item: &Value| item["pk"]["S"].as_str().unwrap().to_owned();
    world.items("control").iter().map(name).filter(|name| name.starts_with("breaker#")).collect()
}

#[tokio::test]
async fn a_push_service_that_fails_is_passed_over_until_a_probe_is_answered() {
    let world = with_a_push_service_that_fails().await;
    reachable(&world, "ada").await;
    let sent = world.send("ada", json!({})).await;
    assert_eq!((sent.attempts(), world.push.total()), (vec!["email:accepted".to_owned()], ENOUGH));
    world.advance(31);
    world.push.always(None);
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:accepted"], "the probe");
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:accepted"], "and everybody after it");
}

#[tokio::test]
async fn a_lease_that_cannot_be_stored_returns_the_probe_to_the_breaker() {
    let world = with_a_push_service_that_fails().await;
    reachable(&world, "ada").await;
    world.advance(31);
    world.push.always(None);
    // The first PutItem is the breaker's, the second one would store the lease.
    world.aws.fails(Some("PutItem"), 1, "ValidationException");
    world.aws.state.lock().unwrap().fuse_mends_after = Some(1);
    assert_eq!(world.send("ada", json!({"topic": "score"})).await.status, 500);
    assert_eq!(world.push.total(), ENOUGH);
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:accepted"], "the next probe");
}

#[tokio::test]
async fn a_probe_that_fails_is_the_only_one_and_doubles_the_time() {
    let world = with_a_push_service_that_fails().await;
    reachable(&world, "ada").await;
    world.advance(31);
    let sent = world.send("ada", json!({})).await;
    assert_eq!(
        sent.attempts(),
        ["push:retry_later", "email:accepted"],
        "the probe's device is left, so e-mail follows"
    );
    for _ in 0..5 {
        world.advance(11);
        assert_eq!(world.send("ada", json!({})).await.attempts(), ["email:accepted"]);
    }
    assert_eq!(world.push.total(), ENOUGH + 1);
    world.push.always(None);
    world.advance(6);
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:accepted"]);
}

#[tokio::test]
async fn a_probe_whose_device_must_rest_for_an_hour_keeps_nobody_else_waiting() {
    for status in [429, 406] {
        let world = with_a_push_service_that_fails().await;
        for id in ["ada", "bob"] {
            reachable(&world, id).await;
        }
        world.push.always(None);
        world.push.answer("ada", [Reply::status(status).with("Retry-After", "3600")]);
        world.advance(31);
        assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:retry_later", "email:accepted"], "the probe");
        assert_eq!(world.send("bob", json!({})).await.attempts(), ["email:accepted"], "until the next probe");
        world.advance(31);
        assert_eq!(world.send("bob", json!({})).await.attempts(), ["push:accepted"], "the next probe");
        assert_eq!(world.send("ada", json!({})).await.attempts(), ["email:accepted"], "her device still rests");
    }
}

#[tokio::test]
async fn a_process_that_starts_meanwhile_respects_it_from_its_first_message_on() {
    let mut world = with_a_push_service_that_fails().await;
    reachable(&world, "ada").await;
    world.cold_start().await;
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["email:accepted"]);
    assert_eq!(world.push.total(), ENOUGH);
}

#[tokio::test]
async fn if_only_the_breaker_stands_in_the_way_it_waits_and_is_delivered() {
    let world = with_a_push_service_that_fails().await;
    world.subscribe("ada", "ada").await;
    let sent = world.send("ada", json!({})).await;
    assert_eq!((&sent.body["status"], sent.attempts().len()), (&json!("cascading"), 0));
    let next: Timestamp = sent.body["next_action_at"].as_str().unwrap().parse().unwrap();
    let waits = next.duration_since(world.clock.now());
    assert!((SignedDuration::from_secs(30)..=SignedDuration::from_secs(40)).contains(&waits), "{waits:?}");
    world.push.always(None);
    two_minutes(&world).await;
    let end = again(&world, &sent).await;
    assert_eq!((&end.body["status"], end.attempts()), (&json!("accepted"), vec!["push:accepted".to_owned()]));
}

#[tokio::test]
async fn waiting_for_a_breaker_ends_with_the_lifetime() {
    let world = with_a_push_service_that_fails().await;
    world.subscribe("ada", "ada").await;
    let sent = world.send("ada", json!({"ttl_seconds": 20})).await;
    assert_eq!(sent.body["next_action_at"], "2026-11-23T10:00:20Z");
    world.advance(61);
    world.sweep().await;
    let end = again(&world, &sent).await;
    assert_eq!((&end.body["status"], &end.body["reason"]), (&json!("expired"), &json!("lifetime")));
}

#[tokio::test]
async fn a_payment_reminder_waits_for_push_before_anything_is_paid() {
    let world = with_a_push_service_that_fails().await;
    reachable(&world, "ada").await;
    let sent = world.send("ada", json!({"type": "PAYMENT_DUE"})).await;
    assert_eq!((&sent.body["status"], sent.attempts().len()), (&json!("cascading"), 0));
    world.push.always(None);
    two_minutes(&world).await;
    assert_eq!(again(&world, &sent).await.attempts(), ["push:accepted"]);
    assert_eq!(world.mails().len(), 0);
}

#[tokio::test]
async fn after_ten_minutes_in_vain_the_payment_reminder_goes_by_email() {
    let world = with_a_push_service_that_fails().await;
    reachable(&world, "ada").await;
    let sent = world.send("ada", json!({"type": "PAYMENT_DUE"})).await;
    for minute in 0..10 {
        assert_eq!(world.mails().len(), 0, "in minute {minute}");
        world.advance(60);
        world.sweep().await;
    }
    assert_eq!(again(&world, &sent).await.attempts().last().unwrap(), "email:accepted");
}

#[tokio::test]
async fn one_device_that_fails_again_and_again_opens_no_breaker() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    reachable(&world, "bob").await;
    world.push.answer("phone", vec![Reply::status(503); 60]);
    for _ in 0..3 * ENOUGH {
        world.send("ada", json!({})).await;
    }
    assert!(world.push.count("phone") >= 3 * ENOUGH);
    assert_eq!(world.send("bob", json!({})).await.attempts(), ["push:accepted"]);
}

#[tokio::test]
async fn another_push_service_is_not_concerned() {
    let world = with_a_push_service_that_fails().await;
    world.subscribe_at(&world.other_push, "bob", "bob").await;
    assert_eq!(world.send("bob", json!({})).await.attempts(), ["push:accepted"]);
    world.subscribe("bob", "second").await;
    assert_eq!(world.send("bob", json!({})).await.attempts(), ["push:accepted"], "the device on the open host is left");
    assert_eq!((world.push.total(), breakers(&world).len()), (ENOUGH, 1));
}

#[tokio::test]
async fn ses_has_a_breaker_too() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
    let throttled = "<ErrorResponse><Error><Code>Throttling</Code><Message>Daily message quota exceeded.</Message></Error>\
                     </ErrorResponse>";
    world.aws.state.lock().unwrap().ses.push_back(Reply::text(400, throttled));
    let first = world.send("ada", json!({})).await;
    assert_eq!(first.attempts(), ["email:retry_later", "sms:accepted"]);
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["sms:accepted"]);
    assert_eq!((world.mails().len(), breakers(&world)), (1, vec!["breaker#email#ses".to_owned()]));
}

#[tokio::test]
async fn without_the_control_table_sending_goes_on() {
    let world = World::start().await;
    reachable(&world, "ada").await;
    let people = crowd(&world, "user", 2 * ENOUGH).await;
    world.aws.state.lock().unwrap().control_is_down = true;
    world.push.always(Some(Reply::status(503)));
    for id in &people {
        assert_eq!(world.send(id, json!({})).await.attempts(), ["push:retry_later"]);
    }
    world.push.always(None);
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:accepted"]);
    assert_eq!(breakers(&world).len(), 0);
}

#[tokio::test]
async fn version_1_is_not_held_up_and_is_counted() {
    let world = World::start().await;
    world.set("rollout-percentage", "0");
    let people = crowd(&world, "user", 2 * ENOUGH).await;
    world.subscribe("ada", "ada").await;
    world.push.always(Some(Reply::status(503)));
    for (made, id) in (1..).zip(&people) {
        let sent = world.send(id, json!({})).await;
        assert_eq!((&sent.body["version"], sent.attempts()), (&json!("v1"), vec!["push:retry_later".to_owned()]));
        assert_eq!(world.push.total(), made);
    }
    assert_eq!(breakers(&world).len(), 1);
    world.set("rollout-percentage", "100");
    world.advance(15);
    assert_eq!(world.send("ada", json!({})).await.attempts().len(), 0, "version 2 profits from what version 1 met");
}

#[tokio::test]
async fn ops_tune_it_without_a_deploy() {
    let world = World::start().await;
    world.set("settings", r#"{"breaker": {"min_attempts": 4, "open_seconds": 100}}"#);
    reachable(&world, "ada").await;
    for id in crowd(&world, "user", 3).await {
        world.push.answer(&id, [Reply::status(503)]);
        world.send(&id, json!({})).await;
    }
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["email:accepted"]);
    world.advance(99);
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["email:accepted"]);
    world.advance(2);
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:accepted"]);
}

#[tokio::test]
async fn gone_and_rejected_are_no_failures() {
    let world = World::start().await;
    for user in 0..3 * ENOUGH {
        let (id, status) = (format!("user-{user}"), [404, 410, 400, 403, 413][user % 5]);
        world.subscribe(&id, &id).await;
        world.push.answer(&id, [Reply::status(status), Reply::status(status)]);
        world.send(&id, json!({})).await;
    }
    world.subscribe("ada", "ada").await;
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:accepted"]);
    assert_eq!(breakers(&world).len(), 0);
}

#[tokio::test]
async fn explain_names_the_open_breakers() {
    let world = with_a_push_service_that_fails().await;
    reachable(&world, "ada").await;
    let asked = json!({"to": "ada", "content": {"title": "Hi", "body": "there"}});
    let explained = world.post("POST /v1/notifications/explain", asked, None).await;
    let plan = explained.body["plan"].as_array().unwrap();
    let provider = world.push.origin.strip_prefix("http://").unwrap();
    let open = json!([{"provider": provider, "state": "open", "until": "2026-11-23T10:00:30Z"}]);
    assert_eq!((&plan[0]["channel"], &plan[0]["breakers"]), (&json!("push"), &open));
    assert_eq!(plan[0]["resting_devices"], json!([]));
    assert_eq!(plan[1]["breakers"], json!([{"provider": "ses", "state": "closed", "until": null}]));
}
