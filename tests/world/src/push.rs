//! A push service and the browsers that are subscribed to it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use platform::clock::Clock;
use serde_json::Value;
use tokio::sync::Notify;

use super::browser::Browser;
use super::faults::Faults;
use super::http::{Reply, serve};
use super::request::Arrival;

#[derive(Default)]
struct State {
    arrivals: Vec<Arrival>,
    scripted: HashMap<String, VecDeque<Reply>>,
    takes: Option<(Clock, Duration)>,
    held: Option<Arc<Notify>>,
    always: Option<Reply>,
}

impl State {
    /// The response, and the signal that it waits for.
    fn takes(&mut self, arrival: Arrival) -> (Reply, Option<Arc<Notify>>) {
        let scripted = self.scripted.get_mut(arrival.path()).and_then(VecDeque::pop_front);
        self.arrivals.push(arrival);
        if let Some((clock, takes)) = &self.takes {
            clock.advance(*takes);
        }
        let reply = scripted.or_else(|| self.always.clone());
        (reply.unwrap_or_else(|| Reply::status(201)), self.held.take())
    }
}

/// A push service that accepts every message unless a test scripts another response.
pub struct FakePushService {
    pub origin: String,
    state: Arc<Mutex<State>>,
}

impl FakePushService {
    pub async fn start(faults: Faults) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let origin = serve(faults, move |arrival: Arrival| {
            let state = Arc::clone(&shared);
            async move {
                let (reply, held) = state.lock().unwrap().takes(arrival);
                if let Some(held) = held {
                    held.notified().await;
                }
                reply
            }
        })
        .await;
        Self { origin, state }
    }

    /// Scripts the next responses to messages for this device.
    pub fn answer(&self, device: &str, replies: impl IntoIterator<Item = Reply>) {
        self.state.lock().unwrap().scripted.entry(format!("/push/{device}")).or_default().extend(replies);
    }

    /// Sets the response to everything that is not scripted; `None` accepts it.
    pub fn always(&self, reply: Option<Reply>) {
        self.state.lock().unwrap().always = reply;
    }

    /// Number of messages for all devices together.
    pub fn total(&self) -> usize {
        self.state.lock().unwrap().arrivals.len()
    }

    /// Sets the time that every message takes on the world's clock.
    pub fn takes(&self, clock: &Clock, seconds: u64) {
        self.state.lock().unwrap().takes = Some((clock.clone(), Duration::from_secs(seconds)));
    }

    /// Holds the next response back until the returned signal is given.
    pub fn hold(&self) -> Arc<Notify> {
        Arc::clone(self.state.lock().unwrap().held.insert(Arc::default()))
    }

    /// Number of messages for this device.
    pub fn count(&self, device: &str) -> usize {
        let path = format!("/push/{device}");
        self.state.lock().unwrap().arrivals.iter().filter(|arrival| arrival.path() == path).count()
    }

    /// The last message for this device, verified like at a push service and decrypted like in its browser.
    pub fn opened(&self, device: &str, browser: &Browser) -> (Arrival, Value) {
        self.all_opened(device, browser).pop().expect("a message came")
    }

    /// Every message for this device, verified and decrypted, oldest first.
    pub fn all_opened(&self, device: &str, browser: &Browser) -> Vec<(Arrival, Value)> {
        let path = format!("/push/{device}");
        let state = self.state.lock().unwrap();
        let arrived = state.arrivals.iter().filter(|arrival| arrival.path() == path);
        arrived.map(|arrival| self.checked(arrival, browser)).collect()
    }

    fn checked(&self, arrival: &Arrival, browser: &Browser) -> (Arrival, Value) {
        let claims = verified_claims(arrival.header("authorization"));
        assert_eq!(claims["aud"], self.origin.as_str());
        assert_eq!(arrival.header("content-encoding"), "aes128gcm");
        let message = serde_json::from_slice(&browser.open(&arrival.body).unwrap()).unwrap();
        (arrival.clone(), message)
    }
}

/// The claims of a `vapid t=..., k=...` header (RFC 8292 section 3), with its signature verified.
fn verified_claims(authorization: &str) -> Value {
    let (token, key) = authorization.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let decode = |part| URL_SAFE_NO_PAD.decode(part).unwrap();
    let key = VerifyingKey::from_sec1_bytes(&decode(key)).unwrap();
    key.verify(signed.as_bytes(), &Signature::from_slice(&decode(signature)).unwrap()).unwrap();
    serde_json::from_slice(&decode(signed.split_once('.').unwrap().1)).unwrap()
}
