//! Feedback of SES and SNS about accepted messages, through the topic and the subscription that they use. The local AWS
//! accepts the configuration set and its destination but publishes nothing itself, so the tests publish in place of SES
//! and SNS.

use std::path::Path;
use std::process::Command;

use domain::rollout::Version;
use serde_json::{Value, json};

use crate::fixture::{Fixture, eventually, fixture, message, recipient_in, tried};

/// Account of the local AWS.
const ACCOUNT: &str = "000000000000";

fn mailed(fixture: &Fixture, id: &str, address: &str) -> String {
    fixture.put_recipient(id, &json!({"email": address}));
    let sent = fixture.send(&message(id, "Did it arrive?"));
    assert_eq!(tried(&sent), ["email: accepted"]);
    sent["id"].as_str().unwrap().to_owned()
}

fn event(kind: &str, id: &str, address: &str, part: &str, details: Value) -> Value {
    json!({"eventType": kind, part: details, "mail": {
        "timestamp": "2026-11-24T10:00:00.000Z", "messageId": "m", "destination": [address],
        "tags": {"notification": [id], "ses:configuration-set": ["s"]},
    }})
}

fn until(fixture: &Fixture, id: &str, status: &str) -> Value {
    eventually(20, || Some(fixture.notification(id)).filter(|now| now["status"] == status))
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_delivery_event_of_ses_makes_an_email_delivered() {
    let fixture = fixture();
    let (id, address) = (recipient_in(Version::V2, "mailbox"), "mailbox@example.com");
    let sent = mailed(fixture, &id, address);
    let details = json!({"timestamp": "2026-11-24T10:00:01.000Z", "recipients": [address]});
    fixture.stack.publish("FeedbackTopicArn", &event("Delivery", &sent, address, "delivery", details));
    assert_eq!(until(fixture, &sent, "delivered")["channel"], "email");
}

#[test]
#[ignore = "needs the local stack: make test"]
fn an_address_that_bounced_is_suppressed_until_an_operator_lifts_it() {
    let fixture = fixture();
    let (id, address) = (recipient_in(Version::V2, "bouncing"), "bouncing@example.com");
    let sent = mailed(fixture, &id, address);
    let details = json!({"bounceType": "Permanent", "bounceSubType": "NoEmail", "timestamp": "2026-11-24T10:00:01.000Z",
        "bouncedRecipients": [{"emailAddress": address}]});
    fixture.stack.publish("FeedbackTopicArn", &event("Bounce", &sent, address, "bounce", details));
    let end = until(fixture, &sent, "failed");
    assert_eq!((&end["reason"], &end["attempts"][0]["detail"]), (&json!("gone"), &json!("mailbox_unknown")));
    assert_eq!(fixture.recipient(&id)["suppressed_channels"], json!(["email"]));
    assert_eq!(fixture.send(&message(&id, "Again"))["reason"], "no_channel");
    let path = format!("/v1/recipients/{id}/suppressions/email");
    assert_eq!(fixture.call("recipients", "DELETE", &path, &Value::Null).status, 403, "for ops alone");
    fixture.expect(204, "ops", "DELETE", &path, &Value::Null);
    assert_eq!(tried(&fixture.send(&message(&id, "Mended"))), ["email: accepted"]);
}

#[test]
#[ignore = "needs the local stack: make test"]
fn delivery_logs_of_sns_are_processed_after_make_sms_receipts() {
    let fixture = fixture();
    let group = format!("sns/{}/{ACCOUNT}/DirectPublishToPhoneNumber", fixture.stack.text("/region"));
    let output = sms_receipts();
    assert!(output.contains(&format!("{group}: missing")), "{output}");
    for group in [group.clone(), format!("{group}/Failure")] {
        fixture.stack.logs("CreateLogGroup", &json!({"logGroupName": group}));
        fixture.stack.logs("CreateLogStream", &json!({"logGroupName": group, "logStreamName": "s"}));
    }
    assert!(sms_receipts().contains(&format!("{group}/Failure: subscribed")));
    assert!(sms_receipts().contains(&format!("{group}: subscribed already")), "a repetition changes nothing");

    let (id, phone) = (recipient_in(Version::V2, "texted"), "+393335550199");
    fixture.put_recipient(&id, &json!({"phone": phone}));
    let [arrived, lost] = ["SUCCESS", "FAILURE"].map(|status| {
        let sent = fixture.send(&message(&id, "Did it arrive?"));
        assert_eq!(tried(&sent), ["sms: accepted"]);
        let response = if status == "SUCCESS" {
            "Message has been accepted by phone carrier"
        } else {
            "Phone number is opted out"
        };
        let log = json!({"notification": {"messageId": fixture.stack.last_sms_id(phone)}, "status": status,
            "delivery": {"destination": phone, "priceInUSD": 0.07, "providerResponse": response}});
        let group = if status == "SUCCESS" { group.clone() } else { format!("{group}/Failure") };
        fixture.stack.log(&group, &log);
        sent["id"].as_str().unwrap().to_owned()
    });
    assert_eq!(until(fixture, &arrived, "delivered")["channel"], "sms");
    assert_eq!(until(fixture, &lost, "failed")["reason"], "gone");
    assert_eq!(fixture.recipient(&id)["suppressed_channels"], json!(["sms"]));
    for group in [group.clone(), format!("{group}/Failure")] {
        fixture.stack.logs("DeleteLogGroup", &json!({"logGroupName": group}));
    }
}

/// Runs `make sms-receipts` on this stack.
fn sms_receipts() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut command = Command::new(root.join("target/venv/local/bin/python"));
    let done = command.arg(root.join("infra/notifications_ops")).arg("sms-receipts").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    text(done.stdout) + &text(done.stderr)
}
