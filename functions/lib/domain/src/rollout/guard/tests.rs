#![allow(clippy::unwrap_used)]

use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;

use super::*;

fn start() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

fn hundredths(percent: u16) -> Percentage {
    Percentage::from_hundredths(percent * 100).unwrap()
}

/// Returns counts of `all` notifications that ended after a push, `badly` of them badly.
fn closed(all: i64, badly: i64) -> Arm {
    Arm { closed: all, ended_badly: badly, push_closed: all, push_ended_badly: badly, ..Arm::default() }
}

/// Returns counts of 100 notifications that ended, `badly` of them badly.
fn ended(badly: i64) -> Arm {
    Arm { first_pushes: 100, ..closed(100, badly) }
}

fn pushes(failed: i64) -> Arm {
    Arm { first_pushes: 100, first_pushes_failed: failed, ..closed(100, 0) }
}

/// Returns the ten minutes before `start`, all with the same counts.
fn minutes(v1: Arm, v2: Arm) -> Vec<MinuteCounts> {
    (-10..0).map(|minute| MinuteCounts { begins: at(minute * 60), v1, v2 }).collect()
}

fn input(minutes: &[MinuteCounts]) -> GuardInput<'_> {
    GuardInput {
        percentage: hundredths(100),
        changed_at: None,
        minutes,
        hosts: &[],
        cost_micros: 0,
        hourly_budget_micros: None,
    }
}

/// Returns the action of the second of two evaluations, one minute apart.
fn judged(input: &GuardInput<'_>) -> GuardAction {
    let settings = GuardSettings::default();
    let first = decide(input, GuardState::default(), &settings, at(0));
    decide(input, first.state, &settings, at(60)).action
}

const OFF: GuardAction = GuardAction::Lower { to_hundredths: 0 };
const STEP: GuardAction = GuardAction::Lower { to_hundredths: 5_000 };

const fn hold(why: HoldReason) -> GuardAction {
    GuardAction::Hold { why }
}

#[test]
fn each_error_rate_at_each_boundary() {
    for arm in [ended as fn(i64) -> Arm, pushes] {
        for (bad, action) in [
            (0, hold(HoldReason::Healthy)),
            (9, hold(HoldReason::Healthy)),
            (10, STEP),
            (20, STEP),
            (21, OFF),
            (100, OFF),
        ] {
            assert_eq!(judged(&input(&minutes(ended(0), arm(bad)))), action, "{bad} %");
        }
    }
}

#[test]
fn the_worse_of_the_two_rates_counts_so_a_good_fallback_hides_nothing() {
    let hidden = Arm { first_pushes: 90, first_pushes_failed: 80, ..closed(100, 1) };
    assert_eq!(judged(&input(&minutes(ended(0), hidden))), OFF);
}

#[test]
fn failures_that_version_1_could_not_have_avoided_change_nothing() {
    // All messages by e-mail and SMS fail, and so do those to recipients without a device. Pushes succeed.
    let paid = Arm { closed: 1_000, ended_badly: 900, push_closed: 100, first_pushes: 100, ..Arm::default() };
    assert_eq!(judged(&input(&minutes(ended(0), paid))), hold(HoldReason::Healthy));
    let nobody_has_a_device = Arm { closed: 1_000, ended_badly: 1_000, ..Arm::default() };
    assert_eq!(judged(&input(&minutes(Arm::default(), nobody_has_a_device))), hold(HoldReason::NoData));
    let pushes_fail_too = Arm { push_ended_badly: 21, ..paid };
    assert_eq!(judged(&input(&minutes(ended(0), pushes_fail_too))), OFF);
}

#[test]
fn one_step_down_is_the_largest_below() {
    for (present, lower) in [(10_000, 5_000), (5_001, 5_000), (5_000, 1_000), (1_001, 1_000), (1_000, 0), (1, 0)] {
        assert_eq!(one_step_down(Percentage::from_hundredths(present).unwrap()), lower);
    }
}

#[test]
fn one_evaluation_is_not_enough_and_a_schedule_that_fires_twice_is_one() {
    let minutes = minutes(ended(0), ended(50));
    let (bad, settings) = (input(&minutes), GuardSettings::default());
    let first = decide(&bad, GuardState::default(), &settings, at(0));
    assert_eq!(first.action, hold(HoldReason::AwaitingSecondEvaluation));
    let again = decide(&bad, first.state, &settings, at(20));
    assert_eq!((again.action, again.state), (hold(HoldReason::AwaitingSecondEvaluation), first.state));
    assert_eq!(decide(&bad, again.state, &settings, at(30)).action, OFF);
}

#[test]
fn a_bad_evaluation_soon_after_a_good_one_is_the_first() {
    let (bad, good) = (minutes(ended(0), ended(50)), minutes(ended(0), ended(0)));
    let settings = GuardSettings::default();
    let mut state = GuardState::default();
    for (second, minutes, action) in [
        (0, &good, hold(HoldReason::Healthy)),
        (10, &bad, hold(HoldReason::AwaitingSecondEvaluation)),
        (39, &bad, hold(HoldReason::AwaitingSecondEvaluation)),
        (40, &bad, OFF),
    ] {
        let verdict = decide(&input(minutes), state, &settings, at(second));
        assert_eq!(verdict.action, action, "{second} s");
        state = verdict.state;
    }
}

#[test]
fn a_good_evaluation_in_between_restarts_the_count() {
    let (bad, good) = (minutes(ended(0), ended(50)), minutes(ended(0), ended(0)));
    let settings = GuardSettings::default();
    let mut state = GuardState::default();
    for (second, minutes, action) in [
        (0, &bad, hold(HoldReason::AwaitingSecondEvaluation)),
        (60, &good, hold(HoldReason::Healthy)),
        (120, &bad, hold(HoldReason::AwaitingSecondEvaluation)),
        (180, &bad, OFF),
    ] {
        let verdict = decide(&input(minutes), state, &settings, at(second));
        assert_eq!(verdict.action, action, "{second} s");
        state = verdict.state;
    }
}

#[test]
fn without_a_sample_the_guard_holds() {
    let few = |all| closed(all, all);
    let one_minute = |arm| vec![MinuteCounts { begins: at(-60), v1: ended(0), v2: arm }];
    assert_eq!(judged(&input(&one_minute(few(49)))), hold(HoldReason::NoData));
    assert_eq!(judged(&input(&one_minute(few(50)))), OFF);
    assert_eq!(judged(&input(&[])), hold(HoldReason::NoData));
    let half_bad = |all| closed(all, all * 15 / 100);
    assert_eq!(judged(&input(&one_minute(half_bad(99)))), hold(HoldReason::Healthy));
    assert_eq!(judged(&input(&one_minute(half_bad(100)))), STEP);
}

#[test]
fn if_version_1_does_no_better_the_provider_is_at_fault() {
    for (v1, action) in
        [(30, OFF), (40, OFF), (41, hold(HoldReason::ProvidersFault)), (90, hold(HoldReason::ProvidersFault))]
    {
        assert_eq!(judged(&input(&minutes(ended(v1), ended(61)))), action, "{v1} %");
    }
    let few = closed(2, 2);
    assert_eq!(judged(&input(&minutes(few, ended(61)))), OFF, "version 1 sent too little to say");
}

/// Returns counts of 100 notifications whose first pushes failed in these numbers, and which all ended badly.
fn failing(unavailable: i64, refused: i64) -> Arm {
    let bad = unavailable + refused;
    let first =
        Arm { first_pushes: 100, first_pushes_failed: bad, first_pushes_unavailable: unavailable, ..closed(100, bad) };
    Arm { push_ended_badly_unavailable: unavailable, ..first }
}

#[test]
fn without_a_sample_of_version_1_an_unavailable_push_service_is_no_reason_to_go_back() {
    let by_mail = Arm { push_ended_badly: 0, push_ended_badly_unavailable: 0, ..failing(100, 0) };
    for (v2, action) in [
        (failing(100, 0), hold(HoldReason::ProvidersFault)),
        (by_mail, hold(HoldReason::ProvidersFault)),
        (failing(10, 0), hold(HoldReason::ProvidersFault)),
        (failing(9, 0), hold(HoldReason::Healthy)),
        (failing(60, 9), hold(HoldReason::ProvidersFault)),
        (failing(60, 10), STEP),
        (failing(60, 20), STEP),
        (failing(60, 21), OFF),
        (failing(0, 21), OFF),
    ] {
        assert_eq!(judged(&input(&minutes(Arm::default(), v2))), action, "{v2:?}");
    }
    let compared = |v1| judged(&input(&minutes(v1, failing(60, 0))));
    assert_eq!(compared(failing(0, 0)), OFF, "version 1 does better");
    assert_eq!(compared(failing(41, 0)), hold(HoldReason::ProvidersFault));
}

#[test]
fn one_rate_that_is_a_providers_fault_does_not_hide_another_one() {
    let first_pushes =
        Arm { first_pushes: 100, first_pushes_failed: 90, first_pushes_unavailable: 90, ..Arm::default() };
    let v2 = Arm { push_closed: 100, push_ended_badly: 30, ..first_pushes };
    assert_eq!(judged(&input(&minutes(Arm::default(), v2))), OFF);
}

#[test]
fn a_violated_rule_is_counted_also_if_the_provider_is_at_fault() {
    let (minutes, settings) = (minutes(Arm::default(), failing(100, 0)), GuardSettings::default());
    let state = |at_second, state| decide(&input(&minutes), state, &settings, at(at_second)).state;
    let twice = state(60, state(0, GuardState::default()));
    assert_eq!((twice.off, twice.step, twice.violated), (0, 0, 2));
}

#[test]
fn only_minutes_since_a_change_count() {
    let minutes = minutes(ended(0), ended(50));
    let changed = |seconds| GuardInput { changed_at: Some(at(seconds)), ..input(&minutes) };
    assert_eq!(judged(&changed(-60)), OFF, "a whole bad minute since then");
    assert_eq!(judged(&changed(-59)), hold(HoldReason::NoData));
}

#[test]
fn a_step_down_waits_for_the_cool_down_and_switching_off_does_not() {
    let minutes = minutes(ended(0), ended(15));
    let changed = |seconds| GuardInput { changed_at: Some(at(seconds)), ..input(&minutes) };
    assert_eq!(judged(&changed(-539)), hold(HoldReason::CoolingDown));
    assert_eq!(judged(&changed(-540)), STEP);
}

#[test]
fn a_breaker_of_a_large_host_that_stays_open_switches_off() {
    let minutes = minutes(ended(0), ended(0));
    let with = |part, since: Timestamp| {
        vec![HostState {
            host: "push.example.com".to_owned(),
            pushes: Share { part, whole: 100 },
            not_closed_since: Some(since),
        }]
    };
    let long_ago = at(60) - 10.minutes() - 1.second();
    let judge = |hosts: &[HostState]| {
        let input = GuardInput { hosts, ..input(&minutes) };
        let state = GuardState { off: 1, step: 1, evaluated_at_ms: at(0).as_millisecond(), ..GuardState::default() };
        decide(&input, state, &GuardSettings::default(), at(60)).action
    };
    assert_eq!(judge(&with(20, long_ago)), OFF);
    assert_eq!(judge(&with(19, long_ago)), hold(HoldReason::Healthy));
    assert_eq!(judge(&with(20, at(60) - 10.minutes())), hold(HoldReason::Healthy));
}

/// Version 1 ignores circuit breakers: its pushes show if the host is down for both.
#[test]
fn a_breaker_switches_off_only_if_version_1_reaches_its_host() {
    let since = at(60) - 11.minutes();
    let host = |name: &str, part| HostState {
        host: name.to_owned(),
        pushes: Share { part, whole: 100 },
        not_closed_since: Some(since),
    };
    let judge = |v1: Arm, hosts: &[HostState]| {
        let minutes = minutes(v1, ended(0));
        let input = GuardInput { hosts, ..input(&minutes) };
        let state = GuardState { off: 1, step: 1, evaluated_at_ms: at(0).as_millisecond(), ..GuardState::default() };
        decide(&input, state, &GuardSettings::default(), at(60))
    };
    let one = [host("push.example.com", 30)];
    for (failed, action) in [(0, OFF), (20, OFF), (21, hold(HoldReason::ProvidersFault))] {
        assert_eq!(judge(pushes(failed), &one).action, action, "{failed} % of version 1's pushes failed");
    }
    assert_eq!(judge(Arm::default(), &one).action, hold(HoldReason::ProvidersFault), "no sample of version 1");
    let two = judge(pushes(35), &[host("large.example.com", 70), host("small.example.com", 30)]);
    assert_eq!((two.action, two.findings[1].host.as_deref()), (OFF, Some("large.example.com")));
}

#[test]
fn cost_above_the_hourly_budget_takes_a_step_down() {
    let minutes = minutes(ended(0), ended(0));
    let cost = |cost_micros, budget| GuardInput { cost_micros, hourly_budget_micros: budget, ..input(&minutes) };
    assert_eq!(judged(&cost(1_000_001, Some(1_000_000))), STEP);
    assert_eq!(judged(&cost(1_000_000, Some(1_000_000))), hold(HoldReason::Healthy));
    assert_eq!(judged(&cost(i64::MAX, None)), hold(HoldReason::Healthy));
}

#[test]
fn a_rollout_that_is_off_stays_off() {
    let minutes = minutes(ended(0), ended(100));
    assert_eq!(judged(&GuardInput { percentage: Percentage::ZERO, ..input(&minutes) }), hold(HoldReason::AlreadyOff));
}

#[test]
fn a_verdict_shows_every_rule_with_its_numbers() {
    let verdict =
        decide(&input(&minutes(ended(2), ended(30))), GuardState::default(), &GuardSettings::default(), at(0));
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!((&json["action"], &json["why"]), (&"hold".into(), &"not_twice".into()));
    let first = &json["findings"][0];
    assert_eq!(
        (&first["rule"], &first["holds"], &first["threshold"]),
        (&"error_rate_off".into(), &true.into(), &20.into())
    );
    assert_eq!((&first["reading"]["v2"]["part"], &first["reading"]["v2"]["whole"]), (&30.into(), &100.into()));
    assert_eq!(json["findings"].as_array().unwrap().len(), 4);
}

/// Traffic of which a part fails from the first bad minute on, and the second at which the schedule fires.
#[derive(Debug, Clone, Copy)]
struct Traffic {
    per_minute: i64,
    bad_percent: i64,
    phase_seconds: i64,
}

/// Returns the counts that are stored at a second: all events up to `DELAY_SECONDS` before.
fn counted_at(second: i64, traffic: Traffic) -> Vec<MinuteCounts> {
    const DELAY_SECONDS: i64 = 10;
    let minute = |minute: i64| {
        let seen = (second - DELAY_SECONDS - minute * 60).clamp(0, 60);
        let all = traffic.per_minute * seen / 60;
        let bad = if minute >= 0 { all * traffic.bad_percent / 100 } else { 0 };
        let v2 = Arm { first_pushes: all, first_pushes_failed: bad, ..closed(all, bad) };
        MinuteCounts { begins: at(minute * 60), v1: ended(1), v2 }
    };
    (-15..=second.div_euclid(60)).map(minute).collect()
}

/// Returns the seconds from the beginning of the first bad minute to the verdict that switches version 2 off. Runs come
/// each minute, with a second evaluation if the first is bad.
fn seconds_until_off(traffic: Traffic) -> Option<i64> {
    let settings = GuardSettings::default();
    let mut state = GuardState::default();
    let mut look = |second| {
        let minutes = counted_at(second, traffic);
        let verdict = decide(&input(&minutes), state, &settings, at(second));
        state = verdict.state;
        verdict.action
    };
    (0..5).map(|tick| tick * 60 + traffic.phase_seconds).find_map(|second| match look(second) {
        OFF => Some(second),
        GuardAction::Hold { why: HoldReason::AwaitingSecondEvaluation } => {
            (look(second + 30) == OFF).then_some(second + 30)
        }
        _ => None,
    })
}

proptest! {
    /// At most 129 s pass: the first three rows of the module's table. The rest of the table is for SSM and the
    /// processes' caches.
    #[test]
    fn from_the_first_bad_minute_to_the_verdict_are_129_seconds_at_most(
        per_minute in 100i64..100_000,
        bad_percent in 25i64..=100,
        phase_seconds in 0i64..60,
    ) {
        let seconds = seconds_until_off(Traffic { per_minute, bad_percent, phase_seconds });
        prop_assert!(seconds.is_some_and(|seconds| seconds <= 129), "{seconds:?}");
    }

    /// For all inputs, the guard never raises the percentage, never acts on the first evaluation, and holds without
    /// data.
    #[test]
    fn it_never_raises_the_percentage(
        present in 0u16..=10_000,
        arms in proptest::collection::vec((0i64..200, 0i64..200, 0i64..200, 0i64..200), 0..30),
        cost_micros in any::<i64>(),
        budget in proptest::option::of(0u64..2_000_000),
    ) {
        let minutes: Vec<_> = arms.iter().enumerate().map(|(n, (a, b, c, d))| {
            let v2 = Arm { first_pushes: *c, first_pushes_failed: *d.min(c), ..closed(*a, *b.min(a)) };
            MinuteCounts { begins: at(60 * (i64::try_from(n).unwrap() - 30)), v1: Arm::default(), v2 }
        }).collect();
        let percentage = Percentage::from_hundredths(present).unwrap();
        let input = GuardInput { percentage, cost_micros, hourly_budget_micros: budget, ..input(&minutes) };
        let settings = GuardSettings::default();
        let mut state = GuardState::default();
        for tick in 0..4 {
            let verdict = decide(&input, state, &settings, at(tick * 60));
            state = verdict.state;
            if let GuardAction::Lower { to_hundredths } = verdict.action {
                prop_assert!(to_hundredths < present && tick > 0);
                prop_assert!(verdict.findings.iter().any(|result| result.holds && result.has_data));
            }
        }
    }
}
