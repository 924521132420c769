//! Tests of claims on tables with DynamoDB's real semantics.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use jiff::ToSpan;
use jiff::tz::TimeZone;
use serde_json::json;
use tokio::task::JoinSet;

use super::*;
use crate::RecipientsStore;
use crate::sample::{TestTables, key};
use crate::testing::Fuse;
use crate::testing_tables::{CONTROL, items};
use domain::caps::{CapCheck, CapRules, CapSubject};
use domain::channel::Channel;
use domain::{CapMode, NotificationClass, TypeId};

fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn daily(max: u32) -> CapRules {
    CapRules::from_stored(json!({"rules": [{"id": "daily", "max": max, "per": "day"}]})).unwrap()
}

fn decide(rules: &CapRules, usage: &CapUsage, number: u64, at: Timestamp) -> CapDecision {
    let type_id = TypeId::parse("NEWS").unwrap();
    let (mode, class) = (CapMode::Respect, NotificationClass::Marketing);
    let subject = CapSubject { mode, class, type_id: &type_id, channels: &Channel::ALL };
    CapCheck { rules, subject, zone: &TimeZone::UTC }.decide(usage, tag(number), at)
}

fn tag(number: u64) -> CapTag {
    let [.., a, b, c, d, e] = number.to_be_bytes();
    CapTag([a, b, c, d, e])
}

/// A recipient with a profile and no claim.
struct Person {
    world: TestTables,
}

impl Person {
    async fn new() -> Self {
        let world = TestTables::new().await;
        world.device("ada", "phone", now(), None).await;
        Self { world }
    }

    fn store(&self) -> &RecipientsStore {
        &self.world.stores.recipients
    }

    async fn usage(&self) -> CapUsage {
        self.store().load_with_caps(&key("ada")).await.unwrap().unwrap().caps
    }

    async fn claim(&self, rules: &CapRules, number: u64, read: &CapUsage, at: Timestamp) -> CapClaimResult {
        self.store().claim_cap(&key("ada"), read, |usage| decide(rules, usage, number, at)).await.unwrap()
    }

    async fn give_back(&self, number: u64, at: Timestamp) {
        self.store().release_cap_slot(&key("ada"), tag(number), Some(&self.usage().await), at).await.unwrap();
    }
}

fn is_claimed(result: &CapClaimResult) -> bool {
    matches!(result, CapClaimResult::Stored(_) | CapClaimResult::Decided(CapDecision::AlreadyClaimed, _))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_200_parallel_claims_against_a_cap_of_3_exactly_3_succeed() {
    let person = Arc::new(Person::new().await);
    let mut at_once = JoinSet::new();
    for number in 0..200 {
        let person = Arc::clone(&person);
        // Every process read the recipient before the first one wrote.
        at_once.spawn(async move { person.claim(&daily(3), number, &CapUsage::default(), now()).await });
    }
    let results = at_once.join_all().await;
    assert_eq!(results.iter().filter(|result| is_claimed(result)).count(), 3);
    let full = |result: &&CapClaimResult| matches!(result, CapClaimResult::Decided(CapDecision::Full { frees_at, .. }, _) if *frees_at == now() + 14.hours());
    assert_eq!(results.iter().filter(full).count(), 197, "each of the others is told when a slot frees");
    assert_eq!(person.usage().await.claims.len(), 3);
}

#[tokio::test]
async fn a_claim_is_read_with_the_recipient_and_a_repetition_writes_nothing() {
    let person = Person::new().await;
    let CapClaimResult::Stored(stored) = person.claim(&daily(2), 1, &CapUsage::default(), now()).await else {
        unreachable!()
    };
    assert_eq!(person.usage().await, stored);
    let again = person.claim(&daily(2), 1, &stored, now() + 1.hour()).await;
    assert_eq!(again, CapClaimResult::Decided(CapDecision::AlreadyClaimed, stored.clone()));
    // A process that read the recipient before the claim finds it by the refused write.
    let late = person.claim(&daily(2), 1, &CapUsage::default(), now() + 1.hour()).await;
    assert_eq!(late, CapClaimResult::Decided(CapDecision::AlreadyClaimed, stored.clone()));
    assert_eq!(person.usage().await, stored);
}

#[tokio::test]
async fn a_claim_whose_response_was_lost_is_not_counted_twice() {
    let person = Person::new().await;
    let fuse = Fuse::default();
    let crashing = person.world.crashing_stores(fuse.clone()).recipients;
    fuse.set(1);
    let decided = |usage: &CapUsage| decide(&daily(1), usage, 7, now());
    assert!(crashing.claim_cap(&key("ada"), &CapUsage::default(), decided).await.is_err());
    assert!(is_claimed(&person.claim(&daily(1), 7, &person.usage().await, now()).await));
    assert!(!is_claimed(&person.claim(&daily(1), 8, &person.usage().await, now()).await));
    assert_eq!(person.usage().await.claims.len(), 1);
}

#[tokio::test]
async fn a_slot_that_is_given_back_is_free_at_once() {
    let person = Person::new().await;
    for number in [1, 2] {
        assert!(is_claimed(&person.claim(&daily(2), number, &person.usage().await, now()).await));
    }
    assert!(!is_claimed(&person.claim(&daily(2), 3, &person.usage().await, now()).await));
    person.give_back(9, now()).await;
    assert_eq!(person.usage().await.claims.len(), 2, "a notification without a claim gives nothing back");
    person.give_back(1, now()).await;
    person.give_back(1, now()).await;
    assert!(is_claimed(&person.claim(&daily(2), 3, &person.usage().await, now()).await));
    let store = person.store();
    store.release_cap_slot(&key("ada"), tag(2), None, now()).await.unwrap();
    // A process that read the claims before another one's write decides on the stored claims.
    let read = person.usage().await;
    assert!(is_claimed(&person.claim(&daily(3), 4, &read, now()).await));
    store.release_cap_slot(&key("ada"), tag(3), Some(&read), now()).await.unwrap();
    let left: Vec<_> = person.usage().await.claims.iter().map(|claim| claim.tag).collect();
    assert_eq!(left, [tag(4)]);
}

#[tokio::test]
async fn the_item_stays_within_a_write_unit_ends_by_itself_and_is_erased() {
    let person = Person::new().await;
    let rules: Vec<_> = (0..10)
        .map(|number| json!({"id": format!("rule-{number}-{}", "x".repeat(9)), "max": 6, "per": "P31D"}))
        .collect();
    let rules = CapRules::from_stored(json!({"rules": rules})).unwrap();
    let (mut usage, mut at) = (CapUsage::default(), now());
    for number in 0..100 {
        at += 31.minutes();
        // A notification that is only counted exceeds every maximum.
        let type_id = TypeId::parse("NEWS").unwrap();
        let (mode, class) = (CapMode::CountOnly, NotificationClass::Transactional);
        let subject = CapSubject { mode, class, type_id: &type_id, channels: &Channel::ALL };
        let check = CapCheck { rules: &rules, subject, zone: &TimeZone::UTC };
        let result = person.store().claim_cap(&key("ada"), &usage, |usage| check.decide(usage, tag(number), at)).await;
        let CapClaimResult::Stored(stored) = result.unwrap() else { unreachable!() };
        usage = stored;
    }
    assert_eq!(person.usage().await, usage, "the claims read back as they were stored");
    // The largest item has as many claims as all maxima together.
    let claim = usage.claims[0];
    let most = CapUsage { claims: vec![claim; domain::caps::MAX_CLAIMS], ..usage };
    let key_bytes = "pk".len() + "caps#".len() + key("ada").as_str().len();
    let of = |(name, value): (&str, Option<AttributeValue>)| match value {
        None => 0,
        Some(AttributeValue::N(digits)) => name.len() + digits.len() / 2 + 2,
        Some(AttributeValue::B(bytes)) => name.len() + bytes.as_ref().len(),
        Some(other) => name.len() + other.as_s().unwrap().len(),
    };
    let size = key_bytes + attributes(&most).into_iter().map(of).sum::<usize>();
    assert!(size <= 1_024, "{size} bytes");
    let all = items(&person.world.dynamo.client(), CONTROL).await;
    let item = all.iter().find(|item| item["pk"].as_s().is_ok_and(|pk| pk.starts_with("caps#"))).unwrap();
    let expires_at = ItemReader(item).maybe_number("expires_at").unwrap().unwrap();
    assert_eq!(expires_at, (at + (31 * 24).hours()).as_second() + 1);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(9);
    let erased = person.world.stores.erasure.erase(&key("ada"), now(), deadline).await.unwrap();
    assert_eq!((erased.counters, erased.is_complete()), (1, true));
    assert_eq!(person.store().load_with_caps(&key("ada")).await.unwrap(), None);
}
