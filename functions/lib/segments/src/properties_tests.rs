//! Laws of the evaluator: it agrees with a naive one that works on JSON alone, and explains what it decides.
#![allow(clippy::unwrap_used)]

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::*;
use crate::field::FieldKind;
use crate::testing_filters::{evaluate, filters_of};
use domain::CampaignId;
use domain::notification::{Notification, Reason, Status, sample};
use domain::recipient::Recipient;
use domain::recipient::sample::with_everything;
use platform::private::Private;

const NOW: &str = "2026-11-23T10:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// Values of attributes and of conditions, few enough that they meet.
fn values() -> impl Strategy<Value = Value> {
    select(vec![
        json!("gold"),
        json!("gold card"),
        json!(""),
        json!("2026-11-20"),
        json!("2026-11-23T09:00:00Z"),
        json!("2027-01-01T00:00:00Z"),
        json!(0),
        json!(1),
        json!(1.5),
        json!(-3),
        json!(9_007_199_254_740_992_u64),
        json!(9_007_199_254_740_993_u64),
        json!(true),
        json!(false),
        json!(["gold", 1, true]),
        json!([]),
        json!({"city": "gold"}),
        json!(null),
    ])
}

fn leaves() -> impl Strategy<Value = Value> {
    let names = select(vec!["attributes.a", "attributes.b", "attributes.b.city", "attributes.none"]);
    let ops = select(FieldKind::Any.operators().to_vec());
    let durations = select(vec!["PT1H", "P3D", "P1W"]);
    (names, ops, values(), prop::collection::vec(values(), 1..4), durations).prop_map(
        |(name, op, one, list, length)| match op {
            "exists" | "missing" => json!({"field": name, "op": op}),
            "in" | "not_in" => json!({"field": name, "op": op, "value": list}),
            "within_last" | "not_within_last" => json!({"field": name, "op": op, "value": length}),
            op => json!({"field": name, "op": op, "value": one}),
        },
    )
}

fn attributes() -> impl Strategy<Value = Map<String, Value>> {
    (values(), values()).prop_map(|(a, b)| Map::from_iter([("a".to_owned(), a), ("b".to_owned(), b)]))
}

/// The naive evaluator.
fn naive(filter: &Value, attributes: &Map<String, Value>) -> bool {
    evaluate(filter, &|leaf| naive_on_attributes(leaf, attributes))
}

fn naive_on_attributes(leaf: &Value, attributes: &Map<String, Value>) -> bool {
    let path = leaf["field"].as_str().unwrap().strip_prefix("attributes.").unwrap().split('.');
    let mut found = Value::Object(attributes.clone());
    for name in path {
        found = found.get(name).cloned().unwrap_or(Value::Null);
    }
    naive_leaf(leaf["op"].as_str().unwrap(), &found, &leaf["value"])
}

/// The whole values of these tests fit 64 bits with a sign.
fn naive_order(one: &Value, other: &Value) -> Option<std::cmp::Ordering> {
    match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

fn naive_leaf(op: &str, found: &Value, value: &Value) -> bool {
    if found.is_null() {
        return op == "missing";
    }
    let equals = |a: &Value, b: &Value| match (a, b) {
        (Value::Number(_), Value::Number(_)) => naive_order(a, b).is_some_and(|order| order.is_eq()),
        (Value::Array(_) | Value::Object(_), _) => false,
        (a, b) => a == b,
    };
    let order = || naive_order(found, value);
    let time = |value: &Value| {
        let text = value.as_str()?;
        let text = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
        text.parse::<Timestamp>().ok()
    };
    let within = |length: &Value| {
        let length = match length.as_str().unwrap() {
            "PT1H" => SignedDuration::from_hours(1),
            "P3D" => SignedDuration::from_hours(72),
            _ => SignedDuration::from_hours(168),
        };
        time(found).map(|at| at <= now() && at >= now() - length)
    };
    match op {
        "eq" => equals(found, value),
        "ne" => !equals(found, value),
        "in" => value.as_array().unwrap().iter().any(|one| equals(found, one)),
        "not_in" => !value.as_array().unwrap().iter().any(|one| equals(found, one)),
        "lt" => order().is_some_and(|order| order.is_lt()),
        "lte" => order().is_some_and(|order| order.is_le()),
        "gt" => order().is_some_and(|order| order.is_gt()),
        "gte" => order().is_some_and(|order| order.is_ge()),
        "exists" => true,
        "contains" => match (found, value) {
            (Value::Array(items), value) => items.iter().any(|item| equals(item, value)),
            (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
            _ => false,
        },
        "starts_with" => found.as_str().is_some_and(|text| text.starts_with(value.as_str().unwrap())),
        "before" => time(found).is_some_and(|at| at < time(value).unwrap()),
        "after" => time(found).is_some_and(|at| at > time(value).unwrap()),
        "within_last" => within(value) == Some(true),
        "not_within_last" => within(value) == Some(false),
        _ => false,
    }
}

proptest! {
    #[test]
    fn the_evaluator_agrees_with_a_naive_one_and_its_explanation_with_both(filter in filters_of(leaves()), attributes in attributes()) {
        let Ok(parsed) = Filter::parse(&filter, "filter") else { return Ok(()) };
        let mut recipient = with_everything(2);
        recipient.attributes = Private::new(attributes.clone());
        let person = Person { recipient: &recipient, now: now(), history: None };
        let expected = naive(&filter, &attributes);
        prop_assert_eq!(parsed.matches(person), expected);
        for one in parsed.explain(person) {
            prop_assert_eq!(one.matches, naive(&one.condition, &attributes), "{}", one.path);
        }
        prop_assert_eq!(Filter::parse(&parsed.to_json(), "filter"), Ok(parsed));
    }

    #[test]
    fn no_filter_makes_the_parser_panic_or_answer_without_a_place(filter in any_json()) {
        if let Err(errors) = Filter::parse(&filter, "filter") {
            prop_assert!(!errors.is_empty() && errors.iter().all(|error| error.field.starts_with("filter")));
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let words =
        select(vec!["all", "any", "not", "field", "op", "value", "attributes.a", "eq", "in", "P7D", "bucket", "x"]);
    let leaf = prop_oneof![values(), words.clone().prop_map(Value::from)];
    leaf.prop_recursive(8, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((words.clone(), inner), 0..4).prop_map(|pairs| Value::Object(
                pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}

const CAMPAIGN: &str = "0123456789abcdefghjkmnpqrs";

/// Trees over a condition on a campaign, and conditions that are always true and always false.
fn with_campaign() -> impl Strategy<Value = Value> {
    let facts = select(vec!["sent", "delivered", "clicked", "converted", "failed", "skipped"]);
    let ops = select(vec!["eq", "ne", "in", "not_in", "exists", "missing"]);
    let field = format!("campaign.{CAMPAIGN}");
    let leaf = (facts, ops).prop_map(move |(fact, op)| match op {
        "exists" | "missing" => json!({"field": field, "op": op}),
        "in" | "not_in" => json!({"field": field, "op": op, "value": [fact, "converted"]}),
        op => json!({"field": field, "op": op, "value": fact}),
    });
    let known = select(vec![json!({"all": []}), json!({"not": {"all": []}})]);
    filters_of(prop_oneof![leaf, known])
}

/// The naive evaluator, on the facts of one campaign; `None` if there is no notification.
fn naive_of_campaign(filter: &Value, facts: Option<&[&str]>) -> bool {
    evaluate(filter, &|leaf| naive_on_campaign(leaf, facts))
}

fn naive_on_campaign(leaf: &Value, facts: Option<&[&str]>) -> bool {
    let op = leaf["op"].as_str().unwrap();
    let Some(facts) = facts else { return op == "missing" };
    let has = |fact: &Value| facts.contains(&fact.as_str().unwrap());
    match op {
        "eq" => has(&leaf["value"]),
        "ne" => !has(&leaf["value"]),
        "in" => leaf["value"].as_array().unwrap().iter().any(has),
        "not_in" => !leaf["value"].as_array().unwrap().iter().any(has),
        op => op == "exists",
    }
}

/// Notifications of a campaign with the facts that hold for them.
fn notifications() -> Vec<(Option<Notification>, Vec<&'static str>)> {
    let at = now();
    let ended = |status: Status, reason: Option<Reason>| {
        let mut notification = sample("DEFAULT", at);
        notification.finish(status, reason, at);
        notification
    };
    let mut clicked = ended(Status::Accepted, None);
    clicked.parts_mut().engagement.clicked_at = Some(at);
    let mut converted = clicked.clone();
    converted.parts_mut().engagement.converted_at = Some(at);
    vec![
        (None, vec![]),
        (Some(sample("DEFAULT", at)), vec![]),
        (Some(ended(Status::Accepted, None)), vec!["sent"]),
        (Some(ended(Status::Delivered, None)), vec!["sent", "delivered"]),
        (Some(clicked), vec!["sent", "clicked"]),
        (Some(converted), vec!["sent", "clicked", "converted"]),
        (Some(ended(Status::Failed, None)), vec!["failed"]),
        (Some(ended(Status::Expired, None)), vec!["failed"]),
        (Some(ended(Status::Uncertain, None)), vec!["failed"]),
        (Some(ended(Status::Skipped, Some(Reason::OptedOut))), vec!["skipped"]),
        (Some(ended(Status::Cancelled, None)), vec!["skipped"]),
    ]
}

proptest! {
    #[test]
    fn conditions_on_a_campaign_agree_with_a_naive_evaluator_and_what_is_decided_without_the_history_stays(
        filter in with_campaign(),
    ) {
        let Ok(parsed) = Filter::parse(&filter, "filter") else { return Ok(()) };
        let (recipient, campaign) = (with_everything(1), CampaignId::parse(CAMPAIGN).unwrap());
        let unread = parsed.decide(Person { recipient: &recipient, now: now(), history: None });
        for (notification, facts) in notifications() {
            let mut history = CampaignHistory::default();
            notification.iter().for_each(|one| history.add(&campaign, one));
            let person = Person { recipient: &recipient, now: now(), history: Some(&history) };
            let expected = naive_of_campaign(&filter, notification.as_ref().map(|_| facts.as_slice()));
            prop_assert_eq!(parsed.decide(person), Some(expected), "{} for {:?}", filter, facts);
            if let Some(unread) = unread {
                prop_assert_eq!(unread, expected);
            }
        }
    }
}

#[test]
fn fields_of_the_profile_are_read() {
    let mut recipient = with_everything(2);
    recipient.locale = Some("it-IT".to_owned());
    let person = Person { recipient: &recipient, now: now(), history: None };
    for (filter, matches) in [
        (json!({"field": "language", "op": "eq", "value": "it"}), true),
        (json!({"field": "devices.count", "op": "eq", "value": recipient.devices.len()}), true),
        (json!({"field": "has.push", "op": "eq", "value": !recipient.devices.is_empty()}), true),
        (json!({"field": "has.email", "op": "eq", "value": recipient.email.is_some()}), true),
        (json!({"field": "created_at", "op": "exists"}), true),
        (json!({"field": "last_engaged_at", "op": "missing"}), true),
        (json!({"field": "opted_out_of", "op": "missing"}), true),
        (json!({"field": "bucket", "op": "in", "value": {"salt": "s", "from": 0, "to": 10_000}}), true),
    ] {
        assert_eq!(Filter::parse(&filter, "filter").unwrap().matches(person), matches, "{filter}");
    }
    let half =
        |from: u64, to: u64| json!({"field": "bucket", "op": "in", "value": {"salt": "s", "from": from, "to": to}});
    let halves = [half(0, 5_000), half(5_000, 10_000)];
    let in_half = halves.map(|filter| Filter::parse(&filter, "filter").unwrap().matches(person));
    assert_ne!(in_half[0], in_half[1], "each recipient is in one half");
}

#[test]
fn who_is_active_after_the_launch_of_a_campaign_was_active_lately() {
    let mut recipient = with_everything(1);
    let is_within = |recipient: &Recipient, field: &str| {
        ["within_last", "not_within_last"].map(|op| {
            let filter = json!({"field": field, "op": op, "value": "P7D"});
            Filter::parse(&filter, "filter").unwrap().matches(Person { recipient, now: now(), history: None })
        })
    };
    for (seconds, within) in [(-8 * 86_400, [false, true]), (-86_400, [true, false]), (60, [true, false])] {
        let at = now() + SignedDuration::from_secs(seconds);
        (recipient.updated_at, recipient.last_engaged_at) = (at, Some(at));
        recipient.attributes = Private::new(Map::from_iter([("ends_at".to_owned(), json!(at))]));
        assert_eq!(is_within(&recipient, "last_engaged_at"), within, "{seconds}");
        assert_eq!(is_within(&recipient, "updated_at"), within, "{seconds}");
        let is_future = seconds > 0;
        let of_attribute = if is_future { [false, true] } else { within };
        assert_eq!(
            is_within(&recipient, "attributes.ends_at"),
            of_attribute,
            "what a caller stores may be in the future"
        );
    }
}
