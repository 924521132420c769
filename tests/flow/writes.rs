//! Table writes of a request, which determine its cost.

use serde_json::json;

use world::{CrashPoint, CrashTiming, Reply, RunOutcome, World};

#[tokio::test]
async fn an_accepted_push_costs_1_write_unit_and_2_with_an_idempotency_key() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.write_units();
    let content = json!({"content": {"title": "Your certificate expires", "body": "On Friday. ".repeat(30)}});
    world.send("ada", content.clone()).await;
    assert_eq!(world.write_units(), 1.0);
    world.send_once("k-1", "ada", content.clone()).await;
    assert_eq!(world.write_units(), 2.0);
    world.send_once("k-1", "ada", content).await;
    assert_eq!(world.write_units(), 0.0, "a replay writes nothing but its refused record");
}

#[tokio::test]
async fn a_warm_send_makes_one_read_and_one_write_and_with_caps_one_read_more() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    // Reads the configuration, and the claims of the caps before it is known that there are no rules.
    world.send("ada", json!({})).await;
    assert_eq!(calls_of_a_send(&world).await, ["GetItem recipients", "/push/phone", "PutItem notifications"]);
    let rules = json!({"rules": [{"id": "day", "max": 60, "per": "day"}]});
    assert_eq!(world.caps_request("PUT", rules, None, &[]).await.status, 200);
    world.advance(30);
    world.send("ada", json!({})).await;
    let counted = calls_of_a_send(&world).await;
    let reads = ["GetItem recipients", "GetItem control"];
    let writes = ["UpdateItem control", "/push/phone", "PutItem notifications"];
    assert_eq!(counted, [&reads[..], &writes[..]].concat(), "both reads at the same time");
}

/// The calls of a send, found by a crash at each of them.
async fn calls_of_a_send(world: &World) -> Vec<String> {
    let mut calls = Vec::new();
    for call in 1.. {
        let point = CrashPoint { timing: CrashTiming::After, call };
        match world.crash_at(point, world.send("ada", json!({}))).await {
            RunOutcome::Crashed(name) => calls.push(name),
            RunOutcome::Completed(_) => break,
        }
    }
    calls
}

#[tokio::test]
async fn a_skip_costs_one_and_a_first_email_four() {
    let world = World::start().await;
    world.send("nobody", json!({})).await;
    assert_eq!(world.write_units(), 1.0);
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world.write_units();
    world.send("ada", json!({})).await;
    assert_eq!(world.write_units(), 4.0, "the claim is the first write");
}

#[tokio::test]
async fn a_fallback_adds_its_claim() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world.push.answer("phone", [Reply::status(400)]);
    world.write_units();
    world.send("ada", json!({})).await;
    assert_eq!(world.write_units(), 4.0, "the claim of the e-mail is the first write");
}

#[tokio::test]
async fn each_push_of_a_batch_costs_1_and_one_with_a_topic_4() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let message = json!({"to": "ada", "content": {"title": "Hi", "body": "there"}});
    world.write_units();
    let answer = world.batch(vec![message; 20], None).await;
    assert_eq!((answer.status, world.write_units()), (202, 20.0));
    world.send("ada", json!({"topic": "score"})).await;
    assert_eq!(world.write_units(), 4.0, "the lease is stored, so that an older message of the topic finds it");
}

#[tokio::test]
async fn without_failures_no_breaker_is_written() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.write_units();
    let sends = 30;
    for _ in 0..sends {
        assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:accepted"]);
        world.advance(7);
    }
    assert_eq!(world.write_units(), f64::from(sends));
    assert_eq!(world.items("control").len(), 1, "the owner of the endpoint");
}

#[tokio::test]
async fn a_failure_costs_its_report_and_an_open_breaker_nothing() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    let units = async |status: u16| {
        world.push.answer("phone", [Reply::status(status)]);
        world.write_units();
        world.send("ada", json!({})).await;
        world.write_units()
    };
    let (rejected, failed) = (units(400).await, units(503).await);
    assert_eq!(rejected, 2.0, "one for the index `attention`, none for a breaker");
    assert!(failed <= 3.0, "{failed}: put 1 + due 1, the report 1");
    for number in 0..9 {
        let id = format!("user-{number}");
        world.subscribe(&id, &id).await;
        world.push.answer(&id, [Reply::status(503)]);
        world.send(&id, json!({})).await;
    }
    assert!(units(503).await <= 2.0, "put 1 + due 1: no provider was called");
}

#[tokio::test]
async fn a_device_that_must_wait_costs_one_write_and_none_while_it_waits() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(429).with("Retry-After", "600")]);
    world.write_units();
    world.send("ada", json!({})).await;
    assert!(world.write_units() <= 4.0, "put 1 + due 1, the report 1, the rest 1");
    for _ in 0..5 {
        world.send("ada", json!({})).await;
        assert!(world.write_units() <= 2.0, "put 1 + due 1");
    }
}

#[tokio::test]
async fn a_budget_costs_2_units_for_each_item_it_is_counted_in_and_2_for_the_claim_within_the_transaction() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
    let mut units = Vec::new();
    for budgets in
        [json!({}), json!({"hour_micros": 900_000}), json!({"hour_micros": 900_000, "month_micros": 900_000})]
    {
        world.set("settings", &json!({"budgets": budgets}).to_string());
        world.advance(30);
        for channel in ["email", "sms"] {
            world.write_units();
            let sent = world.send("ada", json!({"channels": [channel]})).await;
            assert_eq!(sent.body["status"], "accepted");
            units.push(world.write_units());
        }
    }
    assert_eq!(units, [4.0, 10.0, 7.0, 10.0, 9.0, 12.0], "the SMS message id is stored as well, for 1");
    world.set("settings", r#"{"budgets": {"day_micros": 0}}"#);
    world.advance(30);
    world.write_units();
    assert_eq!(world.send("ada", json!({"channels": ["email"]})).await.body["status"], "skipped");
    assert_eq!(world.write_units(), 1.0, "no reservation is tried for an impossible price");
}

#[tokio::test]
async fn a_counted_notification_costs_one_unit_more_and_one_to_which_no_rule_applies_costs_none() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    for name in ["NEWS", "OFFERS"] {
        world.put_type(name, json!({"title": name, "class": "marketing", "channels": ["push"]})).await;
    }
    let rules = json!({"rules": [
        {"id": "news", "max": 2, "per": "day", "types": ["NEWS"]},
        {"id": "month", "max": 9, "per": "P31D", "types": ["NEWS"]},
    ]});
    assert_eq!(world.caps_request("PUT", rules, None, &[]).await.status, 200);
    world.advance(30);
    let units = async |kind: &str| {
        world.write_units();
        world.send("ada", json!({"type": kind})).await;
        world.write_units()
    };
    assert_eq!((units("OFFERS").await, units("NEWS").await), (1.0, 2.0), "one claim for both rules");
    world.push.answer("phone", [Reply::status(400)]);
    let rejected = units("NEWS").await;
    assert_eq!(rejected, 4.0, "put 1, the claim 1, its return 1, and one for the index `attention`");
    assert_eq!((units("NEWS").await, units("NEWS").await), (2.0, 1.0), "a skip claims nothing");
}
