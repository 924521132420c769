//! HTTP events in a text format that a person can write, and of which a fuzzer can change one part without breaking
//! others:
//!
//! ```text
//! GET /v1/recipients/{id}/notifications      the route
//! path id ada                                 path, query, header and claim: a name and a value
//! query limit 5
//!                                             an empty line
//! {"the": "body"}                             to the end
//! ```
//!
//! Without a claim the caller is `shop` and may do everything. `PUSH` stands for the origin of the world's push
//! service.

use serde_json::{Map, Value, json};

/// The parts of a text with several requests.
pub fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n===\n")
}

/// The event that API Gateway would build from the request; text that is a JSON object is an event already.
pub fn event(text: &str, push_origin: &str) -> Option<Value> {
    if text.starts_with('{') {
        return serde_json::from_str(text).ok();
    }
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let route = lines.next()?;
    let (mut path, mut query, mut headers, mut claims) = (Map::new(), Map::new(), Map::new(), Map::new());
    for line in lines {
        let mut words = line.splitn(3, ' ');
        let (kind, name, value) = (words.next()?, words.next()?.to_owned(), json!(words.next().unwrap_or_default()));
        match kind {
            "path" => path.insert(name, value),
            "query" => query.insert(name, value),
            "header" => headers.insert(name, value),
            "claim" => claims.insert(name, value),
            _ => return None,
        };
    }
    if claims.is_empty() {
        let everything = "notifications/send notifications/recipients notifications/ops";
        claims = Map::from_iter([("client_id".to_owned(), json!("shop")), ("scope".to_owned(), json!(everything))]);
    }
    Some(json!({
        "version": "2.0",
        "routeKey": route,
        "headers": headers,
        "pathParameters": path,
        "queryStringParameters": query,
        "requestContext": {"requestId": "r-1", "authorizer": {"jwt": {"claims": claims}}},
        "body": body.replace("PUSH", push_origin),
        "isBase64Encoded": false,
    }))
}
