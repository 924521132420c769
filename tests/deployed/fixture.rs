//! The fixture of the deployed tests: one method per action.

use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use domain::rollout::{Version, bucket};
use serde_json::{Value, json};

use crate::http_client::HttpAnswer;
use crate::push_service::{BrowserDevice, PushService, PushedMessage};
use crate::stack::Stack;

/// Final statuses.
const FINAL: [&str; 7] = ["accepted", "delivered", "failed", "skipped", "cancelled", "expired", "uncertain"];
/// `make init` starts a new stack at 10 %, so these buckets of 10,000 are in version 2.
const BUCKETS_OF_V2: u16 = 1_000;

/// The stack and the push service; one for all tests, because there is one of each.
pub struct Fixture {
    pub stack: Stack,
    push_service: PushService,
}

/// The shared fixture.
pub fn fixture() -> &'static Fixture {
    static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
        let stack = Stack::from_environment();
        let push_service = PushService::new(&std::env::var("PUSH_ORIGIN").expect("PUSH_ORIGIN: run this by make test"));
        stack.spawn(push_service.run());
        Fixture { stack, push_service }
    });
    &FIXTURE
}

/// An id that begins with `name` and belongs to a version of the rollout.
pub fn recipient_in(version: Version, name: &str) -> String {
    let ids = (0..).map(|number| format!("{name}-{number}"));
    ids.into_iter().find(|id| (bucket(id) < BUCKETS_OF_V2) == (version == Version::V2)).unwrap()
}

impl Fixture {
    /// Makes an API call with the token of the client for `scope`.
    pub fn call(&self, scope: &'static str, method: &str, path: &str, body: &Value) -> HttpAnswer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.call_raw(scope, method, path, body.into_bytes())
    }

    /// The same with an arbitrary body.
    pub fn call_raw(&self, scope: &'static str, method: &str, path: &str, body: Vec<u8>) -> HttpAnswer {
        self.call_with(scope, method, path, body, &[])
    }

    /// The same with further headers.
    pub fn call_with(
        &self,
        scope: &'static str,
        method: &str,
        path: &str,
        body: Vec<u8>,
        more: &[(&str, &str)],
    ) -> HttpAnswer {
        let bearer = format!("Bearer {}", self.stack.token(scope));
        let mut headers = vec![("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        headers.extend_from_slice(more);
        self.stack.request(method, &self.stack.url(path), &headers, body)
    }

    /// Makes a call that must have this status, and returns the body.
    pub fn expect(&self, status: u16, scope: &'static str, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.call(scope, method, path, body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.json);
        answer.json
    }

    /// Makes a call without a token, or with an invalid one.
    pub fn call_as_stranger(&self, method: &str, path: &str, bearer: Option<&str>) -> u16 {
        let bearer = bearer.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|bearer| ("Authorization", bearer.as_str())).collect();
        self.stack.request(method, &self.stack.url(path), &headers, Vec::new()).status
    }

    pub fn put_recipient(&self, id: &str, profile: &Value) -> u16 {
        self.call("recipients", "PUT", &format!("/v1/recipients/{id}"), profile).status
    }

    pub fn recipient(&self, id: &str) -> Value {
        self.expect(200, "recipients", "GET", &format!("/v1/recipients/{id}"), &Value::Null)
    }

    /// A new device of a recipient, and its id.
    pub fn register(&self, id: &str) -> (BrowserDevice, String) {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let device = self.push_service.subscribe(&format!("{id}-{number}"));
        let path = format!("/v1/recipients/{id}/devices");
        let registered = self.expect(201, "recipients", "PUT", &path, &device.subscription());
        (device, registered["device_id"].as_str().unwrap().to_owned())
    }

    /// Messages that arrived on a device since the previous call.
    pub fn messages(&self, device: &BrowserDevice) -> Vec<PushedMessage> {
        device.messages(self.stack.text("/vapid_public_key"))
    }

    /// Sends, and returns the notification of the 202 response.
    pub fn send(&self, message: &Value) -> Value {
        self.expect(202, "send", "POST", "/v1/notifications", message)
    }

    /// Sends under an `Idempotency-Key`.
    pub fn send_once(&self, key: &str, message: &Value) -> HttpAnswer {
        let body = message.to_string().into_bytes();
        self.call_with("send", "POST", "/v1/notifications", body, &[("Idempotency-Key", key)])
    }

    pub fn notification(&self, id: &str) -> Value {
        self.expect(200, "send", "GET", &format!("/v1/notifications/{id}"), &Value::Null)
    }

    /// Sends, and returns the notification in its final status.
    pub fn send_to_the_end(&self, message: &Value) -> Value {
        let sent = self.send(message);
        self.end_of(sent["id"].as_str().unwrap())
    }

    /// The notification in its final status.
    pub fn end_of(&self, id: &str) -> Value {
        eventually(20, || Some(self.notification(id)).filter(|now| FINAL.contains(&now["status"].as_str().unwrap())))
    }
}

/// A notification to send.
pub fn message(to: &str, title: &str) -> Value {
    json!({"to": to, "content": {"title": title, "body": "The text."}})
}

/// `channel: outcome` of each attempt.
pub fn tried(notification: &Value) -> Vec<String> {
    let attempts = notification["attempts"].as_array().unwrap();
    attempts
        .iter()
        .map(|one| format!("{}: {}", one["channel"].as_str().unwrap(), one["outcome"].as_str().unwrap()))
        .collect()
}

/// Calls `ask` until it returns a value; fails after this many seconds.
pub fn eventually<T>(seconds: u64, ask: impl Fn() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "not within {seconds} s");
        sleep(Duration::from_millis(300));
    }
}
