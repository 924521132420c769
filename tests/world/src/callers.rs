//! Actions of callers: requests to the function `send`.

use jiff::{SignedDuration, Timestamp};
use platform::gateway;
use platform::http::Request;
use send::SendApi;
use serde_json::{Value, json};

use super::answer::answered;
use super::{ApiResponse, SHOP, World};

/// Further values in every request that must not be logged: the token and unused claims.
pub const TOKEN: &str = "canary-head.canary-claims.canary-signature";
pub const SUBJECT: &str = "canary-subject";
const ISSUER: &str = "https://canary-issuer.example.com";

impl World {
    /// Sends a message; the default content is "Hi", "there".
    pub async fn send(&self, to: &str, extra: Value) -> ApiResponse {
        self.post("POST /v1/notifications", message(to, extra), None).await
    }

    /// Sends a message that arrived this many seconds ago, so that little time remains for it.
    pub async fn send_late(&self, seconds: i64, to: &str, extra: Value) -> ApiResponse {
        let body = message(to, extra);
        let request = self.request(SHOP, "send", "POST /v1/notifications", &[], &[], &body, None);
        let arrived = self.clock.now() - SignedDuration::from_secs(seconds);
        answered(&request, self.send.answer(&request, arrived, self.hard_deadline()).await)
    }

    /// Sends a message with a template instead of a content.
    pub async fn send_template(&self, to: &str, template: &str, variables: Value, extra: Value) -> ApiResponse {
        let mut body = json!({"to": to, "template": {"name": template}, "variables": variables});
        body.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap_or_default());
        self.post("POST /v1/notifications", body, None).await
    }

    pub async fn send_once(&self, key: &str, to: &str, extra: Value) -> ApiResponse {
        self.post("POST /v1/notifications", message(to, extra), Some(key)).await
    }

    pub async fn batch(&self, messages: Vec<Value>, key: Option<&str>) -> ApiResponse {
        self.post("POST /v1/notifications/batch", json!({"messages": messages}), key).await
    }

    pub async fn post(&self, route: &str, body: Value, key: Option<&str>) -> ApiResponse {
        self.post_as(SHOP, route, body, key).await
    }

    pub async fn post_as(&self, caller: &str, route: &str, body: Value, key: Option<&str>) -> ApiResponse {
        self.ask(self.request(caller, "send", route, &[], &[], &body, key)).await
    }

    pub async fn get(&self, id: &str) -> ApiResponse {
        self.get_as(SHOP, "send", id).await
    }

    pub async fn get_as(&self, caller: &str, scope: &str, id: &str) -> ApiResponse {
        self.ask(self.request(caller, scope, "GET /v1/notifications/{id}", &[("id", id)], &[], &Value::Null, None))
            .await
    }

    /// The notification with its messages, as they were or would be sent.
    pub async fn rendered(&self, id: &str) -> ApiResponse {
        let (path, query) = ([("id", id)], [("render", "true")]);
        self.ask(self.request(SHOP, "send", "GET /v1/notifications/{id}", &path, &query, &Value::Null, None)).await
    }

    pub async fn cancel(&self, id: &str) -> ApiResponse {
        self.cancel_as(SHOP, "send", id).await
    }

    pub async fn cancel_as(&self, caller: &str, scope: &str, id: &str) -> ApiResponse {
        self.ask(self.request(caller, scope, "DELETE /v1/notifications/{id}", &[("id", id)], &[], &Value::Null, None))
            .await
    }

    pub async fn list(&self, query: &[(&str, &str)]) -> ApiResponse {
        self.ask(self.request("ops-client", "ops", "GET /v1/notifications", &[], query, &Value::Null, None)).await
    }

    /// Event of API Gateway for a request to send one message.
    pub fn send_event(body: &Value) -> Value {
        event(SHOP, "send", "POST /v1/notifications", &[], &[], body, None)
    }

    /// Handles an event with this instance of send, as its Lambda function does.
    pub async fn handle_send(&self, send: &SendApi, event: Value) -> Value {
        let request = gateway::request(event).unwrap();
        let response = send.answer(&request, self.clock.now(), self.hard_deadline()).await;
        gateway::response(&request, response)
    }

    /// Builds a request from an event in API Gateway's format.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn request(
        &self,
        caller: &str,
        scope: &str,
        route: &str,
        path: &[(&str, &str)],
        query: &[(&str, &str)],
        body: &Value,
        key: Option<&str>,
    ) -> Request {
        gateway::request(event(caller, scope, route, path, query, body, key)).unwrap()
    }

    async fn ask(&self, request: Request) -> ApiResponse {
        answered(&request, self.send.answer(&request, self.clock.now(), self.hard_deadline()).await)
    }

    /// Time at which an invocation that begins now has certainly ended.
    pub(crate) fn hard_deadline(&self) -> Timestamp {
        self.clock.now() + SignedDuration::from_secs(34)
    }
}

/// Builds an event in API Gateway's format.
fn event(
    caller: &str,
    scope: &str,
    route: &str,
    path: &[(&str, &str)],
    query: &[(&str, &str)],
    body: &Value,
    key: Option<&str>,
) -> Value {
    let map = |pairs: &[(&str, &str)]| Value::Object(pairs.iter().map(|(k, v)| ((*k).into(), json!(v))).collect());
    let scope = format!("notifications/{scope}");
    let claims = json!({"client_id": caller, "scope": scope, "sub": SUBJECT, "username": SUBJECT, "iss": ISSUER});
    let mut headers = json!({"authorization": format!("Bearer {TOKEN}")});
    if let Some(key) = key {
        headers["idempotency-key"] = json!(key);
    }
    let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    json!({
        "routeKey": route,
        "headers": headers,
        "pathParameters": map(path),
        "queryStringParameters": map(query),
        "requestContext": {"requestId": "r-1", "authorizer": {"jwt": {"claims": claims}}},
        "body": if body.is_null() { "" } else { text.as_str() },
    })
}

fn message(to: &str, extra: Value) -> Value {
    let mut message = json!({"to": to, "content": {"title": "Hi", "body": "there"}});
    message.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap_or_default());
    message
}
