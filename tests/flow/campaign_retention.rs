//! Reads of a campaign whose data were deleted: keys of a list and numbers after 180 days, results after 800 days.

use console::site::Role;
use serde_json::{Value, json};
use world::World;

use super::campaigns::{campaign, crowd, with};

const DAY: u64 = 24 * 3_600;

/// A finished campaign to three people.
async fn finished(world: &World, body: Value) -> String {
    let id = world.approved_campaign(body).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    world.reconcile().await;
    assert_eq!(world.progress(&id).await["state"], "finished");
    id
}

/// Deletes everything beside the row of a campaign, as TTL does.
fn delete_data(world: &World, id: &str) {
    let partition = format!("campaign#{id}");
    let items: Vec<_> = world.items("settings").into_iter().filter(|item| item["pk"]["S"] == partition).collect();
    assert!(!items.is_empty());
    for item in items {
        world.delete_row(&partition, item["sk"]["S"].as_str().unwrap());
    }
}

async fn read(world: &World, part: &str, id: &str) -> (u16, Value) {
    let read = world.campaign_request(&format!("GET /v1/campaigns/{{id}}/{part}"), id, json!(null)).await;
    (read.status, read.body)
}

async fn page(world: &World, id: &str, tab: &str) -> String {
    let reply = world.open_page(&world.person(Role::Viewer), "campaign", &[("id", id), ("tab", tab)]).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.text().to_owned()
}

#[tokio::test]
async fn a_list_whose_keys_were_deleted_is_404_and_says_where_the_rest_is() {
    let world = crowd(3).await;
    let id = finished(&world, with(json!({"filter": null, "recipients": ["user-0", "user-1", "user-2"]}))).await;
    let (status, listed) = read(&world, "recipients", &id).await;
    assert_eq!((status, listed["items"].as_array().unwrap().len()), (200, 3));
    delete_data(&world, &id);
    let (status, problem) = read(&world, "recipients", &id).await;
    assert_eq!((status, &problem["type"]), (404, &json!("urn:notifications:problem:not-found")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("history of the recipient"), "{problem}");
    let shown = page(&world, &id, "recipients").await;
    assert!(shown.contains("its people cannot be listed") && shown.contains("Results"), "{shown}");
}

#[tokio::test]
async fn numbers_that_were_deleted_are_named_and_not_shown_as_zero() {
    let world = crowd(3).await;
    let id = finished(&world, campaign()).await;
    let matched = |progress: &Value| progress["sending"]["numbers"]["matched"].clone();
    world.advance(181 * DAY);
    let progress = world.progress(&id).await;
    assert_eq!((&progress["expired"], matched(&progress)), (&json!([]), json!(3)), "still there: {progress}");
    delete_data(&world, &id);
    let progress = world.progress(&id).await;
    let [expired, plan, sending] = ["expired", "plan", "sending"].map(|name| progress[name].clone());
    assert_eq!([expired, plan, sending], [json!(["plan", "sending"]), json!(null), json!(null)]);
    let shown = page(&world, &id, "numbers").await;
    assert!(shown.contains("Its numbers were deleted, 180 days after its launch."), "{shown}");
}

#[tokio::test]
async fn a_draft_whose_plan_was_deleted_is_planned_again() {
    let world = crowd(3).await;
    let id = world.approved_campaign(campaign()).await;
    let post = async |route: &str| {
        let answer = world.campaign_request(&format!("POST /v1/campaigns/{{id}}/{route}"), &id, json!({})).await;
        (answer.status, answer.body["detail"].as_str().unwrap_or_default().to_owned())
    };
    world.advance(181 * DAY);
    delete_data(&world, &id);
    for route in ["approve", "launch"] {
        let (status, detail) = post(route).await;
        assert!(status == 409 && detail.contains("Plan it again"), "{route}: {detail}");
    }
    assert_eq!(world.progress(&id).await["expired"], json!(["plan"]));
    let reply = world.open_page(&world.person(Role::Editor), "campaign", &[("id", &id), ("step", "plan")]).await;
    assert!(reply.status == 200 && !reply.text().contains("data-live"), "{}", reply.text());
    assert_eq!(post("plan").await.0, 202);
    world.work_on_tasks().await;
    assert_eq!((post("approve").await.0, post("launch").await.0), (200, 200));
}

#[tokio::test]
async fn results_are_those_of_the_first_90_days_for_800_days() {
    let world = crowd(3).await;
    let id = finished(&world, campaign()).await;
    world.fold().await;
    world.advance(60);
    let reached = async || {
        let (status, results) = read(&world, "results", &id).await;
        (status, results["variants"][0]["reached"].clone())
    };
    assert_eq!(reached().await, (200, json!(3)));
    for days in [1, 94, 100] {
        world.advance(days * DAY);
        for _ in 0..3 {
            world.tick().await.unwrap();
        }
        assert_eq!(reached().await, (200, json!(3)), "after {days} more days");
    }
    world.advance(700 * DAY);
    assert_eq!(read(&world, "results", &id).await.0, 404);
    assert!(page(&world, &id, "results").await.contains("800 days after its launch"));
}
