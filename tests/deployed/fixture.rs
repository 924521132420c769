//! The fixture of the stories: one method per thing that somebody does.

use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use domain::rollout::{Version, bucket};
use serde_json::{Value, json};

use crate::http_client::Answer;
use crate::push_service::{Device, Message, PushService};
use crate::stack::Stack;

/// Statuses that nothing follows.
const FINAL: [&str; 7] = ["accepted", "delivered", "failed", "skipped", "cancelled", "expired", "uncertain"];
/// `make init` puts a new stack at 10 %, so these buckets of 10,000 are in version 2.
const BUCKETS_OF_V2: u16 = 1_000;

/// The stack and the push service; one for all tests, since there is one of each.
pub struct Fixture {
    pub stack: Stack,
    push_service: PushService,
}

/// The one fixture.
pub fn fixture() -> &'static Fixture {
    static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
        let stack = Stack::from_environment();
        let push_service = PushService::new(&std::env::var("PUSH_ORIGIN").expect("PUSH_ORIGIN: run this by make test"));
        stack.spawn(push_service.run());
        Fixture { stack, push_service }
    });
    &FIXTURE
}

/// An id that begins with `name` and belongs to a side of the rollout.
pub fn recipient_in(version: Version, name: &str) -> String {
    let ids = (0..).map(|number| format!("{name}-{number}"));
    ids.into_iter().find(|id| (bucket(id) < BUCKETS_OF_V2) == (version == Version::V2)).unwrap()
}

impl Fixture {
    /// One API call with the token of the client for `scope`.
    pub fn call(&self, scope: &'static str, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.call_raw(scope, method, path, body.into_bytes())
    }

    /// The same with a body that may be anything.
    pub fn call_raw(&self, scope: &'static str, method: &str, path: &str, body: Vec<u8>) -> Answer {
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
    ) -> Answer {
        let bearer = format!("Bearer {}", self.stack.token(scope));
        let mut headers = vec![("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        headers.extend_from_slice(more);
        self.stack.request(method, &self.stack.url(path), &headers, body)
    }

    /// The same with one status that will do; answers with the body.
    pub fn expect(&self, status: u16, scope: &'static str, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.call(scope, method, path, body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.json);
        answer.json
    }

    /// A call without a token, or with one that is none.
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
    pub fn register(&self, id: &str) -> (Device, String) {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let device = self.push_service.subscribe(&format!("{id}-{number}"));
        let path = format!("/v1/recipients/{id}/devices");
        let registered = self.expect(201, "recipients", "PUT", &path, &device.subscription());
        (device, registered["device_id"].as_str().unwrap().to_owned())
    }

    /// What arrived on a device since the last look.
    pub fn messages(&self, device: &Device) -> Vec<Message> {
        device.messages(self.stack.text("/vapid_public_key"))
    }

    /// Sends, and answers with the notification as the 202 shows it.
    pub fn send(&self, message: &Value) -> Value {
        self.expect(202, "send", "POST", "/v1/notifications", message)
    }

    /// Sends under an `Idempotency-Key`.
    pub fn send_once(&self, key: &str, message: &Value) -> Answer {
        let body = message.to_string().into_bytes();
        self.call_with("send", "POST", "/v1/notifications", body, &[("Idempotency-Key", key)])
    }

    pub fn notification(&self, id: &str) -> Value {
        self.expect(200, "send", "GET", &format!("/v1/notifications/{id}"), &Value::Null)
    }

    /// Sends, and answers with the notification once nothing more follows: at once, or when the cascade is done.
    pub fn send_to_the_end(&self, message: &Value) -> Value {
        let sent = self.send(message);
        self.end_of(sent["id"].as_str().unwrap())
    }

    /// The notification once nothing more follows.
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

/// Asks until there is an answer; fails after so many seconds.
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
