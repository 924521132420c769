#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use aws::DynamoClient;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use platform::caller::Caller;
use platform::http::{Request, Response};
use platform::private::Private;
use serde_json::{Value, json};
use store::testing_tables::{SETTINGS, tables};

use super::CatalogApi;
use super::testing::api;

/// The API on an empty table, with a clock that tests set.
struct Operator {
    client: DynamoClient,
    api: CatalogApi,
    now: Timestamp,
}

/// Headers and query of a request.
#[derive(Default)]
struct With<'a> {
    if_match: Option<&'a str>,
    if_none_match: Option<&'a str>,
    query: &'a [(&'a str, &'a str)],
}

impl Operator {
    async fn new() -> Self {
        let client = tables().await.client();
        Self { api: api(&client), client, now: "2027-01-10T12:00:00Z".parse().unwrap() }
    }

    async fn ask(&self, route: &str, name: &str, body: Value, with: With<'_>) -> Response {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), Private::new((*value).to_owned()));
        let request = Request {
            route: route.to_owned(),
            path: BTreeMap::from([owned(&("type", name))]),
            query: with.query.iter().map(owned).collect(),
            if_match: with.if_match.map(str::to_owned),
            if_none_match: with.if_none_match.map(str::to_owned),
            body: Private::new(body.to_string().into_bytes()),
            caller: Caller { id: "ops".to_owned(), ..Caller::default() },
            ..Request::default()
        };
        self.api.answer(&request, self.now).await
    }

    async fn put(&self, name: &str, body: Value, with: With<'_>) -> (u16, Value) {
        read(&self.ask("PUT /v1/types/{type}", name, body, with).await)
    }

    async fn get(&self, name: &str) -> (u16, Value) {
        read(&self.ask("GET /v1/types/{type}", name, Value::Null, With::default()).await)
    }

    async fn delete(&self, name: &str) -> (u16, Value) {
        read(&self.ask("DELETE /v1/types/{type}", name, Value::Null, With::default()).await)
    }

    async fn changes(&self, name: &str) -> Vec<Value> {
        let response = self.ask("GET /v1/types/{type}/changes", name, Value::Null, With::default()).await;
        read(&response).1["items"].as_array().unwrap().clone()
    }

    async fn tag(&self, name: &str) -> String {
        let response = self.ask("GET /v1/types/{type}", name, Value::Null, With::default()).await;
        response.headers.into_iter().find(|(header, _)| *header == "ETag").unwrap().1
    }
}

fn read(response: &Response) -> (u16, Value) {
    (response.status, serde_json::from_str(response.body.expose()).unwrap_or(Value::Null))
}

fn offers() -> Value {
    json!({"title": "Offers", "class": "marketing", "channels": ["push", "email"]})
}

#[tokio::test]
async fn the_first_read_creates_the_built_in_types_as_ordinary_rows() {
    let operator = Operator::new().await;
    let (status, list) = read(&operator.ask("GET /v1/types", "", Value::Null, With::default()).await);
    let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!((status, names), (200, vec!["CERTIFICATE_EXPIRING", "DEFAULT", "PAYMENT_DUE"]));
    assert_eq!(list["items"][2]["escalate_after_seconds"], 14_400);
    assert_eq!(operator.changes("DEFAULT").await[0]["who"], "service");
    let again = read(&operator.ask("GET /v1/types", "", Value::Null, With::default()).await).1;
    assert_eq!((again, operator.changes("DEFAULT").await.len()), (list, 1));
}

#[tokio::test]
async fn a_type_is_created_changed_and_sent_back_unchanged() {
    let operator = Operator::new().await;
    let (status, created) = operator.put("OFFERS", offers(), With::default()).await;
    assert_eq!((status, &created["revision"], &created["cap"]), (201, &json!(1), &json!("respect")));
    let (status, same) = operator.put("OFFERS", created.clone(), With::default()).await;
    assert_eq!((status, &same), (200, &created), "a response may be sent back");
    let mut body = offers();
    body["title"] = json!("Special offers");
    let (status, changed) = operator.put("OFFERS", body, With::default()).await;
    assert_eq!((status, &changed["revision"], &changed["title"]), (200, &json!(2), &json!("Special offers")));
    let changes = operator.changes("OFFERS").await;
    assert_eq!(changes.len(), 2, "an equal definition is no change");
    assert_eq!(
        (&changes[0]["before"], &changes[0]["after"]),
        (&json!({"title": "Offers"}), &json!({"title": "Special offers"}))
    );
    assert_eq!((&changes[0]["who"], &changes[0]["name"]), (&json!("api"), &json!("ops")));
    for after in ["", "yesterday"] {
        let with = With { query: &[("after", after)], ..With::default() };
        let (status, problem) = read(&operator.ask("GET /v1/types/{type}/changes", "OFFERS", Value::Null, with).await);
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("after")));
    }
}

#[tokio::test]
async fn a_stale_tag_is_412_and_changes_nothing() {
    let operator = Operator::new().await;
    operator.put("OFFERS", offers(), With::default()).await;
    let stale = operator.tag("OFFERS").await;
    let mut body = offers();
    body["tries"] = json!(2);
    let fresh = With { if_match: Some(&stale), ..With::default() };
    assert_eq!(operator.put("OFFERS", body.clone(), fresh).await.0, 200);
    body["tries"] = json!(3);
    let late = With { if_match: Some(&stale), ..With::default() };
    assert_eq!(operator.put("OFFERS", body.clone(), late).await.0, 412);
    let new_only = With { if_none_match: Some("*"), ..With::default() };
    assert_eq!(operator.put("OFFERS", body.clone(), new_only).await.0, 412);
    let unknown = With { if_match: Some("*"), ..With::default() };
    assert_eq!(operator.put("NEWS", body, unknown).await.0, 412);
    assert_eq!((operator.get("OFFERS").await.1["tries"].clone(), operator.get("NEWS").await.0), (json!(2), 404));
}

#[tokio::test]
async fn a_dry_run_answers_as_the_write_would_and_writes_nothing() {
    let operator = Operator::new().await;
    let dry = || With { query: &[("dry_run", "true")], ..With::default() };
    let (status, would_be) = operator.put("OFFERS", offers(), dry()).await;
    assert_eq!((status, &would_be["dry_run"], &would_be["revision"]), (200, &json!(true), &json!(1)));
    assert_eq!(operator.get("OFFERS").await.0, 404);
    assert_eq!(operator.put("OFFERS", json!({"title": "x"}), dry()).await.0, 422);
    operator.put("OFFERS", offers(), With::default()).await;
    let response = operator.ask("DELETE /v1/types/{type}", "OFFERS", Value::Null, dry()).await;
    assert_eq!(read(&response).1["state"], "archived");
    assert_eq!(operator.get("OFFERS").await.1["state"], "active");
    let unclear = With { query: &[("dry_run", "1")], ..With::default() };
    assert_eq!(operator.put("OFFERS", offers(), unclear).await.0, 422);
}

#[tokio::test]
async fn a_deleted_type_is_archived_and_removed_when_no_notification_of_it_is_left() {
    let mut operator = Operator::new().await;
    operator.put("OFFERS", offers(), With::default()).await;
    let (status, archived) = operator.delete("OFFERS").await;
    assert_eq!(
        (status, &archived["state"], &archived["removable_at"]),
        (200, &json!("archived"), &json!("2027-08-06T12:00:00Z"))
    );
    assert_eq!(operator.delete("OFFERS").await, (200, archived.clone()), "a repeat changes nothing");
    operator.now = "2027-08-06T11:59:59Z".parse().unwrap();
    assert_eq!(operator.delete("OFFERS").await.0, 200);
    operator.now = "2027-08-06T12:00:00Z".parse().unwrap();
    assert_eq!(operator.delete("OFFERS").await.0, 204);
    assert_eq!((operator.get("OFFERS").await.0, operator.delete("OFFERS").await.0), (404, 404));
    assert_eq!(operator.changes("OFFERS").await[0]["action"], "removed");
}

#[tokio::test]
async fn a_built_in_type_is_archived_and_never_removed_and_default_stays() {
    let mut operator = Operator::new().await;
    assert_eq!(operator.delete("DEFAULT").await.0, 409);
    assert_eq!(operator.delete("PAYMENT_DUE").await.1["state"], "archived");
    operator.now = "2037-01-10T12:00:00Z".parse().unwrap();
    assert_eq!(operator.delete("PAYMENT_DUE").await.0, 200);
    assert_eq!(operator.get("PAYMENT_DUE").await.1["state"], "archived");
}

#[tokio::test]
async fn of_ten_writers_at_once_each_change_is_stored_and_audited() {
    let operator = Operator::new().await;
    operator.put("OFFERS", offers(), With::default()).await;
    let writes = (1..=6).map(|tries| {
        let mut body = offers();
        body["tries"] = json!(tries);
        operator.put("OFFERS", body, With::default())
    });
    let answers = futures_util::future::join_all(writes).await;
    let stored = answers.iter().filter(|(status, _)| *status == 200).count();
    assert!(answers.iter().all(|(status, _)| [200, 503].contains(status)));
    let revision = operator.get("OFFERS").await.1["revision"].as_u64().unwrap();
    let changes = u64::try_from(operator.changes("OFFERS").await.len()).unwrap();
    assert_eq!(revision, changes);
    assert!(stored >= 1 && revision <= 7);
}

#[tokio::test]
async fn a_malformed_definition_is_500_until_it_is_put_again() {
    let operator = Operator::new().await;
    operator.put("OFFERS", offers(), With::default()).await;
    let definition = AttributeValue::S(json!({"title": 1}).to_string());
    let update = operator.client.update_item().table_name(SETTINGS).key("pk", AttributeValue::S("catalog".to_owned()));
    let update = update.key("sk", AttributeValue::S("type#OFFERS".to_owned())).update_expression("SET #d = :d");
    update
        .expression_attribute_names("#d", "definition")
        .expression_attribute_values(":d", definition)
        .send()
        .await
        .unwrap();
    assert_eq!((operator.get("OFFERS").await.0, operator.delete("OFFERS").await.0), (500, 500));
    let (status, repaired) = operator.put("OFFERS", offers(), With::default()).await;
    assert_eq!((status, &repaired["revision"]), (200, &json!(2)));
    assert_eq!(operator.get("OFFERS").await.0, 200);
}

#[tokio::test]
async fn the_201st_type_and_a_malformed_name_are_refused() {
    let operator = Operator::new().await;
    for number in 0..200 {
        let (status, _) = operator.put(&format!("TYPE_{number}"), offers(), With::default()).await;
        assert_eq!(status, 201);
    }
    assert_eq!(operator.put("ONE_MORE", offers(), With::default()).await.0, 409);
    assert_eq!(
        operator
            .put("TYPE_7", json!({"title": "x", "class": "critical", "channels": ["sms"]}), With::default())
            .await
            .0,
        200
    );
    for name in ["offers", "1A", "A-B", ""] {
        let (status, problem) = operator.put(name, offers(), With::default()).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("type")));
    }
}
