//! Any way of telling a history gives the counters of its last states: many cases, against the plainest table there can be.
#![allow(clippy::unwrap_used)]

use futures_util::FutureExt;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::change::by_minute;
use crate::history::{Event, Folding, Stream, Stretch, event, moves};
use crate::{Bucket, CounterName};

/// A table of minutes whose only write is conditional.
#[derive(Default)]
struct Table(BTreeMap<(Bucket, String), Minute>);

impl Table {
    fn replace(&mut self, key: (Bucket, String), next: Minute, held: Option<&Minute>) -> bool {
        let stands = self.0.get(&key).map(|minute| &minute.counted) == held.map(|minute| &minute.counted);
        if stands {
            self.0.insert(key, next);
        }
        stands
    }

    fn sum(&self) -> Counters {
        let mut sum = Counters::default();
        self.0.values().for_each(|minute| sum.merge(&minute.counters));
        sum
    }
}

/// An invocation, a call at a time.
struct Invocation {
    shard: String,
    poison: Vec<Sequence>,
    left: Vec<(Bucket, Vec<Change>)>,
    /// What was read of the first minute that is left; `None` before it was.
    held: Option<Option<Minute>>,
}

impl Invocation {
    fn new(shard: &str, stretch: Stretch) -> Self {
        let owned = |changes: Vec<&Change>| changes.into_iter().cloned().collect();
        let left = by_minute(&stretch.changes).into_iter().rev().map(|(minute, changes)| (minute, owned(changes)));
        Self { shard: shard.to_owned(), left: left.collect(), poison: stretch.poison, held: None }
    }

    /// Makes one call; `is_last` means that its answer is lost, though a write is carried out.
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

impl Folding for Table {
    async fn fold(&mut self, shard: &str, stretches: [Option<Stretch>; 2], calls: Option<u8>) -> Vec<Sequence> {
        let mut runs: Vec<_> = stretches.into_iter().flatten().map(|stretch| Invocation::new(shard, stretch)).collect();
        let calls = calls.map_or(usize::MAX, usize::from);
        for call in 1..=calls {
            if runs.iter().all(|run| run.left.is_empty()) {
                break;
            }
            let turn = (call * 7 / 3) % runs.len();
            runs[turn].call(self, call == calls);
        }
        let first_of =
            |(_, changes): &(Bucket, Vec<Change>)| changes.iter().map(|change| change.sequence.clone()).min();
        runs[0].left.iter().filter_map(first_of).collect()
    }
}

/// A few counters told by the items alone, without any of this module's code.
fn plainly(items: &[Value]) -> BTreeMap<String, i64> {
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

fn told(moves: &[(usize, u8)], events: &[Event], unreadable: Vec<usize>) -> (Stream, Table) {
    let (mut stream, mut table) = (Stream::of(moves, unreadable), Table::default());
    let all = async {
        for event in events {
            stream.happens(event, &mut table).await;
        }
        stream.ends(&mut table).await;
    };
    all.now_or_never().unwrap();
    (stream, table)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn however_a_history_is_told_the_sums_are_those_of_its_last_states(
        moves in moves(),
        events in proptest::collection::vec(event(), 0..30),
        unreadable in proptest::collection::vec(0..20usize, 0..4),
    ) {
        let (stream, table) = told(&moves, &events, unreadable);
        let sum = table.sum();
        for (name, count) in plainly(&stream.history.items) {
            prop_assert_eq!(sum.get(&name.parse::<CounterName>().unwrap()), count, "{}", name);
        }
        prop_assert_eq!(sum, stream.history.model);
    }
}

#[test]
fn what_was_given_up_between_two_batches_is_counted_once_when_it_is_redriven_twice() {
    let moves: Vec<_> = (0..8).map(|which| (which * 2 % 8, 2)).collect();
    let deliver = |size| Event::Deliver { shard: 0, size, calls: None, twice: false };
    let redrive = Event::Redrive { letter: 0, calls: None, twice: true };
    let events = [deliver(1), Event::GiveUp { shard: 0, size: 2 }, deliver(9), redrive.clone(), redrive];
    let (stream, table) = told(&moves, &events, Vec::new());
    assert_eq!(table.sum(), stream.history.model);
}
