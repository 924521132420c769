//! Conversion between API Gateway's HTTP API events (payload format 2.0) and requests, and between responses and its
//! result format.
//!
//! Source: AWS, "Create AWS Lambda proxy integrations for HTTP APIs". Query parameters arrive decoded. Path
//! parameters arrive with every escape decoded except `%25`. Decoding them once more returns the caller's text.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::http::{Request, Response, unsupported_coding};
use crate::private::Private;

/// Fields of the event that the service reads.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(default)]
    route_key: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    path_parameters: Option<BTreeMap<String, String>>,
    #[serde(default)]
    query_string_parameters: Option<BTreeMap<String, String>>,
    request_context: Context,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    #[serde(default)]
    request_id: String,
    #[serde(default)]
    authorizer: Option<Authorizer>,
}

#[derive(Deserialize)]
struct Authorizer {
    #[serde(default)]
    jwt: Option<Jwt>,
}

#[derive(Deserialize)]
struct Jwt {
    #[serde(default)]
    claims: BTreeMap<String, Value>,
}

/// Returns `true` if an event comes from API Gateway.
#[must_use]
pub fn is_request(event: &Value) -> bool {
    event.get("requestContext").is_some()
}

/// Converts an event to a request; `None` if it is not an event of API Gateway.
#[must_use]
pub fn request(event: Value) -> Option<Request> {
    let event: Event = serde_json::from_value(event).ok()?;
    let masked = |parameters: Option<BTreeMap<String, String>>| {
        parameters.unwrap_or_default().into_iter().map(|(name, value)| (name, Private::new(value))).collect()
    };
    let header = |wanted: &str| event.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let key = header("idempotency-key");
    let purpose = header("sec-purpose").or_else(|| header("purpose"));
    let text = |name: &str| header(name).map(|(_, value)| value.as_str());
    let unsupported_coding = unsupported_coding(text("content-encoding"), text("content-type"));
    let body = event.body.unwrap_or_default();
    let body = if event.is_base64_encoded { STANDARD.decode(body).ok()? } else { body.into_bytes() };
    let jwt = event.request_context.authorizer.and_then(|authorizer| authorizer.jwt);
    Some(Request {
        route: event.route_key,
        path: masked(event.path_parameters.map(decoded)),
        query: masked(event.query_string_parameters),
        is_prefetch: purpose.is_some_and(|(_, value)| value.to_ascii_lowercase().contains("prefetch")),
        idempotency_key: key.map(|(_, value)| Private::new(value.clone())),
        if_match: header("if-match").map(|(_, value)| value.clone()),
        if_none_match: header("if-none-match").map(|(_, value)| value.clone()),
        content_type: header("content-type").map(|(_, value)| value.clone()),
        body: Private::new(body),
        unsupported_coding,
        caller: jwt.map(|jwt| caller(&jwt.claims)).unwrap_or_default(),
        request_id: event.request_context.request_id,
    })
}

fn decoded(parameters: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let once_more = |text: String| percent_decode_str(&text).decode_utf8_lossy().into_owned();
    parameters.into_iter().map(|(name, value)| (name, once_more(value))).collect()
}

/// Returns the caller: the token's `client_id`, else `azp`, else `sub`. The scopes come from `scope` (RFC 8693) or
/// `scp`. API Gateway converts a list of scopes to the text `[a b]`.
fn caller(claims: &BTreeMap<String, Value>) -> Caller {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let client = text("client_id").or_else(|| text("azp"));
    let id = client.or_else(|| text("sub")).unwrap_or_default();
    let scopes = text("scope").or_else(|| text("scp")).unwrap_or_default();
    let scopes = scopes.trim_matches(['[', ']']).split_whitespace().map(str::to_owned);
    let is_subject = client.is_none() && !id.is_empty();
    Caller { id: id.to_owned(), name: None, is_subject, scopes: scopes.collect() }
}

/// Converts a response to the format that API Gateway expects, and logs it. The log line contains the route but never
/// the path.
#[must_use]
pub fn response(request: &Request, answer: Response) -> Value {
    let Request { route, caller, request_id, .. } = request;
    tracing::info!(route, status = answer.status, caller = caller.in_logs(), request_id, "answered request");
    let mut headers: BTreeMap<&str, String> = answer.headers.into_iter().collect();
    headers.insert("Content-Type", answer.content_type.to_owned());
    json!({
        "statusCode": answer.status,
        "headers": headers,
        "body": answer.body.expose(),
        "isBase64Encoded": false,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn event() -> Value {
        json!({
            "version": "2.0",
            "routeKey": "GET /v1/notifications/{id}",
            "rawPath": "/v1/notifications/abc",
            "headers": {"idempotency-key": "k-1", "authorization": "Bearer secret-token"},
            "queryStringParameters": {"limit": "5"},
            "pathParameters": {"id": "abc"},
            "requestContext": {
                "requestId": "r-1",
                "authorizer": {"jwt": {
                    "claims": {"client_id": "c-1", "scope": "notifications/send notifications/ops", "exp": 17},
                    "scopes": ["notifications/recipients"],
                }},
            },
            "body": "e30=",
            "isBase64Encoded": true,
        })
    }

    #[test]
    fn a_request_keeps_what_the_service_reads() {
        let request = request(event()).unwrap();
        assert_eq!(request.route, "GET /v1/notifications/{id}");
        assert_eq!((request.path("id"), request.query("limit")), ("abc", Some("5")));
        assert_eq!(request.body.expose(), b"{}");
        assert_eq!(request.idempotency_key, Some(Private::new("k-1".to_owned())));
        assert_eq!(request.caller.id, "c-1");
        assert!(request.caller.has_scope("send") && request.caller.has_scope("ops"));
        assert!(!request.caller.has_scope("recipients"), "the route's scopes are not the token's");
        assert!(!format!("{request:?}").contains("abc"));
    }

    #[test]
    fn the_caller_is_client_id_else_azp_else_sub() {
        let named = |claims: Value| caller(&serde_json::from_value(claims).unwrap());
        assert_eq!(named(json!({"azp": "a", "sub": "s"})).id, "a");
        assert_eq!(named(json!({"sub": "s", "scp": "[notifications/send x]"})).id, "s");
        assert!(named(json!({"sub": "s", "scp": "[notifications/send x]"})).has_scope("send"));
    }

    #[test]
    fn a_client_is_named_in_logs_and_a_subject_who_may_be_a_person_is_not() {
        let named = |claims: Value| caller(&serde_json::from_value(claims).unwrap());
        assert_eq!(named(json!({"client_id": "c", "sub": "ada@example.com"})).in_logs(), "c");
        let person = named(json!({"sub": "ada@example.com"}));
        assert_eq!((person.id.as_str(), person.in_logs()), ("ada@example.com", "(subject)"));
        assert!(!format!("{person:?}").contains("ada"));
        assert_eq!(named(json!({})).in_logs(), "");
    }

    #[test]
    fn an_answer_has_the_shape_of_the_proxy_integration() {
        let answer = Response::json(202, &json!({"a": 1})).with_header("Location", "/x");
        let answer = response(&Request::default(), answer);
        let headers = json!({"Content-Type": "application/json", "Location": "/x"});
        let expected = json!({"statusCode": 202, "headers": headers, "body": "{\"a\":1}", "isBase64Encoded": false});
        assert_eq!(answer, expected);
    }

    #[test]
    fn a_path_parameter_is_what_the_caller_encoded() {
        let mut event = event();
        event["pathParameters"] = json!({"id": "100%25|ü"});
        assert_eq!(request(event).unwrap().path("id"), "100%|ü");
    }

    #[test]
    fn a_prefetch_of_a_browser_is_recognized() {
        let with = |headers: Value| {
            let mut event = event();
            event["headers"] = headers;
            request(event).unwrap().is_prefetch
        };
        assert!(with(json!({"sec-purpose": "prefetch;prerender"})) && with(json!({"Purpose": "prefetch"})));
        assert!(!with(json!({})) && !with(json!({"sec-purpose": "other"})));
    }

    #[test]
    fn conditions_and_the_content_type_are_kept_in_any_spelling_of_their_names() {
        let mut event = event();
        event["headers"] = json!({"if-match": "\"a\",\"b\"", "If-None-Match": "*", "Content-Type": "text/plain"});
        let request = request(event).unwrap();
        assert_eq!(request.if_match.as_deref(), Some("\"a\",\"b\""));
        assert_eq!(
            (request.if_none_match.as_deref(), request.content_type.as_deref()),
            (Some("*"), Some("text/plain"))
        );
    }

    #[test]
    fn other_events_are_none() {
        assert!(request(json!({"task": "cascade"})).is_none());
        assert!(is_request(&event()) && !is_request(&json!({"Records": []})));
    }
}
