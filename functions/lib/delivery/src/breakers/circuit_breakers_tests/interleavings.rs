//! Many instances over one table, interleaved at random: calls of the table overtake each other. The results are
//! compared with an observer that sees every attempt of all instances.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;

/// An attempt that was allowed.
#[derive(Clone)]
struct Out {
    host: usize,
    recipient: RecipientHash,
    kind: CallKind,
    began_ms: i64,
}

/// An attempt that ended, as the observer records it.
struct Seen {
    host: usize,
    recipient: RecipientHash,
    failed: bool,
    began_ms: i64,
    ended_ms: i64,
}

/// A probe that was allowed; `told` is `true` once its outcome was reported.
struct Probed {
    host: usize,
    kind: CallKind,
    at_ms: i64,
    told: bool,
}

struct Instances {
    clock: Clock,
    model: BreakerRepositoryModel,
    instances: Vec<(Breakers<BreakerRepositoryModel>, RefCell<VecDeque<Out>>)>,
    seen: RefCell<Vec<Seen>>,
    probes: RefCell<Vec<Probed>>,
    skipped: RefCell<usize>,
}

/// Next action of an instance.
#[derive(Debug, Clone)]
enum Act {
    /// Begins an attempt to this recipient, if the breaker allows it.
    Begin(RecipientHash),
    /// Ends its oldest attempt.
    End(Answer),
    /// Crashes and restarts with an empty memory; its attempts are lost.
    Restart,
}

impl Instances {
    fn new(instances: usize, seed: u32) -> Self {
        let (clock, model) =
            (Clock::manual("2026-11-23T10:00:00Z".parse().unwrap()), BreakerRepositoryModel::seeded(seed));
        let instance = |_| (breakers(&model, &clock), RefCell::default());
        let instances = (0..instances).map(instance).collect();
        Self {
            clock,
            model,
            instances,
            seen: RefCell::default(),
            probes: RefCell::default(),
            skipped: RefCell::default(),
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
            Act::Begin(recipient) => {
                breakers.refresh().await;
                match breakers.enter(&super::host(host)).await {
                    CallDecision::Allowed(kind) => {
                        self.one_probe_within_a_lease(host, kind);
                        out.borrow_mut().push_back(Out { host, recipient: *recipient, kind, began_ms: self.now_ms() });
                    }
                    CallDecision::CircuitOpen(until) => {
                        assert!(until > self.clock.now());
                        assert_ne!(host, HOSTS - 1, "a host that is well is never skipped");
                        *self.skipped.borrow_mut() += 1;
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

    async fn end(&self, breakers: &Breakers<BreakerRepositoryModel>, one: Out, answer: &Answer) {
        let answer = if one.host == HOSTS - 1 { &ok() } else { answer };
        self.probes.borrow_mut().iter_mut().filter(|probe| probe.kind == one.kind).for_each(|probe| probe.told = true);
        let began = Timestamp::from_millisecond(one.began_ms).unwrap();
        let failed = matches!(answer.outcome, Outcome::RetryLater { .. });
        if failed {
            // A failure counts once it is reported.
            breakers.count(&host(one.host), Some(one.recipient), one.kind, answer, began, &USUAL).await;
        }
        if one.kind == CallKind::Regular && matches!(answer.outcome, Outcome::Accepted | Outcome::RetryLater { .. }) {
            let ended_ms = self.now_ms();
            self.seen.borrow_mut().push(Seen {
                host: one.host,
                recipient: one.recipient,
                failed,
                began_ms: one.began_ms,
                ended_ms,
            });
        }
        if !failed {
            breakers.count(&host(one.host), Some(one.recipient), one.kind, answer, began, &USUAL).await;
        }
    }

    fn one_probe_within_a_lease(&self, host: usize, kind: CallKind) {
        let CallKind::Probe(_) = kind else { return };
        let (now_ms, lease_ms) = (self.now_ms(), i64::try_from(PROBE_LEASE.as_millis()).unwrap());
        let mut probes = self.probes.borrow_mut();
        let out = probes.iter().filter(|probe| probe.host == host && !probe.told && probe.at_ms + lease_ms > now_ms);
        assert_eq!(out.count(), 0, "a probe is out already");
        probes.push(Probed { host, kind, at_ms: now_ms, told: false });
    }

    /// Checks that a just reported failure opened the breaker if the rule holds over all counted attempts. Several
    /// failures of one recipient count as one.
    fn nothing_was_missed(&self) {
        let (now_ms, seen) = (self.now_ms(), self.seen.borrow());
        for number in 0..HOSTS {
            let Phase::Closed { since_ms } = self.model.stored(&host(number)).breaker.phase else { continue };
            let counts = |one: &&Seen| {
                one.host == number && one.began_ms >= since_ms && one.ended_ms > now_ms - USUAL.window_ms()
            };
            let within: Vec<_> = seen.iter().filter(counts).collect();
            if within.iter().any(|one| one.failed && one.ended_ms == now_ms) {
                let failed: BTreeSet<_> = within.iter().filter(|one| one.failed).map(|one| one.recipient).collect();
                let (failed, served) = (failed.len(), within.iter().filter(|one| !one.failed).count());
                assert!(
                    failed + served < 20 || failed < served,
                    "{failed} recipients failed, {served} attempts did not"
                );
            }
        }
    }

    /// Checks that every transition is a legal one, and that a host without failures was never written.
    fn the_table_holds_a_possible_history(&self) {
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
            let mut world = Instances::new(instances, seed);
            for (pause, acts) in &story {
                world.clock.advance(Duration::from_millis(*pause));
                world.round(acts).await;
            }
            world.the_table_holds_a_possible_history();
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
            let mut world = Instances::new(instances, seed);
            world.model.state(|state| state.loses_one_in = 7);
            for (pause, acts) in &story {
                world.clock.advance(Duration::from_millis(*pause));
                let acts = acts.iter().map(|(instance, host, act)| world.act(instance % instances, host % HOSTS, act));
                join_all(acts).await;
            }
            world.the_table_holds_a_possible_history();
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
            let mut world = Instances::new(8, seed);
            for (pause, acts) in story {
                world.clock.advance(Duration::from_millis(pause));
                let well = |act| if let Act::End(_) = act { Act::End(ok()) } else { act };
                world.round(&acts.into_iter().map(|(who, at, act)| (who, at, well(act))).collect::<Vec<_>>()).await;
            }
            assert_eq!(world.model.state(|state| state.writes.len()), 0);
        });
    }
}
