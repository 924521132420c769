#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use aws::fake_aws;
use domain::{AlertKey, Severity};

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
}

fn alert() -> Alert {
    Alert {
        key: AlertKey::ErrorRate,
        subject: String::new(),
        severity: Severity::P1,
        title: "error rate above 15 %".to_owned(),
        number: "16 %".to_owned(),
        threshold: "15 %".to_owned(),
        done: "no automatic action".to_owned(),
    }
}

/// State of the fake AWS, and its calls.
#[derive(Default)]
struct FakeAws {
    /// Calls of AWS, as operation and table. A call of SNS is empty, because SNS uses the query protocol.
    calls: Vec<String>,
    record: Value,
    parameters: Vec<(&'static str, String)>,
    topic_is_down: bool,
    /// Number of writes of the record that fail on their condition.
    conflicts: u32,
}

fn publisher(fake: &Arc<Mutex<FakeAws>>) -> AlertPublisher {
    let fake = Arc::clone(fake);
    let sdk = fake_aws::config(move |target: String, body: Value| {
        let name = target.rsplit('.').next().unwrap_or_default();
        let mut fake = fake.lock().unwrap();
        fake.calls.push(format!("{name} {}", body["TableName"].as_str().unwrap_or_default()).trim().to_owned());
        let answer = match (name, body["TableName"].as_str()) {
            ("PutItem", Some("control")) if fake.conflicts > 0 => {
                fake.conflicts -= 1;
                (400, json!({"__type": "ConditionalCheckFailedException"}))
            }
            ("PutItem", Some("control")) => {
                fake.record = json!({"Item": body["Item"]});
                (200, json!({}))
            }
            ("GetItem", _) if fake.record.is_null() => (200, json!({})),
            ("GetItem", _) => (200, fake.record.clone()),
            ("GetParameters", _) => {
                let name = |last: &str| format!("/push-notifications/staging/{last}");
                let found = fake.parameters.iter().map(|(last, value)| json!({"Name": name(last), "Value": value}));
                (200, json!({"Parameters": found.collect::<Vec<_>>(), "InvalidParameters": []}))
            }
            ("", _) if fake.topic_is_down => (400, json!({})),
            ("", _) => (
                200,
                json!("<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>"),
            ),
            _ => (200, json!({})),
        };
        std::future::ready(answer)
    });
    let config = PublisherConfig {
        stage: "staging",
        prefix: "/push-notifications/staging",
        settings_table: "settings",
        control_table: "control",
        topic: "arn:aws:sns:eu-south-1:000000000000:alerts",
        runbook: "docs/operations.md",
    };
    AlertPublisher { is_local: true, ..AlertPublisher::new(&sdk, config) }
}

fn calls(fake: &Arc<Mutex<FakeAws>>) -> Vec<String> {
    std::mem::take(&mut fake.lock().unwrap().calls)
}

/// Starts a server that answers with these statuses in turn, then 200. Returns its address, and the heads and JSON
/// bodies of its requests.
async fn server(statuses: &[u16]) -> (String, Arc<Mutex<Vec<(String, Value)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = listener.local_addr().unwrap().to_string();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let fake = Arc::clone(&requests);
    let mut statuses: std::collections::VecDeque<_> = statuses.to_vec().into();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = Vec::new();
            let body = loop {
                let mut more = [0; 4_096];
                let read = stream.read(&mut more).await.unwrap();
                bytes.extend_from_slice(&more[..read]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                if let Ok(json) = serde_json::from_str(body) {
                    break (head.to_owned(), json);
                }
            };
            fake.lock().unwrap().push(body);
            let status = statuses.pop_front().unwrap_or(200);
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (origin, requests)
}

#[tokio::test]
async fn an_alert_is_stored_published_and_then_only_counted() {
    let fake = Arc::default();
    let publisher = publisher(&fake);
    publisher.publish(vec![alert()], at(0)).await;
    let first = ["GetItem control", "PutItem control", "GetParameters", "", "PutItem settings"];
    assert_eq!(calls(&fake), [&first[..], &["GetItem control", "PutItem control"]].concat());
    publisher.publish(vec![alert()], at(1)).await;
    assert_eq!(calls(&fake), ["GetItem control", "PutItem control"]);
    publisher.publish(vec![], at(2)).await;
    assert_eq!(calls(&fake), ["GetItem control"], "a minute without alerts reads once and writes nothing");
}

#[tokio::test]
async fn each_destination_gets_its_own_format() {
    let fake: Arc<Mutex<FakeAws>> = Arc::default();
    let (origin, requests) = server(&[]).await;
    fake.lock().unwrap().parameters = vec![
        ("slack-webhook-url", format!(" http://{origin}/slack\n")),
        ("pagerduty-routing-key", "\"routing-key\" \r\n".to_owned()),
        ("pagerduty-url", format!("\u{feff}http://{origin}/pagerduty")),
        ("sentry-dsn", format!("http://public@{origin}/42\u{200b}\t")),
    ];
    let publisher = publisher(&fake);
    publisher.publish(vec![alert()], at(0)).await;
    let mut requests = requests.lock().unwrap().clone();
    requests.sort_by(|a, b| a.0.cmp(&b.0));
    let lines: Vec<_> = requests.iter().map(|(head, _)| head.lines().next().unwrap()).collect();
    assert_eq!(lines, ["POST /api/42/store/ HTTP/1.1", "POST /pagerduty HTTP/1.1", "POST /slack HTTP/1.1"]);
    assert!(requests[0].0.contains("sentry_key=public"), "{}", requests[0].0);
    assert_eq!((&requests[0].1["level"], &requests[0].1["tags"]["alert"]), (&json!("error"), &json!("error-rate")));
    assert_eq!(
        (&requests[1].1["event_action"], &requests[1].1["routing_key"]),
        (&json!("trigger"), &json!("routing-key"))
    );
    assert!(requests[2].1["text"].as_str().unwrap().starts_with("P1 on staging: error rate above 15 %"));
}

#[tokio::test]
async fn an_invalid_routing_key_is_reported_and_not_sent() {
    let fake: Arc<Mutex<FakeAws>> = Arc::default();
    let (origin, requests) = server(&[]).await;
    fake.lock().unwrap().parameters = vec![
        ("pagerduty-routing-key", "routing key".to_owned()),
        ("pagerduty-url", format!("http://{origin}/pagerduty")),
    ];
    publisher(&fake).publish(vec![alert()], at(0)).await;
    assert!(requests.lock().unwrap().is_empty());
    assert!(fake.lock().unwrap().record.to_string().contains("pagerduty"), "the delivery is pending");
}

#[tokio::test]
async fn a_failed_destination_is_retried_a_minute_later_and_no_other() {
    let fake: Arc<Mutex<FakeAws>> = Arc::default();
    let (slack, slack_requests) = server(&[]).await;
    let (pagerduty, pagerduty_requests) = server(&[503, 503, 202]).await;
    fake.lock().unwrap().parameters = vec![
        ("slack-webhook-url", format!("http://{slack}/slack")),
        ("pagerduty-routing-key", "routing-key".to_owned()),
        ("pagerduty-url", format!("http://{pagerduty}/")),
    ];
    let publisher = publisher(&fake);
    publisher.publish(vec![alert()], at(0)).await;
    assert_eq!(pagerduty_requests.lock().unwrap().len(), 2, "one retry at once");
    for minute in 1..4 {
        publisher.publish(vec![alert()], at(minute)).await;
    }
    assert_eq!((slack_requests.lock().unwrap().len(), pagerduty_requests.lock().unwrap().len()), (1, 3));
    let topic = calls(&fake).into_iter().filter(String::is_empty).count();
    assert_eq!(topic, 1);
}

#[tokio::test]
async fn a_topic_that_fails_is_retried_and_stops_nothing() {
    let fake: Arc<Mutex<FakeAws>> = Arc::default();
    fake.lock().unwrap().topic_is_down = true;
    let publisher = publisher(&fake);
    publisher.publish(vec![alert()], at(0)).await;
    fake.lock().unwrap().topic_is_down = false;
    calls(&fake);
    publisher.publish(vec![alert()], at(1)).await;
    assert!(calls(&fake).contains(&String::new()));
    publisher.publish(vec![alert()], at(2)).await;
    assert!(!calls(&fake).contains(&String::new()));
}

#[tokio::test]
async fn of_two_concurrent_processes_one_publishes() {
    let fake: Arc<Mutex<FakeAws>> = Arc::default();
    fake.lock().unwrap().conflicts = 1;
    let publisher = publisher(&fake);
    publisher.publish(vec![alert()], at(0)).await;
    assert_eq!(calls(&fake).into_iter().filter(String::is_empty).count(), 1);
    // Another process has the lease.
    let mut state = AlertState::default();
    state.update(vec![alert()], at(20));
    let item =
        json!({"value": {"S": serde_json::to_string(&state).unwrap()}, "version": {"N": "9"}, "pk": {"S": RECORD}});
    fake.lock().unwrap().record = json!({"Item": item});
    publisher.publish(vec![alert()], at(20)).await;
    assert!(!calls(&fake).contains(&String::new()));
}
