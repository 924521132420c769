//! Costs of sending.

use platform::clock::Clock;
use serde_json::json;

use world::{ApiResponse, Reply, World};

#[tokio::test]
async fn the_daily_ceiling_holds_under_many_sends_at_once_and_opens_again_the_next_day() {
    let world = World::start().await;
    // Six SMS at 0.08 EUR fit into 0.50 EUR.
    world.set("settings", r#"{"sms": {"daily_ceiling_micros": 500000}}"#);
    for user in 0..20 {
        world.put_profile(&format!("user-{user}"), json!({"phone": "+393331234567"})).await;
    }
    let to = |user: usize| json!({"to": format!("user-{user}"), "content": {"title": "Hi", "body": "there"}});
    let sent = world.batch((0..20).map(to).collect(), None).await;
    let statuses: Vec<_> = sent.body["items"].as_array().unwrap().iter().map(|item| item["status"].clone()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == "accepted").count(), 6);
    assert_eq!(world.texts().len(), 6);
    let refused = sent.body["items"].as_array().unwrap().iter().find(|item| item["status"] == "skipped").unwrap();
    assert_eq!(refused["reason"], "budget");
    world.advance(86_400);
    assert_eq!(world.send("user-1", json!({})).await.body["status"], "accepted");
}

#[tokio::test]
async fn one_person_gets_three_sms_a_day_and_no_more() {
    let world = World::start().await;
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    for _ in 0..3 {
        assert_eq!(world.send("ada", json!({})).await.body["status"], "accepted");
    }
    assert_eq!(world.send("ada", json!({})).await.body["reason"], "budget");
}

#[tokio::test]
async fn a_budget_that_is_spent_is_passed_over_while_another_channel_remains() {
    let world = World::start().await;
    world.set("settings", r#"{"sms": {"per_recipient_per_day": 0}}"#);
    world.put_profile("ada", json!({"phone": "+393331234567", "email": "ada@example.com"})).await;
    let sent = world.send("ada", json!({"channels": ["sms", "email"]})).await;
    assert_eq!((&sent.body["status"], sent.attempts()), (&json!("accepted"), vec!["email:accepted".to_owned()]));
    assert_eq!(world.texts().len(), 0);
}

#[tokio::test]
async fn sms_go_to_allowed_countries_only() {
    let world = World::start().await;
    world.put_profile("ada", json!({"phone": "+4915112345678"})).await;
    assert_eq!(world.send("ada", json!({})).await.body["reason"], "no_channel");
    world.set("settings", r#"{"sms": {"allowed_countries": ["IT", "DE"]}}"#);
    world.advance(30);
    assert_eq!(world.send("ada", json!({})).await.body["status"], "accepted");
}

#[tokio::test]
async fn a_reservation_is_released_when_a_provider_refuses() {
    let world = World::start().await;
    world.set("settings", r#"{"sms": {"daily_ceiling_micros": 80000}}"#);
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    let refusal = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameter</Code></Error></ErrorResponse>";
    world.aws.state.lock().unwrap().sns.push_back(Reply::text(400, refusal));
    let refused = world.send("ada", json!({})).await;
    assert_eq!((&refused.body["status"], &refused.body["cost_micros"]), (&json!("failed"), &json!(0)));
    assert_eq!(world.send("ada", json!({})).await.body["status"], "accepted");
}

#[tokio::test]
async fn an_alert_precedes_a_spent_budget_and_another_follows() {
    let world = World::start().await;
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    let look = async |ceiling: u32| {
        world.set("settings", &json!({"sms": {"daily_ceiling_micros": ceiling}}).to_string());
        world.advance(60);
        world.reconcile_rollout().await.unwrap();
        world.alerts()
    };
    world.send("ada", json!({})).await;
    assert_eq!(look(180_000).await.len(), 0, "80,000 of it");
    world.send("ada", json!({})).await;
    let nearly = "[P2] test budget nearly spent: sms_day";
    assert_eq!(look(180_000).await, [nearly]);
    assert_eq!(look(180_000).await, [nearly], "once");
    assert_eq!(look(160_000).await, [nearly, "[P1] test budget spent: sms_day"]);
}

#[tokio::test]
async fn a_reservation_whose_answers_were_lost_is_found_done_and_counted_once() {
    let world = World::start().await;
    world.set("settings", r#"{"sms": {"daily_ceiling_micros": 160000}}"#);
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    // All attempts of the SDK fail, so that the service's own retry runs.
    world.aws.state.lock().unwrap().answers_lost = Some(("TransactWriteItems", 3));
    assert_eq!(world.send("ada", json!({})).await.body["status"], "accepted");
    assert_eq!(world.send("ada", json!({})).await.body["status"], "accepted", "the ceiling holds two, and no third");
    assert_eq!(world.send("ada", json!({})).await.body["reason"], "budget");
    assert_eq!(world.texts().len(), 2);
}

#[tokio::test]
async fn a_short_wait_happens_in_the_invocation_and_its_reservation_serves_the_retry() {
    let world = World::start_by(Clock::System).await;
    world.set("settings", r#"{"sms": {"daily_ceiling_micros": 80000, "per_recipient_per_day": 1}}"#);
    world.put_profile("ada", json!({"phone": "+393331234567"})).await;
    let timed_out = "<ErrorResponse><Error><Type>Sender</Type><Code>RequestTimeout</Code></Error></ErrorResponse>";
    world.aws.state.lock().unwrap().sns.push_back(Reply::text(400, timed_out));
    // A batch has time for the retry.
    let to = |id| json!({"to": id, "content": {"title": "Hi", "body": "there"}});
    let sent = world.batch(vec![to("ada")], None).await;
    let only = ApiResponse { body: sent.body["items"][0].clone(), ..sent };
    assert_eq!(only.attempts(), ["sms:retry_later", "sms:accepted"]);
    assert_eq!((&only.body["status"], &only.body["cost_micros"]), (&json!("accepted"), &json!(80_000)));
    assert_eq!((world.sum("sms"), world.counted_sms()), (80_000, 1));
}
