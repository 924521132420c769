//! Random histories of notifications, and a stream that tells them badly: again, cut up, to two at once, with records that
//! nobody can read, and with parts given up and redriven later. What folds it is the test's.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Change, Counters, Image, Sequence, state};

/// How many notifications a history has.
pub const NOTIFICATIONS: usize = 8;

pub fn start() -> Timestamp {
    "2026-11-22T21:30:00Z".parse().unwrap()
}

pub fn after_minutes(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

/// A change that happened in a history: to which notification, and in which of the ways that the service moves it.
pub type Move = (usize, u8);

pub fn moves() -> impl Strategy<Value = Vec<Move>> {
    proptest::collection::vec((0..NOTIFICATIONS, any::<u8>()), 1..80)
}

/// What the stream holds, and what the last states count for.
pub struct History {
    /// The shards: a notification's records are in order within its shard, and in its children once it was split.
    pub shards: Vec<(String, Vec<Change>)>,
    /// The sum of the last states.
    pub model: Counters,
    /// The last states.
    pub items: Vec<Value>,
}

impl History {
    pub fn of(moves: &[Move]) -> Self {
        let mut items: Vec<Option<Value>> = vec![None; NOTIFICATIONS];
        let mut shards = BTreeMap::<_, Vec<_>>::new();
        for (number, (which, choice)) in moves.iter().enumerate() {
            let place = i64::try_from(number).unwrap();
            // A few within the same minutes, told out of order by clocks that differ, and across hours and a midnight.
            let at_ms = after_minutes(place / 6 * 30 + i64::from(choice % 3)).as_millisecond();
            let old = items[*which].clone();
            let new = match &old {
                None => Some(json!({
                    "status": (if choice.is_multiple_of(3) { "scheduled" } else { "held" }),
                    "type": (if which % 2 == 0 { "DEFAULT" } else { "PAYMENT_DUE" }), "due_at": at_ms, "updated_at": at_ms,
                })),
                Some(item) => step(item, *choice, at_ms),
            };
            let Some(new) = new else { continue };
            // From 999999999999999999995 on: the numbers grow a digit on the way.
            let sequence = Sequence::parse(&(999_999_999_999_999_999_995_u128 + number as u128).to_string()).unwrap();
            let change = Change { sequence, recorded_at: None, old: old.as_ref().map(image), new: image(&new) };
            shards.entry(shard(*which, number)).or_default().push(change);
            items[*which] = Some(new);
        }
        let items: Vec<_> = items.into_iter().flatten().collect();
        let mut model = Counters::default();
        items.iter().for_each(|item| model.merge(&state(&image(item))));
        Self { shards: shards.into_iter().collect(), model, items }
    }
}

/// Two shards, of which the first is split into two after the 25th record.
fn shard(which: usize, number: usize) -> String {
    match (which % 2, number) {
        (0, 25..) => format!("shardId-0-{}", which / 2 % 2),
        (parent, _) => format!("shardId-{parent}"),
    }
}

fn attempt(outcome: &str, at_ms: i64, cost_micros: i64) -> Value {
    let channel = if cost_micros == 0 { "push" } else { "sms" };
    json!({"c": channel, "p": "host", "o": outcome, "l": at_ms % 700, "m": cost_micros, "t": at_ms})
}

/// A notification's next state; `None` when it has none in this way.
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
    // What a receipt tells counts in the minute in which it ended.
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

/// A stretch of a shard, as the function sees it.
#[derive(Debug, Clone, Default)]
pub struct Stretch {
    pub changes: Vec<Change>,
    pub poison: Vec<Sequence>,
}

/// What a test does with a stretch.
pub trait Folding {
    /// Folds a stretch, or two of one shard at once, and dies after some calls, if at all. Answers with what failed of
    /// the first.
    async fn fold(&mut self, shard: &str, stretches: [Option<Stretch>; 2], calls: Option<u8>) -> Vec<Sequence>;
}

/// Something that happens between the stream and the function. Shards and dead letters are taken modulo their number.
#[derive(Debug, Clone)]
pub enum Event {
    /// Lambda delivers up to `size` records of a shard, perhaps to two at once, and the function dies after some calls, if
    /// at all.
    Deliver { shard: usize, size: usize, calls: Option<u8>, twice: bool },
    /// Lambda goes back in a shard, as after a failed report.
    Rewind { shard: usize, by: usize },
    /// Lambda gives up so many records of a shard and goes on behind them.
    GiveUp { shard: usize, size: usize },
    /// Ops redrive a part that was given up, once or twice at once, before what stood in the way was mended or after.
    Redrive { letter: usize, calls: Option<u8>, twice: bool },
    /// A release that can read every record.
    Mend,
}

pub fn event() -> impl Strategy<Value = Event> {
    let calls = || prop_oneof![2 => Just(None), 1 => (1..9u8).prop_map(Some)];
    prop_oneof![
        6 => (any::<usize>(), 1..12usize, calls(), any::<bool>())
            .prop_map(|(shard, size, calls, twice)| Event::Deliver { shard, size, calls, twice }),
        1 => (any::<usize>(), 1..8usize).prop_map(|(shard, by)| Event::Rewind { shard, by }),
        2 => (any::<usize>(), 1..6usize).prop_map(|(shard, size)| Event::GiveUp { shard, size }),
        2 => (any::<usize>(), calls(), any::<bool>())
            .prop_map(|(letter, calls, twice)| Event::Redrive { letter, calls, twice }),
        1 => Just(Event::Mend),
    ]
}

/// The stream's side: where Lambda stands in each shard, and what it gave up.
pub struct Stream {
    pub history: History,
    unreadable: Vec<usize>,
    mended: bool,
    next: Vec<usize>,
    letters: Vec<(usize, usize, usize)>,
}

impl Stream {
    /// A stream in which every record at one of these places of its shard is unreadable until that is mended.
    pub fn of(moves: &[Move], unreadable: Vec<usize>) -> Self {
        let history = History::of(moves);
        let next = vec![0; history.shards.len()];
        Self { history, unreadable, mended: false, next, letters: Vec::new() }
    }

    fn stretch(&self, shard: usize, from: usize, to: usize) -> Stretch {
        let mut stretch = Stretch::default();
        for (place, change) in self.history.shards[shard].1.iter().enumerate().take(to).skip(from) {
            if !self.mended && self.unreadable.contains(&place) {
                stretch.poison.push(change.sequence.clone());
            } else {
                stretch.changes.push(change.clone());
            }
        }
        stretch
    }

    fn len(&self, shard: usize) -> usize {
        self.history.shards[shard].1.len()
    }

    /// Delivers `from..to`, perhaps to two at once of which the other got a little more in front and less behind; where
    /// Lambda would go on.
    async fn deliver(
        &self,
        to_whom: &mut impl Folding,
        at: (usize, usize, usize),
        calls: Option<u8>,
        twice: bool,
    ) -> usize {
        let (shard, from, to) = at;
        let first = self.stretch(shard, from, to);
        let other = twice.then(|| self.stretch(shard, from.saturating_sub(2), to.saturating_sub(1)));
        let mut failed = first.poison.clone();
        failed.extend(to_whom.fold(&self.history.shards[shard].0, [Some(first), other], calls).await);
        let place = |lowest| self.history.shards[shard].1.iter().position(|change| change.sequence == lowest).unwrap();
        failed.into_iter().min().map_or(to, place)
    }

    /// Lets one thing happen.
    pub async fn happens(&mut self, event: &Event, to_whom: &mut impl Folding) {
        let shards = self.next.len();
        match *event {
            Event::Deliver { shard, size, calls, twice } => {
                let (shard, from) = (shard % shards, self.next[shard % shards]);
                let to = from.saturating_add(size).min(self.len(shard));
                self.next[shard] = self.deliver(to_whom, (shard, from, to), calls, twice).await;
            }
            Event::Rewind { shard, by } => self.next[shard % shards] = self.next[shard % shards].saturating_sub(by),
            Event::GiveUp { shard, size } => {
                let (shard, from) = (shard % shards, self.next[shard % shards]);
                let to = from.saturating_add(size).min(self.len(shard));
                self.letters.push((shard, from, to));
                self.next[shard] = to;
            }
            Event::Redrive { letter, calls, twice } if !self.letters.is_empty() => {
                let at = self.letters[letter % self.letters.len()];
                self.deliver(to_whom, at, calls, twice).await;
            }
            Event::Redrive { .. } => {}
            Event::Mend => self.mended = true,
        }
    }

    /// What is left comes without further trouble: unreadable records are given up, and in the end everything that was
    /// given up is redriven by a release that reads it.
    pub async fn ends(&mut self, to_whom: &mut impl Folding) {
        for shard in 0..self.next.len() {
            while self.next[shard] < self.len(shard) {
                self.happens(&Event::Deliver { shard, size: usize::MAX, calls: None, twice: false }, to_whom).await;
                if self.next[shard] < self.len(shard) {
                    self.happens(&Event::GiveUp { shard, size: 1 }, to_whom).await;
                }
            }
        }
        self.mended = true;
        for letter in 0..self.letters.len() {
            self.happens(&Event::Redrive { letter, calls: None, twice: false }, to_whom).await;
        }
    }
}
