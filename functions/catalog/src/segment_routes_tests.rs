//! Segments that are written at the same time, and the limits of all segments together.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use store::testing_tables::{SETTINGS, items, tables};

use crate::testing::{api, ask};

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
