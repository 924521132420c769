#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Every process uses the newest valid version that Parameter Store held, whatever its own memory holds.

use std::sync::atomic::Ordering;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{ParameterWorld, SECOND, percentage};
use super::*;

#[tokio::test(start_paused = true)]
async fn a_kill_switch_followed_by_a_typo_stays_on_in_processes_that_were_idle() {
    let world = ParameterWorld::holding("100");
    let (idle, clock) = world.process();
    assert_eq!(percentage(&idle).await, "100");
    world.set("rollout-percentage", "0");
    world.set("rollout-percentage", "0%");
    clock.advance(100 * SECOND);
    assert_eq!((percentage(&idle).await, percentage(&world.process().0).await), ("0".to_owned(), "0".to_owned()));
    clock.advance(3_600 * SECOND);
    assert_eq!(percentage(&idle).await, "0");
    assert_eq!(world.history_calls(), 2, "once a process for each version");
}

#[tokio::test(start_paused = true)]
async fn what_was_raised_before_a_typo_is_in_force_too() {
    let (world, idle, clock) = ParameterWorld::with_idle_process("0").await;
    world.set("rollout-percentage", "100");
    world.set("rollout-percentage", "1OO");
    clock.advance(30 * SECOND);
    assert_eq!(percentage(&idle).await, "100");
}

#[tokio::test(start_paused = true)]
async fn the_list_and_the_settings_follow_the_same_rule() {
    let (world, idle, clock) = ParameterWorld::with_idle_process("10").await;
    world.set("rollout-users", r#"["bob"]"#);
    world.set("rollout-users", r#"["bob",]"#);
    world.set("settings", r#"{"sms": {"per_recipient_per_day": 0}}"#);
    world.set("settings", r#"{"sms": {"per_recipient_per_day": 0,}}"#);
    clock.advance(30 * SECOND);
    let config = idle.current().await;
    assert!(config.rollout.users.contains("bob") && !config.rollout.users.contains("alice"));
    assert_eq!(config.settings.sms.per_recipient_per_day, 0);
}

#[tokio::test(start_paused = true)]
async fn one_process_reads_a_history_for_those_that_come_after() {
    let world = ParameterWorld::holding("100");
    let clock = Clock::manual("2027-01-04T12:00:00Z".parse().unwrap());
    world.set("rollout-percentage", "0");
    world.set("rollout-percentage", "0%");
    let first = world.source_at(&clock).with_record_writes();
    assert_eq!(percentage(&first).await, "0");
    for _ in 0..20 {
        assert_eq!(percentage(&world.source_at(&clock)).await, "0");
    }
    assert_eq!(world.history_calls(), 1);
    assert_eq!(world.kept()["percentage_up_to_version"], json!({"N": "3"}));
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_was_deleted_and_created_again_goes_by_its_new_versions() {
    for is_recorded in [false, true] {
        let world = ParameterWorld::holding("50");
        let (idle, clock) = world.process();
        world.set("rollout-percentage", "100");
        idle.current().await;
        if is_recorded {
            world.last_known_good().save(&idle.record(), clock.now()).await.unwrap();
        }
        world.delete("rollout-percentage");
        world.set("rollout-percentage", "0");
        world.set("rollout-percentage", "0%");
        clock.advance(30 * SECOND);
        // Version 2 was 100, version 1 is 0: an order by number alone would be wrong.
        assert_eq!(percentage(&idle).await, "0");
        assert_eq!(percentage(&world.process().0).await, "0");
    }
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_is_gone_keeps_the_newest_value_that_the_record_has() {
    let (world, idle, clock) = ParameterWorld::with_idle_process("100").await;
    world.set("rollout-percentage", "0");
    world.record(&world.source_at(&clock), &clock).await;
    world.delete("rollout-percentage");
    clock.advance(30 * SECOND);
    assert_eq!((percentage(&idle).await.as_str(), world.history_calls()), ("0", 0));
}

#[tokio::test(start_paused = true)]
async fn while_ssm_is_down_an_idle_process_goes_by_the_record_where_that_is_newer() {
    let (world, idle, clock) = ParameterWorld::with_idle_process("100").await;
    world.set("rollout-percentage", "0");
    world.record(&world.source_at(&clock), &clock).await;
    world.down(true);
    clock.advance(30 * SECOND);
    assert_eq!(percentage(&idle).await, "0");
}

#[tokio::test(start_paused = true)]
async fn a_history_that_cannot_be_read_is_read_again_and_junk_never_enables_v2_for_all() {
    let world = ParameterWorld::holding("100%");
    world.history_down.store(true, Ordering::SeqCst);
    let (source, clock) = world.process();
    assert_eq!(percentage(&source).await, "0");
    world.set("rollout-percentage", "25");
    world.set("rollout-percentage", "100%");
    world.history_down.store(false, Ordering::SeqCst);
    clock.advance(5 * SECOND);
    assert_eq!(percentage(&source).await, "25");
}

#[tokio::test(start_paused = true)]
async fn callers_that_come_while_a_history_is_read_do_not_decide_by_what_was_before() {
    let (world, idle, clock) = ParameterWorld::with_idle_process("100").await;
    world.set("rollout-percentage", "0");
    world.set("rollout-percentage", "0%");
    clock.advance(60 * SECOND);
    let (one, two, three) = tokio::join!(percentage(&idle), percentage(&idle), percentage(&idle));
    assert_eq!([one.as_str(), two.as_str(), three.as_str()], ["0"; 3]);
    assert_eq!(world.history_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_typos_in_a_row_leave_what_the_record_has() {
    let (world, idle, clock) = ParameterWorld::with_idle_process("100").await;
    world.set("rollout-percentage", "25");
    world.record(&world.source_at(&clock), &clock).await;
    (0..120).for_each(|typo| world.set("rollout-percentage", &format!("{typo}%")));
    clock.advance(30 * SECOND);
    assert_eq!(percentage(&idle).await, "25");
}

/// An event that changes the parameter, its readers or the record.
#[derive(Debug, Clone)]
enum Event {
    Write {
        value: u8,
        is_junk: bool,
    },
    /// Deletes the parameter and creates it again with a value.
    Renew {
        value: u8,
    },
    Wait {
        seconds: u64,
    },
    Read {
        process: usize,
    },
    /// The minute schedule of rollup.
    Record,
    /// The record is lost.
    Lose,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0u8..=100, any::<bool>()).prop_map(|(value, is_junk)| Event::Write { value, is_junk }),
        1 => (0u8..=100).prop_map(|value| Event::Renew { value }),
        3 => (1u64..40).prop_map(|seconds| Event::Wait { seconds }),
        5 => (0usize..4).prop_map(|process| Event::Read { process }),
        2 => Just(Event::Record),
        1 => Just(Event::Lose),
    ]
}

async fn obey(events: Vec<Event>) {
    let world = ParameterWorld::holding("50");
    let clock = Clock::manual("2027-01-04T12:00:00Z".parse().unwrap());
    // Two of the functions may write the record; two only read it.
    let processes: Vec<_> = (0..4)
        .map(|number| {
            let source = world.source_at(&clock);
            if number < 2 { source.with_record_writes() } else { source }
        })
        .collect();
    let rollup = world.source_at(&clock);
    let (mut valid, mut since_change) = (50, 0);
    for event in events {
        match event {
            Event::Write { value, is_junk } => {
                world.set("rollout-percentage", &if is_junk { format!("{value}%") } else { value.to_string() });
                valid = if is_junk { valid } else { value };
                since_change = 0;
            }
            Event::Renew { value } => {
                world.delete("rollout-percentage");
                world.set("rollout-percentage", &value.to_string());
                (valid, since_change) = (value, 0);
            }
            Event::Wait { seconds } => {
                clock.advance(Duration::from_secs(seconds));
                since_change += seconds;
            }
            Event::Read { process } => {
                let found = percentage(&processes[process]).await;
                assert!(since_change < 30 || found == valid.to_string(), "{found} instead of {valid}");
            }
            Event::Record => {
                world.record(&rollup, &clock).await;
            }
            Event::Lose => world.keep(Value::Null),
        }
    }
    clock.advance(30 * SECOND);
    for process in &processes {
        assert_eq!(percentage(process).await, valid.to_string());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn thirty_seconds_after_a_change_every_decision_follows_the_newest_valid_version(
        events in proptest::collection::vec(event(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(obey(events));
    }
}
