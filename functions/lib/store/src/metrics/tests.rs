//! Property tests of the metrics table against a model. The sums are those of the notifications' last states, even if
//! batches are delivered again or in parts, and runs are interrupted or concurrent.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::ItemWriter;
use crate::testing::{Dynamo, Fuse};
use metrics::testing_history::{
    self, BatchHandler, BatchSlice, SimulatedStream, StreamEvent, Transition, after_minutes, image, start,
};
use metrics::{Counters, NotificationChange, Sequence, Unit, Window};

const TABLE: &str = "metrics";

fn minutes_up_to(now: Timestamp) -> i64 {
    now.duration_since(start()).as_mins() + 1
}

struct World {
    fuse: Fuse,
    store: MetricsStore,
}

impl World {
    async fn new() -> Self {
        let dynamo = Dynamo::start().await;
        dynamo.create_table(TABLE).await;
        let fuse = Fuse::default();
        Self { store: MetricsStore::new(dynamo.client_with(fuse.clone()), TABLE), fuse }
    }

    /// Returns the sums of all time since the start, as a caller reads them.
    async fn read(&self, now: Timestamp) -> Counters {
        let window = Window::last(minutes_up_to(now), now);
        let sum = self.store.read(window).await.unwrap();
        for step in [Unit::Hour, Unit::Day] {
            let mut of_series = Counters::default();
            for (_, part) in self.store.read_by(window, step).await.unwrap() {
                of_series.merge(&part);
            }
            assert_eq!(of_series, sum, "a series by {step:?} has the sum of the window");
        }
        sum
    }

    /// Returns the sums of the items of these partitions, without regard to markers.
    async fn stored(&self, unit_partitions: &[&str]) -> Counters {
        let mut sum = Counters::default();
        for partition in unit_partitions {
            sum.merge(&self.store.sum((*partition).to_owned(), None).await.unwrap());
        }
        sum
    }
}

const HOURS: [&str; 2] = ["hour#2026-11-22", "hour#2026-11-23"];
const DAYS: [&str; 1] = ["day#2026-11"];

/// Event of the service.
#[derive(Debug, Clone)]
enum Event {
    /// Event between the stream and the function.
    Stream(StreamEvent),
    /// Scheduled run, with `twice` two runs at once. With `calls`, the function crashes after that number of calls.
    Merge { after_minutes: i64, twice: bool, calls: Option<u8> },
    /// Read of all counters.
    Read,
}

fn event() -> impl Strategy<Value = Event> {
    let calls = || prop_oneof![2 => Just(None), 1 => (1..9u8).prop_map(Some)];
    prop_oneof![
        7 => testing_history::event().prop_map(Event::Stream),
        3 => (0..90i64, any::<bool>(), calls()).prop_map(|(after_minutes, twice, calls)| Event::Merge { after_minutes, twice, calls }),
        1 => Just(Event::Read),
    ]
}

/// Store with the current time.
struct Store<'a>(&'a World, Timestamp);

impl BatchHandler for Store<'_> {
    async fn handle(&mut self, shard: &str, slices: [Option<BatchSlice>; 2], calls: Option<u8>) -> Vec<Sequence> {
        let Self(world, now) = self;
        world.fuse.set(calls.map_or(i64::MAX, i64::from));
        let add = async |slice: &Option<BatchSlice>| match slice {
            Some(slice) => world.store.add_changes(shard, &slice.changes, &slice.poison, *now).await,
            None => BatchResult::default(),
        };
        let failed = tokio::join!(add(&slices[0]), add(&slices[1])).0.failed;
        world.fuse.set(i64::MAX);
        failed
    }
}

/// Applies the events, then delivers the rest without faults. Compares the sums with the model during and at the end.
async fn run(transitions: &[Transition], events: &[Event], unreadable: Vec<usize>) -> Result<(), TestCaseError> {
    let world = World::new().await;
    let mut stream = SimulatedStream::of(transitions, unreadable);
    let mut now = start();
    for event in events {
        match event {
            Event::Stream(event) => stream.apply(event, &mut Store(&world, now)).await,
            Event::Merge { after_minutes, twice, calls } => {
                now += SignedDuration::from_mins(*after_minutes);
                world.fuse.set(calls.map_or(i64::MAX, i64::from));
                let _ = if *twice {
                    tokio::join!(world.store.merge(now), world.store.merge(now)).0
                } else {
                    world.store.merge(now).await
                };
                world.fuse.set(i64::MAX);
            }
            Event::Read => {
                let minutes = ["21", "22", "23"].map(|hour| format!("minute#2026-11-22T{hour}"));
                let later = ["00", "01", "02", "03", "04", "05"].map(|hour| format!("minute#2026-11-23T{hour}"));
                let truth: Vec<_> = minutes.iter().chain(&later).map(String::as_str).collect();
                let horizon = now.max(after_minutes(7 * 60));
                prop_assert_eq!(world.read(horizon).await, world.stored(&truth).await);
            }
        }
    }
    stream.finish(&mut Store(&world, now)).await;
    let model = stream.history.model;
    let end = now.max(after_minutes(27 * 60));
    prop_assert_eq!(world.read(end).await, model.clone());
    for minutes in [0, 3] {
        world.store.merge(end + SignedDuration::from_mins(minutes)).await.unwrap();
    }
    prop_assert_eq!(world.stored(&HOURS).await, model.clone());
    prop_assert_eq!(world.stored(&DAYS).await, model.clone());
    prop_assert_eq!(world.read(end).await, model);
    prop_assert!(world.store.markers(Unit::Hour).await.unwrap().is_empty());
    prop_assert!(world.store.markers(Unit::Day).await.unwrap().is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn redeliveries_and_crashes_do_not_change_the_sums(
        transitions in testing_history::transitions(),
        events in proptest::collection::vec(event(), 0..25),
        unreadable in proptest::collection::vec(0..20usize, 0..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(&transitions, &events, unreadable))?;
    }
}

fn cancelled(number: i64, minute: i64) -> NotificationChange {
    let at_ms = after_minutes(minute).as_millisecond();
    let new = image(&json!({"status": "cancelled", "type": "DEFAULT", "due_at": at_ms, "updated_at": at_ms}));
    NotificationChange { sequence: Sequence::parse(&number.to_string()).unwrap(), recorded_at: None, old: None, new }
}

fn count(counters: &Counters) -> i64 {
    counters.get(&"version/undecided/cancelled".parse().unwrap())
}

#[tokio::test]
async fn the_result_names_the_first_record_of_a_minute_that_was_not_written() {
    let world = World::new().await;
    // The function crashes after the marker, the read and the write of the first minute.
    world.fuse.set(4);
    let result = world.store.add_changes("0", &[cancelled(1, 0), cancelled(2, 1), cancelled(3, 1)], &[], start()).await;
    assert_eq!((result.minutes, result.failed), (1, vec![Sequence::parse("2").unwrap()]));
    world.fuse.set(i64::MAX);
    assert_eq!(count(&world.read(after_minutes(2)).await), 1);
}

#[tokio::test]
async fn the_number_of_calls_for_a_window_does_not_depend_on_the_traffic() {
    let mut calls = Vec::new();
    for (notifications, shards) in [(1, 1), (1_000, 4)] {
        let world = World::new().await;
        for shard in 0..shards {
            let changes: Vec<_> = (0..notifications).map(|number| cancelled(number, number % 17 * 10)).collect();
            world.store.add_changes(&shard.to_string(), &changes, &[], start()).await;
        }
        for minutes in [180, 183, 186] {
            world.store.merge(after_minutes(minutes)).await.unwrap();
        }
        let now = after_minutes(190);
        let of_last = async |minutes| {
            world.fuse.set(1_000);
            let found = world.store.read(Window::last(minutes, now)).await.unwrap();
            (1_000 - world.fuse.left(), count(&found))
        };
        let mut of_all = Vec::new();
        for minutes in [1, 60, 1_440, 43_200, 129_600] {
            of_all.push(of_last(minutes).await);
        }
        assert_eq!(of_all[4].1, notifications * shards);
        calls.push(of_all.into_iter().map(|(calls, _)| calls).collect::<Vec<_>>());
    }
    // Two calls for the markers, then minutes, hours, and months of days.
    assert_eq!(calls, [[3, 4, 5, 5, 7]; 2], "for both amounts of traffic");
}

#[tokio::test]
async fn concurrent_runs_of_a_batch_count_it_once() {
    let world = World::new().await;
    let batch: Vec<_> = (0..20).map(|number| cancelled(number, number / 7)).collect();
    let (one, other) = tokio::join!(
        world.store.add_changes("0", &batch, &[], start()),
        world.store.add_changes("0", &batch, &[], start())
    );
    assert_eq!((one.failed, other.failed, one.minutes + other.minutes), (vec![], vec![], 3));
    assert_eq!(count(&world.read(after_minutes(3)).await), 20);
}

#[tokio::test]
async fn an_hour_is_merged_after_its_end_once_its_marker_is_settled() {
    let world = World::new().await;
    world.store.add_changes("0", &[cancelled(1, 0)], &[], after_minutes(29)).await;
    let before = world.store.merge(after_minutes(31)).await.unwrap();
    assert_eq!(before.to_string(), "0 of 0 hours, 0 of 0 days");
    let after = world.store.merge(after_minutes(32)).await.unwrap();
    assert_eq!(after.to_string(), "1 of 1 hours, 0 of 0 days");
    assert_eq!(count(&world.stored(&HOURS).await), 1);
}

#[tokio::test]
async fn a_late_record_updates_its_hour_and_day() {
    let world = World::new().await;
    world.store.add_changes("0", &[cancelled(1, 0)], &[], start()).await;
    for minutes in [180, 183] {
        world.store.merge(after_minutes(minutes)).await.unwrap();
    }
    world.store.add_changes("0", &[cancelled(2, 0)], &[], after_minutes(184)).await;
    assert_eq!(count(&world.stored(&DAYS).await), 1);
    assert_eq!(count(&world.read(after_minutes(184)).await), 2);
    for minutes in [187, 190] {
        world.store.merge(after_minutes(minutes)).await.unwrap();
    }
    assert_eq!((count(&world.stored(&HOURS).await), count(&world.stored(&DAYS).await)), (2, 2));
}

#[tokio::test]
async fn a_run_that_was_overtaken_does_not_overwrite_the_newer_sum() {
    let world = World::new().await;
    world.store.add_changes("0", &[cancelled(1, 0)], &[], start()).await;
    let slow = world.store.markers(Unit::Hour).await.unwrap();
    let key = Key { partition: "hour#2026-11-22".into(), sort: "21".into() };
    assert!(world.store.get(&key).await.unwrap().is_none());
    // The slow run has read that the hour does not exist. A faster run finishes, and a late record is added.
    world.store.merge(after_minutes(40)).await.unwrap();
    world.store.add_changes("0", &[cancelled(2, 0)], &[], after_minutes(41)).await;
    let stale = ItemWriter::default().text("pk", "hour#2026-11-22").text("sk", "21").finish();
    assert!(world.store.replace(stale, "merge", None).await.unwrap_err().is_condition_failed());
    world.store.unmark(&slow[0]).await.unwrap();
    assert_eq!(count(&world.read(after_minutes(42)).await), 2);
}
