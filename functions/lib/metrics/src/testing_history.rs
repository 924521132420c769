//! Random histories of notifications, and a simulation of the stream with its faults. Records are delivered again, in
//! parts, or to two invocations at once. Some records are unreadable, and some parts are given up and redriven later.
//! The test supplies the code that processes the batches.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Counters, Image, NotificationChange, Sequence, contribution};

/// Number of notifications in a history.
pub const NOTIFICATIONS: usize = 8;

pub fn start() -> Timestamp {
    "2026-11-22T21:30:00Z".parse().unwrap()
}

pub fn after_minutes(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

/// Change in a history: the index of the notification, and a random number that selects its next state.
pub type Transition = (usize, u8);

pub fn transitions() -> impl Strategy<Value = Vec<Transition>> {
    proptest::collection::vec((0..NOTIFICATIONS, any::<u8>()), 1..80)
}

/// Records of the stream, and the counters that they must lead to.
pub struct History {
    /// Changes by shard. A notification's records are in order within its shard, and after a split in the child shards.
    pub shards: Vec<(String, Vec<NotificationChange>)>,
    /// Sum of the contributions of the last states.
    pub model: Counters,
    /// Last states.
    pub items: Vec<Value>,
}

impl History {
    pub fn of(transitions: &[Transition]) -> Self {
        let mut items: Vec<Option<Value>> = vec![None; NOTIFICATIONS];
        let mut shards = BTreeMap::<_, Vec<_>>::new();
        for (number, (which, choice)) in transitions.iter().enumerate() {
            let place = i64::try_from(number).unwrap();
            // Several changes are in the same minutes, out of order by clock skew, and across hours and a midnight.
            let at_ms = after_minutes(place / 6 * 30 + i64::from(choice % 3)).as_millisecond();
            let old = items[*which].clone();
            let new = match &old {
                None => Some(json!({
                    "status": (if choice.is_multiple_of(3) { "scheduled" } else { "held" }),
                    "type": (if which % 2 == 0 { "DEFAULT" } else { "PAYMENT_DUE" }), "due_at": at_ms, "updated_at": at_ms,
                })),
                Some(item) => step(item, *choice, at_ms),
            };
            let Some(mut new) = new else { continue };
            if which % 2 == 1 {
                new["template"] = template(&new);
            }
            // The numbers start at 999999999999999999995, so they become one digit longer within the history.
            let sequence = Sequence::parse(&(999_999_999_999_999_999_995_u128 + number as u128).to_string()).unwrap();
            let change =
                NotificationChange { sequence, recorded_at: None, old: old.as_ref().map(image), new: image(&new) };
            shards.entry(shard(*which, number)).or_default().push(change);
            items[*which] = Some(new);
        }
        let items: Vec<_> = items.into_iter().flatten().collect();
        let mut model = Counters::default();
        items.iter().for_each(|item| model.merge(&contribution(&image(item))));
        Self { shards: shards.into_iter().collect(), model, items }
    }
}

/// Returns the shard of a record. There are two shards; the first is split into two after the 25th record.
fn shard(which: usize, number: usize) -> String {
    match (which % 2, number) {
        (0, 25..) => format!("shardId-0-{}", which / 2 % 2),
        (parent, _) => format!("shardId-{parent}"),
    }
}

/// Returns the template of a notification, with its locale from the first attempt on.
fn template(item: &Value) -> Value {
    let locale = json!({"tag": "fr", "time_zone": "UTC", "fallback": ["sms"]});
    let mut used = json!({"name": "payment-due", "version": 1, "variables": {"amount": 1}});
    if item.get("version").is_some() {
        used["locale"] = locale;
    }
    json!(used.to_string())
}

fn attempt(outcome: &str, at_ms: i64, cost_micros: i64) -> Value {
    let channel = if cost_micros == 0 { "push" } else { "sms" };
    json!({"c": channel, "p": "host", "o": outcome, "l": at_ms % 700, "m": cost_micros, "t": at_ms})
}

/// Returns a notification's next state. Returns `None` if this choice leads to none.
fn step(item: &Value, choice: u8, at_ms: i64) -> Option<Value> {
    let mut next = item.clone();
    let mut tries: Vec<Value> = serde_json::from_str(item["attempts"].as_str().unwrap_or("[]")).unwrap();
    match (item["status"].as_str().unwrap(), choice % 6) {
        ("scheduled", 0) => next["status"] = json!("cancelled"),
        ("scheduled" | "held", 1) => (next["status"], next["reason"]) = (json!("skipped"), json!("opted_out")),
        ("scheduled" | "held", _) => {
            next["version"] = json!(if choice.is_multiple_of(2) { "v1" } else { "v2" });
            next["status"] = json!("sending");
        }
        ("sending" | "cascading", 0) => {
            tries.push(attempt("retry_later", at_ms, 0));
            next["status"] = json!("cascading");
        }
        ("sending" | "cascading", 1) => {
            tries.push(attempt("uncertain", at_ms, 70_000));
            next["status"] = json!("uncertain");
        }
        ("sending" | "cascading", 2) => next["status"] = json!("expired"),
        ("sending" | "cascading", 3) => {
            tries.push(attempt("gone", at_ms, 0));
            next["status"] = json!("failed");
        }
        ("sending" | "cascading", _) => {
            tries.push(attempt("accepted", at_ms, if choice.is_multiple_of(2) { 0 } else { 70_000 }));
            next["status"] = json!("accepted");
        }
        ("accepted", 0..=2) | ("failed" | "expired" | "uncertain", 5) => next["status"] = json!("delivered"),
        ("accepted" | "delivered", 3) => next["clicked_at"] = json!(at_ms),
        ("accepted" | "delivered", 4) => {
            (next["converted_at"], next["conversion_value_micros"]) = (json!(at_ms), json!(at_ms % 9_000));
        }
        ("delivered", 5) => (next["opened_at"], next["wasted_cost_micros"]) = (json!(at_ms), json!(70_000)),
        _ => return None,
    }
    // A receipt after the end counts in the minute of the end.
    if !matches!(item["status"].as_str().unwrap(), "accepted" | "delivered" | "failed" | "expired" | "uncertain") {
        next["updated_at"] = json!(at_ms);
    }
    if !tries.is_empty() {
        next["attempts"] = json!(serde_json::to_string(&tries).unwrap());
    }
    Some(next)
}

pub fn image(item: &Value) -> Image {
    serde_json::from_value(item.clone()).unwrap()
}

/// Gapless part of a shard, as the function receives it.
#[derive(Debug, Clone, Default)]
pub struct BatchSlice {
    pub changes: Vec<NotificationChange>,
    pub poison: Vec<Sequence>,
}

/// Processing of batches, supplied by the test.
pub trait BatchHandler {
    /// Processes a slice, or two slices of one shard at once. If `calls` is given, the processing crashes after that
    /// number of calls. Returns the failed records of the first slice.
    async fn handle(&mut self, shard: &str, slices: [Option<BatchSlice>; 2], calls: Option<u8>) -> Vec<Sequence>;
}

/// Event between the stream and the function. Indices of shards and dead letters are taken modulo their number.
#[derive(Debug, Clone)]
pub enum StreamEvent {
    /// Lambda delivers up to `size` records of a shard. With `twice`, it delivers them to two invocations at once. With
    /// `calls`, the function crashes after that number of calls.
    Deliver { shard: usize, size: usize, calls: Option<u8>, twice: bool },
    /// Lambda goes back in a shard, as after a failed report.
    Rewind { shard: usize, by: usize },
    /// Lambda gives up this number of records of a shard and continues after them.
    GiveUp { shard: usize, size: usize },
    /// An operator redrives a part that was given up, with `twice` two times at once. The release that can read every
    /// record may be deployed or not.
    Redrive { letter: usize, calls: Option<u8>, twice: bool },
    /// A release is deployed that can read every record.
    DeployFix,
}

pub fn event() -> impl Strategy<Value = StreamEvent> {
    let calls = || prop_oneof![2 => Just(None), 1 => (1..9u8).prop_map(Some)];
    prop_oneof![
        6 => (any::<usize>(), 1..12usize, calls(), any::<bool>())
            .prop_map(|(shard, size, calls, twice)| StreamEvent::Deliver { shard, size, calls, twice }),
        1 => (any::<usize>(), 1..8usize).prop_map(|(shard, by)| StreamEvent::Rewind { shard, by }),
        2 => (any::<usize>(), 1..6usize).prop_map(|(shard, size)| StreamEvent::GiveUp { shard, size }),
        2 => (any::<usize>(), calls(), any::<bool>())
            .prop_map(|(letter, calls, twice)| StreamEvent::Redrive { letter, calls, twice }),
        1 => Just(StreamEvent::DeployFix),
    ]
}

/// Simulated stream: Lambda's position in each shard, and the dead letters.
pub struct SimulatedStream {
    pub history: History,
    unreadable: Vec<usize>,
    is_fixed: bool,
    next: Vec<usize>,
    dead_letters: Vec<(usize, usize, usize)>,
}

impl SimulatedStream {
    /// Creates a stream. Records at these positions of their shards are unreadable until the fix is deployed.
    pub fn of(transitions: &[Transition], unreadable: Vec<usize>) -> Self {
        let history = History::of(transitions);
        let next = vec![0; history.shards.len()];
        Self { history, unreadable, is_fixed: false, next, dead_letters: Vec::new() }
    }

    fn slice(&self, shard: usize, from: usize, to: usize) -> BatchSlice {
        let mut slice = BatchSlice::default();
        for (place, change) in self.history.shards[shard].1.iter().enumerate().take(to).skip(from) {
            if !self.is_fixed && self.unreadable.contains(&place) {
                slice.poison.push(change.sequence.clone());
            } else {
                slice.changes.push(change.clone());
            }
        }
        slice
    }

    fn len(&self, shard: usize) -> usize {
        self.history.shards[shard].1.len()
    }

    /// Delivers `from..to`. With `twice`, a second invocation gets two more records at the front and one less at the
    /// end. Returns the position at which Lambda continues.
    async fn deliver(
        &self,
        handler: &mut impl BatchHandler,
        at: (usize, usize, usize),
        calls: Option<u8>,
        twice: bool,
    ) -> usize {
        let (shard, from, to) = at;
        let first = self.slice(shard, from, to);
        let other = twice.then(|| self.slice(shard, from.saturating_sub(2), to.saturating_sub(1)));
        let mut failed = first.poison.clone();
        failed.extend(handler.handle(&self.history.shards[shard].0, [Some(first), other], calls).await);
        let place = |lowest| self.history.shards[shard].1.iter().position(|change| change.sequence == lowest).unwrap();
        failed.into_iter().min().map_or(to, place)
    }

    /// Applies one event.
    pub async fn apply(&mut self, event: &StreamEvent, handler: &mut impl BatchHandler) {
        let shards = self.next.len();
        match *event {
            StreamEvent::Deliver { shard, size, calls, twice } => {
                let (shard, from) = (shard % shards, self.next[shard % shards]);
                let to = from.saturating_add(size).min(self.len(shard));
                self.next[shard] = self.deliver(handler, (shard, from, to), calls, twice).await;
            }
            StreamEvent::Rewind { shard, by } => {
                self.next[shard % shards] = self.next[shard % shards].saturating_sub(by)
            }
            StreamEvent::GiveUp { shard, size } => {
                let (shard, from) = (shard % shards, self.next[shard % shards]);
                let to = from.saturating_add(size).min(self.len(shard));
                self.dead_letters.push((shard, from, to));
                self.next[shard] = to;
            }
            StreamEvent::Redrive { letter, calls, twice } if !self.dead_letters.is_empty() => {
                let at = self.dead_letters[letter % self.dead_letters.len()];
                self.deliver(handler, at, calls, twice).await;
            }
            StreamEvent::Redrive { .. } => {}
            StreamEvent::DeployFix => self.is_fixed = true,
        }
    }

    /// Delivers the remaining records without further faults. Unreadable records are given up. Finally the fix is
    /// deployed, and all dead letters are redriven.
    pub async fn finish(&mut self, handler: &mut impl BatchHandler) {
        for shard in 0..self.next.len() {
            while self.next[shard] < self.len(shard) {
                self.apply(&StreamEvent::Deliver { shard, size: usize::MAX, calls: None, twice: false }, handler).await;
                if self.next[shard] < self.len(shard) {
                    self.apply(&StreamEvent::GiveUp { shard, size: 1 }, handler).await;
                }
            }
        }
        self.is_fixed = true;
        for letter in 0..self.dead_letters.len() {
            self.apply(&StreamEvent::Redrive { letter, calls: None, twice: false }, handler).await;
        }
    }
}
