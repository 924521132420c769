//! Tests of registrations that conflict with other writers.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use futures_util::future::join_all;
use jiff::ToSpan;

use super::*;
use crate::sample::{TestTables, key, recipient_id, registering};
use crate::testing_tables::{CONTROL, RECIPIENTS, items};
use aws::deadline;
use domain::recipient::MAX_DEVICES;

fn now() -> Timestamp {
    "2027-03-29T00:00:00Z".parse().unwrap()
}

#[tokio::test]
async fn thirty_concurrent_first_registrations_of_one_recipient_all_succeed() {
    const CONCURRENT: usize = 30;
    let world = TestTables::new().await;
    let (store, id, key) = (&world.stores.recipients, recipient_id("ada"), key("ada"));
    let at = |number: usize| now() + i64::try_from(number).unwrap().seconds();
    let devices: Vec<_> = (0..CONCURRENT).map(|number| registering(&format!("d{number}"), at(number), None)).collect();
    let registered = join_all(devices.iter().map(|device| store.register(&id, &key, device, None))).await;
    assert_eq!(registered, vec![Ok(RegistrationResult::New); CONCURRENT]);
    let recipient = store.load(&key).await.unwrap().unwrap();
    assert_eq!(recipient.devices.len(), MAX_DEVICES);
    let owners = items(&world.dynamo.client(), CONTROL).await;
    assert_eq!(owners.len(), MAX_DEVICES, "an owner for each device");
}

#[tokio::test]
async fn a_registration_that_conflicts_until_the_deadline_is_503_with_retry_after() {
    let world = TestTables::new().await;
    let device = registering("tablet", now(), None);
    let (store, id, key) = (&world.stores.recipients, recipient_id("ada"), key("ada"));
    // A profile without the map of devices, which no version writes, makes the condition of every try fail.
    let profile = ItemWriter::default()
        .text("pk", key.as_str())
        .text("sk", PROFILE)
        .text("id", "ada")
        .time("created_at", now())
        .time("updated_at", now())
        .number("revision", 1);
    let put = world.dynamo.client().put_item().table_name(RECIPIENTS).set_item(Some(profile.finish()));
    put.send().await.unwrap();
    let register = store.register(&id, &key, &device, None);
    let error = deadline::with_timeout(Duration::from_millis(100), register).await.unwrap_err();
    let problem = platform::problem::Problem::from(error);
    assert_eq!((problem.kind.status(), problem.retry_after_seconds), (503, Some(2)));
    assert!(items(&world.dynamo.client(), CONTROL).await.is_empty(), "nothing is partly written");
}
