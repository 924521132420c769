//! What a request writes: writes are the bill.

use serde_json::json;

use crate::world::{Reply, World};

#[tokio::test]
async fn an_accepted_push_costs_4_write_units_and_5_with_an_idempotency_key() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.write_units();
    let content = json!({"content": {"title": "Your certificate expires", "body": "On Friday. ".repeat(30)}});
    world.send("ada", content.clone()).await;
    assert_eq!(world.write_units(), 4.0);
    world.send_once("k-1", "ada", content.clone()).await;
    assert_eq!(world.write_units(), 5.0);
    world.send_once("k-1", "ada", content).await;
    assert_eq!(world.write_units(), 0.0, "a replay writes nothing but its refused record");
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
    assert!(world.write_units() <= 7.0);
}
