//! Supply of a campaign: a budget that is spent, or a push service that does not answer, pauses it.

use serde_json::{Value, json};

use super::campaigns::{crowd, with};
use world::{Reply, World};

async fn state(world: &World, id: &str) -> (Value, Value) {
    let progress = world.progress(id).await;
    assert_eq!(progress["sending"]["numbers"]["balanced"], true, "{progress}");
    (progress["state"].clone(), progress["pause_reason"].clone())
}

#[tokio::test]
async fn a_spent_budget_pauses_a_campaign_and_the_rest_is_sent_to_after_the_resume() {
    let world = crowd(0).await;
    let day = |micros: u64| json!({"prices": {"email_micros": 1_000}, "budgets": {"day_micros": micros}}).to_string();
    world.set("settings", &day(20_000));
    world.advance(21);
    for number in 0..80 {
        let id = format!("mail-{number}");
        world.put_profile(&id, json!({"email": format!("{id}@example.com")})).await;
    }
    let id = world.approved_campaign(with(json!({}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    assert_eq!(world.mails().len(), 20);
    world.advance(60);
    world.reconcile().await;
    assert_eq!(state(&world, &id).await, (json!("paused"), json!("budget")));
    assert!(world.progress(&id).await["pause_detail"].as_str().unwrap().contains("the budget day is spent"));
    assert_eq!(world.next_task(), None, "the task is not released again");
    world.set("settings", &day(200_000));
    world.advance(21);
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/resume", &id, json!(null)).await.status, 200);
    world.work_on_tasks().await;
    world.reconcile().await;
    assert_eq!(state(&world, &id).await.0, "finished");
    let numbers = world.progress(&id).await["sending"]["numbers"].clone();
    let skipped = numbers["skipped"]["budget"].as_u64().unwrap();
    assert!((1..=16).contains(&skipped), "those who were begun already: {numbers}");
    assert_eq!((numbers["sent"].as_u64().unwrap() + skipped, world.mails().len() as u64), (80, 80 - skipped));
}

#[tokio::test]
async fn a_push_service_that_does_not_answer_for_ten_minutes_pauses_a_campaign() {
    let world = crowd(40).await;
    let steps = json!({"steps": [{"percent": 100}]});
    let guards = json!({"min_people": 5, "max_failed_percent": 100});
    let id = world.approved_campaign(with(json!({"rollout": steps, "guards": guards}))).await;
    world.push.always(Some(Reply::status(503)));
    world.launch(&id).await;
    for _ in 0..60 {
        let task = world.next_task().unwrap();
        world.work_on_task(&world.fanout, &task).await.unwrap();
    }
    world.advance(300);
    world.reconcile().await;
    assert_eq!(state(&world, &id).await, (json!("running"), json!(null)), "not for long yet");
    world.advance(301);
    world.reconcile().await;
    assert_eq!(state(&world, &id).await, (json!("paused"), json!("provider")), "{}", world.progress(&id).await);
    world.push.always(None);
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/resume", &id, json!(null)).await.status, 200);
    world.reconcile().await;
    assert_eq!(state(&world, &id).await.0, "running", "an operator may try again for ten minutes");
}
