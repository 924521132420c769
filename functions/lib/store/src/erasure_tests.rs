//! Tests of erasure: crashes at every call, repetition, and the second check.
#![allow(clippy::unwrap_used)]

use jiff::{Timestamp, ToSpan};
use tokio::time::Duration;

use super::*;
use crate::sample::{TestTables, key};
use crate::testing::Fuse;
use crate::testing_tables::{CONTROL, NOTIFICATIONS, RECIPIENTS, SETTINGS, items};

fn now() -> Timestamp {
    "2027-03-29T00:00:00Z".parse().unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Ada with two devices and a few notifications, among them one to come, and bob.
async fn world(notifications: i64) -> TestTables {
    let world = TestTables::new().await;
    world.device("ada", "one", now(), None).await;
    world.device("ada", "two", now(), None).await;
    world.device("bob", "bobs", now(), None).await;
    for number in 0..notifications {
        world.notification("ada", now() - number.hours(), None).await;
    }
    world.notification("bob", now(), None).await;
    world
}

/// Returns the numbers of profiles, of items in the control table, of markers, and of notifications.
async fn left(world: &TestTables) -> [usize; 4] {
    let client = world.dynamo.client();
    let mut numbers = [0; 4];
    for (number, table) in numbers.iter_mut().zip([RECIPIENTS, CONTROL, SETTINGS, NOTIFICATIONS]) {
        *number = items(&client, table).await.len();
    }
    numbers
}

/// The items of bob, and no marker.
const OF_BOB: [usize; 4] = [1, 1, 0, 1];

#[tokio::test]
async fn all_items_of_one_recipient_are_deleted_including_scheduled_and_held_ones() {
    let world = world(40).await;
    for counter in ["sms-count#{}#2027-03-29", "sms-count#{}#2027-03-27", "caps#{}"] {
        let pk = counter.replace("{}", key("ada").as_str());
        let counter = ItemWriter::default().text("pk", pk).finish();
        world.dynamo.client().put_item().table_name(CONTROL).set_item(Some(counter)).send().await.unwrap();
    }
    let erased = world.stores.erasure.erase(&key("ada"), now(), soon()).await.unwrap();
    let expected =
        Erasure { profiles: 1, devices: 2, endpoints: 2, counters: 3, notifications: 40, ..Erasure::default() };
    assert_eq!(erased, expected);
    assert_eq!(left(&world).await, [1, 1, 1, 1], "the items of bob, and the marker");
    assert_eq!(world.stores.erasure.erase(&key("ada"), now(), soon()).await.unwrap(), Erasure::default());
}

#[tokio::test]
async fn an_erasure_that_crashes_at_any_call_is_completed_by_a_repetition() {
    let world = world(3).await;
    let fuse = Fuse::default();
    fuse.set(i64::MAX);
    world.crashing_stores(fuse.clone()).erasure.erase(&key("ada"), now(), soon()).await.unwrap();
    let all_calls = i64::MAX - fuse.left();
    for calls in 1..all_calls {
        let world = self::world(3).await;
        let fuse = Fuse::default();
        let crashing = world.crashing_stores(fuse.clone());
        fuse.set(calls);
        assert!(crashing.erasure.erase(&key("ada"), now(), soon()).await.is_err(), "{calls}");
        assert!(world.stores.erasure.erase(&key("ada"), now(), soon()).await.unwrap().is_complete(), "{calls}");
        assert_eq!(left(&world).await, [1, 1, 1, 1], "{calls}");
    }
}

#[tokio::test]
async fn an_erasure_out_of_time_reports_the_remaining_items() {
    let world = world(3).await;
    let erased = world.stores.erasure.erase(&key("ada"), now(), Instant::now()).await.unwrap();
    assert!(!erased.is_complete());
    assert_eq!((erased.profiles, erased.remaining_control, erased.remaining_notifications), (1, 2, 3));
    assert_eq!(left(&world).await, [1, 3, 1, 4]);
}

#[tokio::test]
async fn a_profile_that_no_version_can_read_is_erased() {
    let world = world(1).await;
    let profile = ItemWriter::default().text("pk", key("ada").as_str()).text("sk", "profile").finish();
    let update = world.dynamo.client().update_item().table_name(RECIPIENTS).set_key(Some(profile));
    update.update_expression("REMOVE created_at, id").send().await.unwrap();
    assert!(world.stores.recipients.load(&key("ada")).await.is_err());
    assert!(world.stores.erasure.erase(&key("ada"), now(), soon()).await.unwrap().is_complete());
    assert_eq!(left(&world).await, [1, 1, 1, 1]);
}

#[tokio::test]
async fn a_device_registered_during_an_erasure_is_erased_with_its_owner() {
    let world = world(0).await;
    let (recipients, key) = (&world.stores.recipients, key("ada"));
    let read = recipients.stored_profile(&key).await.unwrap().unwrap().device_ids;
    world.device("ada", "three", now(), None).await;
    let outcome = recipients.delete_profile(&key, &read, WriteIf::Always).await.unwrap();
    assert_eq!(outcome, ProfileDeletion::OtherDevices, "the owner item of the third one would be lost");
    let erased = world.stores.erasure.erase(&key, now(), soon()).await.unwrap();
    assert_eq!((erased.devices, erased.endpoints), (3, 3));
}

/// Checks the erasures again, this number of minutes after the erasure.
async fn recheck(world: &TestTables, minutes: i64) -> Vec<RecheckResult> {
    let erasure = &world.stores.erasure;
    let mut looks = Vec::new();
    for marker in erasure.settled_markers(now() + minutes.minutes()).await.unwrap() {
        looks.push(erasure.recheck(&marker, soon(), false).await.unwrap());
    }
    looks
}

#[tokio::test]
async fn a_notification_stored_after_an_erasure_is_deleted_minutes_later_with_the_marker() {
    let world = world(3).await;
    world.stores.erasure.erase(&key("ada"), now(), soon()).await.unwrap();
    world.notification("ada", now() - 1.second(), None).await;
    world.notification("ada", now() + 1.hour(), None).await;
    assert_eq!(recheck(&world, 1).await, []);
    assert_eq!(left(&world).await, [1, 1, 1, 3]);
    assert_eq!(recheck(&world, 2).await, [RecheckResult::Left(true)]);
    assert_eq!(left(&world).await, [1, 1, 0, 2], "the items of bob, and a notification stored an hour later");
    assert_eq!(recheck(&world, 9).await, []);
}

#[tokio::test]
async fn a_recipient_registered_again_loses_only_earlier_notifications() {
    let world = world(3).await;
    world.stores.erasure.erase(&key("ada"), now(), soon()).await.unwrap();
    world.notification("ada", now() - 1.second(), None).await;
    world.device("ada", "again", now() + 1.minute(), None).await;
    world.notification("ada", now() + 2.minutes(), None).await;
    assert_eq!(recheck(&world, 5).await, [RecheckResult::Left(true)]);
    assert_eq!((world.devices("ada").await.len(), left(&world).await), (1, [2, 2, 0, 2]));
}

#[tokio::test]
async fn a_recipient_registered_again_with_the_same_device_keeps_its_owner_item() {
    let world = world(1).await;
    let fuse = Fuse::default();
    let crashing = world.crashing_stores(fuse.clone());
    // Four reads, a read, the marker and the profile: both owner items are left.
    fuse.set(7);
    assert!(crashing.erasure.erase(&key("ada"), now(), soon()).await.is_err());
    assert!(!world.stores.recipients.is_known(&key("ada")).await.unwrap());
    world.device("ada", "one", now() + 1.minute(), None).await;
    assert_eq!(recheck(&world, 5).await, [RecheckResult::Left(true)]);
    assert_eq!((world.devices("ada").await.len(), left(&world).await), (1, [2, 2, 0, 1]));
}

#[tokio::test]
async fn the_second_check_completes_a_crashed_erasure_unless_it_had_not_begun() {
    for calls in 1..16 {
        let world = world(3).await;
        let fuse = Fuse::default();
        let crashing = world.crashing_stores(fuse.clone());
        fuse.set(calls);
        assert!(crashing.erasure.erase(&key("ada"), now(), soon()).await.is_err(), "{calls}");
        let begun = !world.stores.recipients.is_known(&key("ada")).await.unwrap();
        recheck(&world, 5).await;
        assert_eq!(left(&world).await, if begun { OF_BOB } else { [2, 3, 0, 4] }, "{calls}");
    }
}

#[tokio::test]
async fn a_repeated_erasure_is_checked_again() {
    let world = world(1).await;
    let erasure = &world.stores.erasure;
    erasure.erase(&key("ada"), now(), soon()).await.unwrap();
    let old = erasure.settled_markers(now() + 5.minutes()).await.unwrap();
    world.notification("ada", now() + 4.minutes(), None).await;
    erasure.erase(&key("ada"), now() + 5.minutes(), soon()).await.unwrap();
    assert_eq!(erasure.recheck(&old[0], soon(), false).await.unwrap(), RecheckResult::Clean);
    assert_eq!(erasure.settled_markers(now() + 9.minutes()).await.unwrap().len(), 1, "the newer marker stays");
}
