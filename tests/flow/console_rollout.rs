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

#[tokio::test]
async fn a_plan_is_started_with_the_criteria_of_its_form() {
    let world = World::start().await;
    world.set("rollout-percentage", "0");
    world.tick().await.unwrap();
    world.advance(1);
    let admin = world.person(Role::Admin);
    let page = world.open_page(&admin, "rollout", &[]).await;
    for part in
        ["name=\"plan.criteria.delivery_above_percent\" inputmode=\"numeric\" value=\"95\"", ">must all be closed<"]
    {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    let form = |p95| {
        [
            ("action", "plan"),
            ("steps", "10 for 60"),
            ("plan.criteria.delivery_above_percent", "90"),
            ("plan.criteria.error_below_percent", ""),
            ("plan.criteria.p95_below_ms", p95),
            ("plan.criteria.breakers_closed", "false"),
        ]
    };
    let refused = world.send_form(&admin, "rollout", &form("0")).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let link = "<a href=\"#field-plan.criteria.p95_below_ms\">95 % of v2 accepted within";
    for part in [link, "must be 1 to 3,600,000", "value=\"90\"", "<option value=\"false\" selected>"] {
        assert!(refused.text().contains(part), "{part}: {}", refused.text());
    }
    let started = world.send_form(&admin, "rollout", &form("2000")).await;
    assert_eq!(started.status, 303, "{}", started.text());
    let rollout = world.ops("GET /v1/rollout", &[]).await.body;
    let expected = json!({"delivery_above_percent": 90, "error_below_percent": 5, "p95_below_ms": 2_000,
        "breakers_closed": false, "sample": 100});
    assert_eq!(rollout["plan"]["criteria"], expected);
}
