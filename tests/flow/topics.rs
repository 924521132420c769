//! Messages of one topic replace each other: in retries, fallbacks and deferred sends an older message never follows a
//! newer one.

use serde_json::{Value, json};

use world::{ApiResponse, Browser, Reply, World};

async fn again(world: &World, sent: &ApiResponse) -> ApiResponse {
    world.get(sent.body["id"].as_str().unwrap()).await
}

fn about(title: &str, extra: Value) -> Value {
    let mut message = json!({"topic": "order-7", "content": {"title": title, "body": "Your order."}});
    message.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    message
}

fn is_superseded(answer: &ApiResponse) -> bool {
    (&answer.body["status"], &answer.body["reason"]) == (&json!("skipped"), &json!("superseded"))
}

/// The titles that a browser received, in order.
fn titles(world: &World, browser: &Browser, device: &str) -> Vec<String> {
    let opened = world.push.all_opened(device, browser);
    opened.iter().map(|(_, message)| message["title"].as_str().unwrap().to_owned()).collect()
}

fn timed_out(retry_after: &str) -> Reply {
    let body = "<ErrorResponse><Error><Type>Sender</Type><Code>RequestTimeout</Code></Error></ErrorResponse>";
    Reply::text(400, body).with("Retry-After", retry_after)
}

#[tokio::test]
async fn a_retry_whose_topic_has_a_newer_message_that_was_taken_is_not_made() {
    for reply in [Reply::status(503).with("Retry-After", "3"), Reply::status(429).with("Retry-After", "30")] {
        let world = World::start().await;
        world.subscribe("ada", "phone").await;
        world.push.answer("phone", [reply]);
        let shipped = world.send("ada", about("shipped", json!({}))).await;
        assert_eq!(shipped.body["status"], "cascading");
        world.advance(34);
        let delivered = world.send("ada", about("delivered", json!({}))).await;
        assert_eq!(delivered.body["status"], "accepted");
        world.advance(60);
        world.sweep().await;
        let end = again(&world, &shipped).await;
        assert!(is_superseded(&end), "{end:?}");
        assert_eq!((end.attempts(), &end.body["next_action_at"]), (vec!["push:retry_later".to_owned()], &Value::Null));
        assert_eq!(world.push.count("phone"), 2);
    }
}

#[tokio::test]
async fn another_topic_another_person_and_no_topic_are_not_concerned() {
    let world = World::start().await;
    for id in ["ada", "bob"] {
        world.subscribe(id, id).await;
    }
    let mut waiting = Vec::new();
    for message in [about("a", json!({})), about("b", json!({"topic": "order-8"})), json!({})] {
        world.push.answer("ada", [Reply::status(503).with("Retry-After", "3")]);
        waiting.push(world.send("ada", message).await);
        world.advance(5);
    }
    world.send("bob", about("delivered", json!({}))).await;
    world.send("ada", about("delivered", json!({"topic": "order-9"}))).await;
    world.send("ada", json!({})).await;
    world.advance(60);
    world.sweep().await;
    for sent in &waiting {
        assert_eq!(again(&world, sent).await.body["status"], "accepted");
    }
}

#[tokio::test]
async fn the_result_of_the_newer_message_decides() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(503).with("Retry-After", "30"), Reply::status(400)]);
    let first = world.send("ada", about("first", json!({}))).await;
    world.advance(31);
    let refused = world.send("ada", about("refused", json!({}))).await;
    assert_eq!(refused.body["status"], "failed");
    let cancelled = world.send("ada", about("cancelled", json!({"send_at": "2026-11-23T12:00:00Z"}))).await;
    world.cancel(cancelled.body["id"].as_str().unwrap()).await;
    world.advance(60);
    world.sweep().await;
    assert_eq!(again(&world, &first).await.body["status"], "accepted", "nothing newer was accepted");
}

#[tokio::test]
async fn on_every_channel_an_older_one_is_superseded() {
    for (channel, other) in [("email", "email"), ("sms", "sms"), ("email", "push"), ("sms", "push"), ("push", "email")]
    {
        let world = World::start().await;
        world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
        world.subscribe("ada", "phone").await;
        world.push.answer(
            "phone",
            if channel == "push" { vec![Reply::status(503).with("Retry-After", "3")] } else { vec![] },
        );
        {
            let mut aws = world.aws.state.lock().unwrap();
            aws.ses.extend((channel == "email").then(|| timed_out("3")));
            aws.sns.extend((channel == "sms").then(|| timed_out("3")));
        }
        let older = world.send("ada", about("older", json!({"channels": [channel]}))).await;
        assert_eq!(older.attempts(), [format!("{channel}:retry_later")]);
        let calls = || (world.push.count("phone"), world.mails().len(), world.texts().len());
        world.advance(20);
        let newer = world.send("ada", about("newer", json!({"channels": [other]}))).await;
        assert_eq!(newer.body["status"], "accepted", "{other}: {newer:?}");
        let before = calls();
        world.advance(60);
        world.sweep().await;
        let end = again(&world, &older).await;
        assert!(is_superseded(&end), "{channel}, {other}: {end:?}");
        assert_eq!((calls(), end.body["cost_micros"].clone()), (before, json!(0)), "{channel}, {other}");
    }
}

#[tokio::test]
async fn a_newer_message_that_a_provider_may_have_taken_supersedes_too() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    let body = "<ErrorResponse><Error><Code>RequestTimeout</Code></Error></ErrorResponse>";
    world.aws.state.lock().unwrap().ses.push_back(Reply::text(400, body));
    let shipped = world.send("ada", about("shipped", json!({"channels": ["email"]}))).await;
    assert_eq!(shipped.attempts(), ["email:retry_later"]);
    world.aws.state.lock().unwrap().ses.push_back(Reply::status(500));
    world.advance(2);
    let delivered = world.send("ada", about("delivered", json!({"channels": ["email"]}))).await;
    assert_eq!(delivered.body["status"], "uncertain", "{delivered:?}");
    world.advance(60);
    world.sweep().await;
    assert!(is_superseded(&again(&world, &shipped).await));
    assert_eq!(world.mails().len(), 2);
}

#[tokio::test]
async fn a_fallback_that_waited_is_superseded_and_what_was_taken_stays_accepted() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    world.subscribe("ada", "phone").await;
    // Accepted by push, and waiting for proof before an e-mail follows.
    let older = world.send("ada", about("older", json!({"type": "CERTIFICATE_EXPIRING"}))).await;
    assert_eq!(older.body["status"], "cascading");
    world.advance(10);
    world.send("ada", about("newer", json!({}))).await;
    world.advance(90_000);
    world.sweep().await;
    let end = again(&world, &older).await;
    assert_eq!((&end.body["status"], end.attempts()), (&json!("accepted"), vec!["push:accepted".to_owned()]));
    assert_eq!(world.mails().len(), 0);
}

#[tokio::test]
async fn version_1_supersedes_and_is_superseded() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(503).with("Retry-After", "3")]);
    let older = world.send("ada", about("older", json!({}))).await;
    let scheduled = world.send("ada", about("scheduled", json!({"send_at": "2026-11-23T10:00:20Z"}))).await;
    world.set("rollout-percentage", "0");
    world.advance(40);
    let newer = world.send("ada", about("newer", json!({}))).await;
    assert_eq!((&newer.body["status"], &newer.body["version"]), (&json!("accepted"), &json!("v1")));
    world.set("rollout-percentage", "100");
    world.advance(40);
    world.sweep().await;
    assert!(is_superseded(&again(&world, &older).await));
    assert!(is_superseded(&again(&world, &scheduled).await));
    assert_eq!(world.push.count("phone"), 2);
}

#[tokio::test]
async fn the_later_due_time_makes_a_message_newer() {
    let mut world = World::start().await;
    let browser = world.subscribe("ada", "phone").await;
    let reminder = world.send("ada", about("reminder", json!({"send_at": "2026-11-23T10:10:00Z"}))).await;
    world.advance(10);
    assert_eq!(world.send("ada", about("now", json!({}))).await.body["status"], "accepted");
    world.advance(580);
    world.push.answer("phone", [Reply::status(503).with("Retry-After", "15")]);
    let before = world.send("ada", about("just before", json!({}))).await;
    assert_eq!(before.body["status"], "cascading");
    world.advance(20);
    world.cold_start().await;
    world.sweep().await;
    let outcome_counts = [again(&world, &reminder).await, again(&world, &before).await];
    assert_eq!(
        outcome_counts[0].body["status"], "accepted",
        "what was sent before it was due is older: {:?}",
        outcome_counts[0]
    );
    let shown = titles(&world, &browser, "phone");
    assert_eq!(shown.last().unwrap(), "reminder", "{shown:?}");
}

#[tokio::test]
async fn of_a_batch_those_of_one_topic_go_in_order_and_the_last_is_shown() {
    let world = World::start().await;
    let browser = world.subscribe("ada", "phone").await;
    for round in 0..20 {
        let to_ada = |title: String| {
            let mut message = about(&title, json!({"to": "ada"}));
            message["topic"] = json!(format!("order-{round}"));
            message
        };
        let messages = ["ordered", "paid", "shipped", "delivered"].map(|title| to_ada(format!("{title} {round}")));
        let key = (round % 2 == 0).then(|| format!("k-{round}"));
        let sent = world.batch(messages.to_vec(), key.as_deref()).await;
        let items = sent.body["items"].as_array().unwrap();
        assert!(items.iter().all(|item| item["status"] == "accepted"), "{sent:?}");
    }
    let expected =
        (0..20).flat_map(|round| ["ordered", "paid", "shipped", "delivered"].map(|title| format!("{title} {round}")));
    assert_eq!(titles(&world, &browser, "phone"), expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn of_a_batch_the_place_decides_whatever_the_ids_are() {
    for round in 0..8 {
        let world = World::start().await;
        world.subscribe("ada", "phone").await;
        world.push.answer("phone", [Reply::status(500)]);
        let messages = ["shipped", "delivered"].map(|title| about(title, json!({"to": "ada"})));
        let key = format!("k-{round}");
        let sent = world.batch(messages.to_vec(), Some(&key)).await;
        let statuses = |sent: &ApiResponse| -> Vec<Value> {
            sent.body["items"].as_array().unwrap().iter().map(|item| item["status"].clone()).collect()
        };
        if statuses(&sent) != ["accepted", "accepted"] {
            assert_eq!(statuses(&sent), ["cascading", "accepted"]);
            world.advance(60);
            world.sweep().await;
            assert_eq!(statuses(&world.batch(messages.to_vec(), Some(&key)).await), ["skipped", "accepted"]);
            assert_eq!(world.push.count("phone"), 2);
        }
    }
}

#[tokio::test]
async fn those_of_one_topic_that_come_due_together_end_with_the_newest_on_the_screen() {
    for _ in 0..5 {
        let world = World::start().await;
        let browser = world.subscribe("ada", "phone").await;
        for second in ["01", "02", "03", "04"] {
            let at = format!("2026-11-23T10:00:{second}Z");
            world.send("ada", about(second, json!({"send_at": at}))).await;
        }
        for _ in 0..3 {
            world.advance(60);
            world.sweep().await;
        }
        let shown = titles(&world, &browser, "phone");
        assert_eq!(shown.last().unwrap(), "04", "{shown:?}");
        assert!(shown.is_sorted(), "an older one follows a newer one: {shown:?}");
        let open = world.items("notifications").iter().filter(|item| item["status"]["S"] == "cascading").count();
        assert_eq!(open, 0);
    }
}

#[tokio::test]
async fn a_message_without_a_topic_and_an_immediate_one_with_it_read_nothing_more() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.write_units();
    for (message, units) in [(json!({}), 1.0), (about("delivered", json!({})), 4.0)] {
        assert_eq!(world.send("ada", message).await.body["status"], "accepted");
        assert_eq!(world.write_units(), units);
    }
}

#[tokio::test]
async fn metrics_count_superseded_apart_from_other_skips() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(503).with("Retry-After", "3")]);
    world.send("ada", about("shipped", json!({}))).await;
    world.advance(5);
    world.send("ada", about("delivered", json!({}))).await;
    world.advance(60);
    world.sweep().await;
    let metrics = world.metrics().await;
    assert_eq!(metrics["summary"]["skipped"]["superseded"], 1, "{:?}", metrics["summary"]);
}
