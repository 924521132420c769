//! Frequency caps: every path to a first attempt, holds and their order, returned slots, crashes, and the API.

use serde_json::{Value, json};

use super::campaigns::campaign;
use console::site::Role;
use world::{ApiResponse, CrashPoint, CrashTiming, Reply, RunOutcome, World};

/// Time after which every process follows a change.
const FOLLOWED_SECONDS: u64 = 30;

fn news(on_cap: &str) -> Value {
    json!({"title": "News", "class": "marketing", "channels": ["push"], "on_cap": on_cap, "ttl_seconds": 172_800})
}

/// A recipient with one device, the type NEWS, and these rules.
async fn with_rules(on_cap: &str, rules: Value) -> World {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    assert_eq!(world.put_type("NEWS", news(on_cap)).await.status, 201);
    assert_eq!(world.caps_request("PUT", json!({"rules": rules}), None, &[]).await.status, 200);
    world.advance(FOLLOWED_SECONDS);
    world
}

fn daily(max: u32) -> Value {
    json!([{"id": "daily", "max": max, "per": "day"}])
}

fn to_ada(extra: Value) -> Value {
    let mut message = json!({"to": "ada", "type": "NEWS", "content": {"title": "Hi", "body": "there"}});
    extra.as_object().unwrap().iter().for_each(|(name, value)| message[name] = value.clone());
    message
}

async fn send(world: &World, extra: Value) -> ApiResponse {
    world.post("POST /v1/notifications", to_ada(extra), None).await
}

fn state(answer: &Value) -> (&str, &str) {
    (answer["status"].as_str().unwrap(), answer["reason"].as_str().unwrap_or_default())
}

async fn state_of(world: &World, sent: &ApiResponse) -> (String, String) {
    let now = world.get(sent.body["id"].as_str().unwrap()).await.body;
    let (status, reason) = state(&now);
    (status.to_owned(), reason.to_owned())
}

const CAPPED: (&str, &str) = ("skipped", "frequency_cap");

/// The paths to a first attempt, each of which must find the slot taken: a single send, one with a key, a batch, a
/// scheduled one that is due, one whose quiet hours end, and the rest of a batch that had no time.
#[tokio::test]
async fn every_path_to_a_first_attempt_passes_the_gate() {
    let world = with_rules("skip", daily(1)).await;
    let scheduled = send(&world, json!({"send_at": "2026-11-23T12:00:00Z"})).await;
    let quiet = json!({"quiet_hours": {"start": "10:30", "end": "11:30"}});
    world.put_profile("ada", json!({"time_zone": "Europe/Rome", "preferences": quiet})).await;
    let held = send(&world, json!({})).await;
    assert_eq!(state(&held.body), ("held", "quiet_hours"));
    world.put_profile("ada", json!({"time_zone": "Europe/Rome"})).await;
    // This request has no time left for an attempt, so the cascade function makes it.
    let late = world.send_late(8, "ada", json!({"type": "NEWS"})).await;
    assert_eq!(late.body["status"], "sending");
    assert_eq!(send(&world, json!({})).await.body["status"], "accepted");
    assert_eq!(state(&send(&world, json!({})).await.body), CAPPED);
    assert_eq!(state(&world.post("POST /v1/notifications", to_ada(json!({})), Some("k")).await.body), CAPPED);
    let batch = world.batch(vec![to_ada(json!({})), to_ada(json!({}))], None).await;
    batch.body["items"].as_array().unwrap().iter().for_each(|item| assert_eq!(state(item), CAPPED));
    other_senders_find_the_slot_taken(&world).await;
    let plan = world.post("POST /v1/notifications/explain", to_ada(json!({})), None).await;
    assert_eq!((&plan.body["verdict"], &plan.body["reason"]), (&json!("skipped"), &json!("frequency_cap")));
    world.advance(2 * 3_600);
    world.sweep().await;
    for sent in [&scheduled, &held, &late] {
        assert_eq!(state_of(&world, sent).await, (CAPPED.0.to_owned(), CAPPED.1.to_owned()));
    }
    assert_eq!(world.push.count("phone"), 1);
    let metrics = world.metrics_of_last(180).await;
    assert_eq!(metrics["by_type"]["NEWS"]["skipped"]["frequency_cap"], 9, "{metrics}");
}

/// A test of a template, the console's form and a campaign.
async fn other_senders_find_the_slot_taken(world: &World) {
    let push = json!({"push": {"title": "Hi", "body": "there"}});
    world
        .publish_template(
            json!({"title": "R", "default_locale": "en", "variables": {"properties": {}}, "parts": {"en": push}}),
        )
        .await;
    let tested = world.test_template(json!({"to": ["ada"], "type": "NEWS", "version": 1})).await;
    assert_eq!(state(&tested.body["items"][0]), CAPPED);
    let (person, message) =
        (world.person(Role::Admin), [("to", "ada"), ("type", "NEWS"), ("title", "Hi"), ("body", "there")]);
    let form = [&message[..], &[("action", "send"), ("key", "k-2")]].concat();
    let sent = world.send_form(&person, "send", &form).await;
    let page = world.redirected(&person, &sent).await;
    assert!(page.text().contains("frequency cap"), "{}", page.text());
    let id = world.approved_campaign(campaign()).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    let numbers = world.progress(&id).await["sending"]["numbers"].clone();
    assert_eq!(numbers["skipped"]["frequency_cap"], 1, "{numbers}");
}

#[tokio::test]
async fn of_parallel_sends_exactly_as_many_are_sent_as_the_cap_allows() {
    let world = with_rules("skip", daily(3)).await;
    let batch = world.batch((0..60).map(|_| to_ada(json!({}))).collect(), None).await;
    let items = batch.body["items"].as_array().unwrap();
    let count = |status: &str| items.iter().filter(|item| item["status"] == status).count();
    // A notification that lost every write to others waits for a moment.
    assert_eq!((count("accepted"), count("skipped") + count("held")), (3, 57));
    world.advance(60);
    world.sweep().await;
    assert_eq!((world.push.count("phone"), world.sweep().await.found), (3, 0));
}

#[tokio::test]
async fn a_held_one_waits_until_its_slot_frees_but_neither_in_quiet_hours_nor_beyond_its_lifetime() {
    let world = with_rules("hold", json!([{"id": "two-hours", "max": 1, "per": "PT2H"}])).await;
    assert_eq!(send(&world, json!({})).await.body["status"], "accepted");
    let held = send(&world, json!({})).await;
    assert_eq!(state(&held.body), ("held", "frequency_cap"));
    assert_eq!(held.body["next_action_at"], "2026-11-23T12:00:30Z");
    assert_eq!(state(&send(&world, json!({"ttl_seconds": 3_600})).await.body), CAPPED);
    let quiet = json!({"quiet_hours": {"start": "12:30", "end": "15:00"}});
    world.put_profile("ada", json!({"time_zone": "Europe/Rome", "preferences": quiet})).await;
    let later = send(&world, json!({})).await;
    let until = later.body["next_action_at"].as_str().unwrap();
    assert!(("2026-11-23T14:00:00Z".."2026-11-23T14:15:00Z").contains(&until), "after 15:00 in Rome: {until}");
    world.put_profile("ada", json!({"time_zone": "Europe/Rome"})).await;
    world.advance(7_199);
    assert_eq!(world.sweep().await.found, 0);
    world.advance(1);
    world.sweep().await;
    assert_eq!(state_of(&world, &held).await.0, "accepted");
    assert_eq!(world.push.count("phone"), 2);
}

#[tokio::test]
async fn waiting_ones_are_served_by_urgency_and_then_by_age() {
    let world = with_rules("hold", json!([{"id": "hour", "max": 1, "per": "PT1H"}])).await;
    send(&world, json!({})).await;
    let mut waiting = Vec::new();
    for urgency in ["low", "normal", "very-low", "high", "normal"] {
        waiting.push(send(&world, json!({"urgency": urgency})).await);
        world.advance(1);
    }
    let mut served = Vec::new();
    for _ in 0..5 {
        world.advance(3_600);
        world.sweep().await;
        for (at, sent) in waiting.iter().enumerate() {
            if state_of(&world, sent).await.0 == "accepted" && !served.contains(&at) {
                served.push(at);
            }
        }
    }
    assert_eq!(served, [3, 1, 4, 0, 2]);
}

#[tokio::test]
async fn a_slot_is_returned_when_the_recipient_was_not_reached() {
    let world = with_rules("skip", daily(1)).await;
    world.push.answer("phone", [Reply::status(400)]);
    assert_eq!(send(&world, json!({})).await.body["status"], "failed");
    world.push.answer("phone", [Reply::status(429).with("Retry-After", "600")]);
    let waiting = send(&world, json!({})).await;
    assert_eq!(waiting.body["status"], "cascading");
    assert_eq!(state(&send(&world, json!({})).await.body), CAPPED, "a notification that waits for a retry counts");
    assert_eq!(world.cancel(waiting.body["id"].as_str().unwrap()).await.body["status"], "cancelled");
    world.advance(700);
    let retried = send(&world, json!({})).await;
    assert_eq!(retried.body["status"], "accepted");
    assert_eq!(state(&send(&world, json!({})).await.body), CAPPED);
}

#[tokio::test]
async fn transactional_ones_count_and_are_sent_and_critical_ones_do_not_count() {
    let world = with_rules("skip", daily(2)).await;
    world.put_type("ALARM", json!({"title": "Alarms", "class": "critical", "channels": ["push"]})).await;
    world.advance(FOLLOWED_SECONDS);
    for _ in 0..3 {
        assert_eq!(send(&world, json!({"type": "ALARM"})).await.body["status"], "accepted");
    }
    assert_eq!(send(&world, json!({})).await.body["status"], "accepted");
    for _ in 0..3 {
        assert_eq!(send(&world, json!({"type": "DEFAULT", "channels": ["push"]})).await.body["status"], "accepted");
    }
    assert_eq!(state(&send(&world, json!({})).await.body), CAPPED);
    assert_eq!(send(&world, json!({"type": "ALARM"})).await.body["status"], "accepted");
}

/// At whichever call a process crashes, the repetition with the same key is not counted twice, and no message too many
/// is sent.
#[tokio::test]
async fn a_crash_at_any_call_never_leads_to_one_message_too_many() {
    for timing in [CrashTiming::Before, CrashTiming::After] {
        for call in 1..40 {
            let world = with_rules("skip", daily(1)).await;
            // The configuration is read before the crash, so that only calls of this send are counted.
            world.post("POST /v1/notifications/explain", to_ada(json!({})), None).await;
            let act = world.post("POST /v1/notifications", to_ada(json!({})), Some("k-1"));
            let outcome = world.crash_at(CrashPoint { timing, call }, act).await;
            world.advance(100);
            world.sweep().await;
            let repeated = world.post("POST /v1/notifications", to_ada(json!({})), Some("k-1")).await;
            assert_eq!(repeated.body["status"], "accepted", "{timing} {call}: {:?}", repeated.body);
            for _ in 0..2 {
                assert_eq!(state(&send(&world, json!({})).await.body), CAPPED, "{timing} {call}");
            }
            if let RunOutcome::Completed(_) = outcome {
                break;
            }
        }
    }
}

#[tokio::test]
async fn explain_and_the_recipients_caps_show_what_is_used_and_when_a_slot_frees() {
    let rules = json!([
        {"id": "daily", "max": 2, "per": "day", "classes": ["marketing"]},
        {"id": "sms", "max": 1, "per": "P7D", "channels": ["sms"]},
    ]);
    let world = with_rules("skip", rules).await;
    let used = async || {
        let caps = world.on_recipient("GET /v1/recipients/{id}/caps", "ada", json!(null)).await.body;
        let plan = world.post("POST /v1/notifications/explain", to_ada(json!({})), None).await.body;
        let gate = plan["gates"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&gate["gate"], &gate["inputs"]["mode"]), (&json!("frequency_cap"), &json!("respect")));
        assert_eq!(gate["inputs"]["rules"].as_array().unwrap().len(), 1, "the rule for SMS does not apply");
        assert_eq!(gate["inputs"]["rules"][0], caps["rules"][0]);
        (caps["rules"][0].clone(), caps["time_zone"].clone(), caps["time_zone_source"].clone())
    };
    let free = json!({"rule": "daily", "max": 2, "per": "day", "used": 0, "left": 2, "next_slot_at": null});
    assert_eq!(used().await, (free, json!("UTC"), json!("utc")));
    world.set("settings", r#"{"organisation": {"time_zone": "Europe/Rome"}}"#);
    world.advance(FOLLOWED_SECONDS);
    send(&world, json!({})).await;
    send(&world, json!({})).await;
    let full =
        json!({"rule": "daily", "max": 2, "per": "day", "used": 2, "left": 0, "next_slot_at": "2026-11-23T23:00:00Z"});
    assert_eq!(used().await, (full.clone(), json!("Europe/Rome"), json!("organisation")));
    world.put_profile("ada", json!({"time_zone": "America/New_York"})).await;
    let (in_new_york, zone, source) = used().await;
    assert_eq!((zone, source), (json!("America/New_York"), json!("recipient")));
    assert_eq!(in_new_york["next_slot_at"], "2026-11-24T05:00:00Z");
    assert_eq!(world.on_recipient("GET /v1/recipients/{id}/caps", "eve", json!(null)).await.status, 404);
    let export = world.on_recipient("GET /v1/recipients/{id}/export", "ada", json!(null)).await.body;
    assert_eq!(export["counts"], json!([{"name": "caps#daily", "used": 2}, {"name": "caps#sms", "used": 0}]));
}

#[tokio::test]
async fn rules_are_replaced_under_a_tag_tried_without_effect_and_refused_by_field() {
    let world = World::start().await;
    let none = world.caps_request("GET", json!(null), None, &[]).await;
    assert_eq!((&none.body["rules"], &none.body["revision"]), (&json!([]), &json!(0)));
    let first = none.header("ETag").unwrap().to_owned();
    let dry = world.caps_request("PUT", json!({"rules": daily(3)}), Some(&first), &[("dry_run", "true")]).await;
    assert_eq!((dry.status, &dry.body["dry_run"], &dry.body["revision"]), (200, &json!(true), &json!(1)));
    assert_eq!(world.caps_request("GET", json!(null), None, &[]).await.body, none.body);
    let put = world.caps_request("PUT", json!({"rules": daily(3)}), Some(&first), &[]).await;
    assert_eq!((put.status, &put.body["rules"]), (200, &daily(3)));
    let stale = world.caps_request("PUT", json!({"rules": daily(4)}), Some(&first), &[]).await;
    assert_eq!(stale.status, 412);
    let same = world.caps_request("PUT", put.body.clone(), None, &[]).await;
    assert_eq!((same.status, &same.body), (200, &put.body), "the response can be sent back");
    for (rules, field) in [
        (daily(0), "rules[0].max"),
        (json!([{"id": "a", "max": 1, "per": "PT0H"}]), "rules[0].per"),
        (json!([{"id": "a", "max": 1, "per": "P32D"}]), "rules[0].per"),
        (json!([{"id": "a", "max": 1, "per": "day"}, {"id": "a", "max": 1, "per": "day"}]), "rules[1].id"),
        (json!([{"id": "a", "max": 1, "per": "day", "types": ["NEWS"]}]), "rules[0].types[0]"),
    ] {
        let refused = world.caps_request("PUT", json!({ "rules": rules }), None, &[]).await;
        assert_eq!((refused.status, refused.fields()), (422, vec![field]));
    }
    assert_eq!(world.caps_request("GET", json!(null), None, &[]).await.body, put.body);
    let removed = world.caps_request("PUT", json!({"rules": null}), None, &[]).await;
    assert_eq!((&removed.body["rules"], &removed.body["revision"]), (&json!([]), &json!(2)));
    let audit: Vec<_> = world.items("settings").into_iter().filter(|item| item["pk"]["S"] == "audit#caps").collect();
    assert_eq!(audit.len(), 2, "each change has a record");
}

#[tokio::test]
async fn the_caps_of_a_recipient_follow_the_last_valid_settings_while_ssm_does_not_respond() {
    let mut world = with_rules("skip", json!([{"id": "daily", "max": 2, "per": "day"}])).await;
    world.set("settings", r#"{"organisation": {"time_zone": "Asia/Tokyo"}}"#);
    world.advance(FOLLOWED_SECONDS);
    world.reconcile_rollout().await.unwrap();
    world.tick().await.unwrap();
    world.cold_start_recipients().await;
    world.aws.state.lock().unwrap().ssm_is_down = true;
    let caps = world.on_recipient("GET /v1/recipients/{id}/caps", "ada", json!(null)).await;
    assert_eq!((caps.status, &caps.body["time_zone"]), (200, &json!("Asia/Tokyo")), "{:?}", caps.body);
}
