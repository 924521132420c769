#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;
use tracing::instrument::WithSubscriber;

use super::world::{ParameterWorld, SECOND, percentage};
use super::*;
use platform::telemetry::testing::Lines;

#[tokio::test(start_paused = true)]
async fn one_call_reads_all_three_and_serves_for_eight_seconds() {
    let world = ParameterWorld::holding("10");
    world.set("settings", r#"{"sms": {"max_parts": 1}}"#);
    let (source, clock) = world.process();
    let config = source.current().await;
    assert_eq!(config.rollout.percentage.to_string(), "10");
    assert!(config.rollout.users.contains("alice"));
    assert_eq!(config.settings.sms.max_parts, 1);
    clock.advance(Duration::from_millis(7_999));
    source.current().await;
    assert_eq!(world.ssm_calls(), 1);
    clock.advance(Duration::from_millis(2_001));
    source.current().await;
    assert_eq!(world.ssm_calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn fifty_callers_at_once_share_one_call() {
    let world = ParameterWorld::holding("10");
    world.answers_after_ms.store(50, Ordering::SeqCst);
    let (source, clock) = world.process();
    for reads in 1..=2 {
        let callers: Vec<_> = (0..50)
            .map(|_| {
                tokio::spawn({
                    let source = Arc::clone(&source);
                    async move { percentage(&source).await }
                })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), "10");
        }
        assert_eq!(world.ssm_calls(), reads);
        clock.advance(25 * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn while_one_reads_a_value_under_twenty_seconds_serves_without_waiting_and_an_older_one_does_not() {
    for (age_s, expected) in [(19, "10"), (20, "50")] {
        let world = ParameterWorld::holding("10");
        let (source, clock) = world.process();
        source.current().await;
        world.set("rollout-percentage", "50");
        world.answers_after_ms.store(500, Ordering::SeqCst);
        clock.advance(age_s * SECOND);
        let (reader, other) = tokio::join!(percentage(&source), percentage(&source));
        assert_eq!((reader.as_str(), other.as_str()), ("50", expected), "at {age_s} s");
        assert_eq!(world.ssm_calls(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_whose_request_is_dropped_leaves_the_read_to_the_next() {
    let world = ParameterWorld::holding("10");
    world.answers_after_ms.store(1_000, Ordering::SeqCst);
    let (source, _clock) = world.process();
    assert!(tokio::time::timeout(SECOND / 2, source.current()).await.is_err());
    assert_eq!(percentage(&source).await, "10");
}

#[tokio::test(start_paused = true)]
async fn every_decision_thirty_seconds_after_a_change_follows_it_at_whatever_pace_requests_come() {
    for pace_ms in [100, 900, 3_000, 7_000, 11_000, 29_000] {
        let world = ParameterWorld::holding("10");
        world.answers_after_ms.store(200, Ordering::SeqCst);
        let (source, clock) = world.process();
        source.current().await;
        world.set("rollout-percentage", "0");
        let mut since_change_ms = 0;
        while since_change_ms < 60_000 {
            clock.advance(Duration::from_millis(pace_ms));
            since_change_ms += pace_ms;
            // Two concurrent calls: one reads, and the other one may use the old value.
            let (one, two) = tokio::join!(percentage(&source), percentage(&source));
            if since_change_ms >= 30_000 {
                assert_eq!((one.as_str(), two.as_str()), ("0", "0"), "{since_change_ms} ms after, every {pace_ms} ms");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn junk_keeps_the_last_good_value_and_a_good_one_is_followed_again() {
    let world = ParameterWorld::holding("10");
    let (source, clock) = world.process();
    source.current().await;
    for invalid in ["", "100%", "101", "NaN", "1e2", "full"] {
        world.set("rollout-percentage", invalid);
        clock.advance(11 * SECOND);
        assert_eq!(percentage(&source).await, "10", "{invalid:?}");
    }
    world.set("rollout-percentage", "0");
    clock.advance(11 * SECOND);
    assert!(source.current().await.rollout.is_killed());
}

#[tokio::test(start_paused = true)]
async fn each_change_of_state_is_one_line_that_names_the_parameter_and_does_not_quote_it() {
    let world = ParameterWorld::holding("10");
    let (source, clock) = world.process();
    let lines = Lines::default();
    // With a single subscriber in the process, tracing asks only the thread that first meets a log line. That thread
    // may belong to another test, which has no subscriber. With two subscribers, tracing asks both.
    let _second = tracing::Dispatch::new(Lines::default().subscriber("info"));
    let story = async {
        for percentage in ["10", "ada@example.com", "ada@example.com", "10"] {
            world.set("rollout-percentage", percentage);
            source.current().await;
            clock.advance(11 * SECOND);
        }
        for down in [true, true, false] {
            world.down(down);
            source.current().await;
            clock.advance(11 * SECOND);
        }
    };
    story.with_subscriber(lines.subscriber("info")).await;
    let lines = lines.read();
    let told: Vec<_> = lines.iter().map(|line| (line["level"].as_str().unwrap(), line["alarm"].as_str())).collect();
    let alarms =
        [("ERROR", Some("rollout_unreadable")), ("INFO", None), ("WARN", Some("rollout_unavailable")), ("INFO", None)];
    assert_eq!(told, alarms);
    assert_eq!(lines[0]["parameter"], "/push/rollout-percentage");
    assert!(lines[2]["error"].as_str().unwrap().contains("ThrottlingException"));
    assert!(!format!("{lines:?}").contains("ada@"));
}

#[tokio::test(start_paused = true)]
async fn while_ssm_is_down_the_last_good_value_serves_and_ssm_is_asked_only_every_five_seconds() {
    let world = ParameterWorld::holding("10");
    let (source, clock) = world.process();
    source.current().await;
    world.down(true);
    clock.advance(3_600 * SECOND);
    for _ in 0..100 {
        assert_eq!(percentage(&source).await, "10");
        clock.advance(SECOND / 10);
    }
    assert_eq!(world.ssm_calls(), 1 + 2);
    world.down(false);
    world.set("rollout-percentage", "0");
    clock.advance(5 * SECOND);
    assert!(source.current().await.rollout.is_killed());
}

#[tokio::test(start_paused = true)]
async fn a_silent_ssm_costs_a_caller_three_seconds_at_most() {
    let world = ParameterWorld::holding("10");
    world.answers_after_ms.store(60_000, Ordering::SeqCst);
    let (source, _clock) = world.process();
    let began = tokio::time::Instant::now();
    assert_eq!(percentage(&source).await, "0");
    assert_eq!(began.elapsed(), READ_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn at_the_start_junk_falls_back_to_the_record_and_without_one_v2_is_off() {
    for invalid in ["101", "hundred", "-1", "100 %"] {
        let world = ParameterWorld::holding(invalid);
        assert!(world.process().0.current().await.rollout.is_killed(), "{invalid}");
        world.keep(json!({"percentage": {"S": "25"}, "users": {"S": r#"["bob"]"#}}));
        let rollout = world.process().0.current().await.rollout;
        assert_eq!(rollout.percentage.to_string(), "25");
        assert!(rollout.users.contains("alice") && !rollout.users.contains("bob"));
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_start_without_ssm_the_record_serves_whole_until_ssm_is_back() {
    let world = ParameterWorld::holding("50");
    world.down(true);
    world.keep(json!({
        "percentage": {"S": "25"}, "users": {"S": r#"["bob"]"#}, "settings": {"S": r#"{"sms": {"max_parts": 2}}"#},
    }));
    let (source, clock) = world.process();
    let config = source.current().await;
    assert_eq!(config.rollout.percentage.to_string(), "25");
    assert!(config.rollout.users.contains("bob"));
    assert_eq!(config.settings.sms.max_parts, 2);
    world.down(false);
    clock.advance(5 * SECOND);
    assert_eq!(percentage(&source).await, "50");
}

#[tokio::test(start_paused = true)]
async fn at_the_start_without_parameters_record_or_table_v2_is_off() {
    let world = Arc::new(ParameterWorld::default());
    let (source, _clock) = world.process();
    assert_eq!(source.current().await, ConfigSnapshot::default());
    world.keep(json!({"percentage": {"S": "one hundred"}, "users": {"N": "1"}}));
    assert_eq!(world.process().0.current().await, ConfigSnapshot::default());
}

#[tokio::test(start_paused = true)]
async fn while_everything_is_readable_neither_the_record_nor_a_history_is_read() {
    let world = ParameterWorld::holding("10");
    let (source, clock) = world.process();
    for _ in 0..3 {
        source.current().await;
        clock.advance(11 * SECOND);
    }
    assert_eq!((world.ssm_calls(), world.table_calls(), world.history_calls()), (3, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_asks_again_instead_of_serving_for_an_hour() {
    let world = ParameterWorld::holding("10");
    let (source, clock) = world.process();
    source.current().await;
    world.set("rollout-percentage", "0");
    if let Clock::Manual(ms) = &clock {
        ms.fetch_sub(3_600_000, Ordering::SeqCst);
    }
    assert!(source.current().await.rollout.is_killed());
}

#[tokio::test(start_paused = true)]
async fn the_base_of_links_is_read_in_the_same_call_by_functions_that_write_links_alone() {
    let world = ParameterWorld::holding("10");
    world.set("public-base-url", "https://notify.example.com/");
    let (source, _) = world.source();
    assert_eq!(source.current().await.public_base_url, None);
    let (source, _) = world.source();
    let config = source.with_public_base_url().current().await;
    assert_eq!(config.public_base_url.unwrap().to_string(), "https://notify.example.com");
    assert_eq!(world.ssm_calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn with_settings_only_the_rollout_is_neither_asked_for_nor_missed() {
    let world = ParameterWorld::holding("100");
    world.set("settings", r#"{"sms": {"max_parts": 1}}"#);
    let (source, _clock) = world.source();
    let source = source.settings_only();
    let config = source.current().await;
    assert!(config.rollout.is_killed());
    assert_eq!(config.settings.sms.max_parts, 1);
    assert_eq!(source.names(), ["/push/settings"]);
    assert_eq!(world.table_calls(), 0);
}
