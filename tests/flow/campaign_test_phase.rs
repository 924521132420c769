//! Test phases: a share of the people gets the variants first, and the rest gets the winner.

use std::time::Duration;

use delivery::LinkAction;
use domain::channel::Channel;
use domain::notification::NotificationId;
use serde_json::{Value, json};

use super::campaigns::{crowd, with};
use world::{World, keys};

fn tested() -> Value {
    let text = |title: &str| json!({"title": title, "body": "text"});
    let variants = json!([
        {"name": "a", "weight_bp": 5_000, "content": text("A")}, {"name": "b", "weight_bp": 5_000, "content": text("B")}]);
    let test = json!({"share_percent": 50, "hours": 2, "metric": "clicked", "then": "winner"});
    with(json!({"content": null, "variants": variants, "test": test, "holdout_percent": 10}))
}

/// Lets the recipients of these variants click.
async fn click(world: &World, id: &str, variants: &[&str]) {
    let people = world.campaign_request("GET /v1/campaigns/{id}/recipients", id, json!(null)).await.body;
    for one in people["items"].as_array().unwrap() {
        if one["variant"].as_str().is_some_and(|variant| variants.contains(&variant)) {
            let id = NotificationId::parse(one["notification"].as_str().unwrap()).unwrap();
            let until = world.clock.now() + Duration::from_secs(3_600);
            let token = keys().sign(&LinkAction::Receipt(id, Channel::Push), until);
            assert_eq!(world.receipt(&token, "clicked", json!({})).await.status, 200);
        }
    }
    world.fold().await;
}

#[tokio::test]
async fn the_others_get_the_winner_and_each_person_one_message() {
    let world = crowd(60).await;
    let id = world.approved_campaign(tested()).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    let first = world.push.total();
    assert!((10..=45).contains(&first), "{first} of 60 people");
    click(&world, &id, &["b"]).await;
    world.advance(3_600);
    world.reconcile().await;
    assert_eq!(world.next_task(), None, "the test goes on");
    assert_eq!(world.progress(&id).await["sending"]["limiting_factor"], "test_phase");
    world.advance(3_601);
    world.reconcile().await;
    world.work_on_tasks().await;
    world.reconcile().await;
    let shown = world.campaign_request("GET /v1/campaigns/{id}", &id, json!(null)).await.body;
    let winner = &shown["launch"]["winner"];
    assert_eq!((&shown["state"], &winner["variant"]), (&json!("finished"), &json!("b")), "{shown}");
    assert!(winner["detail"].as_str().unwrap().contains("percentage points more clicked than a"), "{winner}");
    let numbers = world.progress(&id).await["sending"]["numbers"].clone();
    let number = |name: &str| numbers[name].as_u64().unwrap();
    assert_eq!((&numbers["balanced"], number("matched"), number("sent") + number("holdout")), (&json!(true), 60, 60));
    assert_eq!(numbers["by_variant"]["b.rest"].as_u64().unwrap(), (world.push.total() - first) as u64, "{numbers}");
    for person in 0..60 {
        assert!(world.push.count(&format!("user-{person}")) <= 1, "user-{person}");
    }
    assert_eq!(world.items("notifications").len(), world.push.total());
    let results = world.campaign_request("GET /v1/campaigns/{id}/results", &id, json!(null)).await.body;
    assert_eq!(results["comparisons"].as_array().unwrap().len(), 3, "the rest is no part of the test: {results}");
}

#[tokio::test]
async fn without_a_difference_the_first_variant_is_taken_and_a_pause_delays_the_choice() {
    let world = crowd(60).await;
    let id = world.approved_campaign(tested()).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    click(&world, &id, &["a", "b"]).await;
    world.campaign_request("POST /v1/campaigns/{id}/pause", &id, json!(null)).await;
    world.advance(3 * 3_600);
    world.reconcile().await;
    assert_eq!(world.next_task(), None, "it is paused");
    world.campaign_request("POST /v1/campaigns/{id}/resume", &id, json!(null)).await;
    world.work_on_tasks().await;
    let shown = world.campaign_request("GET /v1/campaigns/{id}", &id, json!(null)).await.body;
    let winner = &shown["launch"]["winner"];
    assert_eq!(winner["variant"], "a");
    assert!(winner["detail"].as_str().unwrap().starts_with("no difference shown in clicked"), "{winner}");
}
