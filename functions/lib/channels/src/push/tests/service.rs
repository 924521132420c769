//! Tests of a push over a real connection.

use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::Value;

use super::super::{PushClient, PushContent, PushMessage, VapidCache, VapidKey, VapidSubject};
use super::arrival::{ScriptedPushService, verified_claims};
use super::browser::Browser;
use domain::channel::push::{ExtraOrigins, Subscription, Topic};
use domain::channel::{Answer, Outcome, Rejection};
use domain::notification::{PushOptions, Urgency};

const CREATED: &str = "HTTP/1.1 201 Created\r\nLocation: /m/1\r\nContent-Length: 0\r\n\r\n";
const TOO_LARGE: &str = "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n";

/// A sender, a push service and a subscribed browser.
struct World {
    client: PushClient,
    service: ScriptedPushService,
    browser: Browser,
    subscription: Subscription,
}

impl World {
    async fn answering(answers: &[&str]) -> Self {
        let service = ScriptedPushService::answering(answers).await;
        let browser = Browser::new(&[0x42; 32], *b"sixteen secrets!");
        let extra = ExtraOrigins::parse(&service.origin).unwrap();
        let endpoint = format!("{}/push/device-1?x=%2F", service.origin);
        let subscription = Subscription::parse(&endpoint, &browser.p256dh(), &browser.auth(), &extra).unwrap();
        Self { client: client(), service, browser, subscription }
    }

    async fn push(&self, body: &str) -> Answer {
        self.client.push_within(&self.subscription, &message(body), Timestamp::now(), Duration::from_secs(5)).await
    }

    /// Returns the payload of the next request, as the browser decrypts it.
    fn read(&mut self) -> Value {
        let arrival = self.service.arrival().unwrap();
        serde_json::from_slice(&self.browser.open(&arrival.body).unwrap()).unwrap()
    }
}

pub fn client() -> PushClient {
    PushClient::new(vapid())
}

pub fn vapid() -> VapidCache {
    let key = VapidKey::parse(&URL_SAFE_NO_PAD.encode([0x24; 32])).unwrap();
    VapidCache::new(key, VapidSubject::parse("mailto:push@example.com").unwrap())
}

pub fn content(body: &str) -> PushContent {
    PushContent {
        notification_id: "ntf_1".to_owned(),
        title: "Invoice 7".to_owned().into(),
        body: body.to_owned().into(),
        url: None,
        icon: None,
        data: None,
        options: PushOptions::default(),
        receipt: None,
    }
}

pub fn message(body: &str) -> PushMessage {
    PushMessage::new(content(body), 3_600, Urgency::High, Topic::of_caller("invoice-7")).unwrap()
}

#[tokio::test]
async fn a_push_service_can_verify_the_sender_and_the_browser_can_read_the_message() {
    let mut world = World::answering(&[CREATED]).await;
    let answer = world.push("Due tomorrow 🕐").await;
    assert_eq!((answer.outcome, answer.status_code, answer.detail), (Outcome::Accepted, Some(201), None));
    assert_eq!(format!("http://{}", answer.provider), world.service.origin);

    let arrival = world.service.arrival().unwrap();
    assert_eq!(arrival.line, "POST /push/device-1?x=%2F HTTP/1.1");
    assert_eq!((arrival.header("ttl"), arrival.header("urgency")), ("3600", "high"));
    assert_eq!(arrival.header("topic"), Topic::of_caller("invoice-7").as_str());
    assert_eq!(arrival.header("content-encoding"), "aes128gcm");
    assert_eq!(arrival.header("content-type"), "application/octet-stream");
    assert_eq!(format!("http://{}", arrival.header("host")), world.service.origin);

    let claims = verified_claims(arrival.header("authorization"), world.client.public_key());
    let lifetime = claims["exp"].as_i64().unwrap() - Timestamp::now().as_second();
    assert_eq!(
        (&claims["aud"], &claims["sub"]),
        (&world.service.origin.as_str().into(), &"mailto:push@example.com".into())
    );
    assert!((3_600..=24 * 3_600).contains(&lifetime), "{lifetime}");

    let read: Value = serde_json::from_slice(&world.browser.open(&arrival.body).unwrap()).unwrap();
    assert_eq!((&read["title"], &read["body"]), (&"Invoice 7".into(), &"Due tomorrow 🕐".into()));
    assert_eq!(read["tag"], arrival.header("topic"));
}

#[tokio::test]
async fn pushes_to_one_origin_share_a_connection_and_a_signature() {
    let mut world = World::answering(&[CREATED, CREATED, CREATED]).await;
    for _ in 0..3 {
        assert_eq!(world.push("x").await.outcome, Outcome::Accepted);
    }
    let signatures = [(); 3].map(|()| world.service.arrival().unwrap().header("authorization").to_owned());
    assert!(signatures[0] == signatures[1] && signatures[1] == signatures[2]);
    assert_eq!(world.service.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_shortened_once_and_sent_again() {
    let mut world = World::answering(&[TOO_LARGE, CREATED]).await;
    assert_eq!(world.push(&"long ".repeat(200)).await.outcome, Outcome::Accepted);
    let (first, second) = (world.read(), world.read());
    assert_eq!(first["body"].as_str().unwrap().len(), 1_000);
    assert!(second["body"].as_str().unwrap().ends_with('…'));
    assert_eq!(first["tag"], second["tag"]);
}

#[tokio::test]
async fn a_message_that_stays_too_large_is_rejected_after_the_second_try() {
    let too_large = Outcome::Rejected { reason: Rejection::TooLarge };
    let mut world = World::answering(&[TOO_LARGE, TOO_LARGE, CREATED]).await;
    let answer = world.push(&"long ".repeat(200)).await;
    assert_eq!((answer.outcome, answer.status_code), (too_large, Some(413)));
    assert!(
        world.service.arrival().is_some() && world.service.arrival().is_some() && world.service.arrival().is_none()
    );
    let mut world = World::answering(&[TOO_LARGE, CREATED]).await;
    assert_eq!(world.push("short").await.outcome, too_large);
    assert!(world.service.arrival().is_some() && world.service.arrival().is_none());
}

#[tokio::test]
async fn retry_after_and_status_arrive_with_their_meaning() {
    for (answer, outcome, status) in [
        ("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n", later(Some(120_000)), 429),
        ("HTTP/1.1 406 Not Acceptable\r\nretry-after: 5\r\nContent-Length: 0\r\n\r\n", later(Some(5_000)), 406),
        ("HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n", later(None), 503),
        ("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", Outcome::Gone, 410),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", Outcome::Rejected { reason: Rejection::Config }, 403),
    ] {
        let world = World::answering(&[answer]).await;
        let answer = world.push("x").await;
        assert_eq!((answer.outcome, answer.status_code), (outcome, Some(status)));
    }
}

pub const fn later(after_ms: Option<u64>) -> Outcome {
    Outcome::RetryLater { after_ms }
}

#[tokio::test]
async fn a_redirect_of_any_kind_is_not_followed() {
    let other = ScriptedPushService::answering(&[CREATED]).await;
    for status in [300, 301, 302, 303, 307, 308] {
        let redirect = format!("HTTP/1.1 {status} Moved\r\nLocation: {}/x\r\nContent-Length: 0\r\n\r\n", other.origin);
        let world = World::answering(&[&redirect]).await;
        let answer = world.push("x").await;
        assert_eq!(answer.outcome, Outcome::Rejected { reason: Rejection::Unexpected }, "{status}");
    }
    assert_eq!(other.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_number_of_a_refusal_is_kept_and_its_text_is_not() {
    let body = r#"{"code":401,"errno":109,"error":"Unauthorized","message":"/push/device-1"}"#;
    let refusal = format!("HTTP/1.1 401 Unauthorized\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let world = World::answering(&[&refusal]).await;
    assert_eq!(world.push("x").await.detail.as_deref(), Some("errno 109"));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let endless = format!("HTTP/1.1 201 Created\r\nContent-Length: 900000000\r\n\r\n{}", "x".repeat(100_000));
    let world = World::answering(&[&endless]).await;
    let answer = world.push("x").await;
    assert_eq!(answer.outcome, Outcome::Accepted);
    assert!(answer.latency_ms < 4_000, "{}", answer.latency_ms);
}

#[tokio::test]
async fn silence_a_cut_connection_and_a_closed_port_are_reasons_to_try_later() {
    let world = World::answering(&["silence"]).await;
    let limit = Duration::from_millis(200);
    let silent = world.client.push_within(&world.subscription, &message("x"), Timestamp::now(), limit).await;
    assert_eq!((silent.outcome, silent.detail.as_deref()), (later(None), Some("timed out")));
    assert!((200..2_000).contains(&silent.latency_ms), "{}", silent.latency_ms);

    let cut = World::answering(&[]).await.push("x").await;
    assert_eq!(
        (cut.outcome, cut.status_code, cut.detail.as_deref()),
        (later(None), None, Some("the connection was lost"))
    );

    let mut world = World::answering(&[CREATED]).await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let extra = ExtraOrigins::parse(&format!("http://{nobody}")).unwrap();
    let (p256dh, auth) = (world.browser.p256dh(), world.browser.auth());
    world.subscription = Subscription::parse(&format!("http://{nobody}/x"), &p256dh, &auth, &extra).unwrap();
    let closed = world.push("x").await;
    assert_eq!((closed.outcome, closed.detail.as_deref()), (later(None), Some("could not connect")));
}

#[tokio::test]
async fn warming_unreachable_services_is_quick_and_harmless() {
    let world = World::answering(&[]).await;
    world.client.warm(&["https://localhost:1", "not a url", "http://127.0.0.1:1"]).await;
    assert_eq!(world.service.connections.load(Ordering::SeqCst), 0);
}
