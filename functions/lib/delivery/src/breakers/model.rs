//! Model of the control table for tests: conditional writes on a map.
//!
//! As configured, calls overtake each other, get lost, or lose their answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use domain::breaker::local::counts;
use domain::breaker::{Breaker, BreakerReport, Host, Phase, StoredBreaker};
use store::{BreakerRepository, StoreError};

/// The table, shared by all clones.
#[derive(Debug, Clone, Default)]
pub struct BreakerRepositoryModel(Arc<Mutex<BreakerRepositoryState>>);

#[derive(Debug, Default)]
pub struct BreakerRepositoryState {
    pub items: BTreeMap<Host, StoredBreaker>,
    /// Every successful write, with the transition if the write was one.
    pub writes: Vec<(Host, Option<(Breaker, Breaker)>)>,
    pub reads: usize,
    pub is_down: bool,
    /// One call in this many is lost, with or without its effect; 0 loses none.
    pub loses_one_in: u32,
    random: u32,
}

impl BreakerRepositoryState {
    /// Returns a pseudo-random number below `bound`. The same seed gives the same sequence in every run.
    fn draw(&mut self, bound: u32) -> u32 {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.random >> 8) % bound.max(1)
    }
}

impl BreakerRepositoryModel {
    pub fn seeded(seed: u32) -> Self {
        let model = Self::default();
        model.state(|state| state.random = seed);
        model
    }

    pub fn state<T>(&self, look: impl FnOnce(&mut BreakerRepositoryState) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    pub fn stored(&self, host: &Host) -> StoredBreaker {
        self.state(|state| state.items.get(host).cloned().unwrap_or_default())
    }

    /// Applies the effect, and yields to other tasks a random number of times before and after.
    async fn call<T>(
        &self,
        effect: impl FnOnce(&mut BreakerRepositoryState) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let lost = || StoreError::Transient { call: "call", cause: "lost".to_owned() };
        let (before, after, fate) = self.state(|state| (state.draw(4), state.draw(4), state.draw(state.loses_one_in)));
        for _ in 0..before {
            tokio::task::yield_now().await;
        }
        let is_lossy = self.state(|state| state.loses_one_in > 0);
        if self.state(|state| state.is_down) || (is_lossy && fate == 0) {
            return Err(lost());
        }
        let answer = self.state(effect);
        for _ in 0..after {
            tokio::task::yield_now().await;
        }
        if is_lossy && fate == 1 { Err(lost()) } else { answer }
    }
}

const REFUSED: StoreError = StoreError::ConditionFailed { call: "call" };

impl BreakerRepository for BreakerRepositoryModel {
    async fn read(&self, hosts: &[Host]) -> Result<Vec<(Host, StoredBreaker)>, StoreError> {
        self.call(|state| {
            state.reads += 1;
            let found = |host: &Host| state.items.get(host).cloned().unwrap_or_default();
            Ok(hosts.iter().map(|host| (host.clone(), found(host))).collect())
        })
        .await
    }

    async fn count(&self, host: &Host, report: &BreakerReport) -> Result<StoredBreaker, StoreError> {
        self.call(|state| {
            let stored = state.items.entry(host.clone()).or_default();
            match stored.breaker.phase {
                Phase::Closed { since_ms } if counts(report.began_ms, since_ms) => {}
                _ => return Err(REFUSED),
            }
            stored.tally.merge(&report.tally);
            let stored = stored.clone();
            state.writes.push((host.clone(), None));
            Ok(stored)
        })
        .await
    }

    async fn replace(&self, host: &Host, from: u32, next: &Breaker, _: i64) -> Result<(), StoreError> {
        self.call(|state| {
            let stored = state.items.entry(host.clone()).or_default();
            if stored.breaker.revision != from {
                return Err(REFUSED);
            }
            let transition = (stored.breaker, *next);
            *stored = StoredBreaker { breaker: *next, ..StoredBreaker::default() };
            state.writes.push((host.clone(), Some(transition)));
            Ok(())
        })
        .await
    }

    async fn trim(&self, host: &Host, slots: &[i64]) -> Result<(), StoreError> {
        self.call(|state| {
            let stored = state.items.entry(host.clone()).or_default();
            let last = slots.iter().max().map_or(0, |slot| (slot + 1) * domain::breaker::SLOT_MS);
            stored.tally.forget_until(last);
            state.writes.push((host.clone(), None));
            Ok(())
        })
        .await
    }
}
