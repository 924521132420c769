//! Erasing, cut short at every call, and again.
#![allow(clippy::unwrap_used)]

use jiff::{Timestamp, ToSpan};
use tokio::time::Duration;

use super::*;
use crate::cleanup::sample::{World, key};
use crate::store::testing::Fuse;
use crate::store::testing_tables::{NOTIFICATIONS, RECIPIENTS, items};

fn now() -> Timestamp {
    "2027-03-29T00:00:00Z".parse().unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Ada with two devices and a few notifications, among them one to come, and bob.
async fn world(notifications: i64) -> World {
    let world = World::new().await;
    world.device("ada", "one", now(), None).await;
    world.device("ada", "two", now(), None).await;
    world.device("bob", "bobs", now(), None).await;
    for number in 0..notifications {
        world.notification("ada", now() + number.hours(), None).await;
    }
    world.notification("bob", now(), None).await;
    world
}

async fn left(world: &World) -> (usize, usize) {
    let client = world.dynamo.client();
    (items(&client, RECIPIENTS).await.len(), items(&client, NOTIFICATIONS).await.len())
}

#[tokio::test]
async fn everything_of_one_recipient_goes_scheduled_and_held_included() {
    let world = world(40).await;
    let cap = ItemWriter::default().text("pk", key("ada").as_str()).text("sk", "cap#sms#2027-03-29").finish();
    world.dynamo.client().put_item().table_name(RECIPIENTS).set_item(Some(cap)).send().await.unwrap();
    let erased = world.cleanup.erasure.erase(&key("ada"), soon()).await.unwrap();
    let expected = Erasure { profiles: 1, devices: 2, others: 1, notifications: 40, ..Erasure::default() };
    assert_eq!(erased, expected);
    assert_eq!(left(&world).await, (3, 1));
    assert_eq!(world.cleanup.erasure.erase(&key("ada"), soon()).await.unwrap(), Erasure::default());
}

#[tokio::test]
async fn an_erasure_that_dies_at_any_call_leaves_a_witness_and_is_finished_by_the_same_erasure() {
    // Two reads, the profile, three notifications, a read, two devices, and the two reads that find nothing.
    for calls in 1..12 {
        let world = world(3).await;
        let fuse = Fuse::default();
        let doomed = world.doomed(fuse.clone());
        fuse.set(calls);
        assert!(doomed.erasure.erase(&key("ada"), soon()).await.is_err(), "{calls}");
        // While notifications are left a device is left, by which cleanup finds them.
        let (parts, history) = (world.cleanup.recipients.parts(&key("ada")).await.unwrap(), left(&world).await.1 - 1);
        assert!(history == 0 || parts.iter().any(|sk| sk.starts_with("device#")), "{calls}");
        assert!(world.cleanup.erasure.erase(&key("ada"), soon()).await.unwrap().is_complete(), "{calls}");
        assert_eq!(left(&world).await, (3, 1), "{calls}");
    }
}

#[tokio::test]
async fn an_erasure_out_of_time_says_what_is_left() {
    let world = world(3).await;
    let erased = world.cleanup.erasure.erase(&key("ada"), Instant::now()).await.unwrap();
    assert!(!erased.is_complete());
    assert_eq!((erased.remaining_recipients, erased.remaining_notifications), (3, 3));
    assert_eq!(left(&world).await, (8, 4));
}
