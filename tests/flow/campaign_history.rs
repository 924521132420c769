//! Filters on what became of people in an earlier campaign.

use std::collections::BTreeSet;

use delivery::LinkAction;
use domain::channel::Channel;
use domain::notification::NotificationId;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::campaigns::{campaign, crowd, with};
use world::{Reply, World, keys};

fn is(campaign: &str, op: &str, value: Value) -> Value {
    let mut condition = json!({"field": format!("campaign.{campaign}"), "op": op});
    if !value.is_null() {
        condition["value"] = value;
    }
    condition
}

/// Launches a campaign to everybody: of six people, one opted out, the push of another one fails, two click, and one of
/// these converts. Somebody comes after the launch.
async fn earlier_campaign(world: &World) -> String {
    world.put_profile("user-5", json!({"preferences": {"opted_out_types": ["NEWS"]}})).await;
    world.push.answer("user-4", [Reply::status(400)]);
    let id = world.approved_campaign(campaign()).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    for (user, event) in [("user-1", "clicked"), ("user-2", "clicked"), ("user-2", "converted")] {
        assert!(world.receipt(&receipt_token(world, user), event, json!({})).await.status < 300);
    }
    world.advance(1);
    world.put_profile("late", json!({"email": "late@example.com", "attributes": {"plan": "gold"}})).await;
    id
}

fn receipt_token(world: &World, user: &str) -> String {
    let item = world.items("notifications").into_iter().find(|item| item["to"]["S"] == user).unwrap();
    let text = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
    let id = NotificationId::from_stored(&text("pk"), &text("sk")).unwrap();
    keys().sign(&LinkAction::Receipt(id, Channel::Push), world.clock.now() + SignedDuration::from_hours(1))
}

async fn sample(world: &World, filter: Value) -> BTreeSet<String> {
    let counted = world.segment_request("POST /v1/segments/count", "", json!({"filter": filter}), None).await;
    assert_eq!(counted.status, 200, "{counted:?}");
    let exact = json!({"filter": filter, "exact": true});
    let exact = world.segment_request("POST /v1/segments/count", "", exact, None).await;
    let shown = world.segment_request("POST /v1/segments/sample", "", json!({"filter": filter}), None).await;
    let items = shown.body["items"].as_array().unwrap();
    let people = items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>();
    for counted in [&counted, &exact] {
        assert_eq!(counted.body["people"]["estimate"], people.len(), "{counted:?}");
    }
    people
}

#[tokio::test]
async fn who_was_reached_by_an_earlier_campaign_is_counted_sampled_and_explained() {
    let world = crowd(6).await;
    let id = earlier_campaign(&world).await;
    for (op, value, people) in [
        ("eq", json!("sent"), "user-0 user-1 user-2 user-3"),
        ("eq", json!("clicked"), "user-1 user-2"),
        ("eq", json!("delivered"), "user-1 user-2"),
        ("eq", json!("converted"), "user-2"),
        ("eq", json!("failed"), "user-4"),
        ("eq", json!("skipped"), "user-5"),
        ("in", json!(["failed", "skipped"]), "user-4 user-5"),
        ("ne", json!("clicked"), "user-0 user-3 user-4 user-5"),
        ("not_in", json!(["clicked", "failed"]), "user-0 user-3 user-5"),
        ("exists", json!(null), "user-0 user-1 user-2 user-3 user-4 user-5"),
        ("missing", json!(null), "late"),
    ] {
        let expected = people.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(sample(&world, is(&id, op, value.clone())).await, expected, "{op} {value}");
    }
    let gold_without_click = json!({"all": [
        {"field": "attributes.plan", "op": "eq", "value": "gold"}, {"not": is(&id, "eq", json!("clicked"))}]});
    assert_eq!(
        sample(&world, gold_without_click.clone()).await,
        ["late", "user-0", "user-4"].map(str::to_owned).into_iter().collect()
    );
    let segment = json!({"title": "Gold without a click", "filter": gold_without_click});
    assert_eq!(world.segment_request("PUT /v1/segments/{id}", "no-click", segment, None).await.status, 201);
    for (user, matches, facts) in [
        ("user-2", false, json!(["sent", "delivered", "clicked", "converted"])),
        ("user-0", true, json!(["sent"])),
        ("late", true, json!(null)),
    ] {
        let asked = json!({"recipient": user});
        let explained = world.segment_request("POST /v1/segments/{id}/explain", "no-click", asked, None).await;
        let body = &explained.body;
        assert_eq!((&body["matches"], &body["conditions"][1]["value"]), (&json!(matches), &facts), "{explained:?}");
    }
}

#[tokio::test]
async fn a_campaign_follows_an_earlier_one_and_its_audience_is_that_of_the_plan() {
    let world = crowd(6).await;
    let earlier = earlier_campaign(&world).await;
    let segment = json!({"title": "Sent", "filter": is(&earlier, "eq", json!("sent"))});
    assert_eq!(world.segment_request("PUT /v1/segments/{id}", "sent", segment, None).await.status, 201);
    let exclude = json!({"filter": is(&earlier, "eq", json!("clicked"))});
    let id = world.approved_campaign(with(json!({"filter": null, "segment": "sent", "exclude": exclude}))).await;
    let planned = world.progress(&id).await["plan"].clone();
    assert_eq!((&planned["numbers"]["matched"], planned["samples"].as_array().unwrap().len()), (&json!(2), 2));
    world.launch(&id).await;
    world.work_on_tasks().await;
    let sent = [0, 1, 2, 3, 5].map(|number| world.push.count(&format!("user-{number}")));
    assert_eq!(sent, [2, 1, 1, 2, 0], "who was sent to and did not click");
    let listed = world.campaign_request("GET /v1/campaigns/{id}/recipients", &id, json!(null)).await.body;
    let names = listed["items"].as_array().unwrap().iter().map(|one| one["recipient"].as_str().unwrap());
    assert_eq!(names.collect::<BTreeSet<_>>(), BTreeSet::from(["user-0", "user-3"]));
}

#[tokio::test]
async fn a_campaign_that_was_not_launched_is_named_at_its_place() {
    let world = crowd(1).await;
    let draft = world.campaign_request("POST /v1/campaigns", "", campaign()).await.body["id"].clone();
    let draft = draft.as_str().unwrap();
    let filter = json!({"all": [{"field": "locale", "op": "exists"}, is(draft, "eq", json!("sent"))]});
    let segment = json!({"title": "A", "filter": filter});
    let place = "filter.all[1].field";
    let before = world.items("settings").len();
    for (route, id, body) in [
        ("PUT /v1/segments/{id}", "a", segment),
        ("POST /v1/segments/count", "", json!({"filter": filter})),
        ("POST /v1/segments/sample", "", json!({"filter": filter})),
    ] {
        let refused = world.segment_request(route, id, body, None).await;
        assert_eq!((refused.status, refused.fields()), (422, vec![place]), "{refused:?}");
    }
    let unknown = "0123456789abcdefghjkmnpqrs";
    for (changes, place) in [
        (json!({"filter": filter}), place),
        (json!({"exclude": {"filter": is(unknown, "exists", json!(null))}}), "exclude.filter.field"),
    ] {
        let refused = world.campaign_request("POST /v1/campaigns", "", with(changes)).await;
        assert_eq!((refused.status, refused.fields()), (422, vec![place]), "{refused:?}");
    }
    assert_eq!(world.items("settings").len(), before);
}
