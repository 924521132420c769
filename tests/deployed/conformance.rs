//! Conformance of all requests to the deployed API, and of its responses, to the contract docs/openapi.yaml.

use percent_encoding::percent_decode_str;

use crate::http_client::HttpAnswer;
use world::openapi::{Exchange, contract};

/// Fails if a request or its response violates the contract. `target` is the path with its query.
pub fn keeps_to_the_contract(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    request: &[u8],
    answer: &HttpAnswer,
) {
    let violations = violations(method, target, headers, request, answer);
    assert!(
        violations.is_empty(),
        "{method} {target} answered {} against docs/openapi.yaml: {violations:#?}",
        answer.status
    );
}

fn violations(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    request: &[u8],
    answer: &HttpAnswer,
) -> Vec<String> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let Some((route, parameters)) = contract().route_of(method, path) else {
        // Such a path reaches no function: API Gateway responds itself.
        return if answer.status == 404 { Vec::new() } else { vec!["is no route of the contract".to_owned()] };
    };
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let given = |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    contract().complaints(&Exchange {
        route,
        path: parameters.into_iter().map(|(name, value)| (name, decoded(&value))).collect(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        idempotency_key: given("Idempotency-Key").map(|(_, key)| (*key).to_owned()),
        request: request.to_vec(),
        status: answer.status,
        headers: answer
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
            .collect(),
        answer: answer.body.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answered(status: u16, kind: &str, body: &Value) -> HttpAnswer {
        let headers = [(http::header::CONTENT_TYPE, kind.parse().unwrap())].into_iter().collect();
        HttpAnswer { status, headers, body: body.to_string().into(), json: body.clone() }
    }

    fn example(name: &str) -> Value {
        contract().document["components"]["examples"][name]["value"].clone()
    }

    #[test]
    fn a_conforming_exchange_passes() {
        let send =
            |body: &str, answer: &HttpAnswer| violations("POST", "/v1/notifications", &[], body.as_bytes(), answer);
        let mut sent = answered(202, "application/json", &example("Notification"));
        sent.headers.insert("location", "/v1/notifications/x".parse().unwrap());
        assert_eq!(send(&example("SendRequest").to_string(), &sent), Vec::<String>::new());
        let refused = answered(422, "application/problem+json", &example("Problem"));
        assert_eq!(send(r#"{"colour": "red"}"#, &refused), Vec::<String>::new());
        let elsewhere = answered(404, "application/json", &json!({"message": "Not Found"}));
        assert_eq!(violations("GET", "/v2/metrics", &[], b"", &elsewhere), Vec::<String>::new());
    }

    #[test]
    fn violations_of_the_contract_are_found() {
        let read = answered(200, "application/json", &example("Recipient"));
        let found = |target: &str| violations("GET", target, &[], b"", &read).join("\n");
        assert!(found("/v2/recipients/ada").contains("no route"));
        assert!(found("/v1/recipients/ada?colour=red").contains("colour"));
        assert!(found(&format!("/v1/recipients/{}", "%61".repeat(129))).contains("id"));
        assert!(found("/v1/recipients/ada").contains("ETag"));
        assert!(found("/v1/notifications").contains("took no query parameter \"status\""));
        let unavailable = answered(503, "application/json", &json!({"message": "Service Unavailable"}));
        let sent =
            violations("POST", "/v1/notifications", &[("idempotency-key", "")], br#"{"colour": 1}"#, &unavailable);
        assert!(sent.iter().any(|violation| violation.contains("colour")), "{sent:?}");
        assert!(sent.iter().any(|violation| violation.contains("Idempotency-Key")), "{sent:?}");
    }

    #[test]
    #[should_panic(expected = "GET /v1/health answered 200 against docs/openapi.yaml")]
    fn a_violation_names_method_path_and_status() {
        keeps_to_the_contract("GET", "/v1/health", &[], b"", &answered(200, "text/html", &Value::Null));
    }
}
