//! Reads and changes of the rollout through the API.

use serde_json::{Value, json};

use world::World;
use world::ssm::OPERATOR;

const PERCENTAGE: &str = "/push-notifications/test/rollout-percentage";

fn history(world: &World) -> Vec<(String, String)> {
    world.aws.state.lock().unwrap().parameters.history(PERCENTAGE)
}

fn value(world: &World) -> String {
    history(world).pop().unwrap().0
}

async fn get(world: &World) -> Value {
    let answer = world.ops("GET /v1/rollout", &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[tokio::test]
async fn a_change_is_in_force_within_30_seconds_and_records_its_actor_and_reason() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    assert_eq!(world.send("ada", json!({})).await.body["version"], "v2");
    let changed = world.put_rollout(json!({"percentage": 12.5, "reason": "half a step"})).await;
    assert_eq!((changed.status, &changed.body), (200, &json!({"percentage": 12.5, "plan": null})));
    assert_eq!(value(&world), "12.5");
    let seen = get(&world).await;
    assert_eq!((&seen["percentage"], &seen["source"], &seen["version"]), (&json!(12.5), &json!("live"), &json!(2)));
    let last = &seen["changes"][0];
    assert_eq!((&last["who"], &last["name"]), (&json!("api"), &json!("ops-client")), "{seen}");
    assert_eq!((&last["old"], &last["new"], &last["reason"]), (&json!("100"), &json!("12.5"), &json!("half a step")));
    let killed = world.put_rollout(json!({"percentage": "0"})).await;
    assert_eq!((killed.status, &killed.body["percentage"]), (200, &json!(0)));
    world.advance(30);
    assert_eq!(world.send("ada", json!({})).await.body["version"], "v1");
}

#[tokio::test]
async fn an_invalid_change_is_refused_by_its_field_and_changes_nothing() {
    let world = World::start().await;
    let before = history(&world);
    let long = "9".repeat(4_096);
    for invalid in ["10%", "0,5", "101", "-1", "NaN", "", "1e1", "0.001", &long] {
        let answer = world.put_rollout(json!({"percentage": invalid})).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["percentage"]), "{invalid}");
    }
    let hold = |percentage: Value, minutes: Value| json!({"percentage": percentage, "hold_minutes": minutes});
    for (body, field) in [
        (json!({"percentage": 101}), "percentage"),
        (json!({"percentage": 10, "plan": null}), "plan"),
        (json!({"percentage": 10, "colour": "red"}), "colour"),
        (json!({"percentage": 10, "reason": long}), "reason"),
        (json!({"plan": {"steps": []}}), "plan.steps"),
        (json!({"plan": {"steps": [hold(json!(50), json!(5))]}}), "plan.steps[0].percentage"),
        (json!({"plan": {"steps": [hold(json!(100), json!(0))]}}), "plan.steps[0].hold_minutes"),
        (json!({"plan": {"steps": [hold(json!("10%"), json!(5))]}}), "plan.steps[0].percentage"),
        (
            json!({"plan": {"steps": [hold(json!(100), json!(5))], "criteria": {"error_below_percent": 0}}}),
            "plan.criteria.error_below_percent",
        ),
    ] {
        let answer = world.put_rollout(body.clone()).await;
        assert_eq!((answer.status, answer.fields()), (422, vec![field]), "{body}");
    }
    for invalid in [json!("10%"), json!("{"), json!("NaN"), json!("")] {
        assert_eq!(world.put_rollout(invalid).await.status, 400);
    }
    assert_eq!(history(&world), before);
    assert_eq!((world.items("settings").len(), get(&world).await["plan"].clone()), (0, Value::Null));
}

#[tokio::test]
async fn an_operators_newer_value_is_never_written_over() {
    let world = World::start().await;
    let operator_writes = |values: &[&str]| {
        let state = &mut world.aws.state.lock().unwrap();
        state.parameters.operator_writes = values.iter().map(|value| Some((*value).to_owned())).collect();
    };
    operator_writes(&["0"]);
    let refused = world.put_rollout(json!({"percentage": 50})).await;
    assert_eq!((refused.status, &refused.body["type"]), (409, &json!("urn:notifications:problem:conflict")));
    assert_eq!(value(&world), "0", "the operator's value of that time is restored: {:?}", history(&world));
    // Repeatedly, also while the operator's value is restored.
    world.advance(60);
    operator_writes(&["20", "30"]);
    assert_eq!(world.put_rollout(json!({"percentage": 50})).await.status, 409);
    assert_eq!(value(&world), "30");
}

#[tokio::test]
async fn of_two_concurrent_changes_one_succeeds_and_the_other_is_refused() {
    let world = World::start().await;
    let (one, other) =
        tokio::join!(world.put_rollout(json!({"percentage": 50})), world.put_rollout(json!({"percentage": 20})));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let winner = if one.status == 200 { "50" } else { "20" };
    assert_eq!((value(&world).as_str(), history(&world).len()), (winner, 2));
}

#[tokio::test]
async fn a_plan_begins_shows_where_it_stands_and_ends() {
    let world = World::start().await;
    world.set("rollout-percentage", "0");
    world.tick().await.unwrap();
    world.advance(1);
    let plan = json!({"steps": [{"percentage": 10, "hold_minutes": 60}, {"percentage": 50, "hold_minutes": 60}, {"percentage": 100, "hold_minutes": 60}]});
    let begun = world.put_rollout(json!({"plan": plan, "reason": "as agreed"})).await;
    assert_eq!((begun.status, &begun.body["percentage"], value(&world).as_str()), (200, &json!(10), "10"));
    world.advance(5);
    world.tick().await.unwrap();
    let seen = get(&world).await;
    assert_eq!(seen["plan"]["steps"], plan["steps"], "{seen}");
    assert_eq!((&seen["plan"]["step"], &seen["plan"]["by"]["name"]), (&json!(1), &json!("ops-client")));
    assert_eq!(seen["plan"]["next_step_at"], "2026-11-23T11:00:01Z");
    assert_eq!(seen["changes"][0]["reason"], "as agreed");
    let ended = world.put_rollout(json!({"plan": null})).await;
    assert_eq!((ended.status, &ended.body), (200, &json!({"percentage": 10, "plan": null})));
    assert_eq!(get(&world).await["plan"], Value::Null);
}

#[tokio::test]
async fn a_percentage_set_by_hand_ends_the_plan() {
    let world = World::start().await;
    let plan = json!({"steps": [{"percentage": 100, "hold_minutes": 60}]});
    assert_eq!(world.put_rollout(json!({"plan": plan})).await.status, 200);
    assert!(get(&world).await["plan"].is_object());
    assert_eq!(world.put_rollout(json!({"percentage": 5})).await.status, 200);
    assert_eq!(get(&world).await["plan"], Value::Null);
}

#[tokio::test]
async fn arms_are_counted_and_held_against_the_share_that_the_percentage_promises() {
    let world = World::start().await;
    world.set("rollout-percentage", "50");
    world.tick().await.unwrap();
    world.advance(600);
    let messages =
        (0..200).map(|number| json!({"to": format!("user-{number}"), "content": {"title": "Hi", "body": "there"}}));
    world.batch(messages.collect(), None).await;
    world.fold().await;
    let seen = get(&world).await;
    let (v1, v2) = (seen["arms"]["v1"].as_i64().unwrap(), seen["arms"]["v2"].as_i64().unwrap());
    assert!(v1 + v2 == 200 && v2 > 70, "{seen}");
    assert_eq!(
        (&seen["sample_ratio"]["promised"], &seen["sample_ratio"]["verdict"]),
        (&json!(0.5), &json!("as promised"))
    );
}

#[tokio::test]
async fn an_invalid_or_unreadable_parameter_shows_the_last_valid_value_with_its_version() {
    let world = World::start().await;
    world.set("rollout-percentage", "25");
    world.tick().await.unwrap();
    assert_eq!(get(&world).await["source"], "live");
    assert_eq!(get(&world).await["invalid"], Value::Null);
    let too_long = "9".repeat(4_096);
    for (version, invalid, reason) in [
        (3, "50 %", "it is not a plain number such as 10, 0.5 or 100"),
        (4, "0,5", "it is not a plain number such as 10, 0.5 or 100"),
        (5, "101", "it is above 100"),
        (6, "-1", "it is not a plain number such as 10, 0.5 or 100"),
        (7, "NaN", "it is not a plain number such as 10, 0.5 or 100"),
        (8, "0.125", "it has more than two decimals"),
        (9, "", "it is empty"),
        (10, &too_long, "it is above 100"),
    ] {
        world.set("rollout-percentage", invalid);
        let seen = get(&world).await;
        assert_eq!((&seen["percentage"], &seen["source"]), (&json!(25), &json!("last good")), "{invalid}");
        assert_eq!(seen["version"], 2, "the version in force, not that of {invalid}");
        assert_eq!(seen["invalid"], json!({"version": version, "reason": reason}), "{invalid}");
    }
    world.advance(60);
    world.aws.state.lock().unwrap().ssm_is_down = true;
    let seen = get(&world).await;
    assert_eq!(
        (&seen["percentage"], &seen["source"], &seen["version"], &seen["invalid"]),
        (&json!(25), &json!("last good"), &json!(2), &Value::Null)
    );
    let refused = world.put_rollout(json!({"percentage": 50})).await;
    assert_eq!((refused.status, refused.header("Retry-After")), (503, Some("2")));
}

#[tokio::test]
async fn the_report_shows_actor_and_reason_of_each_change() {
    let world = World::start().await;
    world.tick().await.unwrap();
    world.advance(60);
    world.put_rollout(json!({"percentage": 50, "reason": "less | more"})).await;
    world.advance(60);
    world.set("rollout-percentage", "20");
    world.set("rollout-users", r#"["canary-listed"]"#);
    world.tick().await.unwrap();
    world.advance(60);
    let report = world.ops("GET /v1/report", &[]).await.body;
    let found: Vec<_> = report["incidents"].as_array().unwrap().iter().map(|it| (&it["by"], &it["what"])).collect();
    let operator = json!(format!("operator {OPERATOR}"));
    assert!(found.contains(&(&json!("API client ops-client"), &json!("rollout-percentage 100 -> 50"))), "{found:?}");
    assert!(found.contains(&(&operator, &json!("rollout-percentage 50 -> 20"))), "{found:?}");
    assert!(!report.to_string().contains("canary-listed"), "listed ids are personal data");
    let (_, text) = world.report_as_markdown().await;
    assert!(text.contains("| rollout-percentage 100 -> 50 | less \\| more |"), "{text}");
}
