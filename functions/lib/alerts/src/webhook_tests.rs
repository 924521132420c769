#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Starts a server that gives one of these answers to each connection. An empty answer closes the connection, and `...`
/// sends nothing. Returns its URL and its requests.
async fn server(answers: &'static [&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/in?key=canary", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let received = Arc::clone(&requests);
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
            received.lock().unwrap().push(String::from_utf8_lossy(&bytes[..read]).into_owned());
            let answer = answers.get(turn.fetch_add(1, Ordering::SeqCst)).copied().unwrap_or("500 X");
            if answer == "..." {
                let _ = stream.read_u8().await;
            } else if !answer.is_empty() {
                let head = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(head.as_bytes()).await.unwrap();
            }
        }
    });
    (address, requests)
}

async fn post(address: &str, hosts: &[&'static str], is_local: bool) -> Result<(), WebhookError> {
    let address = Private::new(address.to_owned());
    let header = Private::new("secret".to_owned());
    let target = WebhookTarget { address: &address, hosts, header: Some(("x-sentry-auth", &header)) };
    let webhook = Webhook { attempt_timeout: Duration::from_millis(600), ..Webhook::new(is_local) };
    webhook.post(target, &json!({"text": "hello", "z": "end"})).await
}

#[tokio::test]
async fn a_message_is_posted_as_json_with_its_header() {
    let (address, requests) = server(&["200 OK"]).await;
    assert_eq!(post(&address, &["hooks.slack.com"], true).await, Ok(()));
    let requests = requests.lock().unwrap()[0].clone();
    assert!(requests.starts_with("POST /in?key=canary HTTP/1.1\r\n"), "{requests}");
    assert!(requests.contains("content-type: application/json\r\n") && requests.contains("x-sentry-auth: secret\r\n"));
    assert!(requests.ends_with(r#"{"text":"hello","z":"end"}"#));
}

#[tokio::test]
async fn a_retryable_failure_is_retried_once_and_another_is_not() {
    for (answers, expected, calls) in [
        (&["503 X", "202 X"][..], Ok(()), 2),
        (&["", "202 X"], Ok(()), 2),
        (&["429 X", "429 X", "200 X"], Err(WebhookError::Refused(429)), 2),
        (&["403 X", "200 X"], Err(WebhookError::Refused(403)), 1),
        (&["302 X\r\nLocation: http://127.0.0.1:9/", "200 X"], Err(WebhookError::Refused(302)), 1),
    ] {
        let (address, requests) = server(answers).await;
        assert_eq!(post(&address, &[], true).await, expected, "{answers:?}");
        assert_eq!(requests.lock().unwrap().len(), calls, "{answers:?}");
    }
}

#[tokio::test]
async fn a_server_without_a_response_is_given_up_after_the_timeout() {
    let (address, requests) = server(&["...", "..."]).await;
    assert_eq!(post(&address, &[], true).await, Err(WebhookError::NoAnswer));
    assert_eq!(requests.lock().unwrap().len(), 2);
}

#[test]
fn only_https_to_the_service_is_allowed() {
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
async fn outside_a_local_stack_local_and_private_addresses_are_refused() {
    let (address, requests) = server(&["200 OK"]).await;
    assert_eq!(post(&address, &[], false).await, Err(WebhookError::BadAddress));
    for address in ["https://127.0.0.1/", "https://localhost/", "https://169.254.169.254/", "https://[::1]/"] {
        assert_eq!(post(address, &[], false).await, Err(WebhookError::NoAnswer), "{address}");
    }
    assert_eq!(requests.lock().unwrap().len(), 0);
}
