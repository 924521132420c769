//! Erasing, cut short at every call, and again.
#![allow(clippy::unwrap_used)]

use jiff::{Timestamp, ToSpan};
use tokio::time::Duration;

use super::*;
use crate::sample::{World, key};
use crate::testing::Fuse;
use crate::testing_tables::{NOTIFICATIONS, RECIPIENTS, items};

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
        world.notification("ada", now() - number.hours(), None).await;
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
    let erased = world.stores.erasure.erase(&key("ada"), now(), soon()).await.unwrap();
    let expected = Erasure { profiles: 1, devices: 2, others: 1, notifications: 40, ..Erasure::default() };
    assert_eq!(erased, expected);
    // Bob's, and the note.
    assert_eq!(left(&world).await, (4, 1));
    assert_eq!(world.stores.erasure.erase(&key("ada"), now(), soon()).await.unwrap(), Erasure::default());
}

#[tokio::test]
async fn an_erasure_that_dies_at_any_call_leaves_a_witness_and_is_finished_by_the_same_erasure() {
    // A read, the note, two reads, the profile, three notifications, a read, two devices, and two reads that find nothing.
    for calls in 1..13 {
        let world = world(3).await;
        let fuse = Fuse::default();
        let doomed = world.doomed(fuse.clone());
        fuse.set(calls);
        assert!(doomed.erasure.erase(&key("ada"), now(), soon()).await.is_err(), "{calls}");
        // While notifications are left a device is left, by which cleanup finds them.
        let (parts, history) = (world.stores.recipients.parts(&key("ada")).await.unwrap(), left(&world).await.1 - 1);
        assert!(history == 0 || parts.iter().any(|sk| sk.starts_with("device#")), "{calls}");
        assert!(world.stores.erasure.erase(&key("ada"), now(), soon()).await.unwrap().is_complete(), "{calls}");
        assert_eq!(left(&world).await, (4, 1), "{calls}");
    }
}

#[tokio::test]
async fn an_erasure_out_of_time_says_what_is_left() {
    let world = world(3).await;
    let erased = world.stores.erasure.erase(&key("ada"), now(), Instant::now()).await.unwrap();
    assert!(!erased.is_complete());
    assert_eq!((erased.remaining_recipients, erased.remaining_notifications), (3, 3));
    assert_eq!(left(&world).await, (9, 4), "all of it, and the note");
}

/// The second look, so many minutes after the erasure.
async fn second_look(world: &World, minutes: i64) -> Vec<SecondLook> {
    let erasure = &world.stores.erasure;
    let mut looks = Vec::new();
    for note in erasure.settled(now() + minutes.minutes()).await.unwrap() {
        looks.push(erasure.look_again(&note, soon(), false).await.unwrap());
    }
    looks
}

#[tokio::test]
async fn what_a_send_under_way_stores_after_an_erasure_goes_minutes_later_and_so_does_the_note() {
    let world = world(3).await;
    world.stores.erasure.erase(&key("ada"), now(), soon()).await.unwrap();
    world.notification("ada", now() - 1.second(), None).await;
    world.notification("ada", now() + 1.hour(), None).await;
    assert_eq!(second_look(&world, 1).await, []);
    assert_eq!(left(&world).await, (4, 3));
    assert_eq!(second_look(&world, 2).await, [SecondLook::Left(true)]);
    assert_eq!(left(&world).await, (3, 2), "bob's, and what was sent to nobody an hour later");
    assert_eq!(second_look(&world, 9).await, []);
}

#[tokio::test]
async fn somebody_registered_anew_loses_only_what_came_from_before() {
    let world = world(3).await;
    world.stores.erasure.erase(&key("ada"), now(), soon()).await.unwrap();
    world.notification("ada", now() - 1.second(), None).await;
    world.device("ada", "again", now() + 1.minute(), None).await;
    world.notification("ada", now() + 2.minutes(), None).await;
    assert_eq!(second_look(&world, 5).await, [SecondLook::Left(true)]);
    assert_eq!((world.devices("ada").await.len(), left(&world).await), (1, (6, 2)));
}

#[tokio::test]
async fn an_erasure_that_died_is_finished_by_the_second_look_unless_it_had_not_begun() {
    for calls in 2..13 {
        let world = world(3).await;
        let fuse = Fuse::default();
        let doomed = world.doomed(fuse.clone());
        fuse.set(calls);
        assert!(doomed.erasure.erase(&key("ada"), now(), soon()).await.is_err(), "{calls}");
        let begun = !world.stores.recipients.is_known(&key("ada")).await.unwrap();
        second_look(&world, 5).await;
        assert_eq!(left(&world).await, if begun { (3, 1) } else { (8, 4) }, "{calls}");
    }
}

#[tokio::test]
async fn an_erasure_asked_for_again_is_looked_at_again() {
    let world = world(1).await;
    let erasure = &world.stores.erasure;
    erasure.erase(&key("ada"), now(), soon()).await.unwrap();
    let old = erasure.settled(now() + 5.minutes()).await.unwrap();
    world.notification("ada", now() + 4.minutes(), None).await;
    erasure.erase(&key("ada"), now() + 5.minutes(), soon()).await.unwrap();
    assert_eq!(erasure.look_again(&old[0], soon(), false).await.unwrap(), SecondLook::Clean);
    assert_eq!(erasure.settled(now() + 9.minutes()).await.unwrap().len(), 1, "the newer note stays");
}
