//! Tests of callers' requests, on tables with DynamoDB's real semantics.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use jiff::ToSpan;
use serde_json::{Value, json};

use super::super::testing::{P256DH, TestApi, subscription};
use super::*;
use store::testing_tables::{NOTIFICATIONS, RECIPIENTS, items};

#[tokio::test]
async fn a_recipient_is_created_replaced_and_read() {
    let mut world = TestApi::new().await;
    let (status, first) = world.put("ada", &json!({"email": "ada@example.com", "attributes": {"plan": "gold"}})).await;
    assert_eq!(
        (status, &first["email"], &first["created_at"]),
        (201, &json!("ada@example.com"), &json!("2027-01-10T12:00:00Z"))
    );

    world.now += 1.hour();
    let (status, second) = world.put("ada", &json!({"phone": "+393331234567", "time_zone": "Europe/Rome"})).await;
    assert_eq!((status, &second["email"], &second["attributes"]), (200, &Value::Null, &json!({})));

    let (status, read) = world.get("ada").await;
    assert_eq!(status, 200);
    assert_eq!(
        read,
        json!({
            "id": "ada", "email": null, "phone": "+393331234567", "locale": null, "time_zone": "Europe/Rome",
            "attributes": {}, "preferences": {}, "unsubscribed_types": [], "suppressed_channels": [],
            "devices": [], "created_at": "2027-01-10T12:00:00Z", "updated_at": "2027-01-10T13:00:00Z",
        })
    );
}

#[tokio::test]
async fn a_put_replaces_the_profile_and_leaves_the_devices() {
    let world = TestApi::new().await;
    let (_, registered) = world.register("ada", "one").await;
    assert_eq!(world.put("ada", &json!({"locale": "it-IT"})).await.0, 200);
    assert_eq!(world.devices("ada").await, [registered["device_id"].as_str().unwrap()]);
}

#[tokio::test]
async fn an_unknown_recipient_is_404_and_has_an_empty_history() {
    let world = TestApi::new().await;
    assert_eq!(world.get("nobody").await.0, 404);
    let (status, list) = world.ask("GET /v1/recipients/{id}/notifications", "nobody", "").await;
    assert_eq!((status, list), (200, json!({"items": [], "next": null})));
}

#[tokio::test]
async fn an_erasure_deletes_all_items_of_one_recipient_and_none_of_another() {
    let world = TestApi::new().await;
    world.register("bob", "bobs").await;
    let bobs = world.everything().await;
    world.put("ada", &json!({"email": "ada@example.com"})).await;
    world.register("ada", "one").await;
    world.register("ada", "two").await;
    let (status, certificate) = world.erase("ada").await;
    assert_eq!(status, 200);
    let tables = &certificate["tables"];
    assert_eq!(tables["recipients"], json!({"profiles": 1, "devices": 2, "remaining": 0}));
    assert_eq!(tables["control"], json!({"endpoints": 2, "counters": 0, "remaining": 0}));
    assert_eq!(world.everything().await, bobs);
    assert_eq!(world.get("ada").await.0, 404);
    // An erased and an unknown recipient get the same answer: every count is 0, and nothing is written.
    for id in ["ada", "nobody"] {
        let (status, certificate) = world.erase(id).await;
        assert_eq!((status, &certificate["tables"]["recipients"]["profiles"]), (200, &json!(0)));
    }
    assert_eq!(world.everything().await, bobs);
}

#[tokio::test]
async fn every_invalid_input_names_its_field_and_stores_nothing() {
    let world = TestApi::new().await;
    let with = |path: &str, value: Value| {
        let mut body = subscription("secret");
        *body.pointer_mut(path).unwrap() = value;
        body.to_string()
    };
    let profile = "PUT /v1/recipients/{id}";
    let devices = "PUT /v1/recipients/{id}/devices";
    let endpoint = |url: &str| (devices, with("/endpoint", json!(url)), 422, "endpoint");
    let table = [
        (profile, "{\"email\"".to_owned(), 400, ""),
        (profile, String::new(), 400, ""),
        (profile, " ".repeat(1024 * 1024 + 1), 413, ""),
        (profile, "[]".to_owned(), 422, "body"),
        (profile, json!({"colour": "secret"}).to_string(), 422, "colour"),
        (profile, json!({"email": "secret"}).to_string(), 422, "email"),
        (profile, json!({"phone": "0039secret"}).to_string(), 422, "phone"),
        (profile, json!({"time_zone": "Secret/Zone"}).to_string(), 422, "time_zone"),
        (devices, "{".to_owned(), 400, ""),
        (devices, "{}".to_owned(), 422, "endpoint"),
        (devices, json!({"endpoint": "x", "keys": {}, "secret": 1}).to_string(), 422, "keys.p256dh"),
        endpoint("http://fcm.googleapis.com/secret"),
        endpoint("https://secret@fcm.googleapis.com/x"),
        endpoint("https://fcm.googleapis.com:8443/secret"),
        endpoint("https://secret.example.com/x"),
        endpoint("https://127.0.0.1/secret"),
        endpoint("https://[::1]/secret"),
        endpoint("fcm.googleapis.com/secret"),
        (devices, with("/keys/p256dh", json!("secret")), 422, "keys.p256dh"),
        (devices, with("/keys/p256dh", json!(URL_SAFE_NO_PAD.encode([4; 65]))), 422, "keys.p256dh"),
        (devices, with("/keys/auth", json!(URL_SAFE_NO_PAD.encode([4; 15]))), 422, "keys.auth"),
        (devices, with("/keys", json!({"p256dh": P256DH})), 422, "keys.auth"),
        (devices, with("/keys", json!("secret")), 422, "keys"),
        (devices, with("/keys/auth", json!(["secret"])), 422, "keys.auth"),
        (devices, with("/expirationTime", json!("secret")), 422, "expirationTime"),
        (devices, with("/expirationTime", json!(1)), 422, "expirationTime"),
        (devices, with("/expirationTime", json!(0)), 422, "expirationTime"),
        (devices, with("/expirationTime", json!(-1.5)), 422, "expirationTime"),
        (devices, with("/expirationTime", json!("1900000000000")), 422, "expirationTime"),
        (devices, with("/expirationTime", json!({"secret": 1})), 422, "expirationTime"),
        (
            devices,
            subscription("x").to_string().replacen('{', r#"{"old_endpoint":["secret"],"#, 1),
            422,
            "old_endpoint",
        ),
    ];
    for (route, body, status, field) in table {
        let (answered, problem) = world.ask(route, "ada", &body).await;
        assert_eq!(answered, status, "{route} {problem}");
        assert_eq!(problem["errors"][0]["field"].as_str().unwrap_or_default(), field, "{problem}");
        assert_eq!(problem["request_id"], "r-1");
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
    assert!(items(&world.client, RECIPIENTS).await.is_empty());
}

#[tokio::test]
async fn every_bad_id_and_parameter_is_named_and_leaves_nothing_behind() {
    let world = TestApi::new().await;
    let (profile, devices) = ("PUT /v1/recipients/{id}", "PUT /v1/recipients/{id}/devices");
    for id in ["", "a\nb", &"x".repeat(129)] {
        for route in [profile, "GET /v1/recipients/{id}", "DELETE /v1/recipients/{id}", devices] {
            let (status, problem) = world.ask(route, id, "{}").await;
            assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("id")));
        }
    }
    let (status, problem) = world.delete_device("ada", "550e8400-e29b-41d4-a716-446655440000").await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("device_id")));
    let list = "GET /v1/recipients/{id}/notifications";
    for (name, value) in [("limit", "0"), ("limit", "101"), ("limit", "x"), ("after", "yesterday")] {
        let (status, problem) = world.send(list, &[("id", "ada")], &[(name, value)], vec![]).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!(name)));
    }
    assert!(items(&world.client, RECIPIENTS).await.is_empty());
    assert!(items(&world.client, NOTIFICATIONS).await.is_empty());
}

#[tokio::test]
async fn the_vapid_key_is_returned_as_browsers_require_it() {
    let world = TestApi::new().await;
    let (status, body) = world.ask("GET /v1/vapid-public-key", "", "").await;
    assert_eq!((status, body), (200, json!({"public_key": "BAQE".to_owned() + &"BAQE".repeat(20) + "BAQ"})));
}

#[tokio::test]
async fn a_history_is_paged_newest_first_and_contains_one_recipient_only() {
    let world = TestApi::new().await;
    for (id, hours) in [("ada", 1), ("ada", 2), ("ada", 3), ("bob", 4)] {
        let notification = store::sample::notification(id, world.now + hours.hours(), None);
        world.api.notifications.create(&notification).await.unwrap();
    }
    let page = async |query: &[(&str, &str)]| {
        let (status, page) = world.send("GET /v1/recipients/{id}/notifications", &[("id", "ada")], query, vec![]).await;
        let items = page["items"].as_array().unwrap().iter();
        let times: Vec<_> = items.map(|item| item["created_at"].as_str().unwrap().to_owned()).collect();
        (status, times, page["next"].as_str().map(str::to_owned))
    };
    let (status, times, next) = page(&[("limit", "2")]).await;
    assert_eq!((status, times), (200, vec!["2027-01-10T15:00:00Z".to_owned(), "2027-01-10T14:00:00Z".to_owned()]));
    let (_, times, _) = page(&[("limit", "2"), ("after", &next.unwrap())]).await;
    assert_eq!(times, ["2027-01-10T13:00:00Z"]);
    let (_, times, next) = page(&[("limit", "3")]).await;
    assert_eq!((times.len(), next), (3, None), "a full last page is the last");
}

#[tokio::test]
async fn an_unknown_parameter_is_rejected_by_name() {
    let world = TestApi::new().await;
    for (route, name) in [
        ("GET /v1/recipients/{id}/notifications", "Limit"),
        ("GET /v1/recipients/{id}/notifications", "page"),
        ("GET /v1/recipients/{id}/notifications", "cursor"),
        ("GET /v1/recipients/{id}", "limit"),
        ("DELETE /v1/recipients/{id}", "dry_run"),
    ] {
        let (status, problem) = world.send(route, &[("id", "ada")], &[(name, "1")], vec![]).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!(name)), "{route}");
    }
    let (status, _) = world.send("GET /v1/vapid-public-key", &[], &[("v", "1")], vec![]).await;
    assert_eq!(status, 200, "what a cache adds to a public route is ignored");
}

#[tokio::test]
async fn an_expiry_beyond_the_range_of_times_is_accepted() {
    let world = TestApi::new().await;
    for (token, beyond) in [("a", json!(u64::MAX)), ("b", json!(1e300))] {
        let mut body = subscription(token);
        body["expirationTime"] = beyond;
        let (status, answer) = world.ask("PUT /v1/recipients/{id}/devices", "ada", &body.to_string()).await;
        assert_eq!(status, 201, "{answer}");
    }
}
