//! SSM knows no conditional write, and no operator's value is lost all the same.

use super::{minutes, seen_bad_once};
use world::{CrashPoint, CrashTiming, Interruption, RunOutcome};

/// More than any round makes.
const MOST_CALLS: usize = 40;

#[tokio::test]
async fn whenever_an_operator_writes_while_the_guard_acts_their_value_stands_in_the_end() {
    let mut between = 0;
    for call in 1..MOST_CALLS {
        let world = seen_bad_once().await;
        world.aws.interruptions.at(call, Interruption::OperatorWrite("25".to_owned()));
        world.reconcile_rollout().await.unwrap();
        if world.aws.interruptions.cancel() {
            assert!(call > 10 && between > 0, "{call} calls, {between} overlaps");
            return;
        }
        let overlaps = |alerts: Vec<String>| alerts.iter().filter(|it| it.contains("at once")).count();
        between += overlaps(world.alerts());
        minutes(&world, 3).await;
        assert_eq!(world.percentage(), "25", "written before call {call}: {:?}", world.percentages());
        let audit = world.audit("rollout-percentage");
        let values: Vec<_> = audit.iter().map(|record| record["new"].as_str().unwrap()).collect();
        assert_eq!(values, world.percentages(), "each version is written down, once");
        let operators = audit.iter().filter(|record| record["who"] == "operator" && record["new"] == "25");
        assert_eq!(operators.count(), 1, "{audit:#?}");
    }
    panic!("it makes more calls than {MOST_CALLS}");
}

#[tokio::test]
async fn an_operator_who_writes_again_while_their_value_is_put_back_has_the_newer_one() {
    let world = seen_bad_once().await;
    world.aws.state.lock().unwrap().parameters.operator_writes.extend([Some("25".to_owned()), Some("30".to_owned())]);
    world.reconcile_rollout().await.unwrap();
    assert_eq!(world.percentages(), ["100", "50", "25", "0", "30", "25", "30"]);
    minutes(&world, 2).await;
    let who: Vec<_> = world.audit("rollout-percentage").iter().map(|record| record["who"].clone()).collect();
    assert_eq!(who, ["operator", "operator", "operator", "guard", "operator", "guard", "guard"]);
}

#[tokio::test]
async fn an_operator_who_wants_the_same_gets_it_once() {
    let world = seen_bad_once().await;
    world.aws.state.lock().unwrap().parameters.operator_writes.push_back(Some("0".to_owned()));
    world.reconcile_rollout().await.unwrap();
    minutes(&world, 2).await;
    assert_eq!(world.percentages(), ["100", "50", "0", "0"]);
}

/// The function dies somewhere between overwriting an operator's value and giving it back.
#[tokio::test]
async fn what_a_dead_round_owes_an_operator_the_next_minute_gives_back() {
    for call in 1..MOST_CALLS {
        let world = seen_bad_once().await;
        world.aws.state.lock().unwrap().parameters.operator_writes.push_back(Some("25".to_owned()));
        let fate = world.crash_at(CrashPoint { timing: CrashTiming::After, call }, world.reconcile_rollout()).await;
        minutes(&world, 3).await;
        assert_eq!(world.percentage(), "25", "after call {call}: {fate:?} {:?}", world.percentages());
        if matches!(fate, RunOutcome::Completed(_)) {
            return;
        }
    }
    panic!("it makes more calls than {MOST_CALLS}");
}
