//! The type of a launched campaign: once it is changed, archived or paused, nobody else is sent to.

use fanout::TaskEnd;
use serde_json::{Value, json};

use super::campaigns::{crowd, with};
use world::World;

/// Time after which every process follows a change of a type.
const FOLLOWED_SECONDS: u64 = 31;

fn news(changes: Value) -> Value {
    let mut news = json!({"title": "News", "class": "marketing", "channels": ["push", "email"]});
    for (name, value) in changes.as_object().unwrap() {
        news[name] = value.clone();
    }
    news
}

async fn change_type(world: &World, changes: Value) {
    assert_eq!(world.put_type("NEWS", news(changes)).await.status, 200);
    world.advance(FOLLOWED_SECONDS);
}

/// A campaign to 40 people in 100 tasks, of which 30 are done, and the number of people with a message.
async fn partly_sent() -> (World, String, usize) {
    let world = crowd(40).await;
    let id = world.approved_campaign(with(json!({"rollout": {"steps": [{"percent": 100}]}}))).await;
    world.launch(&id).await;
    world.work_on_next_tasks(30).await;
    let sent = world.items("notifications").len();
    assert!((1..40).contains(&sent), "{sent}");
    (world, id, sent)
}

/// The workers give their tasks back, and the campaign pauses itself. Nobody else has a message.
async fn assert_paused(world: &World, id: &str, sent: usize, reason: &str, detail: &str) {
    assert!(world.work_on_tasks().await.iter().all(|end| *end == TaskEnd::Left));
    assert_eq!((world.items("notifications").len(), world.push.total()), (sent, sent));
    world.reconcile().await;
    let progress = world.progress(id).await;
    assert_eq!((&progress["state"], &progress["pause_reason"]), (&json!("paused"), &json!(reason)), "{progress}");
    assert!(progress["pause_detail"].as_str().unwrap().contains(detail), "{progress}");
}

async fn resume(world: &World, id: &str, client: &str) -> world::ApiResponse {
    world.campaign_request_by(client, "POST /v1/campaigns/{id}/resume", id, json!(null), None, &[]).await
}

#[tokio::test]
async fn a_type_that_changes_pauses_a_running_campaign_and_a_resume_accepts_it() {
    let (world, id, sent) = partly_sent().await;
    change_type(&world, json!({"title": "Offers", "visible_in_preferences": false})).await;
    world.reconcile().await;
    assert_eq!(world.progress(&id).await["state"], "running", "the title decides nothing");
    change_type(&world, json!({"channels": ["push", "sms"]})).await;
    assert_paused(&world, &id, sent, "type_changed", "NEWS has changed since the launch: channels").await;
    assert_eq!(resume(&world, &id, "ops-client").await.status, 200);
    world.work_on_tasks().await;
    world.reconcile().await;
    assert_eq!((world.push.total(), &world.progress(&id).await["state"]), (40, &json!("finished")));
}

#[tokio::test]
async fn a_campaign_does_not_go_on_with_a_critical_or_an_archived_type() {
    let (world, id, sent) = partly_sent().await;
    change_type(&world, json!({"class": "critical"})).await;
    assert_paused(&world, &id, sent, "type_changed", "class").await;
    let refused = resume(&world, &id, "ops-client").await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["type"]), "{refused:?}");
    change_type(&world, json!({})).await;
    assert_eq!(resume(&world, &id, "ops-client").await.status, 200, "the type is as it was");
    assert_eq!(world.type_request("DELETE", "NEWS", Value::Null).await.status, 200);
    world.advance(FOLLOWED_SECONDS);
    assert_paused(&world, &id, sent, "type_changed", "the type NEWS is archived").await;
    let refused = resume(&world, &id, "ops-client").await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["type"]), "{refused:?}");
}

#[tokio::test]
async fn a_paused_type_pauses_its_campaigns_and_holds_no_message_of_them() {
    let (world, id, sent) = partly_sent().await;
    change_type(&world, json!({"state": "paused"})).await;
    assert_paused(&world, &id, sent, "type_paused", "the type NEWS is paused").await;
    let refused = resume(&world, &id, "ops-client").await;
    assert_eq!(refused.status, 409);
    assert!(refused.body["detail"].as_str().unwrap().contains("The type NEWS is paused"), "{refused:?}");
    change_type(&world, json!({})).await;
    assert_eq!(resume(&world, &id, "ops-client").await.status, 200);
    world.work_on_tasks().await;
    world.reconcile().await;
    assert_eq!((world.push.total(), &world.progress(&id).await["state"]), (40, &json!("finished")));
}

#[tokio::test]
async fn a_campaign_is_not_launched_while_its_type_is_paused() {
    let world = crowd(3).await;
    let id = world.approved_campaign(with(json!({}))).await;
    change_type(&world, json!({"state": "paused"})).await;
    let refused = world.campaign_request("POST /v1/campaigns/{id}/launch", &id, json!({})).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body["detail"].as_str().unwrap().contains("The type NEWS is paused"), "{refused:?}");
    change_type(&world, json!({})).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    assert_eq!(world.push.total(), 3);
}

#[tokio::test]
async fn with_two_people_the_client_that_changed_the_type_cannot_resume() {
    let world = crowd(3).await;
    world.set("settings", r#"{"campaigns": {"two_people": true}}"#);
    world.advance(FOLLOWED_SECONDS);
    let id = world.approved_campaign(with(json!({"send_at": "2026-11-23T10:30:00Z"}))).await;
    let launch = "POST /v1/campaigns/{id}/launch";
    assert_eq!(world.campaign_request_by("ada", launch, &id, json!({}), None, &[]).await.status, 200);
    change_type(&world, json!({"ttl_seconds": 3_600})).await;
    world.advance(1_801);
    assert_paused(&world, &id, 0, "type_changed", "ttl_seconds").await;
    assert_eq!(resume(&world, &id, "ops-client").await.status, 409, "ops-client changed the type");
    assert_eq!(resume(&world, &id, "ada").await.status, 200);
    world.work_on_tasks().await;
    assert_eq!(world.push.total(), 3);
}
