//! Writes of the guard and of an operator at the same time: SSM has no conditional write, but no operator's value is
//! lost.

use super::{minutes, seen_bad_once};
use world::{CrashPoint, CrashTiming, Interruption, RunOutcome};

/// More calls than any round makes.
const MOST_CALLS: usize = 40;

#[tokio::test]
async fn an_operators_write_at_any_moment_of_a_round_is_the_final_value() {
    let mut between = 0;
    for call in 1..MOST_CALLS {
        let world = seen_bad_once().await;
        world.aws.interruptions.at(call, Interruption::OperatorWrite("25".to_owned()));
        world.reconcile_rollout().await.unwrap();
        if world.aws.interruptions.cancel() {
            assert!(call > 10 && between > 0, "{call} calls, {between} overlaps");
            return;
        }
        let overlaps = |alerts: Vec<String>| alerts.iter().filter(|it| it.contains("at the same time")).count();
        between += overlaps(world.alerts());
        minutes(&world, 3).await;
        assert_eq!(world.percentage(), "25", "written before call {call}: {:?}", world.percentages());
        let audit = world.audit("rollout-percentage");
        let values: Vec<_> = audit.iter().map(|record| record["new"].as_str().unwrap()).collect();
        assert_eq!(values, world.percentages(), "each version is recorded once");
        let operators = audit.iter().filter(|record| record["who"] == "operator" && record["new"] == "25");
        assert_eq!(operators.count(), 1, "{audit:#?}");
    }
    panic!("it makes more calls than {MOST_CALLS}");
}

#[tokio::test]
async fn an_operator_who_writes_again_during_the_restore_keeps_the_newer_value() {
    let world = seen_bad_once().await;
    world.aws.state.lock().unwrap().parameters.operator_writes.extend([Some("25".to_owned()), Some("30".to_owned())]);
    world.reconcile_rollout().await.unwrap();
    assert_eq!(world.percentages(), ["100", "50", "25", "0", "30", "25", "30"]);
    minutes(&world, 2).await;
    let who: Vec<_> = world.audit("rollout-percentage").iter().map(|record| record["who"].clone()).collect();
    assert_eq!(who, ["operator", "operator", "operator", "guard", "operator", "guard", "guard"]);
}

#[tokio::test]
async fn an_operator_who_sets_the_same_value_gets_it_once() {
    let world = seen_bad_once().await;
    world.aws.state.lock().unwrap().parameters.operator_writes.push_back(Some("0".to_owned()));
    world.reconcile_rollout().await.unwrap();
    minutes(&world, 2).await;
    assert_eq!(world.percentages(), ["100", "50", "0", "0"]);
}

/// The function crashes between overwriting an operator's value and restoring it.
#[tokio::test]
async fn the_minute_after_a_crashed_round_restores_the_operators_value() {
    for call in 1..MOST_CALLS {
        let world = seen_bad_once().await;
        world.aws.state.lock().unwrap().parameters.operator_writes.push_back(Some("25".to_owned()));
        let outcome = world.crash_at(CrashPoint { timing: CrashTiming::After, call }, world.reconcile_rollout()).await;
        minutes(&world, 3).await;
        assert_eq!(world.percentage(), "25", "after call {call}: {outcome:?} {:?}", world.percentages());
        if matches!(outcome, RunOutcome::Completed(_)) {
            return;
        }
    }
    panic!("it makes more calls than {MOST_CALLS}");
}
