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
        title: "too many fail".to_owned(),
        number: "16 %".to_owned(),
        threshold: "15 %".to_owned(),
        done: "nothing yet".to_owned(),
    }
}

/// An AWS that keeps the record, and what it and the other places were told.
#[derive(Default)]
struct Heard {
    /// The calls of AWS: the table behind a write, no name for SNS, which speaks the query protocol.
    calls: Vec<String>,
    board: Value,
    parameters: Vec<(&'static str, String)>,
    topic_is_down: bool,
    /// How often the record's writes are refused because somebody else wrote.
    overtaken: u32,
}

fn herald(heard: &Arc<Mutex<Heard>>) -> Herald {
    let heard = Arc::clone(heard);
    let config = fake_aws::config(move |target: String, body: Value| {
        let name = target.rsplit('.').next().unwrap_or_default();
        let mut heard = heard.lock().unwrap();
        heard.calls.push(format!("{name} {}", body["TableName"].as_str().unwrap_or_default()).trim().to_owned());
        let answer = match (name, body["TableName"].as_str()) {
            ("PutItem", Some("control")) if heard.overtaken > 0 => {
                heard.overtaken -= 1;
                (400, json!({"__type": "ConditionalCheckFailedException"}))
            }
            ("PutItem", Some("control")) => {
                heard.board = json!({"Item": body["Item"]});
                (200, json!({}))
            }
            ("GetItem", _) if heard.board.is_null() => (200, json!({})),
            ("GetItem", _) => (200, heard.board.clone()),
            ("GetParameters", _) => {
                let name = |last: &str| format!("/push-notifications/staging/{last}");
                let found = heard.parameters.iter().map(|(last, value)| json!({"Name": name(last), "Value": value}));
                (200, json!({"Parameters": found.collect::<Vec<_>>(), "InvalidParameters": []}))
            }
            ("", _) if heard.topic_is_down => (400, json!({})),
            ("", _) => (
                200,
                json!("<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>"),
            ),
            _ => (200, json!({})),
        };
        std::future::ready(answer)
    });
    let post = Post {
        stage: "staging",
        prefix: "/push-notifications/staging",
        settings_table: "settings",
        control_table: "control",
        topic: "arn:aws:sns:eu-south-1:000000000000:alerts",
        runbook: "docs/operations.md",
    };
    Herald { is_local: true, ..Herald::new(&config, post) }
}

fn calls(heard: &Arc<Mutex<Heard>>) -> Vec<String> {
    std::mem::take(&mut heard.lock().unwrap().calls)
}

/// A server that answers with these statuses in turn, then 200, and the heads and JSON bodies that it got.
async fn server(statuses: &[u16]) -> (String, Arc<Mutex<Vec<(String, Value)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = listener.local_addr().unwrap().to_string();
    let got = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&got);
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
            heard.lock().unwrap().push(body);
            let status = statuses.pop_front().unwrap_or(200);
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (origin, got)
}

#[tokio::test]
async fn an_alert_is_recorded_said_and_settled_and_then_only_counted() {
    let heard = Arc::default();
    let herald = herald(&heard);
    herald.tell(vec![alert()], at(0)).await;
    let said = ["GetItem control", "PutItem control", "GetParameters", "", "PutItem settings"];
    assert_eq!(calls(&heard), [&said[..], &["GetItem control", "PutItem control"]].concat());
    herald.tell(vec![alert()], at(1)).await;
    assert_eq!(calls(&heard), ["GetItem control", "PutItem control"]);
    herald.tell(vec![], at(2)).await;
    assert_eq!(calls(&heard), ["GetItem control"], "a minute without alerts reads once and writes nothing");
}

#[tokio::test]
async fn every_place_is_told_in_its_own_words() {
    let heard: Arc<Mutex<Heard>> = Arc::default();
    let (origin, got) = server(&[]).await;
    heard.lock().unwrap().parameters = vec![
        ("slack-webhook-url", format!(" http://{origin}/slack\n")),
        ("pagerduty-routing-key", "\"routing-key\" \r\n".to_owned()),
        ("pagerduty-url", format!("\u{feff}http://{origin}/pagerduty")),
        ("sentry-dsn", format!("http://public@{origin}/42\u{200b}\t")),
    ];
    let herald = herald(&heard);
    herald.tell(vec![alert()], at(0)).await;
    let mut got = got.lock().unwrap().clone();
    got.sort_by(|a, b| a.0.cmp(&b.0));
    let lines: Vec<_> = got.iter().map(|(head, _)| head.lines().next().unwrap()).collect();
    assert_eq!(lines, ["POST /api/42/store/ HTTP/1.1", "POST /pagerduty HTTP/1.1", "POST /slack HTTP/1.1"]);
    assert!(got[0].0.contains("sentry_key=public"), "{}", got[0].0);
    assert_eq!((&got[0].1["level"], &got[0].1["tags"]["alert"]), (&json!("error"), &json!("error-rate")));
    assert_eq!((&got[1].1["event_action"], &got[1].1["routing_key"]), (&json!("trigger"), &json!("routing-key")));
    assert!(got[2].1["text"].as_str().unwrap().starts_with("P1 on staging: too many fail"));
}

#[tokio::test]
async fn a_routing_key_that_is_none_is_named_and_not_sent() {
    let heard: Arc<Mutex<Heard>> = Arc::default();
    let (origin, got) = server(&[]).await;
    heard.lock().unwrap().parameters = vec![
        ("pagerduty-routing-key", "routing key".to_owned()),
        ("pagerduty-url", format!("http://{origin}/pagerduty")),
    ];
    herald(&heard).tell(vec![alert()], at(0)).await;
    assert!(got.lock().unwrap().is_empty());
    assert!(heard.lock().unwrap().board.to_string().contains("pagerduty"), "it is owed");
}

#[tokio::test]
async fn what_a_place_does_not_take_is_said_there_again_a_minute_later_and_nowhere_twice() {
    let heard: Arc<Mutex<Heard>> = Arc::default();
    let (slack, told_slack) = server(&[]).await;
    let (pagerduty, told_pagerduty) = server(&[503, 503, 202]).await;
    heard.lock().unwrap().parameters = vec![
        ("slack-webhook-url", format!("http://{slack}/slack")),
        ("pagerduty-routing-key", "routing-key".to_owned()),
        ("pagerduty-url", format!("http://{pagerduty}/")),
    ];
    let herald = herald(&heard);
    herald.tell(vec![alert()], at(0)).await;
    assert_eq!(told_pagerduty.lock().unwrap().len(), 2, "a second try at once");
    for minute in 1..4 {
        herald.tell(vec![alert()], at(minute)).await;
    }
    assert_eq!((told_slack.lock().unwrap().len(), told_pagerduty.lock().unwrap().len()), (1, 3));
    let topic = calls(&heard).into_iter().filter(String::is_empty).count();
    assert_eq!(topic, 1);
}

#[tokio::test]
async fn a_topic_that_does_not_answer_stops_nothing_and_is_told_later() {
    let heard: Arc<Mutex<Heard>> = Arc::default();
    heard.lock().unwrap().topic_is_down = true;
    let herald = herald(&heard);
    herald.tell(vec![alert()], at(0)).await;
    heard.lock().unwrap().topic_is_down = false;
    calls(&heard);
    herald.tell(vec![alert()], at(1)).await;
    assert!(calls(&heard).contains(&String::new()));
    herald.tell(vec![alert()], at(2)).await;
    assert!(!calls(&heard).contains(&String::new()));
}

#[tokio::test]
async fn of_two_who_raise_it_at_once_one_says_it() {
    let heard: Arc<Mutex<Heard>> = Arc::default();
    heard.lock().unwrap().overtaken = 1;
    let herald = herald(&heard);
    herald.tell(vec![alert()], at(0)).await;
    assert_eq!(calls(&heard).into_iter().filter(String::is_empty).count(), 1);
    // Somebody else has it, and is at it still.
    let mut board = Board::default();
    board.take(vec![alert()], at(20));
    let item =
        json!({"value": {"S": serde_json::to_string(&board).unwrap()}, "version": {"N": "9"}, "pk": {"S": BOARD}});
    heard.lock().unwrap().board = json!({"Item": item});
    herald.tell(vec![alert()], at(20)).await;
    assert!(!calls(&heard).contains(&String::new()));
}
