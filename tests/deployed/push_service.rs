//! A push service in the tests' process: it keeps each message for the test to decrypt, and has a scripted response for
//! each device.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Barrier;

use crate::arrival::verified_claims;
use crate::browser::Browser;

/// Maximum wait for the other devices of a rendezvous; less than the sender's timeout.
const MEETING_TIMEOUT: Duration = Duration::from_millis(1_500);

/// State of a device.
pub struct Arrived {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

#[derive(Default)]
struct Mailbox {
    is_gone: bool,
    refuses: bool,
    meeting: Option<Arc<Barrier>>,
    has_met: bool,
    arrived: Vec<Arrived>,
}

type Mailboxes = Arc<Mutex<HashMap<String, Mailbox>>>;

/// The push service.
pub struct PushService {
    origin: String,
    mailboxes: Mailboxes,
}

/// A browser with a subscription.
pub struct BrowserDevice {
    browser: Browser,
    origin: String,
    path: String,
    mailboxes: Mailboxes,
}

/// A decrypted message, from a sender whose signature was verified.
#[derive(Debug)]
pub struct PushedMessage {
    pub json: Value,
    pub ttl_seconds: u32,
    pub urgency: String,
    pub topic: String,
}

impl PushService {
    pub fn new(origin: &str) -> Self {
        Self { origin: origin.to_owned(), mailboxes: Mailboxes::default() }
    }

    /// Serves until the process ends.
    pub fn run(&self) -> impl Future<Output = ()> + Send + 'static {
        let (mailboxes, address) = (self.mailboxes.clone(), self.origin.strip_prefix("http://").unwrap().to_owned());
        async move {
            let listener = TcpListener::bind(address).await.unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let mailboxes = mailboxes.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(mailboxes.clone(), request));
                    // The sender may close the connection at any time.
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                        .ok();
                });
            }
        }
    }

    /// A new device; its keys are derived from its name.
    pub fn subscribe(&self, name: &str) -> BrowserDevice {
        let secret = Sha256::digest(name);
        let path = format!("/push/{name}");
        self.mailboxes.lock().unwrap().insert(path.clone(), Mailbox::default());
        let browser = Browser::new(&secret, secret[..16].try_into().unwrap());
        BrowserDevice { browser, origin: self.origin.clone(), path, mailboxes: self.mailboxes.clone() }
    }
}

async fn answer(mailboxes: Mailboxes, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_or_else(|_| Vec::new(), |body| body.to_bytes().to_vec());
    let meeting = mailboxes.lock().unwrap().get(parts.uri.path()).and_then(|mailbox| mailbox.meeting.clone());
    if let Some(meeting) = meeting
        && tokio::time::timeout(MEETING_TIMEOUT, meeting.wait()).await.is_ok()
    {
        mailboxes.lock().unwrap().get_mut(parts.uri.path()).unwrap().has_met = true;
    }
    let status = match mailboxes.lock().unwrap().get_mut(parts.uri.path()) {
        None => 404,
        Some(mailbox) if mailbox.is_gone => 410,
        Some(mailbox) if mailbox.refuses => 400,
        Some(mailbox) => {
            mailbox.arrived.push(Arrived { headers: parts.headers, body });
            201
        }
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    Ok(response)
}

impl BrowserDevice {
    /// The result of `JSON.stringify(subscription)` in a browser.
    pub fn subscription(&self) -> Value {
        json!({
            "endpoint": format!("{}{}", self.origin, self.path),
            "expirationTime": null,
            "keys": {"p256dh": self.browser.p256dh(), "auth": self.browser.auth()},
        })
    }

    /// Makes the push service respond 410 for this device from now on.
    pub fn goes_away(&self) {
        self.mailboxes.lock().unwrap().get_mut(&self.path).unwrap().is_gone = true;
    }

    /// Makes the push service respond 400 for this device from now on.
    pub fn refuses(&self) {
        self.mailboxes.lock().unwrap().get_mut(&self.path).unwrap().refuses = true;
    }

    /// Makes the push service respond only once each of these devices has a message, so that as many processes of a
    /// function are busy at the same moment.
    pub fn meet(devices: &[&Self]) {
        let meeting = Arc::new(Barrier::new(devices.len()));
        for device in devices {
            device.mailboxes.lock().unwrap().get_mut(&device.path).unwrap().meeting = Some(Arc::clone(&meeting));
        }
    }

    /// Returns true once a message for this device waited until the others had theirs.
    pub fn has_met(&self) -> bool {
        self.mailboxes.lock().unwrap()[&self.path].has_met
    }

    /// Messages since the previous call, each verified (RFC 8292) and decrypted (RFC 8291).
    pub fn messages(&self, vapid_public_key: &str) -> Vec<PushedMessage> {
        let arrived = std::mem::take(&mut self.mailboxes.lock().unwrap().get_mut(&self.path).unwrap().arrived);
        arrived.iter().map(|arrived| self.read(arrived, vapid_public_key)).collect()
    }

    fn read(&self, arrived: &Arrived, vapid_public_key: &str) -> PushedMessage {
        let header = |name: &str| arrived.headers.get(name).map_or("", |value| value.to_str().unwrap());
        let claims = verified_claims(header("authorization"), vapid_public_key);
        let lifetime = claims["exp"].as_i64().unwrap() - jiff::Timestamp::now().as_second();
        assert_eq!(claims["aud"], json!(self.origin), "the exact origin");
        assert!((1..=24 * 3_600).contains(&lifetime), "{lifetime}");
        assert!(claims["sub"].as_str().unwrap().starts_with("mailto:"));
        assert_eq!(header("content-encoding"), "aes128gcm");
        PushedMessage {
            json: serde_json::from_slice(&self.browser.open(&arrived.body).unwrap()).unwrap(),
            ttl_seconds: header("ttl").parse().unwrap(),
            urgency: header("urgency").to_owned(),
            topic: header("topic").to_owned(),
        }
    }
}
