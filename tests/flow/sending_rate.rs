//! Sending rate of the account: a provider that refuses it is not ill, so no other channel is paid for.

use serde_json::json;

use platform::clock::Clock;
use world::{AccountRate, ApiResponse, Reply, World};

/// Answers with which a provider refuses the account's rate.
const REFUSALS: [(&str, u16, &str); 2] = [("email", 400, "Throttling"), ("sms", 429, "Throttled")];

/// Number of refused calls: more than open a breaker.
const MANY: usize = 40;

fn rate_exceeded(status: u16, code: &str) -> Reply {
    let message = "Maximum sending rate exceeded.";
    Reply::text(
        status,
        format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"),
    )
}

fn refuse(world: &World, channel: &str, calls: usize, refusal: &Reply) {
    let mut aws = world.aws.state.lock().unwrap();
    let replies = if channel == "email" { &mut aws.ses } else { &mut aws.sns };
    replies.extend(std::iter::repeat_n(refusal.clone(), calls));
}

async fn people(world: &World, number: usize) -> Vec<String> {
    let ids: Vec<String> = (0..number).map(|number| format!("person-{number}")).collect();
    for (number, id) in ids.iter().enumerate() {
        let phone = format!("+3933312345{number:02}");
        world.put_profile(id, json!({"email": format!("{id}@example.com"), "phone": phone})).await;
    }
    ids
}

#[tokio::test]
async fn a_message_over_the_rate_waits_on_its_channel_and_no_other_is_paid_for() {
    for (channel, status, code) in REFUSALS {
        let world = World::start().await;
        refuse(&world, channel, MANY, &rate_exceeded(status, code));
        let channels = if channel == "email" { json!(["email", "sms"]) } else { json!(["sms", "email"]) };
        let mut sent = Vec::new();
        for id in people(&world, MANY).await {
            let begun = world.send(&id, json!({"channels": channels})).await;
            assert_eq!((&begun.body["status"], begun.attempts().len()), (&json!("cascading"), 0), "{begun:?}");
            sent.push(begun.body["id"].as_str().unwrap().to_owned());
            // The pause of the process has passed, so each notification is refused by the provider itself.
            world.advance(2);
        }
        for _ in 0..3 {
            world.advance(70);
            world.sweep().await;
        }
        for id in sent {
            let ended = world.get(&id).await;
            assert_eq!(ended.attempts(), [format!("{channel}:accepted")], "{ended:?}");
        }
        let used = (world.mails().len(), world.texts().len());
        assert_eq!(used, if channel == "email" { (2 * MANY, 0) } else { (0, 2 * MANY) });
        assert!(!world.items("control").iter().any(|item| item["pk"]["S"].as_str().unwrap().starts_with("breaker#")));
    }
}

#[tokio::test]
async fn during_the_pause_the_process_makes_no_call_and_claims_nothing() {
    let world = World::start().await;
    refuse(&world, "email", 1, &rate_exceeded(400, "Throttling"));
    let ids = people(&world, 3).await;
    for id in &ids {
        let begun = world.send(id, json!({"channels": ["email", "sms"]})).await;
        assert_eq!((&begun.body["status"], begun.attempts().len()), (&json!("cascading"), 0));
    }
    assert_eq!((world.mails().len(), world.texts().len()), (1, 0), "the second and the third were not tried");
    world.advance(60);
    world.sweep().await;
    assert_eq!((world.mails().len(), world.texts().len()), (4, 0));
}

#[tokio::test]
async fn retry_after_lengthens_the_pause_to_a_minute_at_most() {
    let world = World::start().await;
    refuse(&world, "email", 1, &rate_exceeded(400, "Throttling").with("Retry-After", "3600"));
    let ids = people(&world, 2).await;
    world.send(&ids[0], json!({"channels": ["email"]})).await;
    world.advance(59);
    world.send(&ids[1], json!({"channels": ["email"]})).await;
    assert_eq!(world.mails().len(), 1);
    world.advance(90);
    world.sweep().await;
    assert_eq!(world.mails().len(), 3);
}

#[tokio::test]
async fn a_critical_message_does_not_wait_for_the_rate() {
    let world = World::start().await;
    let alarm = json!({"title": "Alarm", "class": "critical", "channels": ["email", "sms"], "tries": 1});
    assert_eq!(world.put_type("ALARM", alarm).await.status, 201);
    refuse(&world, "email", MANY, &rate_exceeded(400, "Throttling"));
    for id in people(&world, MANY).await {
        let sent = world.send(&id, json!({"type": "ALARM"})).await;
        assert_eq!(sent.attempts(), ["email:retry_later", "sms:accepted"], "{sent:?}");
    }
}

#[tokio::test]
async fn a_process_that_has_time_sends_after_the_pause() {
    let world = World::start_by(Clock::System).await;
    refuse(&world, "email", 1, &rate_exceeded(400, "Throttling"));
    let ids = people(&world, 3).await;
    let messages =
        ids.iter().map(|id| json!({"to": id, "content": {"title": "Hi", "body": "there"}, "channels": ["email"]}));
    let sent = world.batch(messages.collect(), None).await;
    for item in sent.body["items"].as_array().unwrap() {
        let item = ApiResponse { body: item.clone(), ..sent.clone() };
        assert_eq!(item.attempts(), ["email:accepted"]);
    }
}

#[tokio::test]
async fn a_person_who_is_erased_or_a_lifetime_that_ends_while_a_message_waits_ends_it() {
    let world = World::start().await;
    refuse(&world, "email", 2, &rate_exceeded(400, "Throttling"));
    let ids = people(&world, 2).await;
    let expired = world.send(&ids[0], json!({"channels": ["email"], "ttl_seconds": 30})).await;
    world.advance(2);
    let erased = world.send(&ids[1], json!({"channels": ["email"]})).await;
    assert_eq!(world.on_recipient("DELETE /v1/recipients/{id}", &ids[1], json!({})).await.status, 200);
    world.advance(60);
    world.sweep().await;
    let reason = |answer: &ApiResponse| answer.body["reason"].as_str().unwrap_or_default().to_owned();
    assert_eq!(reason(&world.get(expired.body["id"].as_str().unwrap()).await), "lifetime");
    let gone = world.get(erased.body["id"].as_str().unwrap()).await;
    assert!(gone.status == 404 || reason(&gone) == "unknown_recipient", "{gone:?}");
    assert_eq!(world.mails().len(), 2);
}

/// Number of messages that each process begins: more than the account sends in a second.
const EACH: usize = 10;

/// Rate of the account in these tests: messages a second.
const PER_SECOND: usize = 5;

/// Each process learns the rate from its own refusals alone. Together they exceed it again and again.
#[tokio::test]
async fn three_processes_that_exceed_the_rate_side_by_side_send_all_on_the_same_channel() {
    tokio::join!(exceed_the_rate(["email", "sms"]), exceed_the_rate(["sms", "email"]));
}

async fn exceed_the_rate(channels: [&str; 2]) {
    let world = World::start().await;
    let ids = people(&world, 3 * EACH).await;
    world.aws.state.lock().unwrap().account_rate = Some(AccountRate::new(world.clock.clone(), PER_SECOND));
    let [one, two, three] = [world.another_send().await, world.another_send().await, world.another_send().await];
    let message = |id: &String| json!({"to": id, "content": {"title": "Hi", "body": "there"}, "channels": channels});
    let parts: Vec<Vec<_>> = ids.chunks(EACH).map(|part| part.iter().map(message).collect()).collect();
    let begun = tokio::join!(
        world.batch_by(&one, &parts[0], "one"),
        world.batch_by(&two, &parts[1], "two"),
        world.batch_by(&three, &parts[2], "three"),
    );
    let mut sent = Vec::new();
    for batch in [begun.0, begun.1, begun.2] {
        let items = batch.body["items"].as_array().unwrap().clone();
        assert!(items.iter().any(|item| item["status"] == "cascading"), "the process was refused: {batch:?}");
        sent.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
    }
    let [four, five] = [world.another_cascade().await, world.another_cascade().await];
    let mut seconds = 0;
    while accepted(&world) < 3 * EACH && seconds < 120 {
        world.advance(1);
        seconds += 1;
        let ends_at_ms = u64::try_from(world.clock.now().as_millisecond()).unwrap() + 60_000;
        let swept = tokio::join!(four.sweep(100, ends_at_ms), five.sweep(100, ends_at_ms), world.try_sweep());
        assert!(swept.0.is_ok() && swept.1.is_ok() && swept.2.is_ok());
    }
    // At the rate, they need 6 s, after the first wait of 5 to 15 s. Who is refused again waits for as long again.
    assert!(seconds <= 60, "{seconds} s for {} messages at {PER_SECOND} a second", 3 * EACH);
    for id in sent {
        let ended = world.get(&id).await;
        assert_eq!(ended.attempts(), [format!("{}:accepted", channels[0])], "{ended:?}");
    }
    let (mails, texts) = (world.mails().len(), world.texts().len());
    assert_eq!(if channels[0] == "email" { texts } else { mails }, 0, "the other channel is not paid for");
    let refused = world.aws.state.lock().unwrap().account_rate.as_ref().unwrap().refused;
    assert_eq!((accepted(&world), mails + texts), (3 * EACH, 3 * EACH + refused), "each once");
    assert!(!world.items("control").iter().any(|item| item["pk"]["S"].as_str().unwrap().starts_with("breaker#")));
}

/// Number of messages that the provider accepted.
fn accepted(world: &World) -> usize {
    world.aws.state.lock().unwrap().account_rate.as_ref().unwrap().accepted
}
