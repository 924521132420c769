//! Failures and crashes while the guard acts: the next minute completes the work, once.

use super::{minutes, seen_bad_once};
use world::{CrashPoint, CrashTiming, Interruption, RunOutcome};

const MOST_CALLS: usize = 40;

#[tokio::test]
async fn of_two_rollups_at_once_one_acts() {
    let world = seen_bad_once().await;
    let other = world.another_rollup();
    let (one, two) = tokio::join!(world.reconcile_rollout(), world.reconcile_rollout_by(&other));
    let mut done = [one.unwrap().done, two.unwrap().done];
    done.sort();
    assert_eq!(done, ["rollout-percentage set to 0", "skipped: another run is active"]);
    minutes(&world, 2).await;
    assert_eq!(world.percentages(), ["100", "50", "0"]);
    assert_eq!(world.alerts().iter().filter(|subject| subject.contains("switched off")).count(), 1);
}

#[tokio::test]
async fn after_any_refused_call_the_next_minute_completes_the_work() {
    for call in 1..MOST_CALLS {
        let world = seen_bad_once().await;
        world.aws.interruptions.at(call, Interruption::Refusal);
        let round = world.reconcile_rollout().await;
        if world.aws.interruptions.cancel() {
            assert!(call > 10, "{call}");
            return;
        }
        minutes(&world, 1).await;
        assert_eq!(world.percentages(), ["100", "50", "0"], "call {call} was refused: {round:?}");
        minutes(&world, 2).await;
        let audit = world.audit("rollout-percentage");
        let who: Vec<_> = audit.iter().map(|record| record["who"].as_str().unwrap()).collect();
        assert_eq!(who, ["operator", "operator", "guard"], "call {call}");
        assert!(audit[2]["reason"].as_str().is_some_and(|why| why.starts_with("60.00 %")), "call {call}: {audit:#?}");
    }
    panic!("it makes more calls than {MOST_CALLS}");
}

#[tokio::test]
async fn after_a_crash_at_any_call_version_2_is_turned_off_once() {
    // A crash after a call equals a crash before the next one.
    for call in 1..MOST_CALLS {
        let world = seen_bad_once().await;
        let outcome = world.crash_at(CrashPoint { timing: CrashTiming::After, call }, world.reconcile_rollout()).await;
        if matches!(outcome, RunOutcome::Completed(_)) {
            assert!(call > 10, "{call}");
            return;
        }
        minutes(&world, 3).await;
        assert_eq!(world.percentages(), ["100", "50", "0"], "{outcome:?}");
        let audit = world.audit("rollout-percentage");
        let who: Vec<_> = audit.iter().map(|record| record["who"].as_str().unwrap()).collect();
        assert_eq!(who, ["operator", "operator", "guard"], "{outcome:?}");
        assert!(
            world.alerts().iter().any(|it| it.contains("error rate above") || it.contains("switched off")),
            "{outcome:?}"
        );
    }
    panic!("it makes more calls than {MOST_CALLS}");
}

#[tokio::test]
async fn while_ssm_does_not_respond_an_alert_is_published_and_version_2_is_turned_off_afterwards() {
    let world = seen_bad_once().await;
    world.aws.state.lock().unwrap().ssm_is_down = true;
    assert!(world.reconcile_rollout().await.is_err());
    let both = ["[P1] test error rate above 15 %", "[P1] test failed first pushes above 15 %"];
    assert_eq!(world.alerts(), both);
    world.aws.state.lock().unwrap().ssm_is_down = false;
    minutes(&world, 1).await;
    assert_eq!(world.percentage(), "0");
}
