#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that gives these answers, one a connection (an empty one hangs up, `...` says nothing), and what it was asked.
async fn server(answers: &'static [&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/in?key=canary", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let turn = AtomicUsize::new(0);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = vec![0; 16_384];
            let mut read = 0;
            while !String::from_utf8_lossy(&bytes[..read]).contains("\"end\"") {
                match stream.read(&mut bytes[read..]).await.unwrap() {
                    0 => break,
                    more => read += more,
                }
            }
            heard.lock().unwrap().push(String::from_utf8_lossy(&bytes[..read]).into_owned());
            let answer = answers.get(turn.fetch_add(1, Ordering::SeqCst)).copied().unwrap_or("500 X");
            if answer == "..." {
                let _ = stream.read_u8().await;
            } else if !answer.is_empty() {
                let head = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(head.as_bytes()).await.unwrap();
            }
        }
    });
    (address, asked)
}

async fn post(address: &str, hosts: &[&'static str], is_local: bool) -> Result<(), WebhookError> {
    let address = Private::new(address.to_owned());
    let header = Private::new("let me in".to_owned());
    let target = Target { address: &address, hosts, header: Some(("x-sentry-auth", &header)) };
    let webhook = Webhook { timeout: Duration::from_millis(600), ..Webhook::new(is_local) };
    webhook.post(target, &json!({"text": "hello", "z": "end"})).await
}

#[tokio::test]
async fn a_message_is_posted_as_json_with_its_header() {
    let (address, asked) = server(&["200 OK"]).await;
    assert_eq!(post(&address, &["hooks.slack.com"], true).await, Ok(()));
    let asked = asked.lock().unwrap()[0].clone();
    assert!(asked.starts_with("POST /in?key=canary HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("content-type: application/json\r\n") && asked.contains("x-sentry-auth: let me in\r\n"));
    assert!(asked.ends_with(r#"{"text":"hello","z":"end"}"#));
}

#[tokio::test]
async fn what_may_pass_is_tried_once_more_and_the_rest_is_not() {
    for (answers, expected, calls) in [
        (&["503 X", "202 X"][..], Ok(()), 2),
        (&["", "202 X"], Ok(()), 2),
        (&["429 X", "429 X", "200 X"], Err(WebhookError::Refused(429)), 2),
        (&["403 X", "200 X"], Err(WebhookError::Refused(403)), 1),
        (&["302 X\r\nLocation: http://127.0.0.1:9/", "200 X"], Err(WebhookError::Refused(302)), 1),
    ] {
        let (address, asked) = server(answers).await;
        assert_eq!(post(&address, &[], true).await, expected, "{answers:?}");
        assert_eq!(asked.lock().unwrap().len(), calls, "{answers:?}");
    }
}

#[tokio::test]
async fn nobody_waits_long_for_one_who_says_nothing() {
    let (address, asked) = server(&["...", "..."]).await;
    assert_eq!(post(&address, &[], true).await, Err(WebhookError::NoAnswer));
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[test]
fn only_https_to_the_service_itself_is_allowed() {
    let slack: &[&str] = &["hooks.slack.com"];
    let allowed = |address: &str, hosts: &[&str]| address.parse().is_ok_and(|uri| is_allowed(&uri, hosts));
    assert!(allowed("https://hooks.slack.com/services/T/B/x", slack));
    assert!(allowed("https://HOOKS.slack.com:443/x", slack));
    assert!(allowed("https://sentry.example.com/api/1/store/", &[]));
    for bad in [
        "",
        "hooks.slack.com/x",
        "http://hooks.slack.com/x",
        "https://hooks.slack.com:8443/x",
        "https://hooks.slack.com@example.com/x",
        "https://me@hooks.slack.com/x",
        "https://hooks.slack.com.example.com/x",
        "https://example.com/hooks.slack.com",
        "ftp://hooks.slack.com/x",
    ] {
        assert!(!allowed(bad, slack), "{bad}");
    }
    assert!(!allowed("http://sentry.example.com/", &[]));
}

#[tokio::test]
async fn outside_a_local_stack_this_machine_and_private_addresses_are_out_of_reach() {
    let (address, asked) = server(&["200 OK"]).await;
    assert_eq!(post(&address, &[], false).await, Err(WebhookError::BadAddress));
    for address in ["https://127.0.0.1/", "https://localhost/", "https://169.254.169.254/", "https://[::1]/"] {
        assert_eq!(post(address, &[], false).await, Err(WebhookError::NoAnswer), "{address}");
    }
    assert_eq!(asked.lock().unwrap().len(), 0);
}
