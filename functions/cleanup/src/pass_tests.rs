//! Tests of passes, on tables with DynamoDB's real semantics.
#![allow(clippy::unwrap_used)]

use jiff::ToSpan;
use tokio::time::Duration;

use super::super::testing::TestCleanup;
use super::super::{ItemCounts, Summary};
use super::*;
use domain::notification::Status;
use store::Item;
use store::sample::key;
use store::testing::Fuse;
use store::testing_tables::{CONTROL, NOTIFICATIONS, RECIPIENTS, SETTINGS, items};

const DAYS: u32 = 180;

fn now() -> Timestamp {
    "2027-03-29T00:00:00Z".parse().unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

const fn done(done: u64) -> ItemCounts {
    ItemCounts { done, remaining: 0 }
}

async fn all(world: &TestCleanup) -> Vec<Item> {
    let client = world.dynamo.client();
    let mut all = Vec::new();
    for table in [RECIPIENTS, NOTIFICATIONS, CONTROL, SETTINGS] {
        all.extend(items(&client, table).await);
    }
    all
}

/// Creates two unused devices, one expired device, one in use, an interrupted erasure, and stuck notifications.
async fn with_stale_items() -> TestCleanup {
    let world = TestCleanup::new().await;
    let old = now() - 24.hours() * 181;
    world.device("ada", "old", old, None).await;
    world.device("bob", "old-too", old, None).await;
    world.device("ada", "ran-out", now() - 48.hours(), Some(now() - 1.hour())).await;
    world.device("ada", "in-use", now() - 24.hours(), Some(now() + 1.hour())).await;
    world.device("eve", "left", now() - 24.hours(), None).await;
    world.notification("eve", now() - 24.hours(), None).await;
    // An erasure that crashed once the profile was deleted: four reads, a read, the marker and the profile.
    let fuse = Fuse::default();
    let crashing = world.crashing(fuse.clone());
    fuse.set(7);
    crashing.erasure.erase(&key("eve"), now() - 1.hour(), soon()).await.unwrap_err();
    world.notification("bob", now() - 24.hours(), None).await;
    world.notification("bob", now() - 10.minutes(), None).await;
    world
}

#[tokio::test]
async fn a_pass_removes_only_old_items() {
    let world = with_stale_items().await;
    let summary = world.cleanup.pass(now(), DAYS, soon(), false).await;
    let expected = Summary {
        dry_run: false,
        complete: true,
        expired_devices: done(1),
        unused_devices: done(2),
        erased_recipients: done(1),
        stuck_notifications: done(2),
    };
    assert_eq!(summary, expected);
    assert_eq!((world.devices("ada").await.len(), world.devices("bob").await.len()), (1, 0));
    // All items of eve are gone. Of bob the profile and both notifications are left; one of the notifications has
    // ended.
    let client = world.dynamo.client();
    assert_eq!((items(&client, RECIPIENTS).await.len(), items(&client, SETTINGS).await.len()), (2, 0));
    let history = world.cleanup.notifications.history(&key("bob"), None, 10).await.unwrap().items;
    assert_eq!(history.iter().map(|one| one.status()).collect::<Vec<_>>(), [Status::Sending, Status::Expired]);
    assert_eq!(items(&client, CONTROL).await.len(), 1, "the owner of the device in use");
    // A second pass has nothing to do.
    let again = world.cleanup.pass(now(), DAYS, soon(), false).await;
    assert_eq!(again, Summary { complete: true, ..Summary::default() });
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let world = with_stale_items().await;
    let before = all(&world).await;
    let summary = world.cleanup.pass(now(), DAYS, soon(), true).await;
    assert!(summary.dry_run && summary.complete);
    assert_eq!(summary.unused_devices, ItemCounts { done: 0, remaining: 2 });
    assert_eq!(summary.stuck_notifications, ItemCounts { done: 0, remaining: 2 });
    assert_eq!(summary.erased_recipients, ItemCounts { done: 0, remaining: 1 });
    assert_eq!(all(&world).await, before);
}

#[tokio::test]
async fn concurrent_passes_process_each_item_once() {
    let world = with_stale_items().await;
    let (one, two) =
        tokio::join!(world.cleanup.pass(now(), DAYS, soon(), false), world.cleanup.pass(now(), DAYS, soon(), false),);
    // If both passes select the same item at once, it may stay for the next pass. It is never done twice.
    assert!(one.unused_devices.done + two.unused_devices.done <= 2);
    assert!(one.stuck_notifications.done + two.stuck_notifications.done <= 2);
    world.cleanup.pass(now(), DAYS, soon(), false).await;
    assert_eq!((world.devices("ada").await.len(), world.devices("bob").await.len()), (1, 0));
    assert_eq!(items(&world.dynamo.client(), CONTROL).await.len(), 1);
}

#[tokio::test]
async fn a_pass_without_time_stores_its_cursor_and_changes_nothing() {
    let world = with_stale_items().await;
    let summary = world.cleanup.pass(now(), DAYS, Instant::now(), false).await;
    assert_eq!(summary, Summary::default());
    assert_eq!(items(&world.dynamo.client(), CONTROL).await.len(), 6, "an owner for each device, and the cursor");
    assert!(world.cleanup.pass(now(), DAYS, soon(), false).await.complete);
}

#[tokio::test]
async fn the_next_pass_completes_one_that_crashed_at_any_call() {
    for calls in [1, 5, 9, 12, 14, 17, 20, 24] {
        let world = with_stale_items().await;
        let fuse = Fuse::default();
        let crashing = world.crashing(fuse.clone());
        fuse.set(calls);
        assert!(!crashing.pass(now(), DAYS, soon(), false).await.complete, "{calls}");
        assert!(world.cleanup.pass(now(), DAYS, soon(), false).await.complete, "{calls}");
        assert_eq!((world.devices("ada").await.len(), world.devices("bob").await.len()), (1, 0), "{calls}");
        assert_eq!(items(&world.dynamo.client(), RECIPIENTS).await.len(), 2, "{calls}");
    }
}

#[tokio::test]
async fn a_device_that_registers_between_read_and_delete_stays() {
    let world = TestCleanup::new().await;
    let device = world.device("ada", "old", now() - 24.hours() * 181, None).await;
    let cutoffs = Cutoffs::at(now(), DAYS);
    world.device("ada", "old", now(), None).await;
    let stale = StaleReason::UnusedSince(cutoffs.unused_since);
    assert!(!world.cleanup.recipients.remove_stale(&key("ada"), &device.device_id, stale).await.unwrap());
    assert_eq!(world.devices("ada").await, [device.device_id]);
}
