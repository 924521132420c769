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
        MailEvent::OfNoInterest => panic!("it is of interest"),
    }
}

fn said(message: &Value) -> Said {
    report(&message.to_string()).feedback.said
}

fn with(golden: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut message = serde_json::from_str(golden).unwrap();
    change(&mut message);
    message
}

#[test]
fn a_record_says_which_notification_came_to_what_when_and_whom_it_was_sent_to() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let to = EmailAddress::parse("ada@example.com").unwrap();
    let is = |golden, said, when| {
        let feedback = Feedback { channel: Channel::Email, said, at: at(when) };
        let notification = Some(NotificationId::parse(ID).unwrap());
        assert_eq!(report(golden), MailReport { notification, to: Some(to.clone()), feedback });
    };
    is(DELIVERY, Said::Delivered, "2026-11-24T23:05:23.133Z");
    is(BOUNCE, Said::Failed(FailureReason::Bounced), "2026-11-24T00:41:02.669Z");
    is(COMPLAINT, Said::Complained, "2026-11-24T00:41:02.669Z");
    is(IDENTITY, Said::Delivered, "2026-11-24T14:59:38.237Z");
}

#[test]
fn a_bounce_is_for_good_only_when_it_is_permanent() {
    let bounce = |kind: &str, sub_kind: &str| {
        said(&with(BOUNCE, |message| {
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
        let said = bounce("Permanent", sub_kind);
        assert_eq!((said, said.suppresses()), (Said::Failed(why), Some(suppresses)), "{sub_kind}");
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
        let said = bounce(kind, sub_kind);
        assert_eq!((said, said.suppresses()), (Said::Failed(why), None), "{kind} {sub_kind}: the mail failed");
    }
}

#[test]
fn a_complaint_suppresses_when_it_is_a_persons_wish() {
    let complaint = |field: &str, value: Value| with(COMPLAINT, |message| message["complaint"][field] = value);
    for list in ["OnAccountSuppressionList", " OnAccountSuppressionList", "OnTenantSuppressionList"] {
        let held_back = said(&complaint("complaintSubType", json!(list)));
        assert_eq!(held_back, Said::Failed(FailureReason::Complaint), "it was not even sent");
        assert_eq!(held_back.suppresses(), Some(SuppressionReason::Complaint));
    }
    for wish in [json!("abuse"), json!("fraud"), json!("other"), json!("something-new"), Value::Null] {
        let said = said(&complaint("complaintFeedbackType", wish));
        assert_eq!((said, said.suppresses()), (Said::Complained, Some(SuppressionReason::Complaint)));
    }
    for (machine, what) in [
        ("virus", FailureReason::VirusReported),
        ("auth-failure", FailureReason::AuthenticationFailed),
        ("Auth-Failure", FailureReason::AuthenticationFailed),
    ] {
        let said = said(&complaint("complaintFeedbackType", json!(machine)));
        assert_eq!((said, said.suppresses()), (Said::Noted(what), None), "{machine}");
    }
    let withdrawn = complaint("complaintFeedbackType", json!("not-spam")).to_string();
    assert_eq!(MailEvent::parse(&withdrawn), Ok(MailEvent::OfNoInterest));
}

#[test]
fn a_mail_that_ses_itself_refused_failed_and_says_nothing_of_the_address() {
    for (kind, part, details) in [
        ("Reject", "reject", json!({"reason": "Bad content"})),
        ("Rendering Failure", "failure", json!({"errorMessage": "missing", "templateName": "none"})),
    ] {
        let refused = with(DELIVERY, |message| {
            message["eventType"] = json!(kind);
            message[part] = details;
        });
        assert_eq!((said(&refused), said(&refused).suppresses()), (Said::Failed(FailureReason::ContentRefused), None));
    }
}

#[test]
fn what_nobody_needs_to_know_is_passed_over() {
    for kind in ["Send", "Open", "Click", "DeliveryDelay", "Subscription"] {
        let message = with(DELIVERY, |message| message["eventType"] = json!(kind)).to_string();
        assert_eq!(MailEvent::parse(&message), Ok(MailEvent::OfNoInterest), "{kind}");
    }
    for message in [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        r#"{"notificationType":"AmazonSnsSubscriptionSucceeded","message":"You have successfully subscribed"}"#,
    ] {
        assert_eq!(MailEvent::parse(message), Ok(MailEvent::OfNoInterest));
    }
}

#[test]
fn a_mail_of_somebody_else_is_of_no_notification() {
    for tags in
        [json!({}), json!({"notification": []}), json!({"notification": ["order-7"]}), json!({"campaign": [ID]})]
    {
        assert_eq!(report(&with(DELIVERY, |message| message["mail"]["tags"] = tags).to_string()).notification, None);
    }
    let foreign = with(IDENTITY, |message| message["mail"]["commonHeaders"]["messageId"] = json!("<x@example.org>"));
    assert_eq!(report(&foreign.to_string()).notification, None);
}

#[test]
fn what_ses_does_not_document_names_its_fault_and_repeats_nothing() {
    let without = |golden: &str, part: &str| with(golden, |message| _ = message.as_object_mut().unwrap().remove(part));
    for (message, fault) in [
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
        assert_eq!(error, NoMailEvent(fault));
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
