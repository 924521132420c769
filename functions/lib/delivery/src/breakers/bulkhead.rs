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
const SLOW: Duration = Duration::from_secs(2);

/// Limit of concurrent calls of a process by key, which is a host unless another type is given.
#[derive(Debug)]
pub struct Bulkhead<K: Eq + Hash = Host> {
    share: usize,
    rooms: Arc<Mutex<HashMap<K, Room>>>,
}

#[derive(Debug, Default)]
struct Room {
    entered: u64,
    inside: BTreeMap<u64, Instant>,
    left: Arc<Notify>,
}

/// A slot among a host's calls, released when dropped.
#[derive(Debug)]
pub struct Permit<K: Eq + Hash = Host> {
    rooms: Arc<Mutex<HashMap<K, Room>>>,
    host: K,
    number: u64,
}

impl<K: Clone + Eq + Hash> Bulkhead<K> {
    /// Creates a limit of `share` concurrent calls for each host.
    #[must_use]
    pub fn new(share: usize) -> Self {
        Self { share, rooms: Arc::default() }
    }

    /// Acquires a slot. Returns `None` if the host is slow and all its slots are taken.
    pub async fn enter(&self, host: &K) -> Option<Permit<K>> {
        loop {
            let (left, patience) = match self.try_enter(host) {
                Ok(permit) => return Some(permit),
                Err(full) => full,
            };
            if patience.is_zero() {
                return None;
            }
            // A permit that was dropped before this wait began is noticed when the wait ends.
            let _ = tokio::time::timeout(patience.min(SLOW / 20), left.notified()).await;
        }
    }

    fn try_enter(&self, host: &K) -> Result<Permit<K>, (Arc<Notify>, Duration)> {
        let mut rooms = locked(&self.rooms);
        let room = rooms.entry(host.clone()).or_default();
        if room.inside.len() < self.share {
            room.entered += 1;
            let number = room.entered;
            room.inside.insert(number, Instant::now());
            return Ok(Permit { rooms: Arc::clone(&self.rooms), host: host.clone(), number });
        }
        let longest = room.inside.values().map(Instant::elapsed).max().unwrap_or_default();
        Err((Arc::clone(&room.left), SLOW.saturating_sub(longest)))
    }
}

impl<K: Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut rooms = locked(&self.rooms);
        if let Some(room) = rooms.get_mut(&self.host) {
            room.inside.remove(&self.number);
            room.left.notify_waiters();
            if room.inside.is_empty() {
                rooms.remove(&self.host);
            }
        }
    }
}

fn locked<K>(rooms: &Mutex<HashMap<K, Room>>) -> MutexGuard<'_, HashMap<K, Room>> {
    rooms.lock().unwrap_or_else(PoisonError::into_inner)
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
    async fn behind_calls_that_come_back_everybody_has_a_turn() {
        let bulkhead = Bulkhead::new(2);
        let call = || async {
            let permit = bulkhead.enter(&host("busy")).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            permit.is_some()
        };
        let served = futures_util::future::join_all((0..60).map(|_| call())).await;
        assert!(served.into_iter().all(|served| served));
        assert!(locked(&bulkhead.rooms).is_empty(), "nothing is kept of hosts that nobody calls");
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
