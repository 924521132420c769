//! Tests of concurrent writers, on tables with DynamoDB's real semantics.
#![allow(clippy::unwrap_used)]

use jiff::ToSpan;
use serde_json::{Value, json};

use super::super::testing::TestApi;
use super::*;

const GET: &str = "GET /v1/recipients/{id}";
const PUT: &str = "PUT /v1/recipients/{id}";
const PATCH: &str = "PATCH /v1/recipients/{id}";
const DELETE: &str = "DELETE /v1/recipients/{id}";

/// Headers of a request.
#[derive(Default)]
struct Asked<'a> {
    if_match: Option<&'a str>,
    if_none_match: Option<&'a str>,
    content_type: Option<&'a str>,
}

fn if_match(tag: &str) -> Asked<'_> {
    Asked { if_match: Some(tag), ..Asked::default() }
}

fn if_none_match(tag: &str) -> Asked<'_> {
    Asked { if_none_match: Some(tag), ..Asked::default() }
}

impl TestApi {
    async fn asked(&self, route: &str, headers: Asked<'_>, body: &Value) -> (u16, String, Value) {
        let request = Request {
            if_match: headers.if_match.map(str::to_owned),
            if_none_match: headers.if_none_match.map(str::to_owned),
            content_type: headers.content_type.map(str::to_owned),
            ..Self::request(route, &[("id", "ada")], &[], body.to_string().into_bytes())
        };
        let response = self.api.answer(&request, self.now).await;
        let tag = response.headers.iter().find(|(name, _)| *name == "ETag").map(|(_, tag)| tag.clone());
        let body = serde_json::from_str(response.body.expose()).unwrap_or(Value::Null);
        (response.status, tag.unwrap_or_default(), body)
    }

    async fn status(&self, route: &str, headers: Asked<'_>, body: &Value) -> u16 {
        self.asked(route, headers, body).await.0
    }

    /// Sends a request that must be refused and must change nothing.
    async fn refused(&self, route: &str, headers: Asked<'_>, body: &Value) -> (u16, Vec<String>) {
        let before = self.everything().await;
        let (status, _, problem) = self.asked(route, headers, body).await;
        assert_eq!(self.everything().await, before, "{problem}");
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        (status, errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect())
    }
}

#[tokio::test]
async fn a_state_has_the_same_tag_in_every_response() {
    let world = TestApi::new().await;
    let (status, first, _) = world.asked(PUT, Asked::default(), &json!({"email": "ada@example.com"})).await;
    assert_eq!(status, 201);
    assert!(first.starts_with('"') && first.ends_with('"') && first.len() > 10, "{first}");
    let (_, read, _) = world.asked(GET, Asked::default(), &json!(null)).await;
    assert_eq!(read, first);
    let (status, same, body) = world.asked(GET, if_none_match(&first), &json!(null)).await;
    assert_eq!((status, &same, body), (304, &first, Value::Null));
    assert_eq!(world.status(GET, if_none_match(&format!("\"x\", W/{first}")), &json!(null)).await, 304);
    assert_eq!(world.status(GET, if_none_match("*"), &json!(null)).await, 304);
    assert_eq!(world.status(GET, if_none_match("\"x\""), &json!(null)).await, 200);
    let (_, second, _) = world.asked(PATCH, Asked::default(), &json!({"phone": "+393331234567"})).await;
    assert_ne!(second, first);
    assert_eq!(world.asked(GET, Asked::default(), &json!(null)).await.1, second);
    // The response contains the devices, so the tag covers them.
    world.register("ada", "phone").await;
    let (status, third, _) = world.asked(GET, if_none_match(&second), &json!(null)).await;
    assert_eq!(status, 200);
    assert_ne!(third, second);
}

#[tokio::test]
async fn a_write_under_a_stale_tag_is_412_and_changes_nothing() {
    let mut world = TestApi::new().await;
    let (_, stale, _) = world.asked(PUT, Asked::default(), &json!({"email": "ada@example.com"})).await;
    world.now += 1.hour();
    let (status, fresh, _) = world.asked(PUT, if_match(&stale), &json!({"locale": "it"})).await;
    assert_eq!(status, 200);
    for route in [PUT, PATCH, DELETE] {
        for tag in [&stale, "\"x\"", &format!("W/{fresh}"), &format!("{stale}, W/{fresh}")] {
            assert_eq!(
                world.refused(route, if_match(tag), &json!({"locale": "de"})).await,
                (412, vec![]),
                "{route} {tag}"
            );
        }
        let wrong = world.refused(route, if_match("unquoted"), &json!({})).await;
        assert_eq!(wrong, (422, vec!["If-Match".to_owned()]));
    }
    // A browser that registers or deletes its device does not count as another writer of the profile.
    let (_, device) = world.register("ada", "phone").await;
    assert_eq!(world.status(PATCH, if_match(&fresh), &json!({"locale": "de"})).await, 200);
    assert_eq!(world.refused(PUT, if_match(&fresh), &json!({})).await.0, 412);
    assert_eq!(world.delete_device("ada", device["device_id"].as_str().unwrap()).await.0, 204);
    let (_, read, _) = world.asked(GET, Asked::default(), &json!(null)).await;
    assert_eq!(world.status(PUT, if_match(&format!("\"x\", {read}")), &json!({})).await, 200);
    assert_eq!(world.status(PUT, if_match("*"), &json!({})).await, 200);
}

#[tokio::test]
async fn a_tag_from_before_an_erasure_never_matches_again() {
    let mut world = TestApi::new().await;
    let (_, before, _) = world.asked(PUT, Asked::default(), &json!({})).await;
    assert_eq!(world.status(DELETE, if_match(&before), &json!(null)).await, 200);
    for route in [PUT, DELETE] {
        assert_eq!(world.refused(route, if_match("*"), &json!({})).await.0, 412, "nothing is there");
        assert_eq!(world.refused(route, if_match(&before), &json!({})).await.0, 412);
    }
    world.now += 1.second();
    assert_eq!(world.status(PUT, if_none_match("*"), &json!({})).await, 201);
    assert_eq!(world.refused(PUT, if_match(&before), &json!({})).await.0, 412);
    assert_eq!(world.refused(PUT, if_none_match("*"), &json!({})).await.0, 412, "it is there already");
}

#[tokio::test]
async fn one_of_many_writers_with_the_same_tag_succeeds() {
    let world = std::sync::Arc::new(TestApi::new().await);
    let (_, tag, _) = world.asked(PUT, Asked::default(), &json!({})).await;
    let mut at_once = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (world, tag) = (world.clone(), tag.clone());
        let route = [PUT, PATCH][number % 2];
        at_once.spawn(async move { world.status(route, if_match(&tag), &json!({"attributes": {"n": number}})).await });
    }
    let mut statuses = at_once.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
}

#[tokio::test]
async fn concurrent_patches_lose_no_fields() {
    let world = std::sync::Arc::new(TestApi::new().await);
    world.put("ada", &json!({"email": "ada@example.com"})).await;
    let mut at_once = tokio::task::JoinSet::new();
    for patch in [json!({"locale": "it"}), json!({"time_zone": "Europe/Rome"}), json!({"attributes": {"plan": "gold"}})]
    {
        let world = world.clone();
        at_once.spawn(async move { world.status(PATCH, Asked::default(), &patch).await });
    }
    assert_eq!(at_once.join_all().await, [200, 200, 200]);
    let (_, read) = world.get("ada").await;
    assert_eq!((&read["locale"], &read["time_zone"]), (&json!("it"), &json!("Europe/Rome")));
    assert_eq!((&read["attributes"]["plan"], &read["email"]), (&json!("gold"), &json!("ada@example.com")));
}

/// Returns the preferences without the read-only members.
fn settable(profile: &Value) -> Value {
    let mut preferences = profile["preferences"].clone();
    preferences.as_object_mut().unwrap().retain(|name, _| name != "choices" && name != "quiet_hours_choice");
    preferences
}

#[tokio::test]
async fn a_patch_merges_removes_and_is_checked_as_a_whole() {
    let world = TestApi::new().await;
    assert_eq!(world.refused(PATCH, Asked::default(), &json!({})).await, (404, vec![]));
    world
        .put(
            "ada",
            &json!({"email": "ada@example.com", "time_zone": "Europe/Rome", "attributes": {"a": 1, "b": {"c": 2}},
        "preferences": {"opted_out_types": ["PAYMENT_DUE"], "quiet_hours": {"start": "22:00", "end": "07:00"}}}),
        )
        .await;
    let patch = json!({"email": null, "attributes": {"a": null, "b": {"d": 3}}, "preferences": {"quiet_hours": {"end": "08:00"}}});
    let merge = || Asked { content_type: Some("application/merge-patch+json; charset=utf-8"), ..Asked::default() };
    let (status, _, patched) = world.asked(PATCH, merge(), &patch).await;
    assert_eq!(
        (status, &patched["email"], &patched["attributes"]),
        (200, &Value::Null, &json!({"b": {"c": 2, "d": 3}}))
    );
    let hours = json!({"opted_out_types": ["PAYMENT_DUE"], "quiet_hours": {"start": "22:00", "end": "08:00"}});
    assert_eq!(settable(&patched), hours);
    for (patch, field) in [
        (json!({"time_zone": null}), "time_zone"),
        (json!({"phone": "secret"}), "phone"),
        (json!({"colour": null}), "colour"),
        (json!({"preferences": {"colour": null}}), "preferences.colour"),
        (json!({"preferences": {"quiet_hours": {"middle": null}}}), "preferences.quiet_hours.middle"),
        (json!({"preferences": {"quiet_hours": {"end": null}}}), "preferences.quiet_hours.end"),
        (json!({"attributes": "x"}), "attributes"),
        (json!({"created_at": null}), "created_at"),
        (json!([]), "body"),
        (json!(null), "body"),
    ] {
        assert_eq!(world.refused(PATCH, merge(), &patch).await, (422, vec![field.to_owned()]), "{patch}");
    }
    for other in ["application/json-patch+json", "text/plain", "application/x-www-form-urlencoded"] {
        let headers = Asked { content_type: Some(other), ..Asked::default() };
        assert_eq!(world.refused(PATCH, headers, &json!({})).await.0, 415, "{other}");
    }
    let (status, _, emptied) =
        world.asked(PATCH, Asked::default(), &json!({"attributes": null, "preferences": null})).await;
    assert_eq!((status, &emptied["attributes"], &emptied["preferences"]), (200, &json!({}), &json!({})));
}

#[tokio::test]
async fn a_response_of_get_can_be_put_and_read_only_fields_are_named_together() {
    let mut world = TestApi::new().await;
    world.put("ada", &json!({"email": "ada@example.com", "preferences": {"opted_out_channels": ["sms"]}})).await;
    world.register("ada", "phone").await;
    let (_, tag, read) = world.asked(GET, Asked::default(), &json!(null)).await;
    world.now += 1.hour();
    assert_eq!(world.status(PUT, if_match(&tag), &read).await, 200);
    let (_, mut again) = world.get("ada").await;
    assert_eq!((&again["email"], &again["devices"]), (&read["email"], &read["devices"]));
    again["locale"] = json!("it");
    assert_eq!(world.status(PUT, Asked::default(), &again).await, 200);
    let (_, mut body) = world.get("ada").await;
    for (name, value) in [("id", json!("bob")), ("devices", json!([])), ("created_at", json!("2020-01-01T00:00:00Z"))] {
        body[name] = value;
    }
    for route in [PUT, PATCH] {
        let (status, mut fields) = world.refused(route, Asked::default(), &body).await;
        fields.sort_unstable();
        assert_eq!((status, fields), (422, ["created_at", "devices", "id"].map(str::to_owned).to_vec()));
        // If another writer changed the profile after the read, the error is 412. It is not 422 about fields that the
        // caller did not change.
        assert_eq!(world.refused(route, if_match(&tag), &read).await, (412, vec![]));
    }
}

/// A stored number may be older than the rule that a number must be a mobile one.
#[tokio::test]
async fn a_stored_number_of_a_landline_stops_no_change_of_another_field() {
    use domain::channel::PhoneNumber;
    let mut world = TestApi::new().await;
    let id = RecipientId::parse("ada").unwrap();
    let landline = Profile { phone: PhoneNumber::parse("+39061234567").ok(), ..Profile::default() };
    let key = world.api.hasher.recipient_key(&id);
    world.api.store(&id, &key, &landline, WriteIf::Absent, None, world.now).await.unwrap().unwrap();
    world.now += 1.hour();
    assert_eq!(world.status(PATCH, Asked::default(), &json!({"locale": "it"})).await, 200);
    let (_, mut read) = world.get("ada").await;
    read["locale"] = json!("de");
    assert_eq!(world.status(PUT, Asked::default(), &read).await, 200);
    for row in [json!({"id": "ada", "locale": "en"}), json!({"id": "ada", "phone": "+39061234567", "locale": "fr"})] {
        let imported = world.import("upsert", &[row]).await;
        assert_eq!(imported["items"][0]["result"], "updated", "{imported}");
    }
    let (_, read) = world.get("ada").await;
    assert_eq!((&read["phone"], &read["locale"]), (&json!("+39061234567"), &json!("fr")));
    for route in [PUT, PATCH] {
        let another = world.refused(route, Asked::default(), &json!({"phone": "+39061234568"})).await;
        assert_eq!(another, (422, vec!["phone".to_owned()]));
    }
}
