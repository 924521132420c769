//! Circuit breakers at run time over a table with real conditional writes.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use futures_util::future::join_all;
use proptest::prelude::*;

use super::{Breakers, CallDecision};
use domain::breaker::{Host, Phase, StoredBreaker, Thresholds};
use domain::channel::{Answer, Outcome};
use platform::clock::Clock;
use store::testing_tables::{CONTROL, tables};
use store::{BreakerRepository, BreakerStore};

fn fcm() -> Host {
    Host::push("fcm.googleapis.com")
}

async fn store() -> BreakerStore {
    BreakerStore::new(tables().await.client(), CONTROL)
}

async fn read(store: &BreakerStore, host: &Host) -> StoredBreaker {
    store.read(std::slice::from_ref(host)).await.unwrap().remove(0).1
}

fn answer(failed: bool) -> Answer {
    let (outcome, status) =
        if failed { (Outcome::RetryLater { after_ms: None }, 503) } else { (Outcome::Accepted, 201) };
    Answer { outcome, provider: "fcm.googleapis.com".into(), status_code: Some(status), latency_ms: 0, detail: None }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Many instances fail, probe and recover at the same moments over real conditional writes. One opens the
    /// breaker, one probes, and one closes it.
    #[test]
    fn over_the_real_table_one_opens_one_probes_and_one_closes(
        instances in 2usize..10,
        attempts in 12usize..30,
        recovers in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = store().await;
            let clock = Clock::manual("2026-11-23T10:00:00Z".parse().unwrap());
            // On a busy machine a read takes longer than the usual limit. The view would then not call the table for 5
            // s.
            let unlimited = |breakers: Breakers| breakers.with_table_timeout(Duration::MAX);
            let all: Vec<_> =
                (0..instances).map(|_| unlimited(Breakers::new(store.clone(), [fcm()], clock.clone()))).collect();
            let (thresholds, clock_of) = (Thresholds::default(), &clock);
            let at_once = |how_many: usize, failed: bool| {
                let one = move |breakers| async move {
                    let breakers: &Breakers = breakers;
                    breakers.refresh().await;
                    match breakers.enter(&fcm()).await {
                        CallDecision::Allowed(kind) => {
                            breakers.count(&fcm(), None, kind, &answer(failed), clock_of.now(), &thresholds).await;
                            kind.is_probe()
                        }
                        CallDecision::CircuitOpen(_) => false,
                    }
                };
                join_all((0..how_many).map(|number| one(&all[number % all.len()])))
            };
            at_once(attempts, true).await;
            let open = read(&store, &fcm()).await.breaker;
            assert_eq!(open.phase, Phase::Open { until_ms: clock.now().as_millisecond() + 30_000 });
            clock.advance(Duration::from_secs(6));
            assert!(at_once(attempts, false).await.iter().all(|probe| !probe));
            assert_eq!(read(&store, &fcm()).await.breaker, open);
            clock.advance(Duration::from_secs(25));
            let probes = at_once(attempts, !recovers).await;
            assert_eq!(probes.into_iter().filter(|probe| *probe).count(), 1);
            let after = read(&store, &fcm()).await.breaker;
            let now_ms = clock.now().as_millisecond();
            let expected = if recovers {
                Phase::Closed { since_ms: now_ms }
            } else {
                Phase::Open { until_ms: now_ms + 60_000 }
            };
            assert_eq!(after.phase, expected);
        });
    }
}
