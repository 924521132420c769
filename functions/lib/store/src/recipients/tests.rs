//! Tests of profiles, devices, unsubscriptions and scans over the test tables.
#![allow(clippy::unwrap_used)]

use jiff::ToSpan;

use super::*;
use crate::sample::{TestTables, key, recipient_id};
use crate::testing_tables::{RECIPIENTS, items};
use domain::NotificationTypes;
use domain::recipient::ChoiceAuthor::{self, Caller, Link};
use domain::recipient::{Choice, ChoiceScope, Preferences, ProfileVersion};

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
    let devices = store.stored_profile(&key("ada")).await.unwrap().unwrap().device_ids;
    store.delete_profile(&key("ada"), &devices, WriteIf::Always).await.unwrap();
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
    let mut profile = Profile::of_json(body, &NotificationTypes::default(), None, now()).unwrap();
    for (scope, wants) in
        [(ChoiceScope::Channel(Channel::Sms), false), (ChoiceScope::Cell("NEWS".to_owned(), Channel::Push), true)]
    {
        profile.preferences.choices.set(scope, Choice { wants, by: ChoiceAuthor::Person, at: now() });
    }
    profile
        .preferences
        .choices
        .set(ChoiceScope::Cell("NEWS".to_owned(), Channel::Push), Choice::refusal(Caller, now()));
    assert_eq!(profile.preferences.choices.covered().count(), 1);
    let store = &world.stores.recipients;
    let stored = store.put_profile(&recipient_id("ada"), &key("ada"), &profile, &BTreeSet::new(), now()).await.unwrap();
    assert_eq!(store.load(&key("ada")).await.unwrap(), Some(stored.clone()));
    assert_eq!(Profile::of(&stored), profile);
}

fn unsubscribed(recipient: &Recipient) -> Vec<&str> {
    recipient.preferences.unsubscribed_types().collect()
}

#[tokio::test]
async fn an_unsubscription_is_one_entry_of_the_choices_and_creates_no_profile() {
    let world = TestTables::new().await;
    let store = &world.stores.recipients;
    assert_eq!(
        store.unsubscribe(&key("ada"), "NEWS", Link, now()).await.unwrap().result,
        OptOutResult::UnknownRecipient
    );
    store.subscribe_again(&key("ada"), "NEWS", now()).await.unwrap();
    assert_eq!(store.load(&key("ada")).await.unwrap(), None);
    // A profile that a device created, and one that a caller put.
    let bob = Profile { locale: Some("it".to_owned()), ..Profile::default() };
    world.device("ada", "phone", now(), None).await;
    world
        .stores
        .recipients
        .put_profile(&recipient_id("bob"), &key("bob"), &bob, &BTreeSet::new(), now())
        .await
        .unwrap();
    for id in ["ada", "bob"] {
        for (kind, came_to) in
            [("NEWS", OptOutResult::Stored), ("NEWS", OptOutResult::Unchanged), ("OFFERS", OptOutResult::Stored)]
        {
            assert_eq!(store.unsubscribe(&key(id), kind, Link, now()).await.unwrap().result, came_to);
        }
        let again = store.unsubscribe(&key(id), "NEWS", Link, now()).await.unwrap();
        assert_eq!(again.locale.as_deref(), (id == "bob").then_some("it"));
        let both = store.load(&key(id)).await.unwrap().unwrap();
        assert_eq!((unsubscribed(&both), both.revision), (vec!["NEWS", "OFFERS"], 3));
        for _ in 0..2 {
            store.subscribe_again(&key(id), "NEWS", now()).await.unwrap();
        }
        let one = store.load(&key(id)).await.unwrap().unwrap();
        assert_eq!((unsubscribed(&one), one.revision), (vec!["OFFERS"], 4), "only a change increments the revision");
    }
}

#[tokio::test]
async fn a_recipients_refusal_replaces_that_of_a_caller_and_only_the_recipient_undoes_it() {
    let world = TestTables::new().await;
    let store = &world.stores.recipients;
    let mut profile = Profile::default();
    let scope = ChoiceScope::Type("NEWS".to_owned());
    profile.preferences.choices.set(scope.clone(), Choice::refusal(Caller, now()));
    store.put_profile(&recipient_id("ada"), &key("ada"), &profile, &BTreeSet::new(), now()).await.unwrap();
    store.subscribe_again(&key("ada"), "NEWS", now()).await.unwrap();
    assert_eq!(store.load(&key("ada")).await.unwrap().unwrap().preferences, profile.preferences, "a caller's stays");
    assert_eq!(store.unsubscribe(&key("ada"), "NEWS", Link, now()).await.unwrap().result, OptOutResult::Stored);
    let mut stored = store.load(&key("ada")).await.unwrap().unwrap();
    let own: Preferences = stored.preferences.clone();
    assert_eq!(unsubscribed(&stored), ["NEWS"]);
    stored.preferences.choices.set_all_of_caller(&BTreeSet::new(), &BTreeSet::new(), now());
    assert_eq!(stored.preferences, own);
}

#[tokio::test]
async fn preferences_are_put_on_the_version_that_was_read_alone() {
    let world = TestTables::new().await;
    let store = &world.stores.recipients;
    world.device("ada", "phone", now(), None).await;
    let read = ProfileVersion::of(&store.load(&key("ada")).await.unwrap().unwrap());
    let mut chosen = Preferences::default();
    chosen.choices.set(ChoiceScope::Channel(Channel::Sms), Choice::refusal(ChoiceAuthor::Person, now()));
    let hours = serde_json::from_str(r#"{"start": "22:00", "end": "07:00"}"#).unwrap();
    chosen.set_quiet_hours(Some(hours), ChoiceAuthor::Person, now());
    store.unsubscribe(&key("ada"), "NEWS", Link, now()).await.unwrap();
    let lost = store.put_preferences_if(&key("ada"), &chosen, read, now() + 1.second()).await.unwrap();
    assert_eq!(lost, None, "the unsubscription would be lost");
    let read = ProfileVersion::of(&store.load(&key("ada")).await.unwrap().unwrap());
    let stored = store.put_preferences_if(&key("ada"), &chosen, read, now() + 1.second()).await.unwrap().unwrap();
    assert_eq!((&stored.preferences, stored.revision), (&chosen, 3));
    let again = store.put_preferences_if(&key("ada"), &chosen, read, now() + 1.second()).await.unwrap();
    assert_eq!(again, Some(stored), "a retry by the SDK finds the result of the first write");
    assert_eq!(store.load(&key("ada")).await.unwrap().unwrap().preferences, chosen);
    assert_eq!(store.put_preferences_if(&key("bob"), &chosen, read, now()).await.unwrap(), None);
}

#[tokio::test]
async fn the_error_of_a_malformed_item_names_only_the_attribute() {
    let world = TestTables::new().await;
    world.device("ada", "secret", now(), None).await;
    let client = world.dynamo.client();
    let update = client.update_item().table_name(RECIPIENTS).set_key(Some(item_key(key("ada").as_str(), PROFILE)));
    let update = update.update_expression("REMOVE devices.#device.p256dh");
    update.expression_attribute_names("#device", &world.devices("ada").await[0]).send().await.unwrap();
    let error = world.stores.recipients.load(&key("ada")).await.unwrap_err();
    assert!(error.to_string().contains("`p256dh`") && !format!("{error:?}").contains("secret"), "{error}");
}

#[tokio::test]
async fn a_scan_reads_every_device_once() {
    let world = TestTables::new().await;
    for number in 0..7 {
        world.device(&format!("r{number}"), &format!("t{number}"), now(), None).await;
    }
    let mut seen = Vec::new();
    for segment in 0..3 {
        let mut after = None;
        loop {
            let page = world.stores.recipients.scan_devices(segment, 3, after.as_ref(), 2).await.unwrap();
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
    assert_eq!(items(&world.dynamo.client(), RECIPIENTS).await.len(), 7);
}
