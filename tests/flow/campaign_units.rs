//! Cost of a campaign in DynamoDB's write units, by the store's own figures.

use serde_json::json;

use super::campaigns::{campaign, crowd, with};

#[tokio::test]
async fn a_person_costs_at_most_1_1_units_with_the_tasks_and_a_plan_next_to_nothing() {
    let people = 260;
    let world = crowd(people).await;
    let id = {
        let created = world.campaign_request("POST /v1/campaigns", "", campaign()).await;
        created.body["id"].as_str().unwrap().to_owned()
    };
    world.campaign_request("POST /v1/campaigns/{id}/plan", &id, json!(null)).await;
    world.write_units();
    world.work_on_tasks().await;
    let planned = world.write_units();
    assert!(planned <= 10.0, "a plan of {people} people cost {planned} units");
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/approve", &id, json!({})).await.status, 200);
    world.launch(&id).await;
    world.write_units();
    world.work_on_tasks().await;
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let each = (world.write_units()) / people as f64;
    assert!((1.0..=1.1).contains(&each), "each of {people} people cost {each} units");
    assert_eq!(world.push.total(), people);
}

#[tokio::test]
async fn who_is_skipped_costs_one_unit_and_who_is_held_out_none() {
    let world = crowd(0).await;
    for number in 0..100 {
        world.put_profile(&format!("unreachable-{number}"), json!({})).await;
    }
    let id = world.approved_campaign(campaign()).await;
    world.launch(&id).await;
    world.write_units();
    world.work_on_tasks().await;
    let units = world.write_units();
    assert!((100.0..=103.0).contains(&units), "100 skips and a task cost {units} units");
    let id = world.approved_campaign(with(json!({"holdout_percent": 50}))).await;
    world.launch(&id).await;
    world.write_units();
    world.work_on_tasks().await;
    let numbers = world.progress(&id).await["sending"]["numbers"].clone();
    let sent_to = numbers["matched"].as_f64().unwrap() - numbers["holdout"].as_f64().unwrap();
    let units = world.write_units();
    assert!((sent_to..=sent_to + 3.0).contains(&units), "{sent_to} skips and a task cost {units} units");
}
