//! The console's page of the rollout while a plan runs.

use console::site::Role;
use serde_json::json;

use world::{Traffic, World};

#[tokio::test]
async fn a_plan_shows_the_step_in_force_and_the_criterion_that_does_not_hold() {
    let world = World::start().await;
    world.set("rollout-percentage", "0");
    world.tick().await.unwrap();
    world.advance(1);
    let plan = json!({"steps": [{"percentage": 10, "hold_minutes": 60}, {"percentage": 50, "hold_minutes": 1}]});
    assert_eq!(world.put_rollout(json!({"plan": plan})).await.status, 200);
    let viewer = world.person(Role::Viewer);
    let page = world.open_page(&viewer, "rollout", &[]).await;
    let step = "<li aria-current=\"step\">10 % for 60 minutes <span class=\"state warn\">in force</span></li>";
    for part in [step, "<li>50 % for 1 minute</li>", "by <bdi>ops-client</bdi>", "It was not evaluated yet."] {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    world.fold_traffic(&[Traffic::of("v2", 180, 20)]).await;
    world.advance(61);
    world.tick().await.unwrap();
    let page = world.open_page(&viewer, "rollout", &[]).await;
    for part in [
        "A criterion does not hold, so the minutes of the step begin again.",
        "Criteria of the plan",
        "<th scope=\"row\">Delivery rate</th><td class=\"number\">90.00 %</td><td class=\"number\">&#62; 95 %</td>",
        "<span class=\"state bad\">does not hold</span>",
    ] {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
}
