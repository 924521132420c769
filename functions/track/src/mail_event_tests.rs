#![allow(clippy::unwrap_used)]
use proptest::prelude::proptest;
use serde_json::{Value, json};

use super::*;
use domain::recipient::SuppressionReason;

const BOUNCE: &str = include_str!("golden/bounce.json");
const COMPLAINT: &str = include_str!("golden/complaint.json");
const DELIVERY: &str = include_str!("golden/delivery.json");
const IDENTITY: &str = include_str!("golden/identity_delivery.json");
const ID: &str = "5ydk15bz05ndvwe4jph37b11c3-01m83z57f3ndxgkvrsrgr7rfmy";

fn report(message: &str) -> MailReport {
    match MailEvent::parse(message).unwrap() {
        MailEvent::Report(report) => report,
        MailEvent::Irrelevant => panic!("it is of interest"),
    }
}

fn feedback_kind(message: &Value) -> FeedbackKind {
    report(&message.to_string()).feedback.kind
}

fn with(golden: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut message = serde_json::from_str(golden).unwrap();
    change(&mut message);
    message
}

#[test]
fn a_record_is_parsed_into_a_report() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let to = EmailAddress::parse("ada@example.com").unwrap();
    let is = |golden, expected, when| {
        let feedback = Feedback { channel: Channel::Email, kind: expected, at: at(when) };
        let notification = Some(NotificationId::parse(ID).unwrap());
        assert_eq!(report(golden), MailReport { notification, to: Some(to.clone()), feedback });
    };
    is(DELIVERY, FeedbackKind::Delivered, "2026-11-24T23:05:23.133Z");
    is(BOUNCE, FeedbackKind::Failed(FailureReason::Bounced), "2026-11-24T00:41:02.669Z");
    is(COMPLAINT, FeedbackKind::Complained, "2026-11-24T00:41:02.669Z");
    is(IDENTITY, FeedbackKind::Delivered, "2026-11-24T14:59:38.237Z");
}

#[test]
fn only_a_permanent_bounce_suppresses_the_address() {
    let bounce = |kind: &str, sub_kind: &str| {
        feedback_kind(&with(BOUNCE, |message| {
            message["bounce"]["bounceType"] = json!(kind);
            message["bounce"]["bounceSubType"] = json!(sub_kind);
        }))
    };
    for (sub_kind, why, suppresses) in [
        ("General", FailureReason::Bounced, SuppressionReason::Bounce),
        ("NoEmail", FailureReason::MailboxUnknown, SuppressionReason::Bounce),
        ("Suppressed", FailureReason::AddressSuppressed, SuppressionReason::Bounce),
        ("OnAccountSuppressionList", FailureReason::AddressSuppressed, SuppressionReason::Bounce),
        ("OnTenantSuppressionList", FailureReason::AddressSuppressed, SuppressionReason::Bounce),
        ("EmailValidationSuppressed", FailureReason::AddressSuppressed, SuppressionReason::Bounce),
        ("UnsubscribedRecipient", FailureReason::OptedOut, SuppressionReason::Unsubscribe),
        ("SomethingNew", FailureReason::Bounced, SuppressionReason::Bounce),
    ] {
        let feedback_kind = bounce("Permanent", sub_kind);
        assert_eq!(
            (feedback_kind, feedback_kind.suppresses()),
            (FeedbackKind::Failed(why), Some(suppresses)),
            "{sub_kind}"
        );
    }
    for (kind, sub_kind, why) in [
        ("Transient", "General", FailureReason::SoftBounce),
        ("Transient", "MailboxFull", FailureReason::MailboxFull),
        ("Transient", "MessageTooLarge", FailureReason::MessageTooLarge),
        ("Transient", "ContentRejected", FailureReason::ContentRefused),
        ("Transient", "AttachmentRejected", FailureReason::ContentRefused),
        ("Transient", "CustomTimeoutExceeded", FailureReason::GivenUp),
        ("Transient", "SomethingNew", FailureReason::SoftBounce),
        ("Undetermined", "Undetermined", FailureReason::Unknown),
    ] {
        let feedback_kind = bounce(kind, sub_kind);
        assert_eq!(
            (feedback_kind, feedback_kind.suppresses()),
            (FeedbackKind::Failed(why), None),
            "{kind} {sub_kind}: the mail failed"
        );
    }
}

#[test]
fn only_a_persons_complaint_suppresses_the_address() {
    let complaint = |field: &str, value: Value| with(COMPLAINT, |message| message["complaint"][field] = value);
    for list in ["OnAccountSuppressionList", " OnAccountSuppressionList", "OnTenantSuppressionList"] {
        let held_back = feedback_kind(&complaint("complaintSubType", json!(list)));
        assert_eq!(held_back, FeedbackKind::Failed(FailureReason::Complaint), "it was not even sent");
        assert_eq!(held_back.suppresses(), Some(SuppressionReason::Complaint));
    }
    for wish in [json!("abuse"), json!("fraud"), json!("other"), json!("something-new"), Value::Null] {
        let feedback_kind = feedback_kind(&complaint("complaintFeedbackType", wish));
        assert_eq!(
            (feedback_kind, feedback_kind.suppresses()),
            (FeedbackKind::Complained, Some(SuppressionReason::Complaint))
        );
    }
    for (machine, what) in [
        ("virus", FailureReason::VirusReported),
        ("auth-failure", FailureReason::AuthenticationFailed),
        ("Auth-Failure", FailureReason::AuthenticationFailed),
    ] {
        let feedback_kind = feedback_kind(&complaint("complaintFeedbackType", json!(machine)));
        assert_eq!((feedback_kind, feedback_kind.suppresses()), (FeedbackKind::Noted(what), None), "{machine}");
    }
    let withdrawn = complaint("complaintFeedbackType", json!("not-spam")).to_string();
    assert_eq!(MailEvent::parse(&withdrawn), Ok(MailEvent::Irrelevant));
}

#[test]
fn a_mail_that_ses_rejected_fails_and_does_not_suppress_the_address() {
    for (kind, part, details) in [
        ("Reject", "reject", json!({"reason": "Bad content"})),
        ("Rendering Failure", "failure", json!({"errorMessage": "missing", "templateName": "none"})),
    ] {
        let refused = with(DELIVERY, |message| {
            message["eventType"] = json!(kind);
            message[part] = details;
        });
        assert_eq!(
            (feedback_kind(&refused), feedback_kind(&refused).suppresses()),
            (FeedbackKind::Failed(FailureReason::ContentRefused), None)
        );
    }
}

#[test]
fn irrelevant_records_are_ignored() {
    for kind in ["Send", "Open", "Click", "DeliveryDelay", "Subscription"] {
        let message = with(DELIVERY, |message| message["eventType"] = json!(kind)).to_string();
        assert_eq!(MailEvent::parse(&message), Ok(MailEvent::Irrelevant), "{kind}");
    }
    for message in [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        r#"{"notificationType":"AmazonSnsSubscriptionSucceeded","message":"You have successfully subscribed"}"#,
    ] {
        assert_eq!(MailEvent::parse(message), Ok(MailEvent::Irrelevant));
    }
}

#[test]
fn a_mail_of_another_system_has_no_notification() {
    for tags in
        [json!({}), json!({"notification": []}), json!({"notification": ["order-7"]}), json!({"campaign": [ID]})]
    {
        assert_eq!(report(&with(DELIVERY, |message| message["mail"]["tags"] = tags).to_string()).notification, None);
    }
    let foreign = with(IDENTITY, |message| message["mail"]["commonHeaders"]["messageId"] = json!("<x@example.org>"));
    assert_eq!(report(&foreign.to_string()).notification, None);
}

#[test]
fn the_error_of_an_undocumented_record_names_the_fault_without_content() {
    let without = |golden: &str, part: &str| with(golden, |message| _ = message.as_object_mut().unwrap().remove(part));
    for (message, expected) in [
        (json!("ada@example.com"), "form"),
        (json!({"eventType": "Bounce"}), "bounce"),
        (without(BOUNCE, "mail"), "mail"),
        (without(DELIVERY, "delivery"), "delivery"),
        (without(COMPLAINT, "complaint"), "complaint"),
        (with(BOUNCE, |message| message["bounce"]["bounceType"] = json!("ada@example.com")), "bounceType"),
        (with(BOUNCE, |message| message["bounce"]["timestamp"] = json!("ada@example.com")), "form"),
        (with(DELIVERY, |message| message["eventType"] = json!("ada@example.com")), "eventType"),
    ] {
        let error = MailEvent::parse(&message.to_string()).unwrap_err();
        assert_eq!(error, MailEventError(expected));
        assert!(!error.to_string().contains("ada"));
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text: String) {
        let _ = MailEvent::parse(&text);
        let _ = MailEvent::parse(&json!({"eventType": text, "mail": {"timestamp": text, "tags": {"notification": [text]}}}).to_string());
    }
}
