//! Dependencies of a campaign: a budget that is spent, or a push service that does not answer, pauses it.

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
    everybody_is_sent_to_after_a_budget(crowd(0).await).await;
}

/// A person who holds a slot of the caps is stored alone.
#[tokio::test]
async fn a_spent_budget_skips_nobody_who_holds_a_slot_of_the_caps() {
    let world = crowd(0).await;
    let rules = json!({"rules": [{"id": "day", "max": 5, "per": "day"}]});
    assert_eq!(world.caps_request("PUT", rules, None, &[]).await.status, 200);
    world.advance(31);
    everybody_is_sent_to_after_a_budget(world).await;
}

async fn everybody_is_sent_to_after_a_budget(world: World) {
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
    assert_eq!((&numbers["sent"], &numbers["skipped"]), (&json!(80), &json!({})), "{numbers}");
    assert_eq!(world.mails().len(), 80);
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
