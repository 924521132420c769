//! A ramp advances step by step while version 2 is healthy, and ends when another actor changes the percentage.

use domain::rollout::Percentage;
use domain::rollout::ramp::{Criteria, RampStep};
use proptest::prelude::*;
use rollout::RolloutCommand;
use serde_json::json;

use super::minutes;
use world::{CrashPoint, CrashTiming, Interruption, RunOutcome, Traffic, World};

const HOLD_MINUTES: u32 = 3;
const STEPS: [u16; 3] = [10, 50, 100];

fn plan() -> RolloutCommand {
    let step = |percent| RampStep {
        percentage: Percentage::from_hundredths(percent * 100).unwrap(),
        hold_minutes: HOLD_MINUTES,
    };
    RolloutCommand::Ramp(STEPS.map(step).to_vec(), Criteria::default())
}

/// A world at 10 %, with the ramp started.
async fn begun() -> World {
    let world = World::start().await;
    world.set("rollout-percentage", "10");
    world.reconcile_rollout().await.unwrap();
    world.advance(1);
    world.change_rollout(plan()).await.unwrap();
    world
}

/// Folds a minute of this traffic and runs the guard and the ramp.
async fn minute(world: &World, accepted: usize, failed: usize) {
    world.fold_traffic(&[Traffic::of("v1", 100, 0), Traffic::of("v2", accepted, failed)]).await;
    world.advance(60);
    world.reconcile_rollout().await.unwrap();
}

#[tokio::test]
async fn it_advances_when_the_criteria_held_over_the_whole_hold_time_and_then_ends() {
    let world = begun().await;
    let mut seen = Vec::new();
    for _ in 0..10 {
        minute(&world, 60, 1).await;
        seen.push(world.percentage());
    }
    assert_eq!(seen, ["10", "10", "50", "50", "50", "100", "100", "100", "100", "100"]);
    let audit = world.audit("rollout-percentage");
    let by_ramp: Vec<_> = audit.iter().filter(|record| record["who"] == "ramp").collect();
    assert_eq!(by_ramp.iter().map(|record| &record["new"]).collect::<Vec<_>>(), ["50", "100"]);
    assert_eq!(by_ramp[0]["reason"], "step 2 of 3 of the ramp");
    assert_eq!(by_ramp[0]["numbers"]["criteria"][0]["sample"], 122, "whole minutes since it began");
    assert!(world.alerts()[0].starts_with("[P2] test step 2 of 3"), "{:?}", world.alerts());
    assert_eq!(world.controller_state().ramp, None);
}

#[tokio::test]
async fn a_minute_that_is_not_well_makes_it_wait_the_hold_time_again() {
    let world = begun().await;
    minute(&world, 60, 1).await;
    minute(&world, 180, 20).await;
    // The bad minute stays among the last five for three more; then the hold time begins.
    for _ in 0..5 {
        minute(&world, 60, 1).await;
        assert_eq!(world.percentage(), "10");
    }
    minute(&world, 60, 1).await;
    assert_eq!(world.percentage(), "50");
}

#[tokio::test]
async fn it_waits_for_a_slow_version_2_and_without_data() {
    let world = begun().await;
    minutes(&world, 10).await;
    assert_eq!(
        (world.percentage().as_str(), &world.controller_state().ramp.unwrap().last.unwrap()["why"]),
        ("10", &json!("no_data"))
    );
    for _ in 0..5 {
        world.fold_traffic(&[Traffic { latency_ms: 3_200, ..Traffic::of("v2", 100, 0) }]).await;
        minutes(&world, 1).await;
    }
    let last = world.controller_state().ramp.unwrap().last.unwrap();
    assert_eq!((world.percentage().as_str(), &last["criteria"][2]["holds"]), ("10", &json!(false)), "{last}");
}

#[tokio::test]
async fn another_actors_change_of_the_percentage_ends_it() {
    for (by_hand, percentage) in [(Some("25"), "25"), (Some("0"), "0"), (None, "10")] {
        let world = begun().await;
        minute(&world, 60, 1).await;
        match by_hand {
            Some(percentage) => world.set("rollout-percentage", percentage),
            None => world.change_rollout(RolloutCommand::NoRamp).await.unwrap(),
        }
        for _ in 0..6 {
            minute(&world, 60, 1).await;
        }
        assert_eq!((world.percentage().as_str(), world.controller_state().ramp), (percentage, None));
        let overtaken = world.alerts().iter().any(|subject| subject.contains("ramp ended by another change"));
        assert_eq!(overtaken, by_hand.is_some());
    }
}

#[tokio::test]
async fn the_guard_ends_it() {
    let world = begun().await;
    minute(&world, 60, 1).await;
    for _ in 0..3 {
        minute(&world, 40, 60).await;
    }
    assert_eq!((world.percentage().as_str(), world.controller_state().ramp), ("0", None));
}

/// A world in which the next round advances to 50 %.
async fn about_to_advance() -> World {
    let world = begun().await;
    for _ in 0..2 {
        minute(&world, 60, 1).await;
    }
    world.fold_traffic(&[Traffic::of("v2", 60, 1)]).await;
    world.advance(60);
    world
}

#[tokio::test]
async fn a_refused_call_or_a_crash_repeats_and_skips_no_step() {
    for call in 1..40 {
        for dies in [true, false] {
            let world = about_to_advance().await;
            let point = CrashPoint { timing: CrashTiming::After, call };
            let is_over = if dies {
                matches!(world.crash_at(point, world.reconcile_rollout()).await, RunOutcome::Completed(_))
            } else {
                world.aws.interruptions.at(call, Interruption::Refusal);
                let _ = world.reconcile_rollout().await;
                world.aws.interruptions.cancel()
            };
            if is_over {
                assert!(call > 10, "{call}");
                return;
            }
            minutes(&world, 2).await;
            assert_eq!(world.percentages(), ["100", "10", "50"], "call {call}, dies: {dies}");
            assert_eq!(world.controller_state().ramp.map(|ramp| ramp.step), Some(1), "call {call}, dies: {dies}");
        }
    }
    panic!("it makes more calls than that");
}

/// Events of one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MinuteEvent {
    Healthy,
    Failing,
    Nothing,
    OperatorWrites,
    Stop,
}

fn minute_event() -> impl Strategy<Value = MinuteEvent> {
    prop_oneof![
        12 => Just(MinuteEvent::Healthy),
        1 => Just(MinuteEvent::Failing),
        2 => Just(MinuteEvent::Nothing),
        1 => Just(MinuteEvent::OperatorWrites),
        1 => Just(MinuteEvent::Stop),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 20, ..ProptestConfig::default() })]

    /// Under any sequence of events, the ramp takes one step after another, each after a hold time without a bad
    /// minute, and none after it was stopped, overridden or turned off.
    #[test]
    fn it_never_skips_a_step_and_never_raises_after_its_end(story in proptest::collection::vec(minute_event(), 20)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(&story));
    }
}

async fn run(story: &[MinuteEvent]) {
    let world = begun().await;
    let (mut bad_before, mut over) = (0, false);
    let mut since = 0;
    for (at, event) in story.iter().enumerate() {
        let before = world.percentage();
        match event {
            MinuteEvent::Healthy => minute(&world, 100, 1).await,
            MinuteEvent::Failing => {
                bad_before = at + 1;
                minute(&world, 40, 60).await;
            }
            MinuteEvent::Nothing => minutes(&world, 1).await,
            MinuteEvent::OperatorWrites => {
                over = true;
                world.set("rollout-percentage", "33");
                minutes(&world, 1).await;
            }
            MinuteEvent::Stop => {
                over = true;
                world.change_rollout(RolloutCommand::NoRamp).await.unwrap();
                minutes(&world, 1).await;
            }
        }
        let last = world.audit("rollout-percentage").pop().unwrap();
        if world.percentage() != before && last["who"] == "ramp" {
            let hold = usize::try_from(HOLD_MINUTES).unwrap();
            assert!(!over && at + 1 >= since + hold && at + 1 >= bad_before + hold, "{at} of {story:?}");
            let step = STEPS.iter().position(|step| step.to_string() == before).unwrap();
            assert_eq!(world.percentage(), STEPS[step + 1].to_string(), "{at} of {story:?}");
        }
        if world.percentage() != before {
            since = at + 1;
            over |= last["who"] != "ramp";
        }
    }
}
