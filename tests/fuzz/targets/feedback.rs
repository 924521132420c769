//! Feedback of SES and SNS: read according to its documentation, or refused by an error that repeats nothing of it.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::channel::EmailAddress;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use track::{FeedbackKind, MailEvent, SmsLog};

pub fn target(data: &[u8]) {
    // Any other value in place of a batch.
    let _ = SmsLog::decode(&STANDARD.encode(data));
    let _ = SmsLog::decode(&STANDARD.encode(folded(data)));
    let Some(text) = super::text(data) else { return };
    match MailEvent::parse(text) {
        Ok(MailEvent::Report(report)) => {
            // Half a character in an unused part makes no difference.
            let Ok(message) = serde_json::from_str::<Value>(text) else { return };
            let to = message["mail"]["destination"][0].as_str().and_then(|to| EmailAddress::parse(to).ok());
            assert_eq!(report.to, to, "the recipient of the message, and no other");
            let is_delivery = message["eventType"] == "Delivery" || message["notificationType"] == "Delivery";
            assert_eq!(report.feedback.kind == FeedbackKind::Delivered, is_delivery, "nothing else is a delivery");
        }
        Ok(MailEvent::Irrelevant) => {}
        Err(error) => assert!(error.to_string().starts_with("a record of SES without a usable `")),
    }
    let lines = SmsLog::decode(&batch(text)).expect("a batch around any line").lines;
    assert_eq!(lines.len(), 1);
    if let Ok(report) = &lines[0] {
        assert!((1..=128).contains(&report.message_id.len()) && text.contains("messageId"));
    }
}

fn batch(line: &str) -> String {
    let events = json!([{"id": "1", "timestamp": 1_764_000_000_000_i64, "message": line}]);
    STANDARD.encode(folded(json!({"messageType": "DATA_MESSAGE", "logEvents": events}).to_string().as_bytes()))
}

fn folded(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).and_then(|()| gzip.finish()).expect("memory takes it")
}
