//! What one process keeps in mind of all hosts, and how long before it looks again.

use std::collections::BTreeMap;

use domain::breaker::{Breaker, Host, Memory};

/// How long what was read serves, less a jitter of up to a fifth.
const FRESH_MS: i64 = 5_000;
/// How long the table is left alone after it did not answer.
pub(super) const HOLD_OFF_MS: i64 = 5_000;
/// The most hosts that are kept in mind: as many as one read may name.
pub(super) const MOST_HOSTS: usize = 100;

/// What a process keeps in mind.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) hosts: BTreeMap<Host, Entered>,
    read_again_at_ms: i64,
    pub(super) down_until_ms: i64,
    /// Counts what was learned, so that a read does not undo what was heard while it was under way.
    pub(super) heard: u64,
}

/// One host in it.
#[derive(Debug, Default)]
pub(super) struct Entered {
    pub(super) memory: Memory,
    pub(super) heard: u64,
    used_at_ms: i64,
}

impl Held {
    /// Whether the table need not, or should not, be read. A clock that was set back makes the age unknown.
    pub(super) fn is_fresh(&self, now_ms: i64) -> bool {
        let ahead = |at_ms: i64, most_ms: i64| (1..=most_ms).contains(&(at_ms - now_ms));
        ahead(self.read_again_at_ms, FRESH_MS) || ahead(self.down_until_ms, HOLD_OFF_MS)
    }

    /// The hosts to read now.
    pub(super) fn begin_read(&mut self, always: &[Host], now_ms: i64) -> Vec<Host> {
        for host in always {
            self.entry(host, now_ms);
        }
        self.read_again_at_ms = now_ms + FRESH_MS - platform::chance::up_to(FRESH_MS / 5);
        self.hosts.keys().cloned().collect()
    }

    pub(super) fn entry(&mut self, host: &Host, now_ms: i64) -> &mut Entered {
        if !self.hosts.contains_key(host) {
            self.make_room();
            // Heard of for the first time: worth a look when somebody reads next.
            self.read_again_at_ms = self.read_again_at_ms.min(now_ms);
        }
        let entered = self.hosts.entry(host.clone()).or_default();
        entered.used_at_ms = now_ms;
        entered
    }

    /// Endpoints come from outside, and Windows gives out many names.
    fn make_room(&mut self) {
        if self.hosts.len() >= MOST_HOSTS {
            let oldest = self.hosts.iter().min_by_key(|(_, entered)| entered.used_at_ms).map(|(host, _)| host.clone());
            oldest.map(|host| self.hosts.remove(&host));
        }
    }

    pub(super) fn learn(&mut self, host: &Host, breaker: Breaker, now_ms: i64) {
        self.heard += 1;
        let heard = self.heard;
        let entered = self.entry(host, now_ms);
        entered.memory.learn(breaker);
        entered.heard = heard;
    }
}
