//! An event of the notifications' stream, through both of its consumers: each record is counted or reported as failed,
//! and none panics.

use std::collections::BTreeSet;

use lambda_runtime::Error;
use metrics::{MinuteCounters, NotificationChange, contribution};
use serde_json::Value;

use super::world::{FuzzWorld, with_world};
use rollup::event::{RollupEvent, StreamBatch};

pub fn target(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(data) else { return };
    let poison = match RollupEvent::of(event.clone()) {
        Ok(RollupEvent::Stream(batch)) => counted(batch, &event),
        _ => BTreeSet::new(),
    };
    with_world(|world| handled(world, event, &poison));
}

/// Rollup's reading of the batch: the ids of the records that it cannot count.
fn counted(batch: StreamBatch, event: &Value) -> BTreeSet<String> {
    assert!(!batch.shard().is_empty() || event["shardId"] == "");
    let of_interest: Vec<_> = records(event).filter(|record| record["eventName"] != "REMOVE").collect();
    let nameless = |record: &&Value| {
        let number = record["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default();
        number.is_empty() || number.len() > 40 || !number.bytes().all(|byte| byte.is_ascii_digit())
    };
    let Ok((changes, poison)) = batch.changes() else {
        assert!(of_interest.iter().any(nameless), "only a record that cannot be named fails the batch");
        return BTreeSet::new();
    };
    assert_eq!(changes.len() + poison.len(), of_interest.len(), "each record is counted or named");
    add_up(&changes);
    poison.iter().map(|sequence| sequence.as_given().to_owned()).collect()
}

/// A change is the difference of two states, every counter's name can be parsed again, and a second delivery adds
/// nothing.
fn add_up(changes: &[NotificationChange]) {
    for change in changes {
        let counters = contribution(&change.new);
        assert!(counters.iter().all(|(name, _)| name.to_string().parse() == Ok(name.clone())));
        assert!(!change.minute().partition().is_empty());
    }
    let all: Vec<_> = changes.iter().collect();
    if let Some(minute) = MinuteCounters::default().with(&all, &[]) {
        assert_eq!(minute.with(&all, &[]), None);
    }
}

/// The functions themselves. An error requests the whole batch again; a reported id occurs in the stream, and rollup
/// reports every record that it cannot count.
fn handled(world: &FuzzWorld, event: Value, poison: &BTreeSet<String>) {
    let given = sequences(&event);
    if let Some(named) = failures(world.rollup(event.clone())) {
        assert!(named.is_superset(poison) && named.is_subset(&given), "{named:?}");
    }
    if let Some(named) = failures(world.cascade(event)) {
        assert!(named.is_subset(&given), "{named:?}");
    }
}

fn failures(answer: Result<Value, Error>) -> Option<BTreeSet<String>> {
    let answer = answer.ok()?;
    let failures = answer.get("batchItemFailures")?.as_array().expect("a list");
    Some(failures.iter().map(|one| one["itemIdentifier"].as_str().expect("a name").to_owned()).collect())
}

fn records(event: &Value) -> impl Iterator<Item = &Value> {
    event["Records"].as_array().into_iter().flatten()
}

fn sequences(event: &Value) -> BTreeSet<String> {
    records(event).filter_map(|record| record["dynamodb"]["SequenceNumber"].as_str()).map(str::to_owned).collect()
}
