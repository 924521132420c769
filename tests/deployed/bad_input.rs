//! Invalid input: each request gets the problem that names the field, and stores nothing.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::fixture::{Fixture, fixture};
use crate::http_client::HttpAnswer;

const DEVICES: &str = "/v1/recipients/mallory/devices";
const POINT: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

/// Sends the request, and checks that the problem is the expected one and nothing was stored.
fn refuses(scope: &'static str, method: &str, path: &str, body: &[u8], status: u16, field: Option<&str>) {
    let fixture = fixture();
    let before = stored(fixture);
    let answer = fixture.call_raw(scope, method, path, body.to_vec());
    let what = format!("{method} {path} {}", String::from_utf8_lossy(&body[..body.len().min(120)]));
    is_problem(&answer, status, &what);
    assert_eq!(answer.json["errors"][0]["field"].as_str(), field, "{what}: {}", answer.json);
    assert_eq!(stored(fixture), before, "{what} left something behind");
}

/// A compressed body is refused by its header, whatever its contents.
fn refuses_coding(scope: &'static str, method: &str, path: &str) {
    let answer = fixture().call_with(scope, method, path, b"\x1f\x8b".to_vec(), &[("Content-Encoding", "gzip")]);
    is_problem(&answer, 415, &format!("{method} {path} with gzip"));
}

fn is_problem(answer: &HttpAnswer, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.json);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    assert_eq!(answer.json["status"], status, "{what}");
    for member in ["type", "title", "detail", "request_id"] {
        assert!(
            answer.json[member].as_str().is_some_and(|text| !text.is_empty()),
            "{what}: {member} of {}",
            answer.json
        );
    }
}

fn stored(fixture: &Fixture) -> [u64; 2] {
    ["RecipientsTableName", "NotificationsTableName"].map(|table| fixture.stack.count(table))
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_body_that_is_not_json_or_too_large_is_refused_on_every_route() {
    let too_large = vec![b' '; 1024 * 1024 + 1];
    for (scope, method, path) in [
        ("send", "POST", "/v1/notifications"),
        ("send", "POST", "/v1/notifications/batch"),
        ("send", "POST", "/v1/notifications/explain"),
        ("recipients", "PUT", "/v1/recipients/mallory"),
        ("recipients", "PATCH", "/v1/recipients/mallory"),
        ("recipients", "POST", "/v1/recipients/batch"),
        ("recipients", "PUT", DEVICES),
        ("ops", "POST", "/v1/cleanup"),
    ] {
        refuses(scope, method, path, b"{\"to\": ", 400, None);
        refuses(scope, method, path, &too_large, 413, None);
        // Browsers may add further fields to a subscription.
        let named = if path == DEVICES { "endpoint" } else { "colour" };
        refuses(scope, method, path, br#"{"colour": "red"}"#, 422, Some(named));
        refuses(scope, method, path, b"[]", 422, Some("body"));
        refuses(scope, method, path, b"\xFF\xFE{\0}\0", 400, None);
        refuses_coding(scope, method, path);
    }
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_field_of_a_notification_that_is_wrong_is_named() {
    let in_91_days = (Timestamp::now() + SignedDuration::from_hours(91 * 24)).to_string();
    for (field, value, named) in [
        ("to", json!(""), "to"),
        ("to", json!("x".repeat(129)), "to"),
        ("to", json!(7), "to"),
        ("content", json!({"title": "t"}), "content.body"),
        ("content", json!({"title": "", "body": "b"}), "content.title"),
        ("content", json!({"title": "t".repeat(201), "body": "b"}), "content.title"),
        ("content", json!({"title": "t", "body": "b".repeat(4_100)}), "content"),
        ("content", json!({"title": "t", "body": "b", "url": "javascript:alert(1)"}), "content.url"),
        ("content", json!({"title": "t", "body": "b", "colour": "red"}), "content.colour"),
        ("content", json!({"title": "\u{200b}\u{0}", "body": "b"}), "content.title"),
        ("content", json!({"title": "t", "body": "\u{3164}\u{202e}"}), "content.body"),
        ("content", json!({"title": "t", "body": "b", "url": "https://example.com:99999/"}), "content.url"),
        ("content", json!({"title": "t", "body": "b", "icon": "https://256.1.1.1/a.png"}), "content.icon"),
        ("type", json!("NEWS"), "type"),
        ("channels", json!([]), "channels"),
        ("channels", json!(["push", "push"]), "channels"),
        ("channels", json!(["pigeon"]), "channels[0]"),
        ("send_at", json!("tomorrow"), "send_at"),
        ("send_at", json!("2020-01-01T00:00:00Z"), "send_at"),
        ("send_at", json!(in_91_days), "send_at"),
        ("ttl_seconds", json!(0), "ttl_seconds"),
        ("ttl_seconds", json!(2_419_201), "ttl_seconds"),
        ("urgency", json!("extreme"), "urgency"),
        ("topic", json!(""), "topic"),
        ("metadata", json!({"note": "x".repeat(1_100)}), "metadata"),
    ] {
        let mut message = json!({"to": "mallory", "content": {"title": "t", "body": "b"}});
        message[field] = value;
        refuses("send", "POST", "/v1/notifications", message.to_string().as_bytes(), 422, Some(named));
    }
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_batch_holds_1_to_500_messages() {
    let message = json!({"to": "mallory", "content": {"title": "t", "body": "b"}});
    for count in [0, 501] {
        let batch = json!({"messages": vec![&message; count]}).to_string();
        refuses("send", "POST", "/v1/notifications/batch", batch.as_bytes(), 422, Some("messages"));
    }
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_hostile_endpoint_is_refused_where_it_is_registered() {
    for endpoint in [
        "http://fcm.googleapis.com/fcm/send/x",
        "https://user@fcm.googleapis.com/fcm/send/x",
        "https://fcm.googleapis.com:8443/fcm/send/x",
        "https://push.example.com/x",
        "https://fcm.googleapis.com.example.com/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://2130706433/x",
        "http://127.0.0.1:1/x",
        "fcm.googleapis.com/fcm/send/x",
        "//fcm.googleapis.com/fcm/send/x",
        "",
    ] {
        refuses("recipients", "PUT", DEVICES, &subscription(endpoint, POINT, AUTH), 422, Some("endpoint"));
    }
}

#[test]
#[ignore = "needs the local stack: make test"]
fn keys_are_a_point_of_p_256_and_16_bytes() {
    let endpoint = "https://fcm.googleapis.com/fcm/send/x";
    let not_on_the_curve = format!("{}A", &POINT[..POINT.len() - 2]) + "A";
    for point in ["", "BCVx", not_on_the_curve.as_str(), AUTH, "not base64url!"] {
        refuses("recipients", "PUT", DEVICES, &subscription(endpoint, point, AUTH), 422, Some("keys.p256dh"));
    }
    for auth in ["", "BTBZMqHH6r4Tts7J_aSI", POINT, "not base64url!"] {
        refuses("recipients", "PUT", DEVICES, &subscription(endpoint, POINT, auth), 422, Some("keys.auth"));
    }
    let ended = json!({"endpoint": endpoint, "expirationTime": 1, "keys": {"p256dh": POINT, "auth": AUTH}});
    refuses("recipients", "PUT", DEVICES, ended.to_string().as_bytes(), 422, Some("expirationTime"));
    for query in ["", "?endpoint=", "?endpoint=laptop", "?endpoint=https%3A%2F%2Fa%40fcm.googleapis.com%2Fx"] {
        refuses("recipients", "DELETE", &format!("{DEVICES}{query}"), b"", 422, Some("endpoint"));
    }
}

fn subscription(endpoint: &str, p256dh: &str, auth: &str) -> Vec<u8> {
    json!({"endpoint": endpoint, "expirationTime": null, "keys": {"p256dh": p256dh, "auth": auth}})
        .to_string()
        .into_bytes()
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_field_of_a_recipient_that_is_wrong_is_named() {
    for (profile, named) in [
        (json!({"email": "no at sign"}), "email"),
        (json!({"email": "a@b.example\r\nBcc: c@d.example"}), "email"),
        (json!({"phone": "333 1234567"}), "phone"),
        (json!({"locale": "Italian, please"}), "locale"),
        (json!({"time_zone": "Mars/Olympus"}), "time_zone"),
        (json!({"attributes": {"note": "x".repeat(4_100)}}), "attributes"),
    ] {
        let body = profile.to_string();
        refuses("recipients", "PUT", "/v1/recipients/mallory", body.as_bytes(), 422, Some(named));
    }
    let too_long = format!("/v1/recipients/{}", "x".repeat(129));
    refuses("recipients", "PUT", &too_long, b"{}", 422, Some("id"));
}

#[test]
#[ignore = "needs the local stack: make test"]
fn an_id_of_someone_elses_format_is_not_found() {
    let unknown = format!("{}-{}", "0".repeat(26), "0".repeat(26));
    for id in ["7", "ntf_01J9Z3", "0191e5c2-7b1a-7cc3-98c4-dc0c0c07398f", "..%20", unknown.as_str()] {
        for method in ["GET", "DELETE"] {
            refuses("send", method, &format!("/v1/notifications/{id}"), b"", 404, None);
        }
    }
    refuses("recipients", "DELETE", &format!("{DEVICES}/laptop"), b"", 422, Some("device_id"));
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_question_that_cannot_be_answered_names_its_parameter() {
    for (path, named) in [
        ("/v1/notifications", "status"),
        ("/v1/notifications?status=accepted", "status"),
        ("/v1/notifications?status=failed&from=noon", "from"),
        ("/v1/notifications?status=failed&limit=101", "limit"),
        ("/v1/notifications?status=failed&after=7", "after"),
        ("/v1/notifications?status=failed&type=news", "type"),
        ("/v1/notifications?status=failed&reason=bad", "reason"),
        ("/v1/metrics?minutes=0", "minutes"),
        ("/v1/metrics?minutes=an-hour", "minutes"),
        ("/v1/metrics/channels?from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z", "from"),
        ("/v1/metrics/costs?minutes=129601", "minutes"),
        ("/v1/metrics/series?minutes=10080", "step"),
        ("/v1/audit?kind=person", "kind"),
        ("/v1/audit?kind=type&subject=A&after=0000000000001%230000000001%40type%23B", "after"),
        ("/v1/settings?history=maybe", "history"),
        ("/v1/health?minutes=60", "minutes"),
        ("/v1/rollout?limit=0", "limit"),
        ("/v1/rollout/comparison?hours=2161", "hours"),
        ("/v1/report?from=2126-11-01T00:00:00Z", "from"),
        ("/v1/report?format=pdf", "format"),
    ] {
        refuses("ops", "GET", path, b"", 422, Some(named));
    }
    let problem = fixture().call("ops", "GET", "/v1/metrics?minutes=0", &Value::Null).json;
    assert_eq!(problem["type"], "urn:notifications:problem:invalid");
}

#[test]
#[ignore = "needs the local stack: make test"]
fn a_rollout_that_makes_no_sense_changes_nothing() {
    let fixture = fixture();
    let before = fixture.expect(200, "ops", "GET", "/v1/rollout", &Value::Null);
    let long = "9".repeat(4_096);
    for invalid in ["10%", "0,5", "101", "-1", "NaN", "", &long] {
        let body = json!({"percentage": invalid}).to_string();
        refuses("ops", "PUT", "/v1/rollout", body.as_bytes(), 422, Some("percentage"));
    }
    let plan = json!({"plan": {"steps": [{"percentage": 100, "hold_minutes": 0}]}}).to_string();
    refuses("ops", "PUT", "/v1/rollout", plan.as_bytes(), 422, Some("plan.steps[0].hold_minutes"));
    refuses("ops", "PUT", "/v1/rollout", b"{\"percentage\": NaN}", 400, None);
    let after = fixture.expect(200, "ops", "GET", "/v1/rollout", &Value::Null);
    assert_eq!((&after["percentage"], &after["plan"]), (&before["percentage"], &before["plan"]));
}
