//! Criteria of a rollout: a step whose people do not respond stops the campaign.

use serde_json::{Value, json};

use super::campaigns::{crowd, with};
use world::World;

/// A campaign of e-mails with a link to 40 people, of which the first step has been sent.
async fn half_sent(criteria: Value) -> (World, String) {
    let world = crowd(0).await;
    for number in 0..40 {
        let id = format!("mail-{number}");
        world.put_profile(&id, json!({"email": format!("{id}@example.com")})).await;
    }
    let steps = json!([{"percent": 50, "hold_minutes": 60}, {"percent": 100}]);
    let content = json!({"title": "Autumn", "body": "New things", "url": "https://shop.example/autumn"});
    let changes =
        json!({"content": content, "rollout": {"steps": steps, "criteria": criteria}, "guards": {"min_people": 5}});
    let id = world.approved_campaign(with(changes)).await;
    world.launch(&id).await;
    world.work_on_tasks().await;
    assert!((5..40).contains(&world.mails().len()));
    world.reconcile().await;
    (world, id)
}

/// Lets the hold of the first step pass, and the schedule run.
async fn after_the_hold(world: &World) {
    world.fold().await;
    for _ in 0..3 {
        world.advance(1_900);
        world.reconcile().await;
        world.work_on_tasks().await;
    }
}

#[tokio::test]
async fn a_step_whose_people_do_not_click_stops_the_campaign_until_an_operator_goes_on() {
    let (world, id) = half_sent(json!({"min_clicked_percent": 20})).await;
    let sent = world.mails().len();
    after_the_hold(&world).await;
    let campaign = world.campaign_request("GET /v1/campaigns/{id}", &id, json!(null)).await.body;
    assert_eq!((&campaign["state"], &campaign["pause_reason"]), (&json!("paused"), &json!("guard")), "{campaign}");
    let expected = format!("after the step of 50 %, 0.0 % of {sent} notifications had a click, less than 20 %");
    assert_eq!((&campaign["pause_detail"], world.mails().len()), (&json!(expected), sent));
    assert_eq!(world.campaign_request("POST /v1/campaigns/{id}/resume", &id, json!({})).await.status, 200);
    after_the_hold(&world).await;
    assert_eq!(world.mails().len(), 40, "{}", world.progress(&id).await);
}

#[tokio::test]
async fn a_step_whose_people_click_lets_the_rest_follow() {
    let (world, id) = half_sent(json!({"min_clicked_percent": 20, "min_converted_percent": 0})).await;
    let links: Vec<_> = world.mails().iter().flat_map(|mail| world::links(mail)).collect();
    for link in links.iter().filter(|link| link.contains("/clicks/")) {
        assert_eq!(world.follow("GET", link).await.status, 302);
    }
    after_the_hold(&world).await;
    assert_eq!(world.mails().len(), 40, "{}", world.progress(&id).await);
}
