//! Limit of concurrent calls per host, so that one slow host cannot hold all calls of a process.
//!
//! When all slots are taken, callers wait while calls end quickly. Once one call has lasted 2 s, the host counts as
//! slow. From then on, `enter` returns `None` at once while no slot is free.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use domain::breaker::Host;

/// Duration of a call after which its host counts as slow.
const SLOW_CALL_THRESHOLD: Duration = Duration::from_secs(2);

/// Limit of concurrent calls of a process by key, which is a host unless another type is given.
#[derive(Debug)]
pub struct Bulkhead<K: Eq + Hash = Host> {
    limit: usize,
    hosts: Arc<Mutex<HashMap<K, HostCalls>>>,
}

#[derive(Debug, Default)]
struct HostCalls {
    started: u64,
    running: BTreeMap<u64, Instant>,
    slot_freed: Arc<Notify>,
}

/// A slot among a host's calls, released when dropped.
#[derive(Debug)]
pub struct BulkheadSlot<K: Eq + Hash = Host> {
    hosts: Arc<Mutex<HashMap<K, HostCalls>>>,
    host: K,
    number: u64,
}

impl<K: Clone + Eq + Hash> Bulkhead<K> {
    /// Creates a limit of `limit` concurrent calls for each host.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, hosts: Arc::default() }
    }

    /// Acquires a slot. Returns `None` if the host is slow and all its slots are taken.
    pub async fn enter(&self, host: &K) -> Option<BulkheadSlot<K>> {
        loop {
            let (slot_freed, wait) = match self.try_enter(host) {
                Ok(permit) => return Some(permit),
                Err(full) => full,
            };
            if wait.is_zero() {
                return None;
            }
            // A permit that was dropped before this wait began is noticed when the wait ends.
            let _ = tokio::time::timeout(wait.min(SLOW_CALL_THRESHOLD / 20), slot_freed.notified()).await;
        }
    }

    fn try_enter(&self, host: &K) -> Result<BulkheadSlot<K>, (Arc<Notify>, Duration)> {
        let mut hosts = locked(&self.hosts);
        let calls = hosts.entry(host.clone()).or_default();
        if calls.running.len() < self.limit {
            calls.started += 1;
            let number = calls.started;
            calls.running.insert(number, Instant::now());
            return Ok(BulkheadSlot { hosts: Arc::clone(&self.hosts), host: host.clone(), number });
        }
        let longest = calls.running.values().map(Instant::elapsed).max().unwrap_or_default();
        Err((Arc::clone(&calls.slot_freed), SLOW_CALL_THRESHOLD.saturating_sub(longest)))
    }
}

impl<K: Eq + Hash> Drop for BulkheadSlot<K> {
    fn drop(&mut self) {
        let mut hosts = locked(&self.hosts);
        if let Some(calls) = hosts.get_mut(&self.host) {
            calls.running.remove(&self.number);
            calls.slot_freed.notify_waiters();
            if calls.running.is_empty() {
                hosts.remove(&self.host);
            }
        }
    }
}

fn locked<K>(hosts: &Mutex<HashMap<K, HostCalls>>) -> MutexGuard<'_, HashMap<K, HostCalls>> {
    hosts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn host(name: &str) -> Host {
        Host::push(name)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_host_has_its_share_and_no_more() {
        let bulkhead = Bulkhead::new(2);
        let held = [bulkhead.enter(&host("slow")).await, bulkhead.enter(&host("slow")).await];
        assert!(held.iter().all(Option::is_some));
        assert!(bulkhead.enter(&host("slow")).await.is_none(), "once the first has lasted for 2 s");
        let before = Instant::now();
        assert!(bulkhead.enter(&host("slow")).await.is_none());
        assert_eq!(before.elapsed(), Duration::ZERO, "and from then on at once");
        assert!(bulkhead.enter(&host("quick")).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn behind_calls_that_return_every_caller_has_a_turn() {
        let bulkhead = Bulkhead::new(2);
        let call = || async {
            let permit = bulkhead.enter(&host("busy")).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            permit.is_some()
        };
        let served = futures_util::future::join_all((0..60).map(|_| call())).await;
        assert!(served.into_iter().all(|served| served));
        assert!(locked(&bulkhead.hosts).is_empty(), "nothing is kept of hosts that nobody calls");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_answers_again_is_let_in_again() {
        let bulkhead = Bulkhead::new(1);
        let held = bulkhead.enter(&host("slow")).await;
        assert!(bulkhead.enter(&host("slow")).await.is_none());
        drop(held);
        assert!(bulkhead.enter(&host("slow")).await.is_some());
    }
}
