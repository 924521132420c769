//! A provider on a local port, for tests: it speaks HTTP to a real SDK client, remembers every request and answers as
//! told, or does not answer at all.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use aws_sdk_sns::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// What the provider does with each request.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// Answers with a status and a body.
    Answer(u16, String),
    /// Takes the request and stays silent.
    Silence,
    /// Takes the request and hangs up.
    HangUp,
}

impl Behaviour {
    /// A success of the Query protocol.
    pub fn accepted(action: &str) -> Self {
        Self::Answer(
            200,
            format!(
                "<{action}Response><{action}Result><MessageId>0100</MessageId></{action}Result></{action}Response>"
            ),
        )
    }

    /// An error of the Query protocol.
    pub fn refused(status: u16, code: &str, message: &str) -> Self {
        let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
        Self::Answer(status, format!("<ErrorResponse>{error}<RequestId>r-1</RequestId></ErrorResponse>"))
    }
}

/// The provider.
#[derive(Debug)]
pub struct Fake {
    /// Where it listens.
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

    /// An address where nothing listens.
    pub fn absent() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    /// How many requests came in.
    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// Request lines and headers, in small letters.
    pub fn heads(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(head, _)| head.clone()).collect()
    }

    /// The form fields of the only request.
    pub fn fields(&self) -> BTreeMap<String, String> {
        let requests = self.requests.lock().unwrap();
        assert_eq!(requests.len(), 1);
        url::form_urlencoded::parse(requests[0].1.as_bytes()).into_owned().collect()
    }
}

/// Head, in small letters, and body.
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
    // No "Connection: close": whether a connection is used again is up to the client.
    let head = format!("HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n");
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
}

/// Plain HTTP, as the fake speaks it, and TLS for addresses that ask for it.
pub fn http_client() -> SharedHttpClient {
    let tls = tls::Provider::rustls(tls::rustls_provider::CryptoMode::Ring);
    aws_smithy_http_client::Builder::new().tls_provider(tls).build_https()
}

/// Credentials that no one checks.
pub fn test_credentials() -> SharedCredentialsProvider {
    let credentials = Credentials::builder().access_key_id("test").secret_access_key("test").provider_name("test");
    SharedCredentialsProvider::new(credentials.build())
}
