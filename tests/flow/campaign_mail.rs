//! E-mails of campaigns within the quota of SES, and SMS within the rate of SNS.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::campaigns::{crowd, with};
use world::World;

/// A world with people who get an e-mail, beside those who get a push.
async fn mailed(pushes: usize, mails: usize) -> World {
    let world = crowd(pushes).await;
    for number in 0..mails {
        let id = format!("mail-{number}");
        world.put_profile(&id, json!({"email": format!("{id}@example.com")})).await;
    }
    world
}

fn quota(world: &World, quota: Option<[f64; 3]>) {
    world.aws.state.lock().unwrap().mail_quota = quota;
}

async fn limit(world: &World, id: &str) -> (Value, Value) {
    let sending = world.progress(id).await["sending"].clone();
    (sending["limiting_factor"].clone(), sending["effective_rate_per_second"].clone())
}

fn in_steps() -> Value {
    with(json!({"rollout": {"steps": [{"percent": 100}]}}))
}

#[tokio::test]
async fn the_send_rate_of_ses_is_the_pace_of_each_task_and_is_read_once_a_minute() {
    let world = mailed(0, 40).await;
    quota(&world, Some([100.0, 50_000.0, 0.0]));
    let id = world.approved_campaign(with(json!({}))).await;
    let planned = world.progress(&id).await["plan"].clone();
    assert_eq!((&planned["duration_seconds"], &planned["warnings"]), (&json!(1), &json!([])), "40 at 70 a second");
    world.launch(&id).await;
    assert_eq!(limit(&world, &id).await, (json!("ses_rate"), json!(70.0)));
    let began = Instant::now();
    world.work_on_tasks().await;
    assert!(began.elapsed() >= Duration::from_millis(39 * 15), "{:?}", began.elapsed());
    assert_eq!(world.mails().len(), 40);
    for _ in 0..5 {
        world.reconcile().await;
    }
    assert_eq!(world.aws.state.lock().unwrap().mail_quota_reads, 1);
}

#[tokio::test]
async fn a_campaign_waits_for_the_quota_of_24_hours_and_its_plan_warns() {
    let world = mailed(0, 60).await;
    quota(&world, Some([1_000.0, 200.0, 170.0]));
    let id = world.approved_campaign(in_steps()).await;
    let warnings = world.progress(&id).await["plan"]["warnings"].to_string();
    assert!(warnings.contains("60 people would get an e-mail first") && warnings.contains("21 more"), "{warnings}");
    world.launch(&id).await;
    world.work_on_tasks().await;
    let first = world.mails().len();
    assert!((1..=40).contains(&first), "about 21 of 60: {first}");
    assert_eq!(limit(&world, &id).await.0, "ses_quota");
    quota(&world, Some([1_000.0, 200.0, 200.0]));
    world.advance(60);
    world.reconcile().await;
    assert_eq!((world.next_task(), limit(&world, &id).await.0), (None, json!("ses_quota")));
    quota(&world, Some([1_000.0, 200.0, 0.0]));
    world.advance(60);
    world.reconcile().await;
    world.work_on_tasks().await;
    assert_eq!(world.mails().len(), 60);
    world.reconcile().await;
    assert_eq!(world.progress(&id).await["state"], "finished");
}

#[tokio::test]
async fn pushes_go_on_while_ses_does_not_tell_its_quota_or_has_none_left() {
    for of_ses in [None, Some([1_000.0, 200.0, 200.0])] {
        let world = mailed(30, 5).await;
        quota(&world, of_ses);
        let id = world.approved_campaign(with(json!({}))).await;
        let warnings = world.progress(&id).await["plan"]["warnings"].to_string();
        assert!(warnings.contains("SES"), "{warnings}");
        world.launch(&id).await;
        world.work_on_tasks().await;
        assert_eq!((world.push.total(), world.mails().len()), (30, 5));
    }
}

#[tokio::test]
async fn campaigns_with_e_mails_share_the_quota_and_one_of_pushes_alone_does_not_read_it() {
    let world = mailed(5, 40).await;
    let pushed = json!({"field": "has.push", "op": "eq", "value": true});
    let id = world.approved_campaign(with(json!({"filter": pushed}))).await;
    world.launch(&id).await;
    world.reconcile().await;
    assert_eq!(world.aws.state.lock().unwrap().mail_quota_reads, 0);
    quota(&world, Some([100.0, 50_000.0, 0.0]));
    let mailed = json!({"field": "has.email", "op": "eq", "value": true});
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(world.approved_campaign(with(json!({"filter": mailed}))).await);
    }
    for id in &ids {
        world.launch(id).await;
    }
    world.reconcile().await;
    assert_eq!(limit(&world, &ids[1]).await, (json!("ses_rate"), json!(35.0)));
}

#[tokio::test]
async fn campaigns_with_sms_share_the_rate_of_sns_and_single_sms_do_not_wait() {
    let world = crowd(5).await;
    world.set("settings", r#"{"sms": {"max_per_second": 100, "daily_ceiling_micros": 100000000}}"#);
    for number in 0..30 {
        world.put_profile(&format!("sms-{number}"), json!({"phone": format!("+3933312345{number:02}")})).await;
    }
    let texts = json!({"title": "Texts", "class": "marketing", "channels": ["sms"]});
    assert_eq!(world.put_type("TEXTS", texts).await.status, 201);
    let phoned = json!({"field": "has.sms", "op": "eq", "value": true});
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(world.approved_campaign(with(json!({"type": "TEXTS", "filter": phoned}))).await);
    }
    assert_eq!(world.progress(&ids[0]).await["plan"]["duration_seconds"], 1, "30 at 70 a second");
    world.launch(&ids[0]).await;
    assert_eq!(limit(&world, &ids[0]).await, (json!("sns_rate"), json!(70.0)));
    world.launch(&ids[1]).await;
    world.reconcile().await;
    assert_eq!(limit(&world, &ids[1]).await, (json!("sns_rate"), json!(35.0)));
    let began = Instant::now();
    world.work_on_tasks().await;
    assert!(began.elapsed() >= Duration::from_millis(29 * 15), "{:?}", began.elapsed());
    assert_eq!(world.texts().len(), 60);
    let pushed = json!({"field": "has.push", "op": "eq", "value": true});
    let of_pushes = world.approved_campaign(with(json!({"filter": pushed}))).await;
    world.launch(&of_pushes).await;
    assert_eq!(limit(&world, &of_pushes).await.1, 500.0, "its own rate");
}
