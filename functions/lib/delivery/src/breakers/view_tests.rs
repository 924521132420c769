//! Many instances over one table, interleaved at random: calls of the table overtake each other. The results are
//! compared with an observer that sees every attempt of all instances.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use proptest::prelude::*;

use super::{Breakers, Entry, Pass};
use crate::breakers::model::Model;
use domain::breaker::{Breaker, DeviceMark, Host, LEASE, Phase, Thresholds};
use domain::channel::{Answer, Outcome, Rejection};
use platform::clock::Clock;

const USUAL: Thresholds =
    Thresholds { min_attempts: 20, failure_percent: 50, window_seconds: 60, open_seconds: 30, max_open_seconds: 300 };
/// Every provider but the last fails as the test requires; the last one never fails.
const HOSTS: usize = 3;

fn host(number: usize) -> Host {
    Host::push(format!("push-{number}.example.com"))
}

fn answer(outcome: Outcome, status_code: Option<u16>) -> Answer {
    Answer { outcome, provider: "push.example.com".into(), status_code, latency_ms: 0, detail: None }
}

fn ok() -> Answer {
    answer(Outcome::Accepted, Some(201))
}

fn failed() -> Answer {
    answer(Outcome::RetryLater { after_ms: None }, Some(503))
}

fn asked(after_ms: u64) -> Answer {
    answer(Outcome::RetryLater { after_ms: Some(after_ms) }, Some(429))
}

/// An attempt that was allowed.
#[derive(Clone)]
struct Out {
    host: usize,
    device: DeviceMark,
    pass: Pass,
    began_ms: i64,
}

/// An attempt that ended, as the observer records it.
struct Seen {
    host: usize,
    device: DeviceMark,
    failed: bool,
    began_ms: i64,
    ended_ms: i64,
}

/// A probe that was allowed; `told` is `true` once its outcome was reported.
struct Probed {
    host: usize,
    pass: Pass,
    at_ms: i64,
    told: bool,
}

struct World {
    clock: Clock,
    model: Model,
    instances: Vec<(Breakers<Model>, RefCell<VecDeque<Out>>)>,
    seen: RefCell<Vec<Seen>>,
    probes: RefCell<Vec<Probed>>,
    barred: RefCell<usize>,
}

/// Next action of an instance.
#[derive(Debug, Clone)]
enum Act {
    /// Begins an attempt to this device, if the breaker allows it.
    Begin(DeviceMark),
    /// Ends its oldest attempt.
    End(Answer),
    /// Crashes and restarts with an empty memory; its attempts are lost.
    Restart,
}

impl World {
    fn new(instances: usize, seed: u32) -> Self {
        let (clock, model) = (Clock::manual("2026-11-23T10:00:00Z".parse().unwrap()), Model::seeded(seed));
        let instance = |_| (breakers(&model, &clock), RefCell::default());
        let instances = (0..instances).map(instance).collect();
        Self {
            clock,
            model,
            instances,
            seen: RefCell::default(),
            probes: RefCell::default(),
            barred: RefCell::default(),
        }
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// Runs several instances at once, each with one action on one host.
    async fn round(&mut self, acts: &[(usize, usize, Act)]) {
        let count = self.instances.len();
        for (instance, _, _) in acts.iter().filter(|(_, _, act)| matches!(act, Act::Restart)) {
            self.instances[instance % count] = (breakers(&self.model, &self.clock), RefCell::default());
        }
        join_all(acts.iter().map(|(instance, host, act)| self.act(instance % count, host % HOSTS, act))).await;
        self.nothing_was_missed();
    }

    async fn act(&self, instance: usize, host: usize, act: &Act) {
        let (breakers, out) = &self.instances[instance];
        match act {
            Act::Begin(device) => {
                breakers.refresh().await;
                match breakers.enter(&super::tests::host(host)).await {
                    Entry::Let(pass) => {
                        self.one_probe_within_a_lease(host, pass);
                        out.borrow_mut().push_back(Out { host, device: *device, pass, began_ms: self.now_ms() });
                    }
                    Entry::Barred(until) => {
                        assert!(until > self.clock.now());
                        assert_ne!(host, HOSTS - 1, "a host that is well is never barred");
                        *self.barred.borrow_mut() += 1;
                    }
                }
            }
            Act::End(answer) => {
                let oldest = out.borrow_mut().pop_front();
                if let Some(one) = oldest {
                    self.end(breakers, one, answer).await;
                }
            }
            Act::Restart => {}
        }
    }

    async fn end(&self, breakers: &Breakers<Model>, one: Out, answer: &Answer) {
        let answer = if one.host == HOSTS - 1 { &ok() } else { answer };
        self.probes.borrow_mut().iter_mut().filter(|probe| probe.pass == one.pass).for_each(|probe| probe.told = true);
        let began = Timestamp::from_millisecond(one.began_ms).unwrap();
        let failed = matches!(answer.outcome, Outcome::RetryLater { .. });
        if failed {
            // A failure counts once it is reported.
            breakers.count(&host(one.host), Some(one.device), one.pass, answer, began, &USUAL).await;
        }
        if one.pass == Pass::Free && matches!(answer.outcome, Outcome::Accepted | Outcome::RetryLater { .. }) {
            let ended_ms = self.now_ms();
            self.seen.borrow_mut().push(Seen {
                host: one.host,
                device: one.device,
                failed,
                began_ms: one.began_ms,
                ended_ms,
            });
        }
        if !failed {
            breakers.count(&host(one.host), Some(one.device), one.pass, answer, began, &USUAL).await;
        }
    }

    fn one_probe_within_a_lease(&self, host: usize, pass: Pass) {
        let Pass::Probe(_) = pass else { return };
        let (now_ms, lease_ms) = (self.now_ms(), i64::try_from(LEASE.as_millis()).unwrap());
        let mut probes = self.probes.borrow_mut();
        let out = probes.iter().filter(|probe| probe.host == host && !probe.told && probe.at_ms + lease_ms > now_ms);
        assert_eq!(out.count(), 0, "a probe is out already");
        probes.push(Probed { host, pass, at_ms: now_ms, told: false });
    }

    /// Checks that a just reported failure opened the breaker if the rule holds over all counted attempts. Several
    /// failures of one device count as one.
    fn nothing_was_missed(&self) {
        let (now_ms, seen) = (self.now_ms(), self.seen.borrow());
        for number in 0..HOSTS {
            let Phase::Closed { since_ms } = self.model.stored(&host(number)).breaker.phase else { continue };
            let counts = |one: &&Seen| {
                one.host == number && one.began_ms >= since_ms && one.ended_ms > now_ms - USUAL.window_ms()
            };
            let within: Vec<_> = seen.iter().filter(counts).collect();
            if within.iter().any(|one| one.failed && one.ended_ms == now_ms) {
                let failed: BTreeSet<_> = within.iter().filter(|one| one.failed).map(|one| one.device).collect();
                let (failed, served) = (failed.len(), within.iter().filter(|one| !one.failed).count());
                assert!(failed + served < 20 || failed < served, "{failed} devices failed, {served} attempts did not");
            }
        }
    }

    /// Checks that every transition is a legal one, and that a host without failures was never written.
    fn the_table_tells_a_true_story(&self) {
        self.model.state(|state| {
            for (_, transition) in &state.writes {
                let Some((from, to)) = transition else { continue };
                let is_legal = match (from.phase, to.phase) {
                    (Phase::Closed { .. }, Phase::Open { .. })
                    | (Phase::Open { .. }, Phase::HalfOpen { .. })
                    | (Phase::HalfOpen { .. }, _) => true,
                    (Phase::Open { until_ms: before }, Phase::Open { until_ms: after }) => after > before,
                    _ => false,
                };
                assert!(is_legal, "{from:?} to {to:?}");
            }
            assert!(state.writes.iter().all(|(written, _)| *written != host(HOSTS - 1)), "it was always well");
        });
    }
}

fn breakers(model: &Model, clock: &Clock) -> Breakers<Model> {
    Breakers::new(model.clone(), (0..HOSTS).map(host), clock.clone())
}

/// Runs with paused time, so that no time-out occurs because the machine is busy.
fn run(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(story);
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => Just(ok()),
        8 => Just(failed()),
        1 => (1_000u64..90_000).prop_map(asked),
        1 => Just(answer(Outcome::Gone, Some(410))),
        1 => Just(answer(Outcome::Rejected { reason: Rejection::Config }, Some(403))),
        1 => Just(answer(Outcome::Rejected { reason: Rejection::BadAddress }, None)),
    ]
}

fn any_act() -> impl Strategy<Value = (usize, usize, Act)> {
    let begin = prop_oneof![1 => 0u32..3, 3 => 0u32..60].prop_map(Act::Begin);
    let act = prop_oneof![10 => begin, 10 => any_answer().prop_map(Act::End), 1 => Just(Act::Restart)];
    (0usize..12, 0usize..HOSTS, act)
}

/// A pause in milliseconds, then actions at the same moment: instance, host and action.
type Scene = (u64, Vec<(usize, usize, Act)>);

fn any_story() -> impl Strategy<Value = Vec<Scene>> {
    let pause = prop_oneof![4 => 0u64..200, 3 => 200u64..6_000, 1 => 6_000u64..70_000];
    proptest::collection::vec((pause, proptest::collection::vec(any_act(), 1..24)), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// No two probes run within a lease. No opening is missed. A host without failures is never skipped or written.
    #[test]
    fn many_instances_agree(story in any_story(), instances in 1usize..12, seed in any::<u32>()) {
        run(async {
            let mut world = World::new(instances, seed);
            for (pause, acts) in &story {
                world.clock.advance(Duration::from_millis(*pause));
                world.round(acts).await;
            }
            world.the_table_tells_a_true_story();
        });
    }

    /// The same with lost calls and answers of the table. More calls may be made, but there is still one probe, and
    /// the recovery of a host is detected.
    #[test]
    fn a_table_that_loses_calls_leaves_no_breaker_open_for_good(
        story in any_story(),
        instances in 1usize..6,
        seed in any::<u32>(),
    ) {
        run(async {
            let mut world = World::new(instances, seed);
            world.model.state(|state| state.loses_one_in = 7);
            for (pause, acts) in &story {
                world.clock.advance(Duration::from_millis(*pause));
                let acts = acts.iter().map(|(instance, host, act)| world.act(instance % instances, host % HOSTS, act));
                join_all(acts).await;
            }
            world.the_table_tells_a_true_story();
            world.model.state(|state| state.loses_one_in = 0);
            world.instances.iter().for_each(|(_, out)| out.borrow_mut().clear());
            for number in 0..2 * HOSTS {
                world.clock.advance(Duration::from_secs(301));
                world.round(&[(number, number, Act::Begin(0))]).await;
                world.round(&[(number, number, Act::End(ok()))]).await;
            }
            (0..HOSTS).for_each(|number| assert!(world.model.stored(&host(number)).breaker.is_closed()));
        });
    }

    /// Without failures nothing is written.
    #[test]
    fn while_all_is_well_nothing_is_written(story in any_story(), seed in any::<u32>()) {
        run(async {
            let mut world = World::new(8, seed);
            for (pause, acts) in story {
                world.clock.advance(Duration::from_millis(pause));
                let well = |act| if let Act::End(_) = act { Act::End(ok()) } else { act };
                world.round(&acts.into_iter().map(|(who, at, act)| (who, at, well(act))).collect::<Vec<_>>()).await;
            }
            assert_eq!(world.model.state(|state| state.writes.len()), 0);
        });
    }
}

async fn attempt(breakers: &Breakers<Model>, clock: &Clock, answer: &Answer) -> bool {
    attempt_to(breakers, clock, None, answer).await
}

async fn attempt_to(breakers: &Breakers<Model>, clock: &Clock, device: Option<DeviceMark>, answer: &Answer) -> bool {
    match breakers.enter(&host(0)).await {
        Entry::Let(pass) => {
            breakers.count(&host(0), device, pass, answer, clock.now(), &USUAL).await;
            true
        }
        Entry::Barred(_) => false,
    }
}

fn transitions(model: &Model) -> Vec<(Breaker, Breaker)> {
    model.state(|state| state.writes.iter().filter_map(|(_, transition)| *transition).collect())
}

#[test]
fn thirty_instances_open_it_once_and_one_of_them_probes() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), Model::seeded(7));
        let instances: Vec<_> = (0..30).map(|_| breakers(&model, &clock)).collect();
        let at_once = |answer: Answer| join_all(instances.iter().map(|one| attempt_owned(one, &clock, answer.clone())));
        at_once(failed()).await;
        assert_eq!(transitions(&model).len(), 1, "opened once");
        clock.advance(Duration::from_secs(6));
        join_all(instances.iter().map(Breakers::refresh)).await;
        assert!(at_once(failed()).await.iter().all(|went_out| !went_out));
        clock.advance(Duration::from_secs(25));
        assert!(at_once(ok()).await.iter().any(|went_out| *went_out));
        assert_eq!(transitions(&model).iter().filter(|(_, to)| matches!(to.phase, Phase::HalfOpen { .. })).count(), 1);
        assert!(model.stored(&host(0)).breaker.is_closed());
    });
}

async fn attempt_owned(breakers: &Breakers<Model>, clock: &Clock, answer: Answer) -> bool {
    attempt(breakers, clock, &answer).await
}

#[test]
fn one_percent_of_failures_is_one_percent_of_writes() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), Model::seeded(7));
        let instance = breakers(&model, &clock);
        for number in 1..=2_000 {
            let answer = if number % 100 == 0 { failed() } else { ok() };
            assert!(attempt(&instance, &clock, &answer).await);
            clock.advance(Duration::from_millis(100));
        }
        let writes = model.state(|state| state.writes.len());
        assert!((20..=22).contains(&writes), "{writes}");
        assert!(model.stored(&host(0)).breaker.is_closed());
    });
}

#[test]
fn failures_at_the_same_moment_share_a_write() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), Model::seeded(7));
        let instance = breakers(&model, &clock);
        join_all((0..8).map(|_| attempt_owned(&instance, &clock, failed()))).await;
        let failed: u64 = model.stored(&host(0)).tally.slots().map(|(_, count)| count.failed).sum();
        assert_eq!(failed, 8);
        assert!(model.state(|state| state.writes.len()) <= 3);
    });
}

#[test]
fn the_table_is_read_for_all_hosts_in_one_go_every_five_seconds() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), Model::seeded(7));
        let instance = breakers(&model, &clock);
        for _ in 0..600 {
            join_all((0..3).map(|_| instance.refresh())).await;
            clock.advance(Duration::from_millis(100));
        }
        let reads = model.state(|state| state.reads);
        assert!((12..=15).contains(&reads), "{reads} in a minute");
        let wanderer = Host::push("eu-1.notify.windows.com");
        assert_eq!(instance.barred_until(&wanderer), None);
        model.state(|state| {
            let open = Breaker::default().opened(&USUAL, clock.now().as_millisecond());
            state.items.entry(wanderer.clone()).or_default().breaker = open;
        });
        instance.refresh().await;
        assert!(
            instance.barred_until(&wanderer).is_some(),
            "a host heard of for the first time is read at the next chance"
        );
    });
}

#[test]
fn without_the_table_sending_goes_on_and_nobody_waits_for_it_again_and_again() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), Model::seeded(7));
        let instance = breakers(&model, &clock);
        model.state(|state| state.is_down = true);
        instance.refresh().await;
        for _ in 0..50 {
            assert!(attempt(&instance, &clock, &failed()).await);
        }
        assert_eq!(model.state(|state| state.writes.len()), 0);
        model.state(|state| state.is_down = false);
        clock.advance(Duration::from_secs(6));
        attempt(&instance, &clock, &failed()).await;
        assert!(
            !attempt(&instance, &clock, &failed()).await,
            "what was counted meanwhile is told as soon as it answers"
        );
    });
}

#[test]
fn a_wish_is_kept_by_this_process_even_if_it_cannot_be_told() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), Model::seeded(7));
        let instance = breakers(&model, &clock);
        model.state(|state| state.is_down = true);
        attempt(&instance, &clock, &asked(60_000)).await;
        clock.advance(Duration::from_secs(59));
        assert!(!attempt(&instance, &clock, &ok()).await);
    });
}

#[test]
fn one_device_never_opens_its_host_whatever_it_is_told_and_however_often() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), Model::seeded(7));
        let instances: Vec<_> = (0..4).map(|_| breakers(&model, &clock)).collect();
        for number in 0..200_u32 {
            let instance = &instances[number as usize % 4];
            let answer = if number % 2 == 0 { failed() } else { asked(3_600_000) };
            assert!(
                attempt_to(instance, &clock, Some(number / 2 % 2), &answer).await,
                "{number}: two devices are no host"
            );
            clock.advance(Duration::from_millis(200));
        }
        assert_eq!(transitions(&model), []);
    });
}

#[test]
fn the_third_device_that_is_told_so_opens_it_for_five_minutes_at_most_and_one_probes() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), Model::seeded(7));
        let instances: Vec<_> = (0..3).map(|_| breakers(&model, &clock)).collect();
        for (instance, device) in instances.iter().zip(0..) {
            assert!(attempt_to(instance, &clock, Some(device), &asked(3_600_000)).await);
        }
        let now_ms = clock.now().as_millisecond();
        assert_eq!(model.stored(&host(0)).breaker.phase, Phase::Open { until_ms: now_ms + 300_000 });
        for _ in 0..3 {
            clock.advance(Duration::from_secs(301));
            join_all(instances.iter().map(Breakers::refresh)).await;
            let tried = instances.iter().map(|one| attempt_owned(one, &clock, asked(3_600_000)));
            assert_eq!(join_all(tried).await.iter().filter(|went_out| **went_out).count(), 1, "one probe");
        }
        clock.advance(Duration::from_secs(301));
        assert!(attempt(&instances[0], &clock, &ok()).await);
        assert!(model.stored(&host(0)).breaker.is_closed());
    });
}

#[test]
fn a_provider_without_devices_is_taken_at_its_word_and_not_for_longer_than_five_minutes() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), Model::seeded(7));
        let instance = breakers(&model, &clock);
        attempt(&instance, &clock, &asked(3_600_000)).await;
        let now_ms = clock.now().as_millisecond();
        assert_eq!(model.stored(&host(0)).breaker.phase, Phase::Open { until_ms: now_ms + 300_000 });
    });
}

#[test]
fn hosts_from_outside_do_not_fill_the_memory() {
    run(async {
        let (clock, model) = (Clock::manual(Timestamp::UNIX_EPOCH), Model::seeded(7));
        let instance = breakers(&model, &clock);
        for number in 0..5_000 {
            clock.advance(Duration::from_millis(1));
            instance.barred_until(&Host::push(format!("{number}.notify.windows.com")));
        }
        assert_eq!(instance.held().hosts.len(), crate::breakers::held::MOST_HOSTS);
    });
}
