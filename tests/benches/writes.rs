//! Table writes of a notification: the write units that the store itself reports, indexes included.
//!
//! The bench uses the world of the flow tests: the real send path over an embedded DynamoDB, which reports the consumed
//! capacity of every call. As on AWS a transaction counts double. AWS charges a write whose condition fails but does
//! not report it, so the repeated request below really costs 1.
//!
//! `cargo bench -p tests --bench writes`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use world::{ApiResponse, Reply, World};

const PUSH_TARGET: f64 = 1.0;
const PUSH_WITH_KEY_TARGET: f64 = 2.0;
const BATCH: usize = 100;
/// Size of an ordinary notification's content, with which its item stays within 1 KB.
const CONTENT_BYTES: usize = 400;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let world = World::start().await;
    people(&world).await;
    world.write_units();
    println!("write units as the store reports them, for content of {CONTENT_BYTES} bytes");
    println!("{:42}{:>7}  {:12}made by", "", "units", "target");
    pushes(&world).await;
    others(&world).await;
    later(&world).await;
}

async fn people(world: &World) {
    let phone = json!({"phone": "+393471234567"});
    world.put_profile("mailed", json!({"email": "ada@example.com", "phone": "+393471234567"})).await;
    world.put_profile("texted", phone).await;
    world.subscribe("pushed", "phone").await;
    world.subscribe("mailed", "browser").await;
}

async fn pushes(world: &World) {
    expect(&world.send("pushed", content()).await, "accepted");
    print(world, "push accepted", 1, Some(PUSH_TARGET));
    expect(&world.send_once("order-7", "pushed", content()).await, "accepted");
    print(world, "push accepted, with Idempotency-Key", 1, Some(PUSH_WITH_KEY_TARGET));
    expect(&world.send_once("order-7", "pushed", content()).await, "accepted");
    print(world, "the same request again", 1, None);
    let mut message = content();
    message["to"] = "pushed".into();
    let answer = world.batch(vec![message; BATCH], None).await;
    let items = answer.body["items"].as_array().unwrap();
    assert!(items.len() == BATCH && items.iter().all(|item| item["status"] == "accepted"), "{answer:?}");
    print(world, &format!("push accepted, each of a batch of {BATCH}"), BATCH, Some(PUSH_TARGET));
}

async fn others(world: &World) {
    expect(&world.send("nobody", content()).await, "skipped");
    print(world, "skipped: unknown recipient", 1, None);
    world.push.answer("browser", [Reply::status(410)]);
    expect(&world.send("mailed", content()).await, "accepted");
    print(world, "push gone, device removed, e-mail accepted", 1, None);
    expect(&world.send("mailed", content()).await, "accepted");
    print(world, "e-mail accepted, no device", 1, None);
    expect(&world.send("texted", short()).await, "accepted");
    print(world, "SMS accepted, no device", 1, None);
}

async fn later(world: &World) {
    let mut message = content();
    message["send_at"] = "2026-11-23T11:00:00Z".into();
    expect(&world.send("pushed", message).await, "scheduled");
    print(world, "scheduled", 1, None);
    world.advance(3_601);
    let sweep = world.sweep().await;
    assert_eq!((sweep.found, sweep.worked), (1, 1), "{sweep}");
    print(world, "and when due: push accepted", 1, None);
}

/// Content of exactly [`CONTENT_BYTES`].
fn content() -> Value {
    let mut content = json!({"title": "Invoice 7 is due", "body": "", "url": "https://example.com/invoices/7"});
    content["body"] = "x".repeat(CONTENT_BYTES - content.to_string().len()).into();
    json!({"content": content})
}

/// Content that fits into an SMS's maximum number of parts.
fn short() -> Value {
    json!({"content": {"title": "Invoice 7 is due", "body": "x".repeat(100)}})
}

fn expect(answer: &ApiResponse, status: &str) {
    assert_eq!(answer.body["status"], status, "{answer:?}");
}

/// Prints the write units since the previous call, for each of `messages`.
fn print(world: &World, case: &str, messages: usize, target: Option<f64>) {
    let writes = std::mem::take(&mut world.aws.state.lock().unwrap().writes);
    let mut made_by = BTreeMap::<_, Vec<f64>>::new();
    let each = |units: f64| units / messages as f64;
    // `sum` of an empty iterator would be -0.
    let total = writes.iter().fold(0.0, |total, (_, units)| total + units);
    writes.iter().for_each(|(call, units)| made_by.entry(call).or_default().push(*units));
    let made_by = made_by
        .iter()
        .map(|(call, units)| format!("{call} x {} = {}", each(units.len() as f64), each(units.iter().sum())));
    let target = target.map(|most| format!("at most {most}")).unwrap_or_default();
    println!("{case:42}{:>7.1}  {target:12}{}", each(total), made_by.collect::<Vec<_>>().join(", "));
}
