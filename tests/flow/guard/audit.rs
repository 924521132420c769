//! Audit of parameter changes: actor, old value and new value of each version, recorded once on every path.

use serde_json::{Value, json};

use super::minutes;
use world::World;
use world::ssm::OPERATOR;

#[tokio::test]
async fn every_change_of_every_parameter_is_recorded_once() {
    let world = World::start().await;
    world.set("rollout-percentage", "10");
    world.record_change().await.unwrap();
    world.set("rollout-percentage", "50");
    world.set("settings", r#"{"sms": {"max_parts": 1}}"#);
    let (one, two) = tokio::join!(world.record_change(), world.reconcile_rollout());
    assert!(one.is_ok() && two.is_ok());
    minutes(&world, 2).await;
    assert_eq!(world.record_change().await, Ok("nothing changed"));
    let of = |parameter: &str| -> Vec<_> {
        let shown = |record: Value| (record["version"].clone(), record["old"].clone(), record["new"].clone());
        world.audit(parameter).into_iter().map(shown).collect()
    };
    let percentage = [(1, Value::Null, "100"), (2, json!("100"), "10"), (3, json!("10"), "50")];
    assert_eq!(of("rollout-percentage"), percentage.map(|(version, old, new)| (json!(version), old, json!(new))));
    assert_eq!((of("settings").len(), of("rollout-users").len()), (2, 1));
    let last = world.audit("rollout-percentage").pop().unwrap();
    assert_eq!((&last["who"], &last["name"]), (&json!("operator"), &json!(OPERATOR)));
    assert_eq!(last["at"], "2026-11-23T10:00:00Z");
}

#[tokio::test]
async fn the_audit_does_not_record_listed_users() {
    let world = World::start().await;
    world.set("rollout-users", r#"["ada@example.com"]"#);
    world.reconcile_rollout().await.unwrap();
    let record = world.audit("rollout-users").pop().unwrap();
    assert!(record["new"].as_str().unwrap().starts_with("(19 bytes, hash "), "{record}");
    let kept = format!("{:?}{:?}", world.items("settings"), world.alerts());
    assert!(!kept.contains("ada"), "{kept}");
}

#[tokio::test]
async fn a_parameter_that_was_deleted_and_made_anew_is_followed_from_its_first_version_on() {
    let world = World::start().await;
    for percentage in ["10", "20", "30"] {
        world.set("rollout-percentage", percentage);
    }
    world.reconcile_rollout().await.unwrap();
    world.delete_parameter("rollout-percentage");
    minutes(&world, 1).await;
    assert_eq!(world.alerts(), ["[P2] test invalid parameter: rollout-percentage"]);
    world.set("rollout-percentage", "5");
    minutes(&world, 1).await;
    let values: Vec<_> = world.audit("rollout-percentage").iter().map(|record| record["new"].clone()).collect();
    assert_eq!(values.len(), 5);
    assert!(values.contains(&json!("5")));
}
