#![allow(clippy::unwrap_used)]

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;

fn at(minutes: i64) -> Timestamp {
    "2026-11-24T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

fn percent(percent: u16) -> Percentage {
    Percentage::from_hundredths(percent * 100).unwrap()
}

fn step(percentage: u16, hold_minutes: u32) -> RampStep {
    RampStep { percentage: percent(percentage), hold_minutes }
}

fn plan() -> RampPlan {
    RampPlan::new(vec![step(10, 60), step(50, 120), step(100, 30)], Criteria::default(), percent(10)).unwrap()
}

fn begun() -> RampProgress {
    RampProgress { step: 0, step_since: at(0), holding_since: at(0) }
}

const GOOD: RampFigures =
    RampFigures { closed: 1_000, reached: 990, ended_badly: 10, p95_ms: Some(800), breakers_not_closed: 0 };
const BAD: RampFigures = RampFigures { reached: 900, ended_badly: 100, ..GOOD };
const NO_DATA: RampFigures =
    RampFigures { closed: 0, reached: 0, ended_badly: 0, p95_ms: None, breakers_not_closed: 0 };

fn input<'a>(percentage: u16, recent: &'a RampFigures, hold_time: &'a RampFigures) -> RampInput<'a> {
    RampInput { percentage: percent(percentage), recent, hold_time }
}

fn why(next: &RampDecision) -> Option<WaitReason> {
    match next {
        RampDecision::Wait { why, .. } => Some(*why),
        _ => None,
    }
}

#[test]
fn a_step_is_taken_when_the_criteria_held_over_the_whole_hold_time() {
    let (next, _) = advance(&plan(), &begun(), input(10, &GOOD, &GOOD), at(59));
    assert_eq!(why(&next), Some(WaitReason::Holding));
    let (next, progress) = advance(&plan(), &begun(), input(10, &GOOD, &GOOD), at(60));
    assert!(matches!(next, RampDecision::Raise { to_hundredths: 5_000, .. }), "{next:?}");
    assert_eq!(progress, RampProgress { step: 1, step_since: at(60), holding_since: at(60) });
}

#[test]
fn a_bad_minute_restarts_the_hold_time() {
    let (next, progress) = advance(&plan(), &begun(), input(10, &BAD, &GOOD), at(59));
    assert_eq!((why(&next), progress.holding_since, progress.step_since), (Some(WaitReason::Criteria), at(59), at(0)));
    let (next, _) = advance(&plan(), &progress, input(10, &GOOD, &GOOD), at(118));
    assert_eq!(why(&next), Some(WaitReason::Holding));
    let (next, _) = advance(&plan(), &progress, input(10, &GOOD, &GOOD), at(119));
    assert!(matches!(next, RampDecision::Raise { .. }));
}

#[test]
fn a_bad_hold_time_is_not_good_because_each_minute_was_too_small_a_sample() {
    let (next, progress) = advance(&plan(), &begun(), input(10, &NO_DATA, &BAD), at(60));
    assert_eq!((why(&next), progress.holding_since), (Some(WaitReason::Criteria), at(60)));
}

#[test]
fn without_data_a_step_waits() {
    for minutes in [60, 6_000] {
        let (next, progress) = advance(&plan(), &begun(), input(10, &NO_DATA, &NO_DATA), at(minutes));
        assert_eq!((why(&next), progress), (Some(WaitReason::NoData), begun()));
    }
}

#[test]
fn a_breaker_that_is_not_closed_holds_it_up() {
    let open = RampFigures { breakers_not_closed: 1, ..GOOD };
    assert_eq!(why(&advance(&plan(), &begun(), input(10, &open, &open), at(60)).0), Some(WaitReason::Criteria));
}

#[test]
fn a_change_by_another_actor_ends_it() {
    for percentage in [0, 9, 11, 50, 100] {
        assert_eq!(advance(&plan(), &begun(), input(percentage, &GOOD, &GOOD), at(60)).0, RampDecision::Overtaken);
    }
}

#[test]
fn after_the_last_step_it_is_done() {
    let last = RampProgress { step: 2, step_since: at(0), holding_since: at(0) };
    assert_eq!(why(&advance(&plan(), &last, input(100, &GOOD, &GOOD), at(29)).0), Some(WaitReason::Holding));
    assert_eq!(advance(&plan(), &last, input(100, &GOOD, &GOOD), at(30)).0, RampDecision::Done);
}

#[test]
fn an_invalid_plan_is_refused_field_by_field() {
    let fields = |steps: Vec<RampStep>, criteria, present| -> Vec<String> {
        let problems = RampPlan::new(steps, criteria, percent(present)).err().unwrap_or_default();
        problems.into_iter().map(|problem| problem.field).collect()
    };
    let usual = Criteria::default();
    assert_eq!(fields(vec![], usual, 0), ["plan.steps"]);
    assert_eq!(fields(vec![step(1, 1); 11], usual, 0).first().map(String::as_str), Some("plan.steps"));
    assert_eq!(fields(vec![step(0, 1)], usual, 0), ["plan.steps[0].percentage"]);
    assert_eq!(fields(vec![step(10, 1), step(10, 1)], usual, 0), ["plan.steps[1].percentage"]);
    assert_eq!(fields(vec![step(10, 1)], usual, 20), ["plan.steps[0].percentage"]);
    assert_eq!(fields(vec![step(10, 0), step(20, 10_081)], usual, 0).len(), 2);
    let odd = Criteria { delivery_above_percent: 100, error_below_percent: 0, p95_below_ms: 0, sample: 0, ..usual };
    assert_eq!(fields(vec![step(10, 1)], odd, 0).len(), 4);
    assert_eq!(fields(vec![step(10, 1), step(100, 10_080)], usual, 10), [""; 0]);
}

proptest! {
    /// For all figures, a ramp raises the percentage one step at a time, and only from its own step. It does so only if
    /// all criteria held, and not before the end of the hold time.
    #[test]
    fn it_never_skips_a_step_and_never_raises_on_bad_figures(
        ticks in proptest::collection::vec((0usize..3, 0usize..3, 0u8..20), 1..400),
    ) {
        let plan = plan();
        let (mut progress, mut present) = (begun(), percent(10));
        let mut good_since = at(0);
        for (minute, (recent, hold_time, moved_by)) in ticks.into_iter().enumerate() {
            let now = at(i64::try_from(minute).unwrap());
            let moved = moved_by == 0;
            if moved {
                present = percent(33);
            }
            let figures = [GOOD, BAD, NO_DATA];
            let input = RampInput { percentage: present, recent: &figures[recent], hold_time: &figures[hold_time] };
            let before = progress.clone();
            let (next, after) = advance(&plan, &progress, input, now);
            if recent == 1 {
                good_since = now;
            }
            match next {
                RampDecision::Raise { to_hundredths, .. } => {
                    prop_assert_eq!(plan.steps[before.step + 1].percentage.hundredths(), to_hundredths);
                    prop_assert_eq!((recent != 1, hold_time), (true, 0));
                    let hold = SignedDuration::from_mins(i64::from(plan.steps[before.step].hold_minutes));
                    prop_assert!(now.duration_since(before.step_since) >= hold);
                    prop_assert!(now.duration_since(good_since) >= hold);
                    present = plan.steps[after.step].percentage;
                    good_since = now;
                }
                RampDecision::Overtaken => {
                    prop_assert_eq!(present, percent(33));
                    break;
                }
                RampDecision::Done => break,
                RampDecision::Wait { .. } => prop_assert_eq!(after.step, before.step),
            }
            progress = after;
        }
    }
}
