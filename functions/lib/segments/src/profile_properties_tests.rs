//! Laws of the evaluator on the fields of a profile: it agrees with a naive one that works on the facts from which the
//! profile was made.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::*;
use crate::field::FieldKind;
use crate::testing_filters::{evaluate, filters_of};
use domain::channel::Channel;
use domain::recipient::Recipient;
use domain::recipient::sample::with_everything;

const DAY: i64 = 86_400;
/// Distances of times from now, in seconds.
const TIMES: [i64; 8] = [-8 * DAY, -7 * DAY, -3 * DAY - 1, -3 * DAY, -3_600, 0, 1, 3_600];
const TYPES: [&str; 2] = ["NEWS", "OFFERS"];

fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// Facts about a person.
#[derive(Debug, Clone)]
struct Facts {
    /// For each device, `true` if it has not expired.
    devices: Vec<bool>,
    /// Paid channels with an address.
    addresses: Vec<Channel>,
    suppressed: Vec<Channel>,
    refused: Vec<Channel>,
    opted_out_of: Vec<&'static str>,
    created: i64,
    updated: i64,
    engaged: Option<i64>,
}

impl Facts {
    fn recipient(&self) -> Recipient {
        let mut recipient = with_everything(self.devices.len());
        for (device, is_live) in recipient.devices.iter_mut().zip(&self.devices) {
            device.expires_at = Some(at(if *is_live { 1 } else { 0 }));
        }
        recipient.email = recipient.email.filter(|_| self.addresses.contains(&Channel::Email));
        recipient.phone = recipient.phone.filter(|_| self.addresses.contains(&Channel::Sms));
        recipient.suppressed = self.suppressed.iter().copied().collect();
        let types: BTreeSet<_> = self.opted_out_of.iter().map(|name| (*name).to_owned()).collect();
        let channels = self.refused.iter().copied().collect();
        recipient.preferences.choices.set_all_of_caller(&types, &channels, now());
        (recipient.created_at, recipient.updated_at) = (at(self.created), at(self.updated));
        recipient.last_engaged_at = self.engaged.map(at);
        recipient
    }

    fn is_usable(&self, channel: Channel) -> bool {
        let has_address = match channel {
            Channel::Push => self.devices.contains(&true),
            paid => self.addresses.contains(&paid),
        };
        has_address && !self.suppressed.contains(&channel) && !self.refused.contains(&channel)
    }
}

fn facts() -> impl Strategy<Value = Facts> {
    let channels = || subsequence(Channel::ALL.to_vec(), 0..=3);
    let devices = prop::collection::vec(any::<bool>(), 0..4);
    let times = (select(&TIMES), select(&TIMES), prop::option::of(select(&TIMES)));
    (devices, channels(), channels(), channels(), subsequence(TYPES.to_vec(), 0..=2), times).prop_map(
        |(devices, addresses, suppressed, refused, opted_out_of, (created, updated, engaged))| Facts {
            devices,
            addresses,
            suppressed,
            refused,
            opted_out_of,
            created,
            updated,
            engaged,
        },
    )
}

fn leaves() -> impl Strategy<Value = Value> {
    let has = (select(vec!["has.push", "has.email", "has.sms"]), select(vec!["eq", "ne"]), any::<bool>())
        .prop_map(|(field, op, value)| json!({"field": field, "op": op, "value": value}));
    let number = prop_oneof![(0..4).prop_map(|number| json!(number)), Just(json!(1.5))];
    let devices = (select(FieldKind::Number.operators().to_vec()), prop::collection::vec(number, 1..4)).prop_map(
        |(op, numbers)| match op {
            "in" | "not_in" => json!({"field": "devices.count", "op": op, "value": numbers}),
            op => json!({"field": "devices.count", "op": op, "value": numbers[0]}),
        },
    );
    let fields = select(vec!["created_at", "updated_at", "last_engaged_at"]);
    let lengths = select(vec![("PT1H", 3_600), ("P3D", 3 * DAY), ("P1W", 7 * DAY)]);
    let times = (fields, select(FieldKind::Time.operators().to_vec()), select(&TIMES), lengths).prop_map(
        |(field, op, limit, (length, _))| match op {
            "exists" | "missing" => json!({"field": field, "op": op}),
            "before" | "after" => json!({"field": field, "op": op, "value": at(limit)}),
            op => json!({"field": field, "op": op, "value": length}),
        },
    );
    let refusals = (select(FieldKind::Names.operators().to_vec()), select(&TYPES)).prop_map(|(op, name)| match op {
        "contains" => json!({"field": "opted_out_of", "op": op, "value": name}),
        op => json!({"field": "opted_out_of", "op": op}),
    });
    let buckets = (select(vec!["spring", "autumn", ""]), 0..10_000_u64, 1..10_001_u64)
        .prop_filter("from is below to", |(_, from, to)| from < to)
        .prop_map(
            |(salt, from, to)| json!({"field": "bucket", "op": "in", "value": {"salt": salt, "from": from, "to": to}}),
        );
    prop_oneof![has, devices, times, refusals, buckets]
}

/// The naive evaluator.
fn naive(filter: &Value, facts: &Facts) -> bool {
    evaluate(filter, &|leaf| naive_on_facts(leaf, facts))
}

fn naive_on_facts(leaf: &Value, facts: &Facts) -> bool {
    let (op, value) = (leaf["op"].as_str().unwrap(), &leaf["value"]);
    match leaf["field"].as_str().unwrap() {
        "has.push" => (op == "eq") == (facts.is_usable(Channel::Push) == *value),
        "has.email" => (op == "eq") == (facts.is_usable(Channel::Email) == *value),
        "has.sms" => (op == "eq") == (facts.is_usable(Channel::Sms) == *value),
        "devices.count" => naive_count(op, facts.devices.len(), value),
        "created_at" => naive_time(op, Some(facts.created), value, false),
        "updated_at" => naive_time(op, Some(facts.updated), value, true),
        "last_engaged_at" => naive_time(op, facts.engaged, value, true),
        "opted_out_of" => match op {
            "exists" => !facts.opted_out_of.is_empty(),
            "missing" => facts.opted_out_of.is_empty(),
            _ => facts.opted_out_of.iter().any(|name| name == value),
        },
        _ => {
            let hash = digest(&SHA256, format!("{}:ada", value["salt"].as_str().unwrap()).as_bytes());
            let bucket = u64::from_be_bytes(hash.as_ref()[..8].try_into().unwrap()) % 10_000;
            value["from"].as_u64().unwrap() <= bucket && bucket < value["to"].as_u64().unwrap()
        }
    }
}

#[allow(clippy::cast_precision_loss)] // at most 3
fn naive_count(op: &str, devices: usize, value: &Value) -> bool {
    let (count, limit) = (devices as f64, value.as_f64());
    let is_among = || value.as_array().unwrap().iter().any(|one| one.as_f64() == Some(count));
    match op {
        "eq" => Some(count) == limit,
        "ne" => Some(count) != limit,
        "lt" => Some(count) < limit,
        "lte" => Some(count) <= limit,
        "gt" => Some(count) > limit,
        "gte" => Some(count) >= limit,
        "in" => is_among(),
        _ => !is_among(),
    }
}

/// `follows` is `true` for a time of an activity: after the launch of a campaign, it is within any length.
fn naive_time(op: &str, found: Option<i64>, value: &Value, follows: bool) -> bool {
    let Some(found) = found else { return op == "missing" };
    let limit = || value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let is_within = || {
        let length = match value.as_str().unwrap() {
            "PT1H" => 3_600,
            "P3D" => 3 * DAY,
            _ => 7 * DAY,
        };
        if found > 0 { follows } else { -found <= length }
    };
    match op {
        "exists" => true,
        "before" => at(found) < limit(),
        "after" => at(found) > limit(),
        "within_last" => is_within(),
        "not_within_last" => !is_within(),
        _ => false,
    }
}

proptest! {
    #[test]
    fn the_evaluator_agrees_with_a_naive_one_on_the_fields_of_a_profile(filter in filters_of(leaves()), facts in facts()) {
        let Ok(parsed) = Filter::parse(&filter, "filter") else { return Ok(()) };
        let recipient = facts.recipient();
        let person = Person { recipient: &recipient, now: now(), history: None };
        prop_assert_eq!(parsed.decide(person), Some(naive(&filter, &facts)), "{}", filter);
        for one in parsed.explain(person) {
            prop_assert_eq!(one.matches, naive(&one.condition, &facts), "{}", one.path);
        }
    }

    /// Otherwise a filter that cannot be parsed would hide from the law above.
    #[test]
    fn every_condition_of_these_laws_can_be_parsed(leaf in leaves()) {
        prop_assert!(Filter::parse(&leaf, "filter").is_ok(), "{}", leaf);
    }
}
