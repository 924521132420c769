//! Lists of recipients, whose keys are deleted 180 days after they were given.

use serde_json::{Value, json};

use super::campaigns::{crowd, with};
use world::World;

const DAY: u64 = 24 * 3_600;

fn listed() -> Value {
    with(json!({"filter": null, "recipients": ["user-0", "user-1"]}))
}

/// The stored part of the list.
fn part(world: &World, id: &str) -> Value {
    let is_part = |item: &Value| {
        item["pk"]["S"] == format!("campaign#{id}") && item["sk"]["S"].as_str().unwrap().starts_with("people#")
    };
    world.items("settings").into_iter().find(is_part).unwrap()
}

#[tokio::test]
async fn a_list_that_was_deleted_must_be_given_again() {
    let world = crowd(3).await;
    let created = world.campaign_request("POST /v1/campaigns", "", listed()).await;
    let id = created.body["id"].as_str().unwrap();
    let post = async |route: &str, body: Value| {
        world.campaign_request(&format!("POST /v1/campaigns/{{id}}/{route}"), id, body).await
    };
    let delete = || {
        let part = part(&world, id);
        world.delete_row(part["pk"]["S"].as_str().unwrap(), part["sk"]["S"].as_str().unwrap());
    };
    delete();
    let refused = post("plan", json!(null)).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body["detail"].as_str().unwrap().contains("Give the list again"), "{refused:?}");
    assert_eq!(world.next_task(), None);
    let again = json!({"recipients": ["user-0", "user-1"]});
    assert_eq!(world.campaign_request("PATCH /v1/campaigns/{id}", id, again).await.status, 200);
    assert_eq!(post("plan", json!(null)).await.status, 202);
    world.work_on_tasks().await;
    assert_eq!(post("approve", json!({})).await.status, 200);
    world.launch(id).await;
    world.work_on_tasks().await;
    assert_eq!(world.push.total(), 2);
    delete();
    let retry = post("retry", json!({"outcomes": ["sent"]})).await;
    assert_eq!(retry.status, 409, "{retry:?}");
    assert!(retry.body["detail"].as_str().unwrap().contains("Create a campaign"), "{retry:?}");
}

#[tokio::test]
async fn a_plan_keeps_a_list_until_its_campaign_has_ended() {
    let world = crowd(2).await;
    let created = world.campaign_request("POST /v1/campaigns", "", listed()).await;
    let id = created.body["id"].as_str().unwrap();
    let days_left = || {
        let until: u64 = part(&world, id)["expires_at"]["N"].as_str().unwrap().parse().unwrap();
        (until - u64::try_from(world.clock.now().as_second()).unwrap()) / DAY
    };
    let plan = async || world.campaign_request("POST /v1/campaigns/{id}/plan", id, json!(null)).await.status;
    world.advance(100 * DAY);
    assert_eq!((plan().await, days_left()), (202, 80));
    world.advance(60 * DAY);
    assert_eq!((plan().await, days_left()), (202, 180));
}
