//! Fake provider on a local port, for tests.
//!
//! The fake answers HTTP requests of a real SDK client as configured, or does not answer. It records every request.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use aws_sdk_sns::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// Reaction of the fake to each request.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// Answers with a status and a body.
    Answer(u16, String),
    /// Reads the request and does not answer.
    Silence,
    /// Reads the request and closes the connection.
    HangUp,
}

impl Behaviour {
    /// Creates a success of the Query protocol.
    pub fn accepted(action: &str) -> Self {
        Self::Answer(
            200,
            format!(
                "<{action}Response><{action}Result><MessageId>0100</MessageId></{action}Result></{action}Response>"
            ),
        )
    }

    /// Creates an error of the Query protocol.
    pub fn refused(status: u16, code: &str, message: &str) -> Self {
        let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
        Self::Answer(status, format!("<ErrorResponse>{error}<RequestId>r-1</RequestId></ErrorResponse>"))
    }
}

/// The fake provider.
#[derive(Debug)]
pub struct Fake {
    /// Address on which the fake listens.
    pub url: String,
    requests: Arc<Mutex<Vec<(String, String)>>>,
}

impl Fake {
    /// Listens on a free port until the test ends.
    pub fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                seen.lock().unwrap().push(read(&stream));
                match &behaviour {
                    Behaviour::Answer(status, body) => answer(stream, *status, body),
                    Behaviour::Silence => silent.push(stream),
                    Behaviour::HangUp => drop(stream),
                }
            }
        });
        Self { url, requests }
    }

    /// Returns an address on which nothing listens.
    pub fn absent() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    /// Returns the number of received requests.
    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// Returns the request lines and headers, in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(head, _)| head.clone()).collect()
    }

    /// Returns the form fields of the only request.
    pub fn fields(&self) -> BTreeMap<String, String> {
        let requests = self.requests.lock().unwrap();
        assert_eq!(requests.len(), 1);
        url::form_urlencoded::parse(requests[0].1.as_bytes()).into_owned().collect()
    }
}

/// Reads one request; returns its head, in lower case, and its body.
fn read(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head).unwrap() > 2 {}
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn answer(mut stream: TcpStream, status: u16, body: &str) {
    let length = body.len();
    // No "Connection: close": the client decides whether a connection is used again.
    let head = format!("HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n");
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
}

/// Creates a client for plain HTTP, which the fake uses, and for TLS.
pub fn http_client() -> SharedHttpClient {
    let tls = tls::Provider::rustls(tls::rustls_provider::CryptoMode::Ring);
    aws_smithy_http_client::Builder::new().tls_provider(tls).build_https()
}

/// Creates credentials that are not checked.
pub fn test_credentials() -> SharedCredentialsProvider {
    let credentials = Credentials::builder().access_key_id("test").secret_access_key("test").provider_name("test");
    SharedCredentialsProvider::new(credentials.build())
}
