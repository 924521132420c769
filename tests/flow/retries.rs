//! Retries: when a provider asks for one, as often as the type allows, and never after the expiry.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use world::{ApiResponse, Reply, World};

fn timed_out(retry_after: &str) -> Reply {
    let body = "<ErrorResponse><Error><Type>Sender</Type><Code>RequestTimeout</Code></Error></ErrorResponse>";
    Reply::text(400, body).with("Retry-After", retry_after)
}

/// Time between the only attempt and the next action, in whole seconds.
fn waits_seconds(answer: &ApiResponse) -> i64 {
    let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    assert_eq!(answer.body["attempts"].as_array().map(Vec::len), Some(1), "{answer:?}");
    time(&answer.body["next_action_at"]).duration_since(time(&answer.body["attempts"][0]["at"])).as_secs()
}

#[tokio::test]
async fn every_provider_is_called_again_at_its_retry_time_in_seconds_or_as_a_date() {
    for retry_after in ["300", "Mon, 23 Nov 2026 10:05:00 GMT"] {
        let world = World::start().await;
        world.subscribe("ada", "phone").await;
        world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
        world.push.answer("phone", [Reply::status(503).with("Retry-After", retry_after)]);
        {
            let mut aws = world.aws.state.lock().unwrap();
            aws.ses.push_back(timed_out(retry_after));
            aws.sns.push_back(timed_out(retry_after));
        }
        for channel in ["push", "email", "sms"] {
            let sent = world.send("ada", json!({"channels": [channel]})).await;
            assert_eq!(sent.attempts(), [format!("{channel}:retry_later")], "{retry_after}");
            // Up to a tenth is added, so that retries spread.
            assert!((300..=331).contains(&waits_seconds(&sent)), "{channel} {retry_after}: {sent:?}");
        }
        world.advance(299);
        assert_eq!(world.sweep().await.found, 0);
        world.advance(40);
        assert_eq!(world.sweep().await.worked, 3);
        assert_eq!((world.push.count("phone"), world.mails().len(), world.texts().len()), (2, 2, 2));
    }
}

#[tokio::test]
async fn a_wait_beyond_the_lifetime_gives_the_next_channel_its_chance_at_once() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world.push.answer("phone", [Reply::status(429).with("Retry-After", "600")]);
    world.aws.state.lock().unwrap().ses.push_back(timed_out("600"));
    let sent = world.send("ada", json!({"ttl_seconds": 600})).await;
    assert_eq!(sent.attempts(), ["push:retry_later", "email:retry_later"]);
    assert_eq!((&sent.body["status"], &sent.body["reason"]), (&json!("failed"), &json!("retries_spent")));
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(429).with("Retry-After", "600")]);
    let longer = world.send("ada", json!({"ttl_seconds": 700})).await;
    assert_eq!((&longer.body["status"], longer.attempts()), (&json!("cascading"), vec!["push:retry_later".to_owned()]));
}

#[tokio::test]
async fn nothing_begins_after_the_lifetime_however_long_storing_its_lease_takes() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.put_profile("bob", json!({"email": "bob@example.com"})).await;
    world.put_profile("eve", json!({"phone": "+393331234567"})).await;
    world.aws.state.lock().unwrap().writes_take = Some((world.clock.clone(), 2));
    for to in ["ada", "bob", "eve"] {
        // The topic makes the push store a lease first.
        let sent = world.send(to, json!({"ttl_seconds": 2, "topic": "score"})).await;
        assert_eq!((&sent.body["status"], &sent.body["attempts"]), (&json!("expired"), &json!([])), "{to}");
    }
    assert_eq!((world.push.count("phone"), world.mails().len(), world.texts().len()), (0, 0, 0));
    assert_eq!((world.sum("day"), world.counted_sms()), (0, 0), "what was not sent gives its money back");
}

#[tokio::test]
async fn every_try_is_kept_and_no_wait_is_longer_than_it_must_be() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.set("settings", &json!({"types": {"DEFAULT": {"tries": 3}}}).to_string());
    world.push.answer("phone", std::iter::repeat_n(Reply::status(500), 20));
    let sent = world.send("ada", json!({})).await;
    let id = sent.body["id"].as_str().unwrap();
    let longest = |made: u32| SignedDuration::from_secs((1 << (made - 1)).min(600));
    // The last remaining channel gets three times as many attempts.
    for made in 1..9 {
        let before = world.get(id).await;
        let kept = before.body["attempts"].as_array().unwrap();
        assert_eq!(kept.len(), usize::try_from(made).unwrap());
        assert!(kept.iter().all(|one| one["outcome"] == "retry_later" && one["status_code"] == 500));
        let next: Timestamp = before.body["next_action_at"].as_str().unwrap().parse().unwrap();
        let ended: Timestamp = kept.last().unwrap()["at"].as_str().unwrap().parse().unwrap();
        let latency_ms = kept.last().unwrap()["latency_ms"].as_i64().unwrap();
        assert!(next.duration_since(ended) <= longest(made) + SignedDuration::from_millis(latency_ms), "{made}");
        world.advance(700);
        world.sweep().await;
    }
    let end = world.get(id).await;
    assert_eq!((&end.body["status"], &end.body["reason"]), (&json!("failed"), &json!("retries_spent")));
    assert_eq!((end.attempts().len(), world.push.count("phone")), (9, 9));
}
