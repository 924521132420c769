//! Tests of profiles, devices, unsubscriptions and sweeps over the test tables.
#![allow(clippy::unwrap_used)]

use jiff::ToSpan;

use super::*;
use crate::sample::{TestTables, key, recipient_id};
use crate::testing_tables::{RECIPIENTS, items};
use domain::NotificationTypes;

fn now() -> Timestamp {
    "2027-03-29T00:00:00Z".parse().unwrap()
}

#[tokio::test]
async fn devices_are_newest_first_and_without_a_profile_there_is_no_recipient() {
    let world = TestTables::new().await;
    let first = world.device("ada", "first", now(), None).await;
    let second = world.device("ada", "second", now() + 1.second(), None).await;
    assert_eq!(world.devices("ada").await, [second.device_id, first.device_id]);
    let store = &world.stores.recipients;
    let sort_keys = store.sort_keys(&key("ada")).await.unwrap();
    store.delete_profile(&key("ada"), &sort_keys).await.unwrap();
    assert_eq!(store.load(&key("ada")).await.unwrap(), None);
    assert!(!store.is_known(&key("ada")).await.unwrap());
}

#[tokio::test]
async fn a_profile_is_read_as_it_was_put() {
    let world = TestTables::new().await;
    let body = serde_json::json!({
        "email": "ada@example.com", "phone": "+393331234567", "locale": "it-IT", "time_zone": "Europe/Rome",
        "attributes": {"plan": "gold", "tags": [1, 2]},
        "preferences": {"opted_out_types": ["DEFAULT"], "quiet_hours": {"start": "22:00", "end": "07:00"}},
    });
    let body = platform::private::Private::new(body.to_string().into_bytes());
    let request = platform::http::Request { body, ..Default::default() };
    let (profile, _) = Profile::parse(&request, &NotificationTypes::default()).unwrap();
    let store = &world.stores.recipients;
    let stored = store.put_profile(&recipient_id("ada"), &key("ada"), &profile, &BTreeSet::new(), now()).await.unwrap();
    assert_eq!(store.load(&key("ada")).await.unwrap(), Some(stored.clone()));
    assert_eq!(Profile::of(&stored), profile);
}

#[tokio::test]
async fn an_unsubscription_survives_a_put_and_creates_no_profile() {
    let world = TestTables::new().await;
    let store = &world.stores.recipients;
    let put = async || {
        let none = BTreeSet::new();
        store.put_profile(&recipient_id("ada"), &key("ada"), &Profile::default(), &none, now()).await.unwrap()
    };
    assert_eq!(store.unsubscribe(&key("ada"), "NEWS", now()).await.unwrap(), OptOutResult::UnknownRecipient);
    store.subscribe_again(&key("ada"), "NEWS", now()).await.unwrap();
    assert_eq!(store.load(&key("ada")).await.unwrap(), None);
    put().await;
    for (kind, came_to) in
        [("NEWS", OptOutResult::Stored), ("NEWS", OptOutResult::Unchanged), ("OFFERS", OptOutResult::Stored)]
    {
        assert_eq!(store.unsubscribe(&key("ada"), kind, now()).await.unwrap(), came_to);
    }
    let both = put().await;
    assert!(!both.wants_type("NEWS") && !both.wants_type("OFFERS") && both.wants_type("DEFAULT"));
    for _ in 0..2 {
        store.subscribe_again(&key("ada"), "NEWS", now()).await.unwrap();
    }
    let one = store.load(&key("ada")).await.unwrap().unwrap();
    assert!(one.wants_type("NEWS") && !one.wants_type("OFFERS"));
    assert_eq!(one.revision, 5, "only a change increments the revision");
}

#[tokio::test]
async fn the_error_of_a_malformed_item_names_only_the_attribute() {
    let world = TestTables::new().await;
    world.device("ada", "secret", now(), None).await;
    let client = world.dynamo.client();
    let sk = world.stores.recipients.sort_keys(&key("ada")).await.unwrap().remove(0);
    let update = client.update_item().table_name(RECIPIENTS).set_key(Some(item_key(key("ada").as_str(), &sk)));
    update.update_expression("REMOVE p256dh").send().await.unwrap();
    let error = world.stores.recipients.load(&key("ada")).await.unwrap_err();
    assert!(error.to_string().contains("`p256dh`") && !format!("{error:?}").contains("secret"), "{error}");
}

#[tokio::test]
async fn a_sweep_reads_every_device_once() {
    let world = TestTables::new().await;
    for number in 0..7 {
        world.device(&format!("r{number}"), &format!("t{number}"), now(), None).await;
    }
    let mut seen = Vec::new();
    for segment in 0..3 {
        let mut after = None;
        loop {
            let page = world.stores.recipients.sweep(segment, 3, after.as_ref(), 2).await.unwrap();
            seen.extend(page.devices.into_iter().map(|device| device.device_id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
    assert_eq!(items(&world.dynamo.client(), RECIPIENTS).await.len(), 21);
}
