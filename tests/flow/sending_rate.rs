//! Sending rate of the account: a provider that refuses it is not ill, so no other channel is paid for.

use serde_json::json;

use platform::clock::Clock;
use world::{ApiResponse, Reply, World};

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
