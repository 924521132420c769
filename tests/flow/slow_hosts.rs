//! A slow push service does not slow the sends to others.

use serde_json::{Value, json};

use world::{Reply, World};

const SLOW: usize = 40;
const QUICK: usize = 8;
/// Half of the notifications that an invocation works on at once.
const SHARE: usize = 16;

/// Forty recipients on a push service that does not respond, then eight on one that does.
async fn world(extra: Value) -> (World, Vec<Value>) {
    let world = World::start().await;
    world.push.always(Some(Reply::Silence));
    let mut messages = Vec::new();
    for user in 0..SLOW + QUICK {
        let id = format!("user-{user}");
        let service = if user < SLOW { &world.push } else { &world.other_push };
        world.subscribe_at(service, &id, &id).await;
        let mut message = json!({"to": id, "content": {"title": "Hi", "body": "there"}});
        message.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        messages.push(message);
    }
    (world, messages)
}

fn count(world: &World, status: &str) -> usize {
    world.items("notifications").iter().filter(|item| item["status"]["S"] == status).count()
}

async fn until_the_quick_ones_are_through(world: &World) {
    while count(world, "accepted") < QUICK || world.items("notifications").len() < SLOW + QUICK - SHARE {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_batch_reaches_those_on_other_hosts_while_a_slow_host_has_its_share() {
    let (world, messages) = world(json!({})).await;
    tokio::select! {
        _ = world.batch(messages, None) => panic!("the slow ones are still out"),
        () = until_the_quick_ones_are_through(&world) => {}
    }
    assert_eq!((world.other_push.total(), world.push.total()), (QUICK, SHARE));
    assert_eq!(count(&world, "cascading"), SLOW - SHARE, "deferred; those that are out are not stored yet");
}

#[tokio::test]
async fn a_sweep_reaches_those_on_other_hosts_while_a_slow_host_has_its_share() {
    let (world, messages) = world(json!({"send_at": "2026-11-23T10:10:00Z"})).await;
    world.batch(messages, None).await;
    world.advance(601);
    tokio::select! {
        _ = world.sweep() => panic!("the slow ones are still out"),
        () = until_the_quick_ones_are_through(&world) => {}
    }
    assert_eq!((world.other_push.total(), world.push.total()), (QUICK, SHARE));
}

#[tokio::test]
async fn a_device_on_a_slow_host_is_not_waited_for_once_another_has_the_message() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.subscribe_at(&world.other_push, "ada", "laptop").await;
    world.push.always(Some(Reply::Silence));
    let sent = world.send("ada", json!({})).await;
    assert_eq!(sent.body["status"], "accepted");
    assert_eq!(sent.attempts(), ["push:accepted", "push:retry_later"]);
    assert_eq!(sent.body["attempts"][1]["detail"], "not waited for: another device accepted the message");
    world.advance(3_600);
    world.sweep().await;
    assert_eq!((world.push.total(), world.other_push.total()), (1, 1), "and not tried again");
}
