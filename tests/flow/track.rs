//! Receipts, clicks and opt-outs of a recipient, whenever and however often they arrive.

use std::sync::Arc;

use delivery::LinkAction;
use domain::channel::Channel;
use domain::notification::NotificationId;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use world::{ApiResponse, BASE, Browser, Reply, World, keys};

const MAIL_TAKEN: &str =
    "<SendRawEmailResponse><SendRawEmailResult><MessageId>m-1</MessageId></SendRawEmailResult></SendRawEmailResponse>";

/// Creates a recipient with a browser and an address, and returns the browser.
pub async fn ada(world: &World) -> Browser {
    let browser = world.subscribe("ada", "phone").await;
    world.put_profile("ada", json!({"email": "ada@example.com", "phone": "+393331234567"})).await;
    browser
}

pub fn token_of(world: &World, browser: &Browser) -> String {
    let (_, message) = world.push.opened("phone", browser);
    assert_eq!(message["receipt"]["url"], format!("{BASE}/v1/receipts"));
    message["receipt"]["token"].as_str().unwrap().to_owned()
}

pub fn id_of(sent: &ApiResponse) -> String {
    sent.body["id"].as_str().unwrap().to_owned()
}

fn tracked(answer: &ApiResponse, field: &str) -> Value {
    answer.body[field].clone()
}

#[tokio::test]
async fn receipts_come_late_twice_and_out_of_order_and_count_once() {
    let world = World::start().await;
    let browser = ada(&world).await;
    let sent = world.send("ada", json!({})).await;
    let token = token_of(&world, &browser);
    world.advance(60);
    world.write_units();
    let clicked = world.receipt(&token, "clicked", json!({})).await;
    assert_eq!((clicked.status, &clicked.body), (200, &json!({"recorded": true})));
    assert_eq!(world.write_units(), 2.0, "the receipt, and once a day that the recipient is engaged");
    let metrics = world.metrics().await;
    world.write_units();
    world.advance(60);
    for event in ["clicked", "delivered", "clicked", "opened"] {
        assert_eq!(world.receipt(&token, event, json!({})).await.body, json!({"recorded": false}));
    }
    assert_eq!(world.write_units(), 0.0, "a repeated receipt writes nothing");
    let now = world.get(&id_of(&sent)).await;
    assert_eq!((&now.body["status"], &now.body["channel"]), (&json!("delivered"), &json!("push")));
    for field in ["delivered_at", "opened_at", "clicked_at"] {
        assert_eq!(now.body[field], "2026-11-23T10:01:00Z");
    }
    let summary = &world.metrics().await["summary"];
    assert_eq!(summary, &metrics["summary"]);
    assert_eq!((&summary["delivered"], &summary["accepted"], &summary["clicked"]), (&json!(1), &json!(0), &json!(1)));
}

#[tokio::test]
async fn an_accepted_push_with_its_receipt_costs_one_write_more() {
    let world = World::start().await;
    let browser = ada(&world).await;
    world.write_units();
    let content = json!({"content": {"title": "Your certificate expires", "body": "On Friday. ".repeat(30)}});
    world.send("ada", content).await;
    world.receipt(&token_of(&world, &browser), "delivered", json!({})).await;
    assert_eq!(world.write_units(), 2.0);
}

#[tokio::test]
async fn a_receipt_costs_one_write_more_where_it_takes_the_notification_out_of_an_index() {
    let world = World::start().await;
    let browser = ada(&world).await;
    world.send("ada", json!({"type": "PAYMENT_DUE"})).await;
    world.push.answer("phone", [Reply::status(400)]);
    world.write_units();
    world.receipt(&token_of(&world, &browser), "delivered", json!({})).await;
    assert_eq!(world.write_units(), 2.0, "of `due`");
    world.send("ada", json!({"channels": ["push"]})).await;
    world.write_units();
    let tokens: Vec<_> = world.push.all_opened("phone", &browser).into_iter().map(|(_, message)| message).collect();
    world.receipt(tokens[1]["receipt"]["token"].as_str().unwrap(), "delivered", json!({})).await;
    assert_eq!(world.write_units(), 2.0, "of `attention`");
}

/// A receipt does not keep another device of the same recipient that accepts messages but never displays one.
#[tokio::test]
async fn a_receipt_keeps_its_device_from_cleanup_and_no_other() {
    let world = World::start().await;
    let browser = ada(&world).await;
    world.subscribe("ada", "tablet").await;
    world.advance(181 * 24 * 3_600);
    world.send("ada", json!({})).await;
    let token = token_of(&world, &browser);
    assert_eq!(world.receipt(&token, "delivered", json!({})).await.body, json!({"recorded": true}));
    world.receipt(&token, "clicked", json!({})).await;
    let night = world.clean(std::time::Duration::from_secs(60)).await;
    assert_eq!(night.unused_devices.done, 1, "{night:?}");
    let devices = world.on_recipient("GET /v1/recipients/{id}", "ada", json!({})).await.body["devices"].clone();
    assert_eq!(devices.as_array().unwrap().len(), 1);
    assert_eq!(devices[0]["last_used_at"], world.clock.now().to_string());
    // A wrong clock of the device changes nothing, and an erased recipient is not created again.
    world.send("ada", json!({})).await;
    let token = token_of(&world, &browser);
    world.on_recipient("DELETE /v1/recipients/{id}", "ada", json!({})).await;
    world.advance(24 * 3_600);
    assert_eq!(world.receipt(&token, "delivered", json!({})).await.status, 404);
    assert_eq!(world.items("recipients"), Vec::<Value>::new());
}

#[tokio::test]
async fn a_devices_use_is_written_once_a_day_by_whatever_event_it_reports() {
    let world = World::start().await;
    let browser = ada(&world).await;
    world.send("ada", json!({})).await;
    let token = token_of(&world, &browser);
    world.receipt(&token, "delivered", json!({})).await;
    world.write_units();
    world.receipt(&token, "delivered", json!({})).await;
    assert_eq!(world.write_units(), 0.0, "it registered today");
    world.advance(24 * 3_600);
    for event in ["delivered", "delivered"] {
        world.receipt(&token, event, json!({})).await;
    }
    assert_eq!(world.write_units(), 1.0, "the receipt is known, the day is new");
    for event in ["opened", "dismissed", "clicked", "converted"] {
        world.advance(24 * 3_600);
        world.write_units();
        world.receipt(&token, event, json!({})).await;
        world.receipt(&token, event, json!({})).await;
        assert_eq!(world.write_units(), 2.0, "{event}: the receipt, and the device's day");
    }
}

/// A fault of the recipients table does not fail the receipt.
#[tokio::test]
async fn a_receipt_counts_also_when_its_devices_use_cannot_be_stored() {
    let world = World::start().await;
    let browser = ada(&world).await;
    world.send("ada", json!({})).await;
    let token = token_of(&world, &browser);
    world.advance(24 * 3_600);
    world.aws.fails(Some("Query"), 0, "ValidationException");
    assert_eq!(world.receipt(&token, "delivered", json!({})).await.body, json!({"recorded": true}));
    world.aws.works();
}

#[tokio::test]
async fn proof_of_delivery_ends_an_escalation_that_waits_for_it() {
    let world = World::start().await;
    let browser = ada(&world).await;
    let sent = world.send("ada", json!({"type": "PAYMENT_DUE"})).await;
    assert_eq!(sent.body["status"], "cascading");
    world.receipt(&token_of(&world, &browser), "delivered", json!({})).await;
    world.advance(5 * 3_600);
    assert_eq!(world.sweep().await.found, 0);
    let end = world.get(&id_of(&sent)).await;
    assert_eq!((&end.body["status"], &end.body["cost_micros"]), (&json!("delivered"), &json!(0)));
    assert!(world.mails().is_empty());
}

#[tokio::test]
async fn a_receipt_after_a_fallback_counts_one_delivery_and_shows_the_wasted_cost() {
    let world = World::start().await;
    let browser = ada(&world).await;
    let sent = world.send("ada", json!({"type": "PAYMENT_DUE", "channels": ["push", "email"]})).await;
    world.advance(4 * 3_600 + 60);
    world.sweep().await;
    assert_eq!(world.get(&id_of(&sent)).await.attempts(), ["push:accepted", "email:accepted"]);
    world.receipt(&token_of(&world, &browser), "delivered", json!({"at": "2026-11-23T10:00:30Z"})).await;
    let end = world.get(&id_of(&sent)).await;
    assert_eq!((&end.body["status"], &end.body["channel"]), (&json!("delivered"), &json!("push")));
    assert_eq!((&end.body["wasted_cost_micros"], &end.body["cost_micros"]), (&json!(92), &json!(92)));
    assert_eq!(end.body["delivered_at"], "2026-11-23T10:00:30Z");
    let summary = &world.metrics().await["summary"];
    assert_eq!((&summary["delivered"], &summary["accepted"], &summary["closed"]), (&json!(1), &json!(0), &json!(1)));
}

#[tokio::test]
async fn a_receipt_that_comes_while_a_mail_is_being_sent_loses_neither() {
    let world = World::start().await;
    let browser = ada(&world).await;
    let sent = world.send("ada", json!({"type": "PAYMENT_DUE"})).await;
    let (token, gate) = (token_of(&world, &browser), Arc::new(Semaphore::new(0)));
    world.aws.state.lock().unwrap().ses.push_back(Reply::text(200, MAIL_TAKEN).held(&gate));
    world.advance(4 * 3_600 + 60);
    tokio::join!(world.sweep(), async {
        while world.mails().is_empty() {
            tokio::task::yield_now().await;
        }
        for event in ["delivered", "clicked"] {
            assert_eq!(world.receipt(&token, event, json!({})).await.body, json!({"recorded": true}));
        }
        let held = world.get(&id_of(&sent)).await;
        assert_eq!((&held.body["status"], held.body["clicked_at"].is_null()), (&json!("sending"), false));
        gate.add_permits(1);
    });
    let end = world.get(&id_of(&sent)).await;
    assert_eq!(
        (&end.body["status"], end.attempts()),
        (&json!("delivered"), vec!["push:accepted".to_owned(), "email:accepted".to_owned()])
    );
    assert_eq!((&end.body["cost_micros"], &end.body["wasted_cost_micros"]), (&json!(92), &json!(92)));
    assert!(end.body["clicked_at"].is_string());
    world.advance(5 * 3_600);
    assert_eq!((world.sweep().await.found, world.texts().len()), (0, 0), "the SMS is not sent");
}

#[tokio::test]
async fn a_browser_may_be_faster_than_the_answer_of_its_push_service() {
    let world = World::start().await;
    let browser = ada(&world).await;
    let gate = Arc::new(Semaphore::new(0));
    world.push.answer("phone", [Reply::status(201).held(&gate)]);
    let (sent, ()) = tokio::join!(world.send("ada", json!({"type": "PAYMENT_DUE"})), async {
        while world.push.count("phone") == 0 {
            tokio::task::yield_now().await;
        }
        let early = world.receipt(&token_of(&world, &browser), "delivered", json!({})).await;
        assert_eq!((early.status, early.header("Retry-After")), (503, Some("2")), "the notification is not stored yet");
        gate.add_permits(1);
    });
    assert_eq!((&sent.body["status"], sent.attempts()), (&json!("cascading"), vec!["push:accepted".to_owned()]));
    let again = world.receipt(&token_of(&world, &browser), "delivered", json!({})).await;
    assert_eq!(again.body, json!({"recorded": true}));
    let end = world.get(&id_of(&sent)).await.body;
    assert_eq!((&end["status"], &end["next_action_at"]), (&json!("delivered"), &json!(null)));
}

#[tokio::test]
async fn a_message_that_arrived_before_a_crash_ends_as_delivered_and_is_not_sent_twice() {
    let world = World::start().await;
    let browser = ada(&world).await;
    world.push.answer("phone", [Reply::Silence]);
    tokio::select! {
        _ = world.send("ada", json!({"topic": "score"})) => panic!("the push service never answers"),
        () = async { while world.push.count("phone") == 0 { tokio::task::yield_now().await } } => {}
    }
    world.receipt(&token_of(&world, &browser), "delivered", json!({})).await;
    world.set("rollout-percentage", "0");
    world.advance(100);
    assert_eq!(world.sweep().await.worked, 1);
    assert_eq!((world.push.count("phone"), world.mails().len()), (1, 0));
    assert_eq!(world.items("notifications")[0]["status"]["S"], "delivered");
}

#[tokio::test]
async fn a_text_is_not_paid_for_when_the_proof_comes_before_its_claim() {
    let world = World::start().await;
    let browser = ada(&world).await;
    let sent = world.send("ada", json!({"type": "PAYMENT_DUE", "channels": ["push", "email", "sms"]})).await;
    let token = token_of(&world, &browser);
    // The e-mail is rejected, so that the SMS follows in the same run; the proof arrives in between.
    let gate = Arc::new(Semaphore::new(0));
    let refusal = "<ErrorResponse><Error><Code>InvalidParameterValue</Code></Error></ErrorResponse>";
    world.aws.state.lock().unwrap().ses.push_back(Reply::text(400, refusal).held(&gate));
    world.advance(4 * 3_600 + 60);
    tokio::join!(world.sweep(), async {
        while world.mails().is_empty() {
            tokio::task::yield_now().await;
        }
        world.receipt(&token, "delivered", json!({})).await;
        gate.add_permits(1);
    });
    let end = world.get(&id_of(&sent)).await;
    assert_eq!((&end.body["status"], &end.body["cost_micros"]), (&json!("delivered"), &json!(0)));
    assert_eq!(end.attempts(), ["push:accepted", "email:rejected"]);
    let spent =
        world.items("control").into_iter().filter(|item| item["pk"]["S"].as_str().unwrap().starts_with("budget#"));
    assert_eq!((world.texts().len(), spent.count()), (0, 0), "and nothing was reserved");
}

#[tokio::test]
async fn forged_expired_and_foreign_tokens_change_no_metric() {
    let world = World::start().await;
    let browser = ada(&world).await;
    let content = json!({"title": "Hi", "body": "there", "url": "https://shop.example/"});
    let sent = world.send("ada", json!({"content": content, "ttl_seconds": 60})).await;
    let (token, before) = (token_of(&world, &browser), world.get(&id_of(&sent)).await.body);
    let id = NotificationId::parse(&id_of(&sent)).unwrap();
    let later = world.clock.now() + SignedDuration::from_hours(1);
    let click = keys().sign(&LinkAction::Click(id.clone(), Channel::Push), later);
    let unknown = NotificationId::random(id.recipient().clone(), world.clock.now() - SignedDuration::from_secs(60));
    let of_nobody = keys().sign(&LinkAction::Receipt(unknown, Channel::Push), later);
    world.write_units();
    let mut forged = token.clone().into_bytes();
    forged[30] = if forged[30] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for (bad, kind) in [
        (forged.as_str(), "invalid-token"),
        ("", "invalid-token"),
        (&token[..75], "invalid-token"),
        (&click, "invalid-token"),
        (&of_nobody, "not-found"),
    ] {
        let answer = world.receipt(bad, "clicked", json!({})).await;
        assert_eq!((answer.status, &answer.body["type"]), (404, &json!(format!("urn:notifications:problem:{kind}"))));
    }
    for link in [
        format!("{BASE}/v1/clicks/{token}"),
        format!("{BASE}/v1/clicks/{forged}"),
        format!("{BASE}/v1/unsubscribe/{click}"),
    ] {
        let answer = world.follow("GET", &link).await;
        assert_eq!((answer.status, answer.header("Location")), (404, None));
    }
    world.advance(31 * 24 * 3_600);
    let late = world.receipt(&token, "clicked", json!({})).await;
    assert_eq!((late.status, &late.body["type"]), (410, &json!("urn:notifications:problem:expired-token")));
    assert_eq!(world.follow("GET", &format!("{BASE}/v1/clicks/{click}")).await.status, 410);
    assert_eq!(world.write_units(), 0.0);
    assert_eq!(world.get(&id_of(&sent)).await.body, before);
}

#[tokio::test]
async fn a_conversion_counts_its_value_once() {
    let world = World::start().await;
    let browser = ada(&world).await;
    let sent = world.send("ada", json!({})).await;
    let token = token_of(&world, &browser);
    for recorded in [true, false] {
        let answer = world.receipt(&token, "converted", json!({"value_micros": 19_900_000})).await;
        assert_eq!(answer.body, json!({"recorded": recorded}));
    }
    let other = world.receipt(&token, "converted", json!({"value_micros": 1})).await;
    assert_eq!((other.status, &other.body["type"]), (409, &json!("urn:notifications:problem:conflict")));
    let end = world.get(&id_of(&sent)).await;
    assert_eq!(
        (tracked(&end, "conversion_value_micros"), tracked(&end, "status")),
        (json!(19_900_000), json!("delivered"))
    );
}

#[tokio::test]
async fn of_many_receipts_at_once_one_counts_and_a_fault_loses_none() {
    let world = World::start().await;
    let browser = ada(&world).await;
    let sent = world.send("ada", json!({})).await;
    let token = token_of(&world, &browser);
    {
        let mut aws = world.aws.state.lock().unwrap();
        (aws.fuse_is_for, aws.dynamo_fuse) = (Some("PutItem"), Some(0));
    }
    let failed = world.receipt(&token, "delivered", json!({})).await;
    assert_eq!((failed.status, failed.header("Retry-After")), (503, Some("2")));
    world.aws.state.lock().unwrap().dynamo_fuse = None;
    assert_eq!(world.get(&id_of(&sent)).await.body["status"], "accepted");
    let at = json!({"at": "2026-11-23T10:00:00Z"});
    let receipts = futures_util::future::join_all((0..10).map(|_| world.receipt(&token, "clicked", at.clone()))).await;
    assert_eq!(receipts.iter().filter(|answer| answer.body == json!({"recorded": true})).count(), 1);
    assert_eq!(receipts.iter().filter(|answer| answer.body == json!({"recorded": false})).count(), 9);
    assert_eq!(world.get(&id_of(&sent)).await.body["status"], "delivered");
}

#[tokio::test]
async fn a_bad_receipt_names_its_field() {
    let world = World::start().await;
    for (body, status, field) in [
        (json!("{oops"), 400, None),
        (json!({"event": "clicked"}), 422, Some("token")),
        (json!({"token": "t"}), 422, Some("event")),
        (json!({"token": "t", "event": "sold"}), 422, Some("event")),
        (json!({"token": "t", "event": "clicked", "value_micros": 1}), 422, Some("value_micros")),
        (json!({"token": "t", "event": "converted", "value_micros": -1}), 422, Some("value_micros")),
        (json!({"token": "t", "event": "converted", "value_micros": 0.5}), 422, Some("value_micros")),
        (json!({"token": "t", "event": "converted", "value_micros": 1_000_000_000_001_i64}), 422, Some("value_micros")),
        (json!({"token": "t", "event": "clicked", "at": "yesterday"}), 422, Some("at")),
        (json!({"token": "t", "event": "clicked", "colour": 1}), 422, Some("colour")),
    ] {
        let answer = world.on_track("POST /v1/receipts", "", body.clone()).await;
        assert_eq!((answer.status, answer.fields().first().copied()), (status, field), "{body}");
        assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"));
    }
}

#[tokio::test]
async fn a_device_reports_that_it_is_in_use_although_its_message_is_no_longer_stored() {
    let world = World::start().await;
    let browser = ada(&world).await;
    let sent = world.send("ada", json!({})).await;
    let Ok(LinkAction::DeviceReceipt(id, mark)) = keys().open(&token_of(&world, &browser), world.clock.now()) else {
        panic!("the token of a push names its device");
    };
    assert_eq!(id.to_string(), id_of(&sent));
    world.advance(25 * 3_600);
    let old = NotificationId::random(id.recipient().clone(), world.clock.now() - SignedDuration::from_hours(1));
    let token = keys().sign(&LinkAction::DeviceReceipt(old, mark), world.clock.now() + SignedDuration::from_hours(1));
    assert_eq!(world.receipt(&token, "opened", json!({})).await.status, 404);
    let profile = world.on_recipient("GET /v1/recipients/{id}", "ada", json!({})).await.body;
    assert_eq!(profile["devices"][0]["last_used_at"], world.clock.now().to_string());
    assert!(!format!("{:?}", world.items("recipients")).contains("last_engaged_at"), "nothing was opened");
}
