//! Devices whose push service names a retry time: they get no message before it, and enough of them open the host's
//! breaker.

use serde_json::json;

use world::{Reply, World};

use super::{again, breakers, crowd, reachable};

/// Every response by which a push service asks for a later retry.
fn must_wait() -> Vec<Reply> {
    let date = "Mon, 23 Nov 2026 11:00:00 GMT";
    let afters = ["3600", "86400", date].into_iter().cycle();
    let reply = |(status, after)| Reply::status(status).with("Retry-After", after);
    [429, 503, 406, 408, 425, 500].into_iter().zip(afters).map(reply).collect()
}

#[tokio::test]
async fn a_retry_time_for_one_device_concerns_only_that_device() {
    for reply in must_wait() {
        let world = World::start().await;
        for id in ["ada", "bob", "eve"] {
            reachable(&world, id).await;
        }
        world.push.answer("ada", [reply]);
        let sent = world.send("ada", json!({})).await;
        assert_eq!(sent.attempts(), ["push:retry_later", "email:accepted"], "her only device is blocked");
        for (id, kind) in [("bob", "DEFAULT"), ("eve", "PAYMENT_DUE"), ("bob", "DEFAULT")] {
            assert_eq!(world.send(id, json!({"type": kind})).await.attempts(), ["push:accepted"], "{id}");
        }
        assert_eq!(world.send("ada", json!({})).await.attempts(), ["email:accepted"], "and is left alone meanwhile");
        assert_eq!((world.push.count("ada"), world.mails().len()), (1, 2));
        world.subscribe("ada", "laptop").await;
        let both = world.send("ada", json!({})).await;
        assert_eq!((both.attempts(), world.push.count("laptop")), (vec!["push:accepted".to_owned()], 1));
        world.advance(3_601);
        assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:accepted", "push:accepted"]);
    }
}

#[tokio::test]
async fn a_second_device_on_the_same_host_gets_what_the_first_could_not() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.subscribe("ada", "laptop").await;
    world.push.answer("phone", [Reply::status(429).with("Retry-After", "3600")]);
    let sent = world.send("ada", json!({})).await;
    assert_eq!(sent.body["status"], "accepted");
    for _ in 0..3 {
        assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:accepted"]);
    }
    assert_eq!((world.push.count("phone"), world.push.count("laptop")), (1, 4));
}

#[tokio::test]
async fn a_recipient_with_only_a_blocked_device_waits_for_it_and_others_do_not() {
    let mut world = World::start().await;
    world.subscribe("ada", "phone").await;
    reachable(&world, "bob").await;
    world.push.answer("phone", [Reply::status(503).with("Retry-After", "600")]);
    let first = world.send("ada", json!({})).await;
    let second = world.send("ada", json!({})).await;
    assert_eq!((&second.body["status"], second.attempts().len()), (&json!("cascading"), 0));
    assert_eq!(second.body["next_action_at"], "2026-11-23T10:10:00Z");
    world.cold_start().await;
    assert_eq!(world.send("ada", json!({})).await.attempts().len(), 0, "another process respects it as well");
    assert_eq!(world.send("bob", json!({})).await.attempts(), ["push:accepted"]);
    world.advance(700);
    world.sweep().await;
    for sent in [&first, &second] {
        let end = again(&world, sent).await;
        assert_eq!(
            (&end.body["status"], end.attempts().last().unwrap().as_str()),
            (&json!("accepted"), "push:accepted")
        );
    }
    assert_eq!(world.push.count("phone"), 4);
}

#[tokio::test]
async fn a_payment_reminder_to_a_blocked_device_waits_ten_minutes_and_is_sent_by_email() {
    let world = World::start().await;
    reachable(&world, "ada").await;
    world.push.answer("ada", [Reply::status(429).with("Retry-After", "3600")]);
    let first = world.send("ada", json!({"type": "PAYMENT_DUE"})).await;
    let second = world.send("ada", json!({"type": "PAYMENT_DUE"})).await;
    assert_eq!((first.attempts().len(), second.attempts().len(), world.mails().len()), (1, 0, 0));
    world.advance(660);
    world.sweep().await;
    for sent in [&first, &second] {
        assert_eq!(again(&world, sent).await.attempts().last().unwrap(), "email:accepted");
    }
}

#[tokio::test]
async fn a_short_wait_does_not_block_the_device() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.write_units();
    world.push.answer("phone", [Reply::status(429).with("Retry-After", "1")]);
    world.send("ada", json!({})).await;
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:accepted"]);
    assert!(!format!("{:?}", world.items("recipients")).contains("rests_until"));
}

#[tokio::test]
async fn several_devices_that_must_wait_block_their_host_for_minutes_and_then_one_probes() {
    let world = World::start().await;
    let blocked = crowd(&world, "blocked", 3).await;
    reachable(&world, "ada").await;
    for id in &blocked {
        assert_eq!(breakers(&world).len(), usize::from(id != "blocked-0"));
        world.push.answer(id, [Reply::status(429).with("Retry-After", "3600")]);
        world.send(id, json!({})).await;
    }
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["email:accepted"], "three of three");
    world.advance(299);
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["email:accepted"]);
    world.advance(2);
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:accepted"], "the probe, well before the hour");
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["push:accepted"]);
    assert_eq!(world.push.total(), 5);
}

#[tokio::test]
async fn devices_of_one_recipient_block_no_host_whatever_their_number() {
    let world = World::start().await;
    let devices: Vec<_> = (0..5).map(|number| format!("device-{number}")).collect();
    for device in &devices {
        world.subscribe("ada", device).await;
        world.push.answer(device, [Reply::status(429).with("Retry-After", "3600")]);
    }
    reachable(&world, "bob").await;
    world.send("ada", json!({})).await;
    assert!(devices.iter().all(|device| world.push.count(device) == 1), "each device was asked to wait");
    assert_eq!(world.send("bob", json!({})).await.attempts(), ["push:accepted"]);
}

#[tokio::test]
async fn a_few_blocked_devices_among_many_working_ones_open_no_breaker() {
    let world = World::start().await;
    let people = crowd(&world, "user", 20).await;
    for (number, id) in people.iter().enumerate() {
        if number % 5 == 0 {
            world.push.answer(id, [Reply::status(429).with("Retry-After", "3600")]);
        }
        let expected = if number % 5 == 0 { "push:retry_later" } else { "push:accepted" };
        assert_eq!(world.send(id, json!({})).await.attempts(), [expected]);
    }
}

#[tokio::test]
async fn explain_names_the_devices_that_wait() {
    let world = World::start().await;
    world.subscribe("ada", "phone").await;
    world.push.answer("phone", [Reply::status(429).with("Retry-After", "600")]);
    let sent = world.send("ada", json!({})).await;
    let asked = json!({"to": "ada", "content": {"title": "Hi", "body": "there"}});
    let explained = world.post("POST /v1/notifications/explain", asked, None).await;
    let push = &explained.body["plan"][0];
    let device_id =
        world.on_recipient("GET /v1/recipients/{id}", "ada", json!({})).await.body["devices"][0]["device_id"].clone();
    assert_eq!(sent.attempts(), ["push:retry_later"]);
    assert_eq!(push["resting_devices"], json!([{"device_id": device_id, "until": "2026-11-23T10:10:00Z"}]));
    assert_eq!(push["breakers"][0]["state"], "closed");
}
