#![allow(clippy::unwrap_used)]
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use platform::environment::Environment;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::*;
use crate::{config, deadline, fake_aws, limits};

const GET: &str = "DynamoDB_20120810.GetItem";
const SECOND: Duration = Duration::from_secs(1);

/// Answers with one status and code after the other, then with 200, and counts the calls.
fn answering(errors: &'static [(u16, &'static str)]) -> (DirectCalls, Arc<Mutex<usize>>) {
    let calls = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&calls);
    let config = fake_aws::config(move |target, _| {
        assert_eq!(target, GET);
        let mut calls = counted.lock().unwrap();
        *calls += 1;
        let (status, code) = errors.get(*calls - 1).copied().unwrap_or((200, ""));
        std::future::ready((status, json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}")})))
    });
    (DirectCalls::new(&config.map(limits)), calls)
}

async fn called(errors: &'static [(u16, &'static str)]) -> (Result<Bytes, CallError>, usize) {
    let (direct, calls) = answering(errors);
    let result = direct.call(GET, b"{}".to_vec()).await;
    let calls = *calls.lock().unwrap();
    (result, calls)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_succeed_later_has_three_attempts() {
    const SLOW_DOWN: (u16, &str) = (400, "ThrottlingException");
    let (result, calls) = called(&[SLOW_DOWN, (500, "InternalServerError")]).await;
    assert!(result.is_ok() && calls == 3, "{result:?}");
    let (result, calls) = called(&[SLOW_DOWN, SLOW_DOWN, SLOW_DOWN]).await;
    assert_eq!((result.unwrap_err().to_string().as_str(), calls), ("ThrottlingException", 3));
    let (result, calls) = called(&[(400, "ConditionalCheckFailedException")]).await;
    assert_eq!((result.unwrap_err().to_string().as_str(), calls), ("ConditionalCheckFailedException", 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_must_not_be_executed_twice_is_repeated_only_after_a_refusal() {
    let called_once = async |errors| {
        let (direct, calls) = answering(errors);
        let result = direct.call_once(GET, b"{}".to_vec()).await;
        (result.is_ok(), *calls.lock().unwrap())
    };
    assert_eq!(called_once(&[(400, "ThrottlingException")]).await, (true, 2));
    assert_eq!(called_once(&[(500, "InternalServerError")]).await, (false, 1));
    let silent = DirectCalls::new(&fake_aws::config(|_, _| std::future::pending()).map(limits));
    let began = Instant::now();
    let lost = silent.call_once(GET, Vec::new()).await;
    assert!(lost.is_err_and(|error| error.may_be_executed()) && began.elapsed() < 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_table_that_refuses_for_long_gets_few_second_attempts() {
    let calls = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&calls);
    let refusing = fake_aws::config(move |_, _| {
        *counted.lock().unwrap() += 1;
        std::future::ready((503, json!({})))
    });
    let direct = DirectCalls::new(&refusing.map(limits));
    for _ in 0..200 {
        assert!(direct.call(GET, Vec::new()).await.is_err());
    }
    assert_eq!(*calls.lock().unwrap(), 300, "200 calls and the 100 retries of the quota");
}

/// Returns the duration of a call that receives no response, in seconds.
async fn silent_call() -> f64 {
    let direct = DirectCalls::new(&fake_aws::config(|_, _| std::future::pending()).map(limits));
    let began = Instant::now();
    let answer = direct.call(GET, Vec::new()).await;
    assert!(matches!(answer, Err(CallError::NoAnswer { .. })), "{answer:?}");
    began.elapsed().as_secs_f64().round()
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_by_its_own_limit_or_by_the_deadline_whichever_is_sooner() {
    assert_eq!(silent_call().await, 6.0);
    assert_eq!(deadline::with_timeout(60 * SECOND, silent_call()).await, 6.0);
    assert_eq!(deadline::with_timeout(SECOND, silent_call()).await, 1.0);
    assert_eq!(deadline::with_timeout(Duration::ZERO, silent_call()).await, 0.0);
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_nothing_is_sent() {
    let (direct, calls) = answering(&[]);
    assert!(deadline::with_timeout(Duration::ZERO, direct.call(GET, Vec::new())).await.is_err());
    assert_eq!(*calls.lock().unwrap(), 0);
}

/// Configuration of a server on this machine.
fn config_of(url: &str) -> AwsConfig {
    let variables = [
        ("AWS_REGION", "eu-south-1"),
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "token"),
    ];
    config(&Environment::given(variables)).unwrap()
}

/// Starts a server that answers each request with `answer`, and notes the connection and the head of each request.
async fn server(answer: &'static str) -> (String, Arc<Mutex<Vec<(u16, String)>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, from)) = listener.accept().await {
            let noted = Arc::clone(&noted);
            tokio::spawn(async move {
                let mut bytes = vec![0; 10_000];
                while let Ok(read @ 1..) = stream.read(&mut bytes).await {
                    let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
                    noted.lock().unwrap().push((from.port(), text));
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (url, requests)
}

#[tokio::test]
async fn a_request_is_signed_and_its_connection_is_used_again() {
    let (url, requests) = server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    let direct = DirectCalls::new(&config_of(&url));
    for _ in 0..2 {
        assert_eq!(direct.call(GET, b"{\"TableName\":\"t\"}".to_vec()).await.unwrap(), "{}");
    }
    let requests = requests.lock().unwrap();
    assert_eq!(requests[0].0, requests[1].0);
    let head = requests[0].1.to_lowercase();
    for line in [
        "post / http/1.1",
        "content-type: application/x-amz-json-1.0",
        "x-amz-target: dynamodb_20120810.getitem",
        "x-amz-security-token: token",
        "content-length: 17",
        "/eu-south-1/dynamodb/aws4_request, \
         signedheaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, signature=",
    ] {
        assert!(head.contains(line), "{line}: {head}");
    }
}

#[tokio::test]
async fn after_a_5xx_the_next_attempt_uses_another_connection() {
    let (url, requests) = server("HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\n{}").await;
    let error = DirectCalls::new(&config_of(&url)).call(GET, Vec::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "no code");
    let mut ports: Vec<_> = requests.lock().unwrap().iter().map(|(port, _)| *port).collect();
    assert_eq!(ports.len(), 3);
    ports.dedup();
    assert_eq!(ports.len(), 3);
}

#[tokio::test]
async fn an_answer_that_stalls_or_ends_early_is_no_answer() {
    let (url, _) = server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{").await;
    let direct = DirectCalls::new(&config_of(&url));
    let answer = deadline::with_timeout(SECOND / 4, direct.call(GET, Vec::new())).await;
    assert!(matches!(answer, Err(CallError::NoAnswer { .. })), "{answer:?}");
    let (url, _) = server("garbage\r\n\r\n").await;
    let answer = deadline::with_timeout(SECOND / 4, DirectCalls::new(&config_of(&url)).call(GET, Vec::new())).await;
    assert!(matches!(answer, Err(CallError::NoAnswer { .. })), "{answer:?}");
}

/// Returns the address to which a call in this region goes.
async fn address(region: &'static str) -> String {
    #[derive(Debug, Clone)]
    struct Seen(Arc<Mutex<String>>);
    impl HttpConnector for Seen {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            request.uri().clone_into(&mut self.0.lock().unwrap());
            HttpConnectorFuture::new(std::future::pending())
        }
    }
    let seen = Seen(Arc::default());
    let sdk = SdkConfig::builder().region(Region::new(region)).retry_config(RetryConfig::disabled());
    let config = AwsConfig::new(sdk, seen.clone(), Credentials::new("id", "secret", None, None, "test"));
    _ = deadline::with_timeout(SECOND, DirectCalls::new(&config).call(GET, Vec::new())).await;
    let seen = seen.0.lock().unwrap();
    seen.clone()
}

#[tokio::test(start_paused = true)]
async fn the_address_is_that_of_the_region() {
    assert_eq!(address("eu-south-1").await, "https://dynamodb.eu-south-1.amazonaws.com/");
    assert_eq!(address("cn-north-1").await, "https://dynamodb.cn-north-1.amazonaws.com.cn/");
}
