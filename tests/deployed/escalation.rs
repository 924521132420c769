//! Escalation: one request to one recipient, over the cheapest channel that works.

use domain::rollout::Version;
use serde_json::{Value, json};

use crate::fixture::{eventually, fixture, message, recipient_in, tried};

#[test]
#[ignore = "needs the local stack: make test"]
fn a_push_is_signed_sealed_and_read() {
    let fixture = fixture();
    let id = recipient_in(Version::V2, "pushed");
    let (device, _) = fixture.register(&id);
    let mut asked = message(&id, "Invoice 7 is due ✓");
    asked["content"]["url"] = json!("https://example.com/invoices/7");
    asked["ttl_seconds"] = json!(600);
    asked["urgency"] = json!("high");
    asked["topic"] = json!("invoice-7");
    let answer = fixture.call("send", "POST", "/v1/notifications", &asked);
    assert_eq!(answer.status, 202);
    assert_eq!(answer.header("location"), format!("/v1/notifications/{}", answer.json["id"].as_str().unwrap()));
    assert_eq!((&answer.json["status"], &answer.json["channel"]), (&json!("accepted"), &json!("push")));
    assert_eq!(
        (&answer.json["version"], answer.json["attempts"][0]["status_code"].as_u64()),
        (&json!("v2"), Some(201))
    );

    let messages = fixture.messages(&device);
    let [arrived] = messages.as_slice() else { panic!("{} messages", messages.len()) };
    assert_eq!(arrived.json["title"], "Invoice 7 is due ✓");
    assert_eq!(arrived.json["url"], "https://example.com/invoices/7");
    assert_eq!((&arrived.json["id"], &arrived.json["tag"]), (&answer.json["id"], &json!(arrived.topic)));
    assert!((590..=600).contains(&arrived.ttl_seconds) && arrived.urgency == "high" && arrived.topic.len() == 32);
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_gone_endpoint_falls_back_to_email_and_without_an_address_to_sms() {
    let fixture = fixture();
    let (id, email, phone) = (recipient_in(Version::V2, "escalation"), "escalation@example.com", "+393339990001");
    fixture.put_recipient(&id, &json!({"email": email, "phone": phone}));
    let (device, _) = fixture.register(&id);
    device.goes_away();

    let by_email = fixture.send_to_the_end(&message(&id, "Gone by now"));
    assert_eq!(tried(&by_email), ["push: gone", "email: accepted"]);
    assert_eq!((&by_email["status"], &by_email["channel"]), (&json!("accepted"), &json!("email")));
    let mails = fixture.stack.mail_to(email);
    assert_eq!((mails.len(), mails[0].0.as_str()), (1, "Gone by now"));
    assert!(mails[0].1.contains("The text."));
    assert_eq!(fixture.recipient(&id)["devices"], json!([]), "the device is removed");

    fixture.put_recipient(&id, &json!({"phone": phone}));
    let by_sms = fixture.send_to_the_end(&message(&id, "No address"));
    assert_eq!(tried(&by_sms), ["sms: accepted"]);
    assert!(by_sms["cost_micros"].as_i64().unwrap() > by_email["cost_micros"].as_i64().unwrap());
    assert_eq!(fixture.stack.sms_to(phone), ["No address: The text."]);
    assert_eq!(fixture.stack.mail_to(email).len(), 1);
}

#[test]
#[ignore = "needs the local stack: make test"]
fn an_sms_to_a_country_that_is_not_allowed_is_not_sent() {
    let fixture = fixture();
    let (id, phone) = (recipient_in(Version::V2, "abroad"), "+12025550123");
    fixture.put_recipient(&id, &json!({"phone": phone}));
    let skipped = fixture.send_to_the_end(&message(&id, "Far away"));
    assert_eq!((&skipped["status"], &skipped["reason"]), (&json!("skipped"), &json!("no_channel")));
    assert_eq!(fixture.stack.sms_to(phone), Vec::<String>::new());
}

#[test]
#[ignore = "needs the local stack: make test"]
fn the_same_key_and_body_is_one_notification_and_another_body_is_refused() {
    let fixture = fixture();
    let id = recipient_in(Version::V2, "repeated");
    let (device, _) = fixture.register(&id);
    let first = fixture.send_once("order-1", &message(&id, "Once"));
    let again = fixture.send_once("order-1", &message(&id, "Once"));
    assert_eq!((first.status, first.header("idempotency-replayed")), (202, ""));
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, "true"));
    assert_eq!(again.json, first.json);
    assert_eq!(fixture.messages(&device).len(), 1);
    let other = fixture.send_once("order-1", &message(&id, "Twice"));
    assert_eq!((other.status, &other.json["type"]), (422, &json!("urn:notifications:problem:idempotency-key-reused")));
    assert_eq!(fixture.messages(&device).len(), 0);
}

#[test]
#[ignore = "needs the local stack: make test"]
fn the_metrics_count_what_was_sent() {
    let fixture = fixture();
    let id = recipient_in(Version::V2, "counted");
    fixture.put_recipient(&id, &json!({"email": "counted@example.com"}));
    // No other test sends this type, so its metrics belong to this test.
    let mut due = message(&id, "Payment due");
    due["type"] = json!("PAYMENT_DUE");
    let sent = [fixture.send_to_the_end(&due), fixture.send_to_the_end(&due)];
    due["to"] = json!("counted-nobody");
    fixture.send(&due);
    let cost_micros: i64 = sent.iter().map(|one| one["cost_micros"].as_i64().unwrap()).sum();
    let wanted = json!({"sent": 2, "accepted": 2, "skipped": {"unknown_recipient": 1}, "cost_micros": cost_micros});
    eventually(45, || {
        let metrics = fixture.expect(200, "ops", "GET", "/v1/metrics?minutes=60", &Value::Null);
        let counted = &metrics["by_type"]["PAYMENT_DUE"];
        let is_folded = wanted.as_object().unwrap().iter().all(|(name, value)| &counted[name] == value);
        is_folded.then_some(())
    });
}
