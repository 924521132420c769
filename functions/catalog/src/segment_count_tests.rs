//! Exact counts that take several requests.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use domain::recipient::Profile;
use store::WriteIf;
use store::sample::{key, recipient_id};
use store::testing_tables::tables;

use super::*;
use crate::testing::{api, ask, now};

async fn api_with_people(people: usize) -> CatalogApi {
    let api = api(&tables().await.client());
    for number in 0..people {
        let id = format!("user-{number}");
        let (id, key, none) = (recipient_id(&id), key(&id), BTreeSet::new());
        api.recipients.put_profile_if(&id, &key, &Profile::default(), &none, WriteIf::Always, now()).await.unwrap();
    }
    api
}

/// Stores a count of everybody that ran out of time after a few scan segments.
async fn interrupted(api: &CatalogApi) -> ExactCount {
    let filter = Filter::parse(&json!({"all": []}), "filter").unwrap();
    let audience = api.audience(filter.clone(), None, None, now()).await.unwrap();
    let mut progress = new_progress();
    audience.continue_count(&api.recipients, &mut progress[..3], Instant::now() + SEGMENT_COUNT_LIMIT).await;
    ExactCount { filter: filter.to_json(), kind: None, at: now(), progress }
}

const ID: &str = "0123456789abcdef";
const COUNT: &str = "GET /v1/segments/counts/{id}";

#[tokio::test]
async fn a_count_that_ran_out_of_time_is_continued_and_counts_each_person_once() {
    let api = api_with_people(70).await;
    let count = interrupted(&api).await;
    assert_eq!((shown(ID, &count)["state"].clone(), done(&count.progress)), (json!("running"), 3));
    api.segments.save_count(ID, None, count.clone(), now()).await.unwrap();
    for _ in 0..2 {
        let (status, shown) = ask(&api, COUNT, ID, &Value::Null).await;
        assert_eq!((status, &shown["state"], &shown["done"]), (200, &json!("finished"), &json!(64)));
        assert_eq!(shown["result"]["people"]["estimate"], 70);
    }
}

#[tokio::test]
async fn a_pass_without_time_counts_no_one_and_keeps_its_position() {
    let api = api_with_people(5).await;
    let mut count = interrupted(&api).await;
    let audience = api.audience(Filter::All(Vec::new()), None, None, now()).await.unwrap();
    audience.continue_count(&api.recipients, &mut count.progress, Instant::now()).await;
    assert_eq!(done(&count.progress), 3);
}

#[tokio::test]
async fn of_two_requests_that_continue_a_count_one_is_refused_and_a_cancelled_count_does_not_come_back() {
    let api = api_with_people(5).await;
    let count = interrupted(&api).await;
    api.segments.save_count(ID, None, count.clone(), now()).await.unwrap();
    let read: Versioned<ExactCount> = api.segments.count(ID).await.unwrap().unwrap();
    assert!(api.segments.save_count(ID, Some(&read), count.clone(), now()).await.unwrap());
    assert!(
        !api.segments.save_count(ID, Some(&read), count.clone(), now()).await.unwrap(),
        "another request continued it"
    );
    let read: Versioned<ExactCount> = api.segments.count(ID).await.unwrap().unwrap();
    assert_eq!(ask(&api, "DELETE /v1/segments/counts/{id}", ID, &Value::Null).await.0, 204);
    assert!(!api.segments.save_count(ID, Some(&read), count.clone(), now()).await.unwrap());
    assert_eq!(ask(&api, COUNT, ID, &Value::Null).await.0, 404);
}
