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

fn step(percentage: u16, hold_minutes: u32) -> StepPlan {
    StepPlan { percentage: percent(percentage), hold_minutes }
}

fn plan() -> Plan {
    Plan::new(vec![step(10, 60), step(50, 120), step(100, 30)], Criteria::default(), percent(10)).unwrap()
}

fn begun() -> Progress {
    Progress { step: 0, step_since: at(0), holding_since: at(0) }
}

const WELL: Figures =
    Figures { closed: 1_000, reached: 990, ended_badly: 10, p95_ms: Some(800), breakers_not_closed: 0 };
const ILL: Figures = Figures { reached: 900, ended_badly: 100, ..WELL };
const NOTHING: Figures = Figures { closed: 0, reached: 0, ended_badly: 0, p95_ms: None, breakers_not_closed: 0 };

fn seen<'a>(percentage: u16, lately: &'a Figures, held: &'a Figures) -> Seen<'a> {
    Seen { percentage: percent(percentage), lately, held }
}

fn why(next: &Next) -> Option<Wait> {
    match next {
        Next::Wait { why, .. } => Some(*why),
        _ => None,
    }
}

#[test]
fn a_step_is_taken_when_the_criteria_held_over_the_whole_hold_time() {
    let (next, _) = advance(&plan(), &begun(), seen(10, &WELL, &WELL), at(59));
    assert_eq!(why(&next), Some(Wait::Holding));
    let (next, progress) = advance(&plan(), &begun(), seen(10, &WELL, &WELL), at(60));
    assert!(matches!(next, Next::Raise { to_hundredths: 5_000, .. }), "{next:?}");
    assert_eq!(progress, Progress { step: 1, step_since: at(60), holding_since: at(60) });
}

#[test]
fn a_bad_minute_begins_the_hold_time_anew() {
    let (next, progress) = advance(&plan(), &begun(), seen(10, &ILL, &WELL), at(59));
    assert_eq!((why(&next), progress.holding_since, progress.step_since), (Some(Wait::Criteria), at(59), at(0)));
    let (next, _) = advance(&plan(), &progress, seen(10, &WELL, &WELL), at(118));
    assert_eq!(why(&next), Some(Wait::Holding));
    let (next, _) = advance(&plan(), &progress, seen(10, &WELL, &WELL), at(119));
    assert!(matches!(next, Next::Raise { .. }));
}

#[test]
fn what_was_bad_on_the_whole_is_not_good_because_each_minute_was_too_small_to_say() {
    let (next, progress) = advance(&plan(), &begun(), seen(10, &NOTHING, &ILL), at(60));
    assert_eq!((why(&next), progress.holding_since), (Some(Wait::Criteria), at(60)));
}

#[test]
fn without_data_a_step_waits() {
    for minutes in [60, 6_000] {
        let (next, progress) = advance(&plan(), &begun(), seen(10, &NOTHING, &NOTHING), at(minutes));
        assert_eq!((why(&next), progress), (Some(Wait::NoData), begun()));
    }
}

#[test]
fn a_breaker_that_is_not_closed_holds_it_up() {
    let open = Figures { breakers_not_closed: 1, ..WELL };
    assert_eq!(why(&advance(&plan(), &begun(), seen(10, &open, &open), at(60)).0), Some(Wait::Criteria));
}

#[test]
fn somebody_elses_change_ends_it() {
    for percentage in [0, 9, 11, 50, 100] {
        assert_eq!(advance(&plan(), &begun(), seen(percentage, &WELL, &WELL), at(60)).0, Next::Overtaken);
    }
}

#[test]
fn behind_the_last_step_it_is_done() {
    let last = Progress { step: 2, step_since: at(0), holding_since: at(0) };
    assert_eq!(why(&advance(&plan(), &last, seen(100, &WELL, &WELL), at(29)).0), Some(Wait::Holding));
    assert_eq!(advance(&plan(), &last, seen(100, &WELL, &WELL), at(30)).0, Next::Done);
}

#[test]
fn a_plan_that_makes_no_sense_is_told_field_by_field() {
    let fields = |steps: Vec<StepPlan>, criteria, present| -> Vec<String> {
        let problems = Plan::new(steps, criteria, percent(present)).err().unwrap_or_default();
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
    fn it_never_skips_a_step_and_never_raises_what_is_not_well(
        ticks in proptest::collection::vec((0usize..3, 0usize..3, 0u8..20), 1..400),
    ) {
        let plan = plan();
        let (mut progress, mut present) = (begun(), percent(10));
        let mut well_since = at(0);
        for (minute, (lately, held, meddling)) in ticks.into_iter().enumerate() {
            let now = at(i64::try_from(minute).unwrap());
            let moved = meddling == 0;
            if moved {
                present = percent(33);
            }
            let figures = [WELL, ILL, NOTHING];
            let seen = Seen { percentage: present, lately: &figures[lately], held: &figures[held] };
            let before = progress.clone();
            let (next, after) = advance(&plan, &progress, seen, now);
            if lately == 1 {
                well_since = now;
            }
            match next {
                Next::Raise { to_hundredths, .. } => {
                    prop_assert_eq!(plan.steps[before.step + 1].percentage.hundredths(), to_hundredths);
                    prop_assert_eq!((lately != 1, held), (true, 0));
                    let hold = SignedDuration::from_mins(i64::from(plan.steps[before.step].hold_minutes));
                    prop_assert!(now.duration_since(before.step_since) >= hold);
                    prop_assert!(now.duration_since(well_since) >= hold);
                    present = plan.steps[after.step].percentage;
                    well_since = now;
                }
                Next::Overtaken => {
                    prop_assert_eq!(present, percent(33));
                    break;
                }
                Next::Done => break,
                Next::Wait { .. } => prop_assert_eq!(after.step, before.step),
            }
            progress = after;
        }
    }
}
