#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;

fn body() -> Value {
    json!({
        "title": "Autumn", "type": "NEWS", "content": {"title": "Hi", "body": "there"}, "segment": "gold",
    })
}

fn with(changes: Value) -> Result<CampaignDefinition, Vec<String>> {
    let mut body = body();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => _ = body.as_object_mut().unwrap().remove(name),
            value => body[name] = value.clone(),
        }
    }
    CampaignDefinition::parse(body).map_err(|problem| problem.errors.into_iter().map(|error| error.field).collect())
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let definition = with(json!({})).unwrap();
    assert_eq!((definition.rate_per_second, definition.holdout_bp, definition.timing), (500, 0, Timing::Now));
    assert_eq!((definition.variants.len(), definition.variants[0].weight_bp), (1, 10_000));
    assert!(definition.steps.is_empty() && definition.not_after.is_none());
}

#[test]
fn every_field_that_is_wrong_is_named() {
    let text = json!({"title": "Hi", "body": "there"});
    let pair = |first: u32, second: u32| {
        json!({"content": null, "variants": [
            {"name": "a", "weight_bp": first, "content": text}, {"name": "b", "weight_bp": second, "content": text}]})
    };
    assert!(with(pair(5_000, 5_000)).is_ok());
    for (changes, field) in [
        (json!({"title": " "}), "title"),
        (json!({"title": "\u{200b}"}), "title"),
        (json!({"title": "\u{3164}"}), "title"),
        (json!({"title": "Autumn\u{2028}offers"}), "title"),
        (json!({"type": "news"}), "type"),
        (json!({"segment": null}), "segment"),
        (json!({"segment": "Gold"}), "segment"),
        (json!({"filter": {"all": []}}), "segment"),
        (json!({"segment": null, "filter": {"field": "age", "op": "eq", "value": 1}}), "filter.field"),
        (json!({"recipients": {"list": "x", "count": 1}}), "recipients"),
        (json!({"content": null}), "content"),
        (json!({"content": {"title": "", "body": "b"}}), "content.title"),
        (json!({"template": {"name": "t"}}), "template"),
        (json!({"variables": {}}), "variables"),
        (pair(5_000, 4_999), "variants"),
        (json!({"variants": []}), "variants"),
        (
            json!({"content": null, "variants": [
            {"name": "a", "weight_bp": 5_000, "content": text}, {"name": "a", "weight_bp": 5_000, "content": text}]}),
            "variants[1].name",
        ),
        (
            json!({"content": null, "variants": [
            {"name": "a", "weight_bp": 5_000}, {"name": "b", "weight_bp": 5_000, "content": text}]}),
            "variants[0].content",
        ),
        (json!({"holdout_percent": 51}), "holdout_percent"),
        (json!({"holdout_percent": 0.001}), "holdout_percent"),
        (json!({"send_at": "tomorrow"}), "send_at"),
        (json!({"at_local": {"date_time": "9", "default_time_zone": "UTC"}}), "at_local.date_time"),
        (
            json!({"at_local": {"date_time": "2026-12-01T09:00:00", "default_time_zone": "Rome"}}),
            "at_local.default_time_zone",
        ),
        (json!({"rate_per_second": 0}), "rate_per_second"),
        (json!({"rate_per_second": 5_001}), "rate_per_second"),
        (json!({"rollout": {"steps": [{"percent": 10}]}}), "rollout.steps"),
        (
            json!({"rollout": {"steps": [{"percent": 10}, {"percent": 5}, {"percent": 100}]}}),
            "rollout.steps[1].percent",
        ),
        (json!({"guards": {"max_failed_percent": 101}}), "guards.max_failed_percent"),
        (json!({"guards": {"max_bounced": 1}}), "guards.max_bounced"),
        (json!({"exclude": {}}), "exclude.segment"),
        (json!({"ttl_seconds": 0}), "ttl_seconds"),
        (json!({"colour": "red"}), "colour"),
    ] {
        let fields = with(changes.clone()).unwrap_err();
        assert!(fields.iter().any(|found| found == field), "{changes} names {fields:?} and not {field}");
    }
}

#[test]
fn times_in_the_past_are_refused() {
    let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    let refused_field = |changes| {
        let problem = with(changes).unwrap().check_times(now).err()?;
        Some(problem.errors[0].field.clone())
    };
    assert_eq!(refused_field(json!({"send_at": "2026-11-23T09:58:00Z"})), None);
    assert_eq!(refused_field(json!({"send_at": "2026-11-23T09:00:00Z"})).as_deref(), Some("send_at"));
    assert_eq!(refused_field(json!({"send_at": "2027-11-23T09:00:00Z"})).as_deref(), Some("send_at"));
    assert_eq!(refused_field(json!({"not_after": "2026-11-23T10:00:00Z"})).as_deref(), Some("not_after"));
    let local = json!({"at_local": {"date_time": "2026-11-20T09:00:00", "default_time_zone": "UTC"}});
    assert_eq!(refused_field(local).as_deref(), Some("at_local.date_time"));
}

#[test]
fn criteria_need_steps_that_hold_and_shares() {
    for (changes, field) in [
        (
            json!({"rollout": {"steps": [{"percent": 10, "hold_minutes": 4}, {"percent": 100}],
                "criteria": {"min_delivered_percent": 60}}}),
            "rollout.steps[0].hold_minutes",
        ),
        (
            json!({"rollout": {"steps": [{"percent": 100}], "criteria": {"min_clicked_percent": 101}}}),
            "rollout.criteria.min_clicked_percent",
        ),
        (
            json!({"rollout": {"steps": [{"percent": 100}], "criteria": {"min_opened_percent": 1}}}),
            "rollout.criteria.min_opened_percent",
        ),
    ] {
        assert_eq!(with(changes.clone()).unwrap_err(), [field], "{changes}");
    }
    let steps = json!([{"percent": 10, "hold_minutes": 5}, {"percent": 100}]);
    let definition = with(json!({"rollout": {"steps": steps, "criteria": {"min_delivered_percent": 60}}})).unwrap();
    assert_eq!(definition.criteria.min_delivered_percent, Some(60.0));
    assert_eq!(with(json!({"rollout": {"steps": steps, "criteria": null}})).unwrap().criteria, StepCriteria::default());
}

#[test]
fn a_test_phase_is_for_variants_and_its_fields_are_checked() {
    let tested = |test: Value, others: Value| {
        let text = json!({"title": "Hi", "body": "there"});
        let mut changes = json!({"content": null, "test": test, "variants": [
            {"name": "a", "weight_bp": 5_000, "content": text}, {"name": "b", "weight_bp": 5_000, "content": text}]});
        changes.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
        with(changes)
    };
    let test =
        |share: f64, hours: u32| json!({"share_percent": share, "hours": hours, "metric": "clicked", "then": "winner"});
    let definition = tested(test(12.5, 2), json!({})).unwrap();
    let found = definition.test.unwrap();
    assert_eq!((found.share_bp, found.duration.as_hours()), (1_250, 2));
    for (fields, others, field) in [
        (test(0.5, 2), json!({}), "test.share_percent"),
        (test(12.345, 2), json!({}), "test.share_percent"),
        (test(10.0, 0), json!({}), "test.hours"),
        (test(10.0, 169), json!({}), "test.hours"),
        (test(10.0, 2), json!({"rollout": {"steps": [{"percent": 100}]}}), "test"),
        (test(10.0, 2), json!({"at_local": {"date_time": "2026-12-01T09:00:00", "default_time_zone": "UTC"}}), "test"),
        (json!({"share_percent": 10, "hours": 2, "metric": "opened", "then": "winner"}), json!({}), "test.metric"),
        (json!({"share_percent": 10, "hours": 2, "metric": "clicked", "then": "stop"}), json!({}), "test.then"),
    ] {
        assert_eq!(tested(fields.clone(), others).unwrap_err(), [field], "{fields}");
    }
    assert_eq!(with(json!({"test": test(10.0, 2)})).unwrap_err(), ["test"], "without variants");
    let now = "2026-11-23T10:00:00Z".parse().unwrap();
    let short = tested(test(10.0, 2), json!({"not_after": "2026-11-23T12:00:00Z"})).unwrap();
    assert_eq!(short.check_times(now).unwrap_err().errors[0].field, "not_after");
}
