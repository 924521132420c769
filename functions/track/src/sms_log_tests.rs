#![allow(clippy::unwrap_used)]
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::proptest;
use serde_json::{Value, json};

use super::*;
use domain::recipient::SuppressionReason;

const SUCCESS: &str = include_str!("golden/sms_success.json");
const FAILURE: &str = include_str!("golden/sms_failure.json");
const AT_MS: i64 = 1_764_000_000_000;

fn folded(bytes: &[u8]) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    STANDARD.encode(gzip.finish().unwrap())
}

fn batch(messages: &[&str]) -> String {
    let lines: Vec<_> =
        messages.iter().map(|message| json!({"id": "1", "timestamp": AT_MS, "message": message})).collect();
    let group = "sns/eu-west-1/123456789012/DirectPublishToPhoneNumber";
    let batch = json!({"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": group, "logStream": "s",
        "subscriptionFilters": ["f"], "logEvents": lines});
    folded(batch.to_string().as_bytes())
}

fn one(message: &str) -> Result<SmsReport, SmsLogError> {
    SmsLog::decode(&batch(&[message])).unwrap().lines.remove(0)
}

fn failure(response: &str) -> FeedbackKind {
    let mut log: Value = serde_json::from_str(FAILURE).unwrap();
    log["delivery"]["providerResponse"] = json!(response);
    one(&log.to_string()).unwrap().feedback.kind
}

#[test]
fn a_log_line_is_parsed_into_a_report() {
    let at = Timestamp::from_millisecond(AT_MS).unwrap();
    let sent = one(SUCCESS).unwrap();
    assert_eq!(sent.feedback, Feedback { channel: Channel::Sms, kind: FeedbackKind::Delivered, at });
    assert_eq!(sent.message_id, "34d9b400-c6dd-5444-820d-fbeb0f1f54cf");
    assert_eq!(sent.to, PhoneNumber::parse("+393331234567").ok());
    let lost = one(FAILURE).unwrap();
    assert_eq!(lost.feedback.kind, FeedbackKind::Failed(FailureReason::Unknown));
    assert_eq!(lost.to, None, "a masked number is none");
}

#[test]
fn only_an_opt_out_and_an_invalid_number_suppress_the_number() {
    for (response, why, suppresses) in [
        ("Phone number is opted out", FailureReason::OptedOut, Some(SuppressionReason::Unsubscribe)),
        ("Invalid phone number", FailureReason::MailboxUnknown, Some(SuppressionReason::Bounce)),
        ("Phone has blocked SMS", FailureReason::PhoneRefused, None),
        ("Phone carrier has blocked this message", FailureReason::CarrierRefused, None),
        ("Phone is currently unreachable/unavailable", FailureReason::Unreachable, None),
        ("This delivery would exceed max price", FailureReason::TooDear, None),
        ("Message body is invalid", FailureReason::ContentRefused, None),
        ("Blocked as spam by phone carrier", FailureReason::CarrierRefused, None),
        ("Destination is on a blocked list", FailureReason::CarrierRefused, None),
        ("Phone is on a blocked list", FailureReason::PhoneRefused, None),
        ("Phone carrier is currently unreachable/unavailable", FailureReason::Unreachable, None),
        ("Unknown error attempting to reach phone", FailureReason::Unknown, None),
        ("No quota left for account", FailureReason::AccountRefused, None),
        ("NO QUOTA  left for account.", FailureReason::AccountRefused, None),
        ("Monthly spend limit reached", FailureReason::AccountRefused, None),
        ("Destination is not verified in the SMS sandbox", FailureReason::AccountRefused, None),
        ("  phone NUMBER is opted out. ", FailureReason::OptedOut, Some(SuppressionReason::Unsubscribe)),
        ("Something new", FailureReason::Unknown, None),
    ] {
        let kind = failure(response);
        assert_eq!((kind, kind.suppresses()), (FeedbackKind::Failed(why), suppresses), "{response}");
    }
}

#[test]
fn a_malformed_line_does_not_affect_the_other_lines() {
    let log = SmsLog::decode(&batch(&["{}", SUCCESS, "+393331234567", FAILURE])).unwrap();
    let readable: Vec<_> = log.lines.iter().map(Result::is_ok).collect();
    assert_eq!(readable, [false, true, false, true]);
    assert!(!log.lines[2].as_ref().unwrap_err().to_string().contains("333"));
    let odd = SUCCESS.replace("SUCCESS", "PERHAPS");
    assert_eq!(one(&odd), Err(SmsLogError("status")));
    for id in ["", &"x".repeat(3_000)] {
        let odd = SUCCESS.replace("34d9b400-c6dd-5444-820d-fbeb0f1f54cf", id);
        assert_eq!(one(&odd), Err(SmsLogError("messageId")));
    }
}

#[test]
fn a_control_message_has_no_lines() {
    let trial =
        json!({"messageType": "CONTROL_MESSAGE", "logEvents": [{"id": "", "timestamp": 1, "message": "hello"}]});
    assert_eq!(SmsLog::decode(&folded(trial.to_string().as_bytes())), Ok(SmsLog { lines: Vec::new() }));
}

#[test]
fn the_error_of_a_malformed_batch_names_its_cause() {
    for (data, expected) in [
        ("not base64!".to_owned(), "base64"),
        (STANDARD.encode("no gzip"), "gzip"),
        (folded(b"[]"), "batch"),
        (folded(br#"{"messageType": "OTHER"}"#), "messageType"),
        (batch(&[SUCCESS])[..40].to_owned(), "gzip"),
    ] {
        assert_eq!(SmsLog::decode(&data), Err(SmsLogError(expected)));
    }
}

#[test]
fn the_decompressed_size_of_a_batch_is_limited() {
    let bomb = folded(&vec![b' '; usize::try_from(MAX_BYTES).unwrap() + 1]);
    assert!(bomb.len() < 1_000_000);
    assert_eq!(SmsLog::decode(&bomb), Err(SmsLogError("batch")));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, text: String) {
        let _ = SmsLog::decode(&STANDARD.encode(&bytes));
        let _ = SmsLog::decode(&folded(&bytes));
        let _ = SmsLog::decode(&batch(&[&text]));
    }
}
