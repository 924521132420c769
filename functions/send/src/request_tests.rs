#![allow(clippy::unwrap_used)]

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::template_request::LoadedTemplates;
use super::{SendContext, SendRequest};
use delivery::PublicBaseUrl;
use delivery::config::ConfigSnapshot;
use domain::notification::{Notification, NotificationId, Status};
use domain::recipient::KeyHasher;
use domain::settings::Settings;
use platform::json::shaped;
use platform::problem::Problem;

fn now() -> Timestamp {
    "2026-11-23T10:00:00.123Z".parse().unwrap()
}

fn ask(body: Value) -> Result<Notification, Problem> {
    let hasher = KeyHasher::new(&[7; 32]);
    let settings = Settings::parse(r#"{"retention_days": {"notifications": 1}}"#).unwrap();
    let public_base_url = PublicBaseUrl::parse("https://notify.example.com").ok();
    let config = ConfigSnapshot { settings: settings.into(), public_base_url, ..ConfigSnapshot::default() };
    let context = SendContext {
        caller: "c-1",
        hasher: &hasher,
        index: 0,
        now: now(),
        config: &config,
        templates: &LoadedTemplates::default(),
        links: None,
        test_of: None,
    };
    shaped::<SendRequest>(body, "")?.into_notification(context, |key| NotificationId::random(key, now()))
}

fn with(extra: Value) -> Value {
    let mut body = json!({"to": "ada", "content": {"title": "Hi", "body": "there"}});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

#[test]
fn the_smallest_request_gets_the_types_own_order_and_lifetime() {
    let asked = ask(with(json!({}))).unwrap();
    assert_eq!((asked.type_id().as_str(), asked.channels().len()), ("DEFAULT", 3));
    assert_eq!((asked.status(), asked.due_at()), (Status::Scheduled, now()));
    assert_eq!(asked.lives_until(), now() + SignedDuration::from_hours(24));
    assert_eq!(asked.kept_until(), "2026-11-25T10:00:00Z".parse().unwrap());
}

#[test]
fn a_lifetime_begins_when_it_is_due() {
    let asked = ask(with(json!({"send_at": "2026-11-24T10:00:00Z", "ttl_seconds": 60}))).unwrap();
    assert_eq!(asked.due_at(), "2026-11-24T10:00:00Z".parse().unwrap());
    assert_eq!(asked.lives_until(), "2026-11-24T10:01:00Z".parse().unwrap());
}

#[test]
fn a_time_just_past_means_now() {
    assert_eq!(ask(with(json!({"send_at": "2026-11-23T09:59:00Z"}))).unwrap().due_at(), now());
}

#[test]
fn every_bad_field_is_named() {
    let cases = [
        (json!({"to": ""}), "to"),
        (json!({"to": 5}), "to"),
        (json!({"type": "default"}), "type"),
        (json!({"content": {"title": "Hi"}}), "content.body"),
        (json!({"content": {"title": "Hi", "body": "b", "colour": 1}}), "content.colour"),
        (json!({"content": {"title": "Hi", "body": "b", "dir": "up"}}), "content.dir"),
        (json!({"content": {"title": "Hi", "body": "b", "silent": "no"}}), "content.silent"),
        (json!({"content": {"title": "Hi", "body": "b", "timestamp": "soon"}}), "content.timestamp"),
        (json!({"content": {"title": "Hi", "body": "b", "actions": [{"action": "a"}]}}), "content.actions[0].title"),
        (
            json!({"content": {"title": "Hi", "body": "b", "actions": [{"action": "a", "title": "A", "url": "x"}]}}),
            "content.actions[0].url",
        ),
        (json!({"channels": []}), "channels"),
        (json!({"channels": ["push", "fax"]}), "channels[1]"),
        (json!({"channels": ["push", "push"]}), "channels"),
        (json!({"type": "PAYMENT_DUE", "channels": ["sms", "email"]}), "channels"),
        (json!({"send_at": "tomorrow"}), "send_at"),
        (json!({"send_at": "2027-02-22T10:00:00Z"}), "send_at"),
        (json!({"send_at": "2026-11-23T09:00:00Z"}), "send_at"),
        (json!({"ttl_seconds": 0}), "ttl_seconds"),
        (json!({"ttl_seconds": 2_419_201}), "ttl_seconds"),
        (json!({"ttl_seconds": -1}), "ttl_seconds"),
        (json!({"urgency": "asap"}), "urgency"),
        (json!({"topic": ""}), "topic"),
        (json!({"metadata": []}), "metadata"),
        (json!({"metadata": {"note": "x".repeat(1_100)}}), "metadata"),
        (json!({"recipient": "ada"}), "recipient"),
        (json!({"content": {"title": "Hi", "body": "b", "data": "é".repeat(1_950)}}), "content"),
    ];
    for (extra, field) in cases {
        let problem = ask(with(extra.clone())).unwrap_err();
        assert_eq!(problem.kind.status(), 422, "{extra}");
        let fields: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, [field], "{extra}");
    }
    assert_eq!(ask(json!({"content": {"title": "a", "body": "b"}})).unwrap_err().errors[0].field, "to");
    assert_eq!(ask(json!([])).unwrap_err().errors[0].field, "body");
}

#[test]
fn a_push_payload_that_no_push_service_takes_is_refused_only_where_push_is_asked_for() {
    // 4,000 bytes of content are within the limit of the content, but exceed the push payload's 3,993 with id and tag.
    let content = json!({"title": "Hi", "body": "x".repeat(3_960)});
    let problem = ask(with(json!({"content": content}))).unwrap_err();
    assert_eq!(problem.errors[0].field, "content");
    assert!(ask(with(json!({"content": content, "channels": ["email"]}))).is_ok());
}

#[test]
fn a_problem_never_repeats_what_was_sent() {
    for extra in [json!({"to": "secret\u{0}"}), json!({"urgency": "secret"}), json!({"send_at": "secret"})] {
        let problem = ask(with(extra)).unwrap_err();
        assert!(problem.errors[0].message.starts_with("must be "), "{problem:?}");
        assert!(!problem.to_json("r").to_string().contains("secret"), "{problem:?}");
    }
}
