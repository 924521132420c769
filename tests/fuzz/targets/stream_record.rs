//! An event of the notifications' stream, through both of its readers: each record is counted or named, and none panics.

use std::collections::BTreeSet;

use notifications::rollup::{Change, Sequence, change, state};
use serde_json::Value;

use super::world::{World, with_world};
use crate::event::{Batch, Event};

pub fn target(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(data) else { return };
    let sequences = sequences(&event);
    if let Ok(Event::Stream(batch)) = Event::of(event.clone()) {
        counted(batch, &event);
    }
    with_world(|world| handled(world, event, &sequences));
}

/// Rollup's own reading of the batch.
fn counted(batch: Batch, event: &Value) {
    assert!(!batch.shard().is_empty() || event["shardId"] == "");
    let of_interest: Vec<_> = records(event).filter(|record| record["eventName"] != "REMOVE").collect();
    let nameless = |record: &&Value| {
        let number = record["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default();
        number.is_empty() || number.len() > 40 || !number.bytes().all(|byte| byte.is_ascii_digit())
    };
    match batch.changes() {
        Err(_) => assert!(of_interest.iter().any(nameless), "only a record that cannot be named fails the batch"),
        Ok((changes, poison)) => {
            assert_eq!(changes.len() + poison.len(), of_interest.len(), "each record is counted or named");
            assert!(poison.iter().all(|named| of_interest.iter().any(|record| is_named(record, named))));
            add_up(&changes);
        }
    }
}

fn is_named(record: &Value, sequence: &Sequence) -> bool {
    record["dynamodb"]["SequenceNumber"] == sequence.as_given()
}

/// A change is the difference of two states, every counter's name reads back, and a second delivery adds nothing.
fn add_up(changes: &[Change]) {
    for change in changes {
        let counters = state(&change.new);
        assert!(counters.iter().all(|(name, _)| name.to_string().parse() == Ok(name.clone())));
        assert!(!change.minute().partition().is_empty());
    }
    let all: Vec<_> = changes.iter().collect();
    if let Some((_, newest)) = change::after(None, &all) {
        assert_eq!(change::after(Some(&newest), &all), None);
    }
}

/// The functions themselves. An error asks for the whole batch again; a name must be one that the stream gave.
fn handled(world: &World, event: Value, sequences: &BTreeSet<String>) {
    for answer in [world.rollup(event.clone()), world.cascade(event)] {
        let Ok(Value::Object(answer)) = answer else { continue };
        let failures = answer.get("batchItemFailures").and_then(Value::as_array).cloned().unwrap_or_default();
        for failure in failures {
            let named = failure["itemIdentifier"].as_str().expect("a failure is named");
            assert!(sequences.contains(named), "{named:?} is none of the batch's");
        }
    }
}

fn records(event: &Value) -> impl Iterator<Item = &Value> {
    event["Records"].as_array().into_iter().flatten()
}

fn sequences(event: &Value) -> BTreeSet<String> {
    records(event).filter_map(|record| record["dynamodb"]["SequenceNumber"].as_str()).map(str::to_owned).collect()
}
