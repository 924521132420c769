//! Exact counts that take several requests, and segments that are written at the same time.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::recipient::Profile;
use platform::caller::Caller;
use platform::private::Private;
use store::WriteIf;
use store::sample::{key, recipient_id};
use store::testing_tables::{SETTINGS, items, tables};

use super::*;
use crate::testing::api;

fn now() -> Timestamp {
    "2027-03-29T00:00:00Z".parse().unwrap()
}

async fn api_with_people(people: usize) -> CatalogApi {
    let api = api(&tables().await.client());
    for number in 0..people {
        let id = format!("user-{number}");
        let (id, key, none) = (recipient_id(&id), key(&id), BTreeSet::new());
        api.recipients.put_profile_if(&id, &key, &Profile::default(), &none, WriteIf::Always, now()).await.unwrap();
    }
    api
}

async fn ask(api: &CatalogApi, route: &str, id: &str, body: &Value) -> (u16, Value) {
    let request = Request {
        route: route.to_owned(),
        path: [("id".to_owned(), Private::new(id.to_owned()))].into(),
        body: Private::new(body.to_string().into_bytes()),
        caller: Caller { id: "ops".to_owned(), ..Caller::default() },
        ..Request::default()
    };
    let response = api.answer(&request, now()).await;
    (response.status, serde_json::from_str(response.body.expose()).unwrap_or(Value::Null))
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

const SEGMENT: &str = "PUT /v1/segments/{id}";

fn named(id: &str) -> Value {
    json!({"title": "T", "filter": {"field": "segment", "op": "eq", "value": id}})
}

#[tokio::test]
async fn two_writes_at_once_make_neither_a_cycle_nor_a_reference_to_nothing() {
    let everybody = json!({"title": "T", "filter": {"all": []}});
    for _ in 0..8 {
        let api = api(&tables().await.client());
        for id in ["a", "b"] {
            assert_eq!(ask(&api, SEGMENT, id, &everybody).await.0, 201);
        }
        let (to_b, to_a) = (named("b"), named("a"));
        let (first, second) = tokio::join!(ask(&api, SEGMENT, "a", &to_b), ask(&api, SEGMENT, "b", &to_a));
        assert_eq!(BTreeSet::from([first.0, second.0]), BTreeSet::from([200, 422]), "one of them would close a ring");
        let (removal, none) = ("DELETE /v1/segments/{id}", Value::Null);
        let (put, deleted) = tokio::join!(ask(&api, SEGMENT, "c", &to_a), ask(&api, removal, "a", &none));
        assert!([(201, 409), (422, 204), (201, 204)].contains(&(put.0, deleted.0)), "{put:?} {deleted:?}");
        assert_ne!((put.0, deleted.0), (201, 204), "c would name nothing");
    }
}

#[tokio::test]
async fn the_501st_segment_is_refused_and_one_that_would_make_another_too_large_as_well() {
    let client = tables().await.client();
    let api = api(&client);
    let everybody = json!({"title": "T", "filter": {"all": []}});
    let fifty =
        json!({"title": "T", "filter": {"all": vec![json!({"field": "segment", "op": "eq", "value": "s0"}); 50]}});
    assert_eq!(ask(&api, SEGMENT, "s0", &everybody).await.0, 201);
    assert_eq!(ask(&api, SEGMENT, "s1", &fifty).await.0, 201);
    let many = json!({"title": "T", "filter": {"all": vec![json!({"field": "locale", "op": "exists"}); 50]}});
    let (status, refused) = ask(&api, SEGMENT, "s0", &many).await;
    assert_eq!((status, &refused["errors"][0]["field"]), (422, &json!("filter")), "{refused}");
    let stored = items(&client, SETTINGS).await;
    let copied = stored.into_iter().find(|item| item["sk"].as_s().is_ok_and(|sk| sk == "s0")).unwrap();
    for number in 2..500 {
        let mut row = copied.clone();
        row.insert("sk".to_owned(), AttributeValue::S(format!("s{number}")));
        client.put_item().table_name(SETTINGS).set_item(Some(row)).send().await.unwrap();
    }
    let (status, refused) = ask(&api, SEGMENT, "s500", &everybody).await;
    assert_eq!((status, refused["detail"].as_str().unwrap().contains("500")), (409, true));
    assert_eq!(ask(&api, SEGMENT, "s499", &many).await.0, 200, "an existing one may be replaced");
}
