//! Membership of a campaign that was sent: the notification decides, whatever became of the person's profile.

use serde_json::{Value, json};

use super::campaigns::{crowd, with};
use world::{Reply, World};

async fn listed(world: &World, id: &str, query: &[(&str, &str)]) -> Vec<String> {
    let route = "GET /v1/campaigns/{id}/recipients";
    let listed = world.campaign_request_by("ops-client", route, id, json!(null), None, query).await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let items = listed.body["items"].as_array().unwrap();
    let mut names: Vec<_> = items.iter().map(|one| one["recipient"].as_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    names
}

async fn retried(world: &World, id: &str, body: Value) -> Result<String, (u16, String)> {
    let retry = world.campaign_request("POST /v1/campaigns/{id}/retry", id, body).await;
    match retry.status {
        201 => Ok(retry.body["id"].as_str().unwrap().to_owned()),
        status => Err((status, retry.body["errors"][0]["field"].as_str().unwrap_or_default().to_owned())),
    }
}

async fn sent_again(world: &World, id: &str) {
    world.campaign_request("POST /v1/campaigns/{id}/plan", id, json!(null)).await;
    world.work_on_tasks().await;
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/approve", id, json!({})).await.status, 200);
    world.launch(id).await;
    world.work_on_tasks().await;
}

#[tokio::test]
async fn who_no_longer_matches_is_listed_and_sent_to_again_and_who_matches_only_now_is_not() {
    let world = crowd(6).await;
    let gold = json!({"field": "attributes.plan", "op": "eq", "value": "gold"});
    let vip = json!({"field": "attributes.vip", "op": "eq", "value": true});
    world.push.answer("user-0", [Reply::status(400)]);
    world.push.answer("user-2", [Reply::status(400)]);
    let id = world.approved_campaign(with(json!({"filter": gold, "exclude": {"filter": vip}}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    assert_eq!(world.push.total(), 3);
    // Their contract changes; user-2 asks to be left out.
    for (user, attributes) in [
        ("user-0", json!({"plan": "silver"})),
        ("user-1", json!({"plan": "gold"})),
        ("user-2", json!({"plan": "gold", "vip": true})),
        ("user-4", json!({})),
    ] {
        world.put_profile(user, json!({"attributes": attributes})).await;
    }
    assert_eq!(listed(&world, &id, &[]).await, ["user-0", "user-2", "user-4"]);
    assert_eq!(listed(&world, &id, &[("outcome", "failed")]).await, ["user-0", "user-2"]);
    let again = retried(&world, &id, json!({"outcomes": ["failed"]})).await.unwrap();
    sent_again(&world, &again).await;
    assert_eq!((world.push.count("user-0"), world.push.count("user-2"), world.push.total()), (2, 1, 4));
    assert_eq!(listed(&world, &again, &[]).await, ["user-0"]);
}

#[tokio::test]
async fn a_retry_lists_only_its_own_people_as_held_out() {
    let world = crowd(20).await;
    world.push.answer("user-2", [Reply::status(400)]);
    let id = world.approved_campaign(with(json!({"holdout_percent": 50}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    let held_out = listed(&world, &id, &[("outcome", "holdout")]).await;
    assert!((2..=18).contains(&held_out.len()), "{held_out:?}");
    let again = retried(&world, &id, json!({"outcomes": ["failed"]})).await.unwrap();
    sent_again(&world, &again).await;
    let all = listed(&world, &again, &[]).await;
    assert!(all.is_empty() || all == ["user-2"], "{all:?}");
}

#[tokio::test]
async fn a_retry_sends_each_person_the_variant_of_the_first_campaign_without_a_holdout() {
    let world = crowd(40).await;
    let text = |title: &str| json!({"title": title, "body": "text"});
    let variants = json!([
        {"name": "a", "weight_bp": 5_000, "content": text("A")}, {"name": "b", "weight_bp": 5_000, "content": text("B")}]);
    let test = json!({"share_percent": 50, "hours": 1, "metric": "clicked", "then": "winner"});
    for (changes, hours) in [(json!({}), 0), (json!({"test": test}), 1)] {
        let mut body = with(json!({"content": null, "variants": variants, "holdout_percent": 20}));
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        world.push.always(Some(Reply::status(400)));
        let id = world.approved_campaign(body).await;
        world.launch(&id).await;
        world.work_on_tasks().await;
        world.advance(hours * 3_600 + 60);
        world.reconcile().await;
        world.work_on_tasks().await;
        let variants = async |id: &str| {
            let people = world.campaign_request("GET /v1/campaigns/{id}/recipients", id, json!(null)).await.body;
            let one = |one: &Value| {
                let variant = one["variant"].as_str()?.split('.').next().unwrap_or_default();
                Some((one["recipient"].as_str()?.to_owned(), variant.to_owned()))
            };
            let items = people["items"].as_array().unwrap();
            items.iter().filter_map(one).collect::<std::collections::BTreeMap<_, _>>()
        };
        let first = variants(&id).await;
        assert!(first.len() > 20 && first.values().any(|variant| variant == "b"), "{first:?}");
        let again = retried(&world, &id, json!({"outcomes": ["failed"]})).await.unwrap();
        sent_again(&world, &again).await;
        assert_eq!(variants(&again).await, first);
        world.push.always(None);
        let third = retried(&world, &again, json!({"outcomes": ["failed"]})).await.unwrap();
        sent_again(&world, &third).await;
        assert_eq!(variants(&third).await, first, "the retry of a retry");
        assert_eq!(world.progress(&third).await["sending"]["numbers"]["sent"], first.len());
    }
}

#[tokio::test]
async fn who_is_held_is_sent_to_again_only_once_the_campaign_was_cancelled() {
    let world = crowd(3).await;
    // Now it is 11:00 in Rome.
    let quiet = json!({"quiet_hours": {"start": "10:30", "end": "12:00"}});
    world.put_profile("user-1", json!({"time_zone": "Europe/Rome", "preferences": quiet})).await;
    let id = world.approved_campaign(with(json!({}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    let held = json!({"outcomes": ["failed", "held"]});
    let refused = Err((422, "outcomes".to_owned()));
    assert_eq!(retried(&world, &id, held.clone()).await, refused, "it runs");
    let draft = with(json!({"retry_of": {"campaign": id, "outcomes": ["waiting"]}}));
    let created = world.campaign_request("POST /v1/campaigns", "", draft).await;
    assert_eq!((created.status, &created.body["errors"][0]["field"]), (422, &json!("retry_of.outcomes")));
    let cancelled = world.campaign_request("POST /v1/campaigns/{id}/cancel", &id, json!(null)).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    world.advance(59);
    assert_eq!(retried(&world, &id, held.clone()).await, refused, "a process may not know it yet");
    world.advance(1);
    let again = retried(&world, &id, held).await.unwrap();
    sent_again(&world, &again).await;
    // What was held is spread over 15 minutes.
    world.advance(3_600 + 900);
    for _ in 0..3 {
        world.sweep().await;
        world.advance(60);
    }
    assert_eq!(["user-0", "user-1", "user-2"].map(|user| world.push.count(user)), [1, 1, 1]);
}

#[tokio::test]
async fn a_retry_that_excludes_all_people_and_an_unknown_reason_are_refused() {
    let world = crowd(2).await;
    let id = world.approved_campaign(with(json!({}))).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    for (body, field) in [
        (json!({"outcomes": ["holdout"]}), "outcomes"),
        (json!({"outcomes": ["failed", "erased"]}), "outcomes"),
        (json!({"outcomes": []}), "outcomes"),
        (json!({"outcomes": ["sent"], "reasons": ["gone"]}), "reasons"),
    ] {
        assert_eq!(retried(&world, &id, body.clone()).await, Err((422, field.to_owned())), "{body}");
    }
    let list = async |reason: &str| {
        let (route, query) = ("GET /v1/campaigns/{id}/recipients", [("reason", reason)]);
        world.campaign_request_by("ops-client", route, &id, json!(null), None, &query).await
    };
    let refused = list("rain").await;
    assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (422, &json!("reason")), "{refused:?}");
    for reason in ["gone", "opted_out", "expired", "uncertain", "cancelled", "local_time_passed"] {
        assert_eq!(list(reason).await.status, 200, "{reason}");
    }
    // The second one is the JSON `{"Part":4294967295}`.
    for after in ["x", "eyJQYXJ0Ijo0Mjk0OTY3Mjk1fQ", "e30"] {
        let (route, query) = ("GET /v1/campaigns/{id}/recipients", [("after", after)]);
        let refused = world.campaign_request_by("ops-client", route, &id, json!(null), None, &query).await;
        assert_eq!((refused.status, refused.fields()), (422, vec!["after"]), "no position of this service: {after}");
    }
}

#[tokio::test]
async fn the_first_step_of_a_short_list_is_a_part_of_it() {
    let world = crowd(100).await;
    let ids: Vec<_> = (0..100).map(|number| format!("user-{number}")).collect();
    let steps = json!({"steps": [{"percent": 1, "hold_minutes": 10}, {"percent": 100}]});
    let body = with(json!({"filter": null, "recipients": ids, "rollout": steps, "rate_per_second": 5_000}));
    let id = world.approved_campaign(body).await;
    assert_eq!(world.progress(&id).await["plan"]["numbers"]["matched"], 100);
    world.launch(&id).await;
    world.work_on_tasks().await;
    assert_eq!(world.push.total(), 1);
    world.reconcile().await;
    world.advance(601);
    world.reconcile().await;
    world.work_on_tasks().await;
    world.reconcile().await;
    assert_eq!((world.push.total(), &world.progress(&id).await["state"]), (100, &json!("finished")));
    assert!(ids.iter().all(|id| world.push.count(id) == 1));
}
