//! Erasure of a recipient: planned, deferred and active notifications end without reaching the recipient, and no data
//! remains. The suppression of an address outlives the recipient.

use domain::channel::{EmailAddress, PhoneNumber};
use domain::recipient::{Address, SuppressionReason};
use serde_json::{Value, json};

use world::{ApiResponse, Reply, World};

async fn erase(world: &World, id: &str) -> ApiResponse {
    let erased = world.on_recipient("DELETE /v1/recipients/{id}", id, json!({})).await;
    assert_eq!((erased.status, &erased.body["tables"]["recipients"]["remaining"]), (200, &json!(0)), "{erased:?}");
    assert_eq!(erased.body["tables"]["notifications"]["remaining"], 0);
    erased
}

/// Runs everything that is due and checks that nothing reached ada and that the tables hold no data of hers.
async fn nothing_reaches_her_and_nothing_is_left(world: &World) {
    let (pushes, mails, texts) = (world.push.count("phone"), world.mails().len(), world.texts().len());
    for _ in 0..3 {
        world.advance(2 * 86_400);
        world.redeliver_stream_to_cascade().await;
        world.sweep().await;
    }
    world.retry_erasures().await;
    assert_eq!((world.push.count("phone"), world.mails().len(), world.texts().len()), (pushes, mails, texts));
    assert_eq!((world.items("recipients"), world.items("notifications")), (vec![], vec![]));
    assert_eq!(world.send("ada", json!({})).await.body["reason"], "unknown_recipient");
}

async fn ada(world: &World) {
    world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
}

#[tokio::test]
async fn scheduled_held_and_retried_notifications_are_erased_with_the_recipient() {
    let world = World::start().await;
    ada(&world).await;
    world.send("ada", json!({"send_at": "2026-11-24T10:00:00Z"})).await;
    assert_eq!(world.send("ada", json!({"type": "PAYMENT_DUE"})).await.body["status"], "cascading");
    world.push.answer("phone", [Reply::status(429).with("Retry-After", "60")]);
    assert_eq!(world.send("ada", json!({"channels": ["push"]})).await.body["status"], "cascading");
    assert_eq!(world.send("ada", json!({"channels": ["sms"]})).await.body["status"], "accepted");
    let quiet = json!({"quiet_hours": {"start": "10:30", "end": "12:00"}});
    world.put_profile("ada", json!({"time_zone": "Europe/Rome", "preferences": quiet})).await;
    assert_eq!(world.send("ada", json!({})).await.body["status"], "held");
    let certificate = erase(&world, "ada").await.body;
    assert_eq!(certificate["tables"]["recipients"], json!({"profiles": 1, "devices": 1, "remaining": 0}));
    assert_eq!(certificate["tables"]["control"], json!({"endpoints": 1, "counters": 1, "remaining": 0}));
    assert_eq!(certificate["tables"]["notifications"], json!({"notifications": 5, "remaining": 0}));
    nothing_reaches_her_and_nothing_is_left(&world).await;
}

#[tokio::test]
async fn an_erasure_at_any_call_of_a_send_leaves_nothing_and_no_paid_call_begins_after_it() {
    for channel in ["push", "email", "sms"] {
        for call in 1.. {
            let world = World::start().await;
            ada(&world).await;
            world.aws.pause.at(call);
            let mut send = Box::pin(world.send("ada", json!({"channels": [channel]})));
            tokio::select! {
                sent = &mut send => {
                    assert_eq!((sent.status, &sent.body["status"]), (202, &json!("accepted")));
                    assert!(call > 2, "{channel}: a send makes a few calls");
                    break;
                }
                () = world.aws.pause.reached() => {}
            }
            let paid = world.mails().len() + world.texts().len();
            erase(&world, "ada").await;
            world.aws.pause.resume();
            let sent = send.await;
            assert!(matches!(sent.status, 202 | 503), "{channel}, call {call}: {sent:?}");
            assert_eq!(world.mails().len() + world.texts().len(), paid, "{channel}, erased at call {call}");
            nothing_reaches_her_and_nothing_is_left(&world).await;
        }
    }
}

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

async fn suppress(world: &World, text: &str) {
    let suppressions = &world.recipients.suppressions;
    let key = world.recipients.hasher.recipient_key(&domain::recipient::RecipientId::parse("ada").unwrap());
    for _ in 0..2 {
        let known = suppressions
            .suppress(Address::Email(&email(text)), SuppressionReason::Complaint, Some(&key), world.clock.now())
            .await;
        known.unwrap();
    }
}

async fn suppressed_channels(world: &World, id: &str) -> Value {
    world.on_recipient("GET /v1/recipients/{id}", id, json!({})).await.body["suppressed_channels"].clone()
}

#[tokio::test]
async fn a_suppressed_address_is_skipped_and_without_another_channel_the_gate_refuses() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "Ada@Example.com", "phone": "+393331234567"})).await;
    suppress(&world, "ada@example.com").await;
    assert_eq!(suppressed_channels(&world, "ada").await, json!([]), "her profile writes it in another way");
    let sent = world.send("ada", json!({})).await;
    assert_eq!(sent.attempts(), ["sms:accepted"], "found by the check before the e-mail");
    assert_eq!(suppressed_channels(&world, "ada").await, json!(["email"]));
    let only_mail = json!({"channels": ["email"]});
    assert_eq!(world.send("ada", only_mail).await.body["reason"], "no_channel");
    let asked = json!({"to": "ada", "content": {"title": "Hi", "body": "there"}, "channels": ["email"]});
    let explained = world.post("POST /v1/notifications/explain", asked, None).await;
    let gate = explained.body["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == "no_channel").unwrap();
    assert_eq!(gate["inputs"], json!({"channels": [], "suppressed": ["email"]}));
    assert!(world.mails().is_empty());
}

#[tokio::test]
async fn a_suppression_outlives_an_erasure_and_holds_for_every_recipient_with_the_address() {
    let world = World::start().await;
    world.put_profile("ada", json!({"email": "ada@example.com"})).await;
    suppress(&world, "ada@example.com").await;
    assert_eq!(suppressed_channels(&world, "ada").await, json!(["email"]));
    erase(&world, "ada").await;
    let left = world.items("control");
    let of_address = |item: &&Value| item["pk"]["S"].as_str().unwrap().starts_with("suppressed#email#");
    assert_eq!((left.iter().filter(of_address).count(), world.items("recipients")), (1, vec![]));
    assert!(!format!("{left:?}").contains("example.com"));
    for id in ["ada", "bob"] {
        world.put_profile(id, json!({"email": "ada@example.com"})).await;
        assert_eq!(suppressed_channels(&world, id).await, json!(["email"]), "{id}");
        assert_eq!(world.send(id, json!({})).await.body["reason"], "no_channel", "{id}");
    }
    // A suppression does not cover another address.
    world.put_profile("ada", json!({"email": "lovelace@example.com"})).await;
    assert_eq!(world.send("ada", json!({})).await.attempts(), ["email:accepted"]);
}

#[tokio::test]
async fn an_sms_to_a_suppressed_number_is_not_sent_and_its_reservation_is_released() {
    let world = World::start().await;
    world.set("settings", r#"{"sms": {"daily_ceiling_micros": 80000}}"#);
    for (id, phone) in [("ada", "+393331234567"), ("bob", "+393331234568")] {
        world.put_profile(id, json!({"phone": phone})).await;
    }
    let phone = PhoneNumber::parse("+393331234567").unwrap();
    let suppressions = &world.recipients.suppressions;
    suppressions.suppress(Address::Phone(&phone), SuppressionReason::Manual, None, world.clock.now()).await.unwrap();
    let refused = world.send("ada", json!({})).await;
    assert_eq!((&refused.body["status"], &refused.body["reason"]), (&json!("skipped"), &json!("no_channel")));
    assert_eq!(world.send("bob", json!({})).await.body["status"], "accepted");
    assert_eq!(world.texts().len(), 1);
}
