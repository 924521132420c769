//! Limits of campaigns: how many there are, how large a filter is, who is left out, and when a campaign ends.

use std::time::Duration;

use delivery::LinkAction;
use domain::channel::Channel;
use domain::notification::NotificationId;
use domain::recipient::{KeyHasher, RecipientId};
use serde_json::{Value, json};

use super::campaigns::{campaign, crowd, with};
use world::{World, keys};

const DAY: u64 = 24 * 3_600;

async fn state(world: &World, id: &str) -> (Value, Value) {
    let progress = world.progress(id).await;
    (progress["state"].clone(), progress["pause_reason"].clone())
}

#[tokio::test]
async fn at_most_20_campaigns_run_at_once() {
    let world = crowd(1).await;
    let mut ids = Vec::new();
    for _ in 0..21 {
        ids.push(Box::pin(world.approved_campaign(campaign())).await);
    }
    for id in &ids[..20] {
        world.launch(id).await;
    }
    let launch = async || world.campaign_request("POST /v1/campaigns/{id}/launch", &ids[20], json!({})).await;
    let refused = launch().await;
    assert_eq!((refused.status, refused.header("Retry-After")), (409, Some("60")), "{refused:?}");
    assert!(refused.body["detail"].as_str().unwrap().contains("20 campaigns are running"), "{refused:?}");
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/cancel", &ids[0], json!(null)).await.status, 200);
    assert_eq!(launch().await.status, 200);
}

#[tokio::test]
async fn scheduled_campaigns_count_and_a_resume_respects_the_limit() {
    let world = crowd(1).await;
    let mut ids = Vec::new();
    for _ in 0..21 {
        let later = with(json!({"send_at": "2026-11-23T12:00:00Z"}));
        ids.push(Box::pin(world.approved_campaign(later)).await);
    }
    for id in &ids[..20] {
        world.launch(id).await;
    }
    let act = async |action: &str, id: &str| {
        world.campaign_request(&format!("POST /v1/campaigns/{{id}}/{action}"), id, json!({})).await.status
    };
    assert_eq!(act("launch", &ids[20]).await, 409);
    let pause = world.campaign_request("POST /v1/campaigns/{id}/pause", &ids[0], json!(null)).await;
    assert_eq!(pause.status, 200);
    assert_eq!(act("launch", &ids[20]).await, 200);
    let resumed = world.campaign_request("POST /v1/campaigns/{id}/resume", &ids[0], json!(null)).await;
    assert_eq!((resumed.status, resumed.header("Retry-After")), (409, Some("60")), "{resumed:?}");
}

#[tokio::test]
async fn at_most_200_campaigns_are_open() {
    let world = crowd(0).await;
    let create = async || world.campaign_request("POST /v1/campaigns", "", campaign()).await;
    let first = create().await.body["id"].as_str().unwrap().to_owned();
    for _ in 1..200 {
        assert_eq!(create().await.status, 201);
    }
    let refused = create().await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.body["detail"].as_str().unwrap().contains("200 campaigns"), "{refused:?}");
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/cancel", &first, json!(null)).await.status, 200);
    assert_eq!(create().await.status, 201);
}

#[tokio::test]
async fn filters_have_at_most_60_000_bytes_with_those_who_are_left_out() {
    let world = crowd(1).await;
    let filter = |values: usize| {
        let values: Vec<_> = (0..values).map(|number| format!("{number:0>52}")).collect();
        json!({"field": "attributes.code", "op": "in", "value": values})
    };
    let create = async |filter: Value, exclude: Value| {
        world.campaign_request("POST /v1/campaigns", "", with(json!({"filter": filter, "exclude": exclude}))).await
    };
    assert_eq!(create(filter(500), json!({"filter": filter(500)})).await.status, 201);
    let refused = create(filter(600), json!({"filter": filter(600)})).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (422, &json!("filter")), "{refused:?}");
    assert!(refused.body["errors"][0]["message"].as_str().unwrap().contains("60,000 bytes"), "{refused:?}");
}

#[tokio::test]
async fn a_chain_of_segments_that_could_not_be_read_back_is_refused() {
    let world = crowd(1).await;
    let around = |inner: Value| (0..5).fold(inner, |inner, _| json!({"all": [inner]}));
    let names = |number: usize| json!({"field": "segment", "op": "eq", "value": format!("s{number}")});
    let put = async |number: usize, inner: Value| {
        let body = json!({"title": "Chain", "filter": around(inner)});
        world.segment_request("PUT /v1/segments/{id}", &format!("s{number}"), body, None).await
    };
    assert_eq!(put(0, json!({"field": "has.push", "op": "eq", "value": true})).await.status, 201);
    for number in 1..10 {
        assert_eq!(put(number, names(number - 1)).await.status, 201);
    }
    let refused = put(10, names(9)).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (422, &json!("filter")), "{refused:?}");
    assert!(refused.body["errors"][0]["message"].as_str().unwrap().contains("50 groups"), "{refused:?}");
    let refused = world.campaign_request("POST /v1/campaigns", "", with(json!({"filter": around(names(9))}))).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (422, &json!("filter")), "{refused:?}");
    let id = world.approved_campaign(with(json!({"filter": null, "segment": "s9", "exclude": null}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    assert_eq!(world.push.total(), 1, "the deepest chain is stored and read");
}

#[tokio::test]
async fn a_campaign_that_cannot_be_read_does_not_stop_the_others() {
    let world = crowd(2).await;
    let (broken, id) = (world.approved_campaign(campaign()).await, world.approved_campaign(campaign()).await);
    world.break_campaign(&broken);
    world.launch(&id).await;
    world.reconcile().await;
    world.work_on_tasks().await;
    assert_eq!(world.push.total(), 2);
    for query in [&[][..], &[("state", "open")]] {
        let listed = world.campaign_request_by("ops-client", "GET /v1/campaigns", "", json!(null), None, query).await;
        let ids: Vec<_> = listed.body["items"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
        assert_eq!((listed.status, ids), (200, vec![json!(id)]), "{query:?}");
    }
}

#[tokio::test]
async fn who_is_excluded_is_not_sent_to() {
    let world = crowd(6).await;
    let silver = json!({"field": "attributes.plan", "op": "eq", "value": "silver"});
    let segment = json!({"title": "Silver", "filter": silver});
    assert_eq!(world.segment_request("PUT /v1/segments/{id}", "silver", segment, None).await.status, 201);
    for exclude in [json!({"filter": silver}), json!({"segment": "silver"})] {
        let before = world.push.total();
        let id = world.approved_campaign(with(json!({"exclude": exclude}))).await;
        world.launch(&id).await;
        world.work_on_tasks().await;
        assert_eq!(world.push.total() - before, 3, "three of six are gold");
    }
    assert_eq!([0, 1, 2].map(|number| world.push.count(&format!("user-{number}"))), [2, 0, 2]);
}

#[tokio::test]
async fn a_running_campaign_pauses_itself_after_not_after() {
    let world = crowd(10).await;
    let steps = json!({"steps": [{"percent": 50, "hold_minutes": 120}, {"percent": 100}]});
    let id = world.approved_campaign(with(json!({"rollout": steps, "not_after": "2026-11-23T11:00:00Z"}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    world.reconcile().await;
    let before = world.push.total();
    world.advance(3_601);
    world.reconcile().await;
    assert_eq!(state(&world, &id).await, (json!("paused"), json!("too_late")));
    let later = json!({"not_after": "2026-11-23T20:00:00Z"});
    assert_eq!(world.campaign_request("PATCH /v1/campaigns/{id}", &id, later).await.status, 200);
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/resume", &id, json!(null)).await.status, 200);
    world.advance(3_600);
    world.reconcile().await;
    world.work_on_tasks().await;
    assert!(before < 10 && world.push.total() == 10, "an operator gave it more time");
}

#[tokio::test]
async fn no_message_is_sent_after_not_after_with_or_without_the_schedule() {
    let world = crowd(5).await;
    let id = world.approved_campaign(with(json!({"not_after": "2026-11-23T10:30:00Z"}))).await;
    world.launch(&id).await;
    world.advance(1_801);
    assert_eq!(world.work_on_tasks().await, [fanout::TaskEnd::Nothing], "the task was released in time");
    assert_eq!((world.push.total(), world.items("notifications").len()), (0, 0));
    world.reconcile().await;
    assert_eq!(state(&world, &id).await, (json!("paused"), json!("too_late")));
}

#[tokio::test]
async fn what_is_held_beyond_not_after_expires() {
    let world = crowd(2).await;
    let quiet = json!({"quiet_hours": {"start": "10:30", "end": "12:00"}});
    world.put_profile("user-1", json!({"time_zone": "Europe/Rome", "preferences": quiet})).await;
    // Now it is 11:00 in Rome.
    let id = world.approved_campaign(with(json!({"not_after": "2026-11-23T10:30:00Z"}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    for _ in 0..3 {
        world.advance(1_801);
        world.sweep().await;
    }
    assert_eq!((world.push.count("user-0"), world.push.count("user-1")), (1, 0));
    let listed = world.campaign_request("GET /v1/campaigns/{id}/recipients", &id, json!(null)).await;
    let ends: std::collections::BTreeSet<_> =
        world.items("notifications").iter().map(|item| item["status"]["S"].to_string()).collect();
    assert_eq!(ends, ["\"accepted\"".to_owned(), "\"expired\"".to_owned()].into(), "{listed:?}");
}

#[tokio::test]
async fn a_campaign_ends_13_days_after_its_launch() {
    let world = crowd(10).await;
    let week = 7 * 24 * 60;
    let steps = json!({"steps": [{"percent": 50, "hold_minutes": week}, {"percent": 90, "hold_minutes": week}, {"percent": 100}]});
    let id = world.approved_campaign(with(json!({"rollout": steps}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    world.advance(13 * DAY);
    world.reconcile().await;
    assert_eq!(state(&world, &id).await.0, "running", "on the last day");
    world.advance(60);
    world.reconcile().await;
    assert_eq!(state(&world, &id).await, (json!("paused"), json!("too_late")));
    assert!(world.progress(&id).await["pause_detail"].as_str().unwrap().contains("13 days"));
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/resume", &id, json!(null)).await.status, 409);
    // So a launch is not made long before the time of the campaign.
    let id = world.approved_campaign(with(json!({"send_at": "2026-12-30T10:00:00Z"}))).await;
    let refused = world.campaign_request("POST /v1/campaigns/{id}/launch", &id, json!({})).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (422, &json!("send_at")), "{refused:?}");
}

#[tokio::test]
async fn a_receipt_of_a_campaign_may_come_long_before_its_notification() {
    let world = World::start().await;
    let (launched_at, hasher) = (world.clock.now(), KeyHasher::new(&[7; 32]));
    let key = hasher.recipient_key(&RecipientId::parse("ada").unwrap());
    let id = NotificationId::of_campaign(key, launched_at, &hasher, "0123456789abcdefghjkmnpqrs");
    let until = launched_at + Duration::from_secs(30 * DAY);
    let token = keys().sign(&LinkAction::Receipt(id, Channel::Push), until);
    let receipt = async || {
        let answer = world.receipt(&token, "delivered", json!({})).await;
        (answer.status, answer.header("Retry-After").is_some())
    };
    assert_eq!(receipt().await, (503, true));
    world.advance(61);
    assert_eq!(receipt().await, (503, true), "a single send would be stored by now");
    world.advance(13 * DAY);
    assert_eq!(receipt().await, (503, true));
    world.advance(DAY);
    assert_eq!(receipt().await, (404, false), "no campaign is as old");
}
