//! Property test: every delivery of a history leads to the counters of its last states. The table is a simple model.
#![allow(clippy::unwrap_used)]

use futures_util::FutureExt;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::change::by_minute;
use crate::testing_history::{BatchHandler, BatchSlice, SimulatedStream, StreamEvent, event, transitions};
use crate::{Bucket, CounterName};

/// Table of minutes. Its only write is conditional.
#[derive(Default)]
struct Table(BTreeMap<(Bucket, String), MinuteCounters>);

impl Table {
    fn replace(&mut self, key: (Bucket, String), next: MinuteCounters, held: Option<&MinuteCounters>) -> bool {
        let is_unchanged = self.0.get(&key).map(|minute| &minute.processed) == held.map(|minute| &minute.processed);
        if is_unchanged {
            self.0.insert(key, next);
        }
        is_unchanged
    }

    fn sum(&self) -> Counters {
        let mut sum = Counters::default();
        self.0.values().for_each(|minute| sum.merge(&minute.counters));
        sum
    }
}

/// Invocation that makes one call at a time.
struct Invocation {
    shard: String,
    poison: Vec<Sequence>,
    left: Vec<(Bucket, Vec<NotificationChange>)>,
    /// First remaining minute as read from the table; `None` before the read.
    held: Option<Option<MinuteCounters>>,
}

impl Invocation {
    fn new(shard: &str, slice: BatchSlice) -> Self {
        let owned = |changes: Vec<&NotificationChange>| changes.into_iter().cloned().collect();
        let left = by_minute(&slice.changes).into_iter().rev().map(|(minute, changes)| (minute, owned(changes)));
        Self { shard: shard.to_owned(), left: left.collect(), poison: slice.poison, held: None }
    }

    /// Makes one call. If `is_last` is true, its response is lost, although a write is carried out.
    fn call(&mut self, table: &mut Table, is_last: bool) {
        let Some((minute, changes)) = self.left.last() else { return };
        let key = (*minute, self.shard.clone());
        let Some(held) = self.held.take() else {
            self.held = Some(table.0.get(&key).cloned());
            return;
        };
        let changes: Vec<_> = changes.iter().collect();
        let next = held.clone().unwrap_or_default().with(&changes, &self.poison);
        let is_done = next.is_none_or(|next| table.replace(key, next, held.as_ref()));
        if is_done && !is_last {
            self.left.pop();
        }
    }
}

impl BatchHandler for Table {
    async fn handle(&mut self, shard: &str, slices: [Option<BatchSlice>; 2], calls: Option<u8>) -> Vec<Sequence> {
        let mut runs: Vec<_> = slices.into_iter().flatten().map(|slice| Invocation::new(shard, slice)).collect();
        let calls = calls.map_or(usize::MAX, usize::from);
        for call in 1..=calls {
            if runs.iter().all(|run| run.left.is_empty()) {
                break;
            }
            let turn = (call * 7 / 3) % runs.len();
            runs[turn].call(self, call == calls);
        }
        let first_of = |(_, changes): &(Bucket, Vec<NotificationChange>)| {
            changes.iter().map(|change| change.sequence.clone()).min()
        };
        runs[0].left.iter().filter_map(first_of).collect()
    }
}

/// Computes a few counters from the items, without the code of this crate.
fn expected_counts(items: &[Value]) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    let mut add = |name: String, amount: i64| *counts.entry(name).or_insert(0) += amount;
    for item in items {
        let version = item["version"].as_str().unwrap_or("undecided");
        let tries: Vec<Value> = serde_json::from_str(item["attempts"].as_str().unwrap_or("[]")).unwrap();
        let status = item["status"].as_str().unwrap();
        if ["accepted", "delivered", "failed", "uncertain", "expired", "cancelled"].contains(&status) {
            add(format!("version/{version}/{status}"), 1);
        }
        if !tries.is_empty() {
            add(format!("version/{version}/sent"), 1);
        }
        for tried in tries {
            add(format!("channel/{}/attempts", tried["c"].as_str().unwrap()), 1);
            add(format!("version/{version}/cost_micros"), tried["m"].as_i64().unwrap());
        }
    }
    counts
}

fn delivered(transitions: &[(usize, u8)], events: &[StreamEvent], unreadable: Vec<usize>) -> (SimulatedStream, Table) {
    let (mut stream, mut table) = (SimulatedStream::of(transitions, unreadable), Table::default());
    let all = async {
        for event in events {
            stream.apply(event, &mut table).await;
        }
        stream.finish(&mut table).await;
    };
    all.now_or_never().unwrap();
    (stream, table)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn every_delivery_of_a_history_leads_to_the_sums_of_its_last_states(
        transitions in transitions(),
        events in proptest::collection::vec(event(), 0..30),
        unreadable in proptest::collection::vec(0..20usize, 0..4),
    ) {
        let (stream, table) = delivered(&transitions, &events, unreadable);
        let sum = table.sum();
        for (name, count) in expected_counts(&stream.history.items) {
            prop_assert_eq!(sum.get(&name.parse::<CounterName>().unwrap()), count, "{}", name);
        }
        prop_assert_eq!(sum, stream.history.model);
    }
}

#[test]
fn a_part_given_up_between_two_batches_is_counted_once_if_it_is_redriven_twice() {
    let transitions: Vec<_> = (0..8).map(|which| (which * 2 % 8, 2)).collect();
    let deliver = |size| StreamEvent::Deliver { shard: 0, size, calls: None, twice: false };
    let redrive = StreamEvent::Redrive { letter: 0, calls: None, twice: true };
    let events = [deliver(1), StreamEvent::GiveUp { shard: 0, size: 2 }, deliver(9), redrive.clone(), redrive];
    let (stream, table) = delivered(&transitions, &events, Vec::new());
    assert_eq!(table.sum(), stream.history.model);
}
