//! Rules of the guard: the conditions under which it acts, and under which it does not.

use serde_json::json;

use super::{bad_minute, minutes, seen_bad_once};
use world::{Reply, Traffic, World};

const PROVIDERS_FAULT: &str = "[P0] test a provider fails for version 1 and version 2";
const SMALL_SAMPLES: &str = r#"{"guard": {"off_sample": 10, "step_sample": 10}}"#;

#[tokio::test]
async fn two_bad_evaluations_turn_version_2_off_and_publish_an_alert() {
    let world = seen_bad_once().await;
    let round = world.reconcile_rollout().await.unwrap();
    assert_eq!((round.done.as_str(), world.percentage().as_str()), ("rollout-percentage set to 0", "0"));
    let record = world.audit("rollout-percentage").pop().unwrap();
    assert_eq!((&record["who"], &record["old"], &record["new"]), (&json!("guard"), &json!("50"), &json!("0")));
    assert!(record["reason"].as_str().unwrap().starts_with("60.00 % of 100"), "{record}");
    assert_eq!(record["numbers"]["findings"][0]["reading"]["v1"]["part"], 1);
    let alerts = world.aws.state.lock().unwrap().alerts.clone();
    let (subject, body) = alerts.iter().find(|(subject, _)| subject.contains("switched off")).unwrap();
    assert!(subject.starts_with("[P1] test"), "{subject}");
    for part in ["60.00 % of 100", "version 1: 1.00 % of 100", "20 %", "50 -> 0", "runbook"] {
        assert!(body.contains(part), "{body}");
    }
    let before = alerts.len();
    minutes(&world, 20).await;
    assert_eq!((world.percentage().as_str(), world.percentages().len()), ("0", 3), "once");
    let later = world.alerts();
    assert!(later[before..].iter().all(|subject| subject.contains("resolved: ")), "{later:?}");
}

#[tokio::test]
async fn a_bad_minute_between_good_ones_changes_nothing() {
    let world = seen_bad_once().await;
    for _ in 0..10 {
        world.fold_traffic(&[Traffic::of("v1", 100, 0), Traffic::of("v2", 100, 0)]).await;
        minutes(&world, 1).await;
    }
    assert_eq!(world.percentage(), "50");
}

#[tokio::test]
async fn a_provider_that_fails_for_version_1_too_raises_a_p0_alert_and_nothing_is_changed() {
    let world = World::start().await;
    world.set("rollout-percentage", "50");
    world.reconcile_rollout().await.unwrap();
    for _ in 0..4 {
        world.advance(60);
        world.fold_traffic(&[Traffic::of("v1", 45, 55), Traffic::of("v2", 40, 60)]).await;
        world.reconcile_rollout().await.unwrap();
    }
    assert_eq!(world.percentages().len(), 2);
    let p0: Vec<_> = world.alerts().into_iter().filter(|subject| subject.starts_with("[P0]")).collect();
    assert_eq!(p0, ["[P0] test most notifications reach no recipient", PROVIDERS_FAULT], "each once");
}

#[tokio::test]
async fn failing_email_raises_an_alert_and_leaves_email_in_use() {
    for pushes in [0, 100] {
        let world = World::start().await;
        for _ in 0..4 {
            world.advance(60);
            world.fold_traffic(&[Traffic::of("v2", pushes, 0), Traffic::by_mail("v2", 10, 300)]).await;
            world.reconcile_rollout().await.unwrap();
        }
        assert_eq!(world.percentage(), "100", "version 1 has no e-mail");
        let alerts = world.aws.state.lock().unwrap().alerts.clone();
        let subjects: Vec<_> = alerts.iter().map(|(subject, _)| subject.as_str()).collect();
        assert_eq!(subjects, ["[P0] test most notifications reach no recipient", "[P1] test error rate above 15 %"]);
        assert!(alerts[1].1.contains("version 1 sends one push"), "{}", alerts[1].1);
    }
}

/// Sends to twelve people each minute, until the guard has evaluated two minutes.
async fn two_minutes_of_sends(world: &World) {
    for _ in 0..2 {
        let message = |number: usize| json!({"to": format!("user-{number}"), "content": {"title": "Hi", "body": "x"}});
        let sent = world.batch((0..12).map(message).collect(), None).await;
        assert_eq!(sent.status, 202, "{:?}", sent.body);
        world.fold().await;
        world.advance(60);
        world.reconcile_rollout().await.unwrap();
    }
}

#[tokio::test]
async fn a_slow_or_refused_second_device_is_no_failed_push() {
    for second in [Reply::Silence, Reply::status(403), Reply::status(503)] {
        let world = World::start().await;
        world.set("settings", SMALL_SAMPLES);
        world.other_push.always(Some(second));
        for number in 0..12 {
            let id = format!("user-{number}");
            world.subscribe(&id, &id).await;
            world.subscribe_at(&world.other_push, &id, &format!("second-{number}")).await;
        }
        two_minutes_of_sends(&world).await;
        assert!(world.other_push.total() >= 12);
        assert_eq!(world.percentage(), "100");
        assert!(world.alerts().iter().all(|subject| !subject.contains("error rate")), "{:?}", world.alerts());
    }
}

#[tokio::test]
async fn without_version_1_an_unavailable_push_service_is_no_reason_to_take_the_email_away() {
    let unavailable = [Reply::status(503), Reply::status(429), Reply::status(500)];
    let refused = [Reply::status(400), Reply::status(401), Reply::status(403)];
    let all = unavailable.into_iter().map(|reply| (reply, "100")).chain(refused.into_iter().map(|reply| (reply, "0")));
    for (reply, percentage) in all {
        let world = World::start().await;
        world.set("settings", SMALL_SAMPLES);
        world.push.always(Some(reply));
        for number in 0..12 {
            let id = format!("user-{number}");
            world.subscribe(&id, &id).await;
            world.put_profile(&id, json!({"email": format!("{id}@example.com")})).await;
        }
        two_minutes_of_sends(&world).await;
        assert_eq!(world.percentage(), percentage);
        let is_alerted = world.alerts().contains(&PROVIDERS_FAULT.to_owned());
        assert_eq!(is_alerted, percentage == "100", "{:?}", world.alerts());
    }
}

#[tokio::test]
async fn without_data_or_with_too_little_of_it_nothing_is_done() {
    let world = World::start().await;
    minutes(&world, 3).await;
    world.fold_traffic(&[Traffic::of("v2", 0, 49)]).await;
    minutes(&world, 3).await;
    assert_eq!(world.percentages().len(), 1);
    world.fold_traffic(&[Traffic::of("v2", 0, 1)]).await;
    minutes(&world, 2).await;
    assert_eq!(world.percentage(), "0", "one more made the sample large enough");
}

#[tokio::test]
async fn a_step_down_waits_ten_minutes_after_an_operators_change_and_the_next_one_ten_after_that() {
    let world = World::start().await;
    let mut lowered = Vec::new();
    for minute in 0..25 {
        world.fold_traffic(&[Traffic::of("v1", 100, 0), Traffic::of("v2", 85, 15)]).await;
        let before = world.percentage();
        world.reconcile_rollout().await.unwrap();
        if world.percentage() != before {
            lowered.push((minute, world.percentage()));
        }
        world.advance(60);
    }
    let text = |percentage: &str| percentage.to_owned();
    assert_eq!(lowered, [(10, text("50")), (20, text("10"))]);
    assert_eq!(world.alerts().iter().filter(|subject| subject.contains("one step down")).count(), 2);
}

#[tokio::test]
async fn failures_before_an_operators_change_do_not_count_against_it() {
    let world = seen_bad_once().await;
    world.set("rollout-percentage", "10");
    minutes(&world, 5).await;
    assert_eq!(world.percentage(), "10");
    for _ in 0..2 {
        bad_minute(&world).await;
        world.reconcile_rollout().await.unwrap();
    }
    assert_eq!(world.percentage(), "0", "but a raised percentage that is bad is caught as fast as any other");
}

#[tokio::test]
async fn an_operators_zero_is_left_alone() {
    let world = seen_bad_once().await;
    world.set("rollout-percentage", "0");
    for _ in 0..3 {
        bad_minute(&world).await;
        world.reconcile_rollout().await.unwrap();
    }
    assert_eq!(world.percentages(), ["100", "50", "0"]);
    assert_eq!(world.audit("rollout-percentage").len(), 3);
}

#[tokio::test]
async fn costs_above_the_hourly_limit_step_down_once() {
    let world = World::start().await;
    world.set("settings", r#"{"budgets": {"hour_micros": 1000000}}"#);
    world.advance(660);
    world.fold_traffic(&[Traffic { cost_micros: 20_001, ..Traffic::of("v2", 50, 0) }]).await;
    minutes(&world, 2).await;
    assert_eq!(world.percentage(), "50");
    minutes(&world, 30).await;
    assert_eq!(world.percentage(), "50", "costs at 100 % do not count at 50 %");
}

/// Runs twelve minutes with an open circuit breaker. Version 2 makes so many pushes elsewhere, and version 1 makes ten
/// pushes each minute, of which so many fail.
async fn breaker_open_for_twelve_minutes(elsewhere: usize, version_1_failed: Option<usize>) -> World {
    let world = World::start().await;
    world.subscribe("canary", "canary").await;
    world.push.always(Some(Reply::status(503)));
    for number in 0..10 {
        let id = format!("user-{number}");
        world.subscribe(&id, &id).await;
        world.send(&id, json!({})).await;
    }
    let host = world.push.origin.trim_start_matches("http://").to_owned().leak();
    let well = Traffic { host, ..Traffic::of("v2", 40, 0) };
    world.fold_traffic(&[well, Traffic::of("v2", elsewhere, 0)]).await;
    // One probe a minute keeps it open.
    for minute in 0..12 {
        assert_eq!(world.percentage(), "100", "minute {minute}");
        world.advance(60);
        world.sweep().await;
        world.send("canary", json!({})).await;
        world.fold().await;
        if let Some(failed) = version_1_failed {
            world.fold_traffic(&[Traffic::of("v1", 10 - failed, failed)]).await;
        }
        world.reconcile_rollout().await.unwrap();
    }
    world
}

#[tokio::test]
async fn a_breaker_that_is_open_for_ten_minutes_turns_version_2_off_if_a_fifth_went_there_and_version_1_does_better() {
    for (elsewhere, version_1_failed, percentage) in [(120, 0, "0"), (1_500, 0, "100"), (120, 6, "100")] {
        let world = breaker_open_for_twelve_minutes(elsewhere, Some(version_1_failed)).await;
        assert_eq!(
            world.percentage(),
            percentage,
            "{elsewhere} pushes elsewhere, {version_1_failed} in version 1 failed"
        );
    }
}

#[tokio::test]
async fn without_version_1_an_open_breaker_is_the_providers_fault() {
    let world = breaker_open_for_twelve_minutes(120, None).await;
    assert_eq!(world.percentage(), "100", "version 1 would make the same pushes, and has no e-mail");
    assert!(world.alerts().contains(&PROVIDERS_FAULT.to_owned()), "{:?}", world.alerts());
}

#[tokio::test]
async fn junk_in_the_parameter_raises_an_alert_and_a_bad_version_2_is_still_turned_off() {
    let world = World::start().await;
    world.set("rollout-percentage", "50");
    world.send("bob", json!({})).await;
    world.reconcile_rollout().await.unwrap();
    for (at, invalid) in ["10%", "0,5", "101", "-1", "NaN", "", &"9".repeat(4_096)].into_iter().enumerate() {
        world.set("rollout-percentage", invalid);
        minutes(&world, 2).await;
        assert_eq!(world.percentage(), invalid);
        let record = world.audit("rollout-percentage").pop().unwrap();
        let shown = record["new"].as_str().unwrap().to_owned();
        assert!(shown.starts_with("(not a percentage, ") && record["version"] == 3 + at, "{shown}");
        assert_eq!(world.send("bob", json!({})).await.body["version"], "v2", "bob is among the 50 %");
    }
    assert_eq!(world.alerts(), ["[P2] test invalid parameter: rollout-percentage"]);
    for _ in 0..2 {
        bad_minute(&world).await;
        world.reconcile_rollout().await.unwrap();
    }
    assert_eq!(world.percentage(), "0");
}

#[tokio::test]
async fn junk_in_a_second_parameter_raises_an_alert_as_well_and_each_ends_by_itself() {
    let world = World::start().await;
    world.set("settings", "{,}");
    minutes(&world, 1).await;
    world.set("rollout-percentage", "10%");
    minutes(&world, 1).await;
    let invalid = ["settings", "rollout-percentage"].map(|name| format!("[P2] test invalid parameter: {name}"));
    assert_eq!(world.alerts(), invalid);
    world.set("settings", "{}");
    minutes(&world, 11).await;
    assert_eq!(world.alerts()[2..], ["[P2] test resolved: invalid parameter: settings"]);
    world.set("rollout-percentage", "10");
    minutes(&world, 11).await;
    assert_eq!(world.alerts()[3..], ["[P2] test resolved: invalid parameter: rollout-percentage"]);
}

/// It may be missing: then messages have no links.
#[tokio::test]
async fn junk_in_the_address_of_links_raises_an_alert_and_its_last_valid_value_outlives_a_restart() {
    let mut world = World::start().await;
    minutes(&world, 1).await;
    world.tick().await.unwrap();
    let valid = world.parameter("public-base-url");
    for invalid in ["notify.example.com", "http://notify.example.com", ""] {
        world.set("public-base-url", invalid);
        minutes(&world, 1).await;
    }
    assert_eq!(world.alerts(), ["[P2] test invalid parameter: public-base-url"]);
    let body = world.aws.state.lock().unwrap().alerts[0].1.clone();
    assert!(body.contains("public-base-url: it is not an https URL"), "{body}");
    world.cold_start().await;
    world.aws.state.lock().unwrap().ssm_is_down = true;
    let browser = world.subscribe("ada", "phone").await;
    world.send("ada", json!({})).await;
    let (_, message) = world.push.opened("phone", &browser);
    assert!(message["receipt"]["url"].as_str().unwrap().starts_with(&valid), "{message}");
    world.aws.state.lock().unwrap().ssm_is_down = false;
    world.delete_parameter("public-base-url");
    minutes(&world, 11).await;
    assert_eq!(world.alerts()[1..], ["[P2] test resolved: invalid parameter: public-base-url"]);
    assert!(world.audit("public-base-url").is_empty());
}

#[tokio::test]
async fn a_disabled_guard_reports_the_action_that_it_would_take() {
    let world = World::start().await;
    world.set("settings", r#"{"guard": {"enabled": false}}"#);
    world.advance(60);
    for _ in 0..3 {
        bad_minute(&world).await;
        world.reconcile_rollout().await.unwrap();
    }
    assert_eq!(world.percentages().len(), 1);
    let alerts = world.aws.state.lock().unwrap().alerts.clone();
    let (_, body) = alerts.iter().find(|(subject, _)| subject.contains("switched off")).unwrap();
    assert!(body.contains("nothing, since the guard is disabled"), "{body}");
}
