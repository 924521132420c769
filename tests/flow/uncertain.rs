//! Paid sends with an unknown outcome, and the policy of the type: stop, next or repeat.

use serde_json::{Value, json};

use world::{ApiResponse, CrashPoint, CrashTiming, Reply, RunOutcome, World};

/// Creates ada with an e-mail address and a phone number, and this policy for her type.
async fn world_where(rule: &str) -> World {
    let world = World::start().await;
    world.set("settings", &json!({"types": {"DEFAULT": {"on_uncertain": rule}}}).to_string());
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
    world
}

fn hang_up(world: &World, mails: usize, texts: usize) {
    let mut aws = world.aws.state.lock().unwrap();
    aws.ses.extend(std::iter::repeat_n(Reply::HangUp, mails));
    aws.sns.extend(std::iter::repeat_n(Reply::HangUp, texts));
}

fn calls(world: &World) -> (usize, usize) {
    (world.mails().len(), world.texts().len())
}

/// The day's SMS spending, and the SMS count of the only recipient.
fn set_aside(world: &World) -> (i64, i64) {
    assert_eq!(world.sum("day"), world.sum("sms"), "no budget applies to e-mail");
    (world.sum("sms"), world.counted_sms())
}

fn outcome_counts(answer: &ApiResponse, status: &str, attempts: &[&str], cost_micros: i64) {
    let reason = if status == "uncertain" { json!("outcome_unknown") } else { Value::Null };
    assert_eq!((&answer.body["status"], &answer.body["reason"]), (&json!(status), &reason), "{answer:?}");
    assert_eq!((answer.attempts(), &answer.body["cost_micros"]), (strings(attempts), &json!(cost_micros)));
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn stop_ends_there() {
    let world = world_where("stop").await;
    hang_up(&world, 1, 0);
    outcome_counts(&world.send("ada", json!({})).await, "uncertain", &["email:uncertain"], 92);
    assert_eq!(calls(&world), (1, 0));
}

#[tokio::test]
async fn next_goes_on_to_the_next_channel_and_never_back() {
    let world = world_where("next").await;
    hang_up(&world, 1, 0);
    outcome_counts(&world.send("ada", json!({})).await, "accepted", &["email:uncertain", "sms:accepted"], 80_092);
    hang_up(&world, 1, 1);
    outcome_counts(&world.send("ada", json!({})).await, "uncertain", &["email:uncertain", "sms:uncertain"], 80_092);
    assert_eq!((calls(&world), set_aside(&world)), ((2, 2), (160_000, 2)), "what is unknown keeps its money");
}

#[tokio::test]
async fn repeat_tries_the_same_channel_once_more_and_no_other() {
    let world = world_where("repeat").await;
    hang_up(&world, 1, 0);
    outcome_counts(&world.send("ada", json!({})).await, "accepted", &["email:uncertain", "email:accepted"], 184);
    hang_up(&world, 2, 0);
    outcome_counts(&world.send("ada", json!({})).await, "uncertain", &["email:uncertain", "email:uncertain"], 184);
    assert_eq!(calls(&world), (4, 0));
    let sms = json!({"channels": ["sms"]});
    hang_up(&world, 0, 1);
    outcome_counts(&world.send("ada", sms).await, "accepted", &["sms:uncertain", "sms:accepted"], 160_000);
    assert_eq!((calls(&world), set_aside(&world)), ((4, 2), (160_000, 2)), "both may have been sent");
}

#[tokio::test]
async fn an_unsent_message_releases_its_reservation_and_an_unknown_outcome_keeps_it() {
    let world = world_where("repeat").await;
    let timed_out = "<ErrorResponse><Error><Code>RequestTimeout</Code></Error></ErrorResponse>";
    let refused = "<ErrorResponse><Error><Code>InvalidParameter</Code></Error></ErrorResponse>";
    world.aws.state.lock().unwrap().sns.extend([Reply::HangUp, Reply::text(400, timed_out), Reply::text(400, refused)]);
    let sent = world.send("ada", json!({"channels": ["sms"]})).await;
    assert_eq!(sent.attempts(), ["sms:uncertain", "sms:retry_later"]);
    assert_eq!(set_aside(&world), (80_000, 1), "of two tries one may have been sent");
    world.advance(100);
    world.sweep().await;
    let end = world.get(sent.body["id"].as_str().unwrap()).await;
    outcome_counts(&end, "uncertain", &["sms:uncertain", "sms:retry_later", "sms:rejected"], 80_000);
    assert_eq!((calls(&world), set_aside(&world)), ((0, 3), (80_000, 1)));
}

#[tokio::test]
async fn a_crash_around_the_call_follows_the_rule_in_force_at_recovery() {
    for (rule, status, attempts, cost_micros) in [
        ("stop", "uncertain", &["email:uncertain"][..], 92),
        ("next", "accepted", &["email:uncertain", "sms:accepted"], 80_092),
        ("repeat", "accepted", &["email:uncertain", "email:accepted"], 184),
    ] {
        let world = world_where("stop").await;
        // GetParameters, Query, BatchGetItem, PutItem, and two GetItem of the check before the send: the claim is
        // stored, SES has the e-mail, and the function has crashed.
        let line = CrashPoint { timing: CrashTiming::After, call: 9 };
        let crashed = world.crash_at(line, world.send("ada", json!({}))).await;
        assert!(matches!(&crashed, RunOutcome::Crashed(call) if call == "SendRawEmail"), "{crashed:?}");
        world.set("settings", &json!({"types": {"DEFAULT": {"on_uncertain": rule}}}).to_string());
        world.advance(100);
        assert_eq!(world.sweep().await.worked, 1);
        outcome_counts(&world.get(&world.only_id()).await, status, attempts, cost_micros);
    }
}

#[tokio::test]
async fn a_claim_costs_its_reservation_whatever_the_price_is_later() {
    let world = world_where("stop").await;
    let line = CrashPoint { timing: CrashTiming::After, call: 6 };
    let crashed = world.crash_at(line, world.send("ada", json!({"channels": ["sms"]}))).await;
    assert!(matches!(&crashed, RunOutcome::Crashed(call) if call == "TransactWriteItems"), "{crashed:?}");
    world.set("settings", &json!({"prices": {"sms_micros": {"IT": 1}}}).to_string());
    world.put_profile("ada", json!({})).await;
    world.advance(100);
    world.sweep().await;
    outcome_counts(&world.get(&world.only_id()).await, "uncertain", &["sms:uncertain"], 80_000);
    assert_eq!(set_aside(&world), (80_000, 1));
}

#[tokio::test]
async fn fewer_attempts_apply_at_once_to_active_notifications() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world.push.answer("phone", std::iter::repeat_n(Reply::status(503), 9));
    let sent = world.send("ada", json!({})).await;
    world.set("settings", &json!({"types": {"DEFAULT": {"tries": 2}}}).to_string());
    world.advance(100);
    world.sweep().await;
    let end = world.get(sent.body["id"].as_str().unwrap()).await;
    assert_eq!(end.attempts(), ["push:retry_later", "push:retry_later", "email:accepted"]);
    world.set("settings", &json!({"types": {"DEFAULT": {"tries": 11}}}).to_string());
    world.advance(100);
    world.push.answer("phone", std::iter::repeat_n(Reply::status(503), 9));
    let sent = world.send("ada", json!({})).await;
    for _ in 0..3 {
        world.advance(700);
        world.sweep().await;
    }
    let end = world.get(sent.body["id"].as_str().unwrap()).await;
    assert_eq!(end.attempts().len(), 3, "an invalid value leaves the last good rule in force: {end:?}");
}
