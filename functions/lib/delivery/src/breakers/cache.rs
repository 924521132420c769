//! Memory of one process about all hosts, with the times at which the table is read again.

use std::collections::BTreeMap;

use domain::breaker::{Breaker, Host, LocalBreaker};

/// Period for which a read is used, less a jitter of up to a fifth.
const FRESH_MS: i64 = 5_000;
/// Period for which the table is not called after it did not answer.
pub(super) const HOLD_OFF_MS: i64 = 5_000;
/// Maximum number of hosts in memory: as many as one read may name.
pub(super) const MOST_HOSTS: usize = 100;

/// Memory of one process.
#[derive(Debug, Default)]
pub(super) struct BreakerCache {
    pub(super) hosts: BTreeMap<Host, CachedHost>,
    read_again_at_ms: i64,
    pub(super) down_until_ms: i64,
    /// Number of updates so far. A read that began before an update does not overwrite it.
    pub(super) updates: u64,
}

/// Memory about one host.
#[derive(Debug, Default)]
pub(super) struct CachedHost {
    pub(super) memory: LocalBreaker,
    pub(super) updates: u64,
    used_at_ms: i64,
}

impl BreakerCache {
    /// Returns `true` if the table need not, or should not, be read.
    ///
    /// If the clock was set back, the age is unknown and the table is read.
    pub(super) fn is_fresh(&self, now_ms: i64) -> bool {
        let ahead = |at_ms: i64, most_ms: i64| (1..=most_ms).contains(&(at_ms - now_ms));
        ahead(self.read_again_at_ms, FRESH_MS) || ahead(self.down_until_ms, HOLD_OFF_MS)
    }

    /// Returns the hosts to read now.
    pub(super) fn begin_read(&mut self, always: &[Host], now_ms: i64) -> Vec<Host> {
        for host in always {
            self.entry(host, now_ms);
        }
        self.read_again_at_ms = now_ms + FRESH_MS - platform::random::up_to(FRESH_MS / 5);
        self.hosts.keys().cloned().collect()
    }

    pub(super) fn entry(&mut self, host: &Host, now_ms: i64) -> &mut CachedHost {
        if !self.hosts.contains_key(host) {
            self.make_room();
            // A new host: the next refresh reads the table.
            self.read_again_at_ms = self.read_again_at_ms.min(now_ms);
        }
        let cached = self.hosts.entry(host.clone()).or_default();
        cached.used_at_ms = now_ms;
        cached
    }

    /// Removes the least recently used host if the memory is full.
    ///
    /// Endpoints come from outside, and the Windows push service uses many host names.
    fn make_room(&mut self) {
        if self.hosts.len() >= MOST_HOSTS {
            let oldest = self.hosts.iter().min_by_key(|(_, cached)| cached.used_at_ms).map(|(host, _)| host.clone());
            oldest.map(|host| self.hosts.remove(&host));
        }
    }

    pub(super) fn update(&mut self, host: &Host, breaker: Breaker, now_ms: i64) {
        self.updates += 1;
        let updates = self.updates;
        let cached = self.entry(host, now_ms);
        cached.memory.update(breaker);
        cached.updates = updates;
    }
}
