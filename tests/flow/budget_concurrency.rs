//! A thousand messages under a budget: exactly as many are sent as the budget covers, to the cent, and none is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use send::SendApi;
use serde_json::{Value, json};

use world::World;

const SMS_MICROS: i64 = 70_000;
const EMAIL_MICROS: i64 = 92;
/// Number of messages in one request to an instance of send, and number of instances.
const BATCH: usize = 10;
const INSTANCES: usize = 8;
/// Number of messages for one recipient.
const EACH: usize = 4;

/// A world with these budgets and enough recipients for so many messages; all have a phone, every other one an address
/// too.
async fn a_crowd(messages: usize, mut settings: Value) -> World {
    let world = World::start().await;
    settings["prices"]["sms_micros"]["IT"] = json!(SMS_MICROS);
    settings["sms"]["per_recipient_per_day"] = json!(EACH);
    world.set("settings", &settings.to_string());
    let people: Vec<_> = (0..messages / EACH).collect();
    for some in people.chunks(32) {
        join_all(some.iter().map(async |user| {
            let mut profile = json!({"phone": "+393331234567"});
            if user % 2 == 0 {
                profile["email"] = json!(format!("user-{user}@example.com"));
            }
            world.put_profile(&format!("user-{user}"), profile).await;
        }))
        .await;
    }
    world
}

/// Sends to all of them from several instances of send at once, with 80 messages in work at any time.
async fn all_at_once(world: &World, messages: usize) -> Vec<Value> {
    let to = |number: usize| {
        let to = format!("user-{}", number % (messages / EACH));
        json!({"to": to, "content": {"title": "Hi", "body": "there"}, "channels": ["sms", "email"]})
    };
    let messages: Vec<_> = (0..messages).map(to).collect();
    let batches: Vec<_> = messages.chunks(BATCH).collect();
    let instance = async |first: usize| {
        let send = world.another_send().await;
        let mut items = Vec::new();
        for (number, batch) in batches.iter().enumerate().skip(first).step_by(INSTANCES) {
            items.extend(post_until_accepted(world, &send, batch, &format!("batch-{number}")).await);
        }
        items
    };
    join_all((0..INSTANCES).map(instance)).await.into_iter().flatten().collect()
}

/// A caller's retry after a 503 of a busy machine: the same batch under the same key.
async fn post_until_accepted(world: &World, send: &SendApi, batch: &[Value], key: &str) -> Vec<Value> {
    loop {
        let answer = world.batch_by(send, batch, key).await;
        let items = answer.body["items"].as_array().cloned().unwrap_or_default();
        if items.len() == batch.len() && items.iter().all(|item| item["id"].is_string()) {
            return items;
        }
        assert!([202, 409, 503].contains(&answer.status), "{answer:?}");
    }
}

/// Counts of `accepted sms`, `accepted email` and `skipped budget` once nothing is due any more.
async fn ends(world: &World) -> BTreeMap<String, usize> {
    for _ in 0..100 {
        if world.items("notifications").iter().all(|item| item.get("due_shard").is_none()) {
            break;
        }
        world.advance(16);
        world.sweep().await;
    }
    let mut ends = BTreeMap::new();
    for item in world.items("notifications") {
        let text = |name: &str| item[name]["S"].as_str().unwrap_or_default();
        let how = if text("channel").is_empty() { text("reason") } else { text("channel") };
        *ends.entry(format!("{} {how}", text("status"))).or_default() += 1;
    }
    ends
}

#[tokio::test]
async fn a_thousand_sends_before_a_ceiling_of_5_euros_are_71_sms_and_the_rest_goes_on_or_is_skipped() {
    let world = a_crowd(1_000, json!({"budgets": {"hour_micros": 5_000_000}})).await;
    let answers = all_at_once(&world, 1_000).await;
    let ends = ends(&world).await;
    // 71 SMS at 0.07 EUR fit into 5.00 EUR, 72 do not; 326 e-mails more fit.
    assert_eq!((answers.len(), world.texts().len(), ends["accepted sms"]), (1_000, 71, 71), "{ends:?}");
    assert_eq!((world.mails().len(), ends["accepted email"], ends["skipped budget"]), (326, 326, 603), "{ends:?}");
    let refused = answers.iter().filter(|answer| answer["status"] == "skipped");
    assert!(refused.clone().count() > 0 && refused.clone().all(|answer| answer["over_budget"]["sms"] == "hour"));
    assert_eq!((world.sum("sms"), world.counted_sms()), (71 * SMS_MICROS, 71));
    assert_eq!(["h10", "day"].map(|name| world.sum(name)), [71 * SMS_MICROS + 326 * EMAIL_MICROS; 2]);
}

#[tokio::test]
async fn concurrent_reservations_of_one_sum_are_retried_and_none_is_lost_or_refused() {
    let world = a_crowd(40, json!({"sms": {"daily_ceiling_micros": 10 * SMS_MICROS}})).await;
    // As in DynamoDB, while one transaction holds an item, every other transaction on it is refused.
    world.aws.state.lock().unwrap().transactions_take = Some(Duration::from_millis(40));
    let answers = all_at_once(&world, 40).await;
    let waiting = answers.iter().filter(|answer| answer["status"] == "cascading").count();
    assert!(waiting > 0 && answers.iter().all(|answer| answer["status"] != "failed"), "{answers:?}");
    world.aws.state.lock().unwrap().transactions_take = Some(Duration::from_millis(2));
    let ends = ends(&world).await;
    assert_eq!((world.texts().len(), ends["accepted sms"]), (10, 10), "{ends:?}");
    let known = ["accepted sms", "accepted email", "skipped budget"].map(|how| ends.get(how).copied().unwrap_or(0));
    assert_eq!((known.iter().sum::<usize>(), world.sum("sms")), (40, 10 * SMS_MICROS), "{ends:?}");
}
