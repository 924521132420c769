//! The examples of the contract conform to it, and so do the golden files of the code's tests.

use serde_json::Value;

use world::openapi::{Contract, Exchange, contract};

#[test]
fn every_example_keeps_to_its_schema() {
    let mut seen = 0;
    walk(&contract().document, String::new(), &mut |pointer, value| {
        let given = value.get("examples").filter(|_| value.get("schema").is_some()).and_then(Value::as_object);
        for (name, example) in given.into_iter().flatten() {
            let example = match example["$ref"].as_str() {
                Some(reference) => contract().document.pointer(&reference[1..]).unwrap(),
                None => example,
            };
            let errors = contract().errors(&format!("{pointer}/schema"), &example["value"], name);
            assert_eq!(errors, Vec::<String>::new(), "{pointer}");
            seen += 1;
        }
        let listed = value.get("examples").filter(|_| value.get("type").is_some()).and_then(Value::as_array);
        for example in listed.into_iter().flatten() {
            assert_eq!(contract().errors(pointer, example, "example"), Vec::<String>::new(), "{pointer}");
            seen += 1;
        }
    });
    assert!(seen > 10, "{seen}");
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = &contract().document;
    let mut used = std::collections::BTreeSet::new();
    walk(document, String::new(), &mut |pointer, value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(&reference[1..]).is_some(), "{pointer}: {reference}");
            used.insert(reference[1..].to_owned());
        }
    });
    for (kind, components) in document["components"].as_object().unwrap() {
        for name in components.as_object().unwrap().keys().filter(|_| kind != "securitySchemes") {
            assert!(used.contains(&format!("/components/{kind}/{name}")), "nothing uses {kind}/{name}");
        }
    }
}

#[test]
fn the_answers_that_the_documentation_shows_keep_to_the_contract() {
    let golden = [
        ("POST /v1/notifications/explain", include_str!("../../functions/send/src/golden/explanation.json")),
        ("GET /v1/metrics", include_str!("../../functions/console/src/golden/metrics.json")),
        ("GET /v1/metrics/channels", include_str!("../../functions/console/src/golden/channels.json")),
        ("GET /v1/metrics/series", include_str!("../../functions/console/src/golden/series.json")),
        ("GET /v1/settings", include_str!("../../functions/console/src/golden/settings.json")),
        ("GET /v1/metrics/costs", include_str!("../../functions/console/src/golden/costs.json")),
        ("GET /v1/health", include_str!("../../functions/console/src/golden/health.json")),
        ("GET /v1/rollout/comparison", include_str!("../../functions/console/src/golden/comparison.json")),
        ("GET /v1/report", include_str!("../../functions/console/src/golden/report.json")),
    ];
    let asked = contract().document["components"]["examples"]["SendRequest"]["value"].to_string().into_bytes();
    for (route, answer) in golden {
        let exchange = Exchange { request: asked.clone(), ..answered(route, 200, answer) };
        assert_eq!(contract().complaints(&exchange), Vec::<String>::new());
    }
}

fn answered(route: &str, status: u16, answer: &str) -> Exchange {
    Exchange {
        route: route.to_owned(),
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        answer: answer.into(),
        ..Exchange::default()
    }
}

#[test]
fn violations_of_the_contract_are_found() {
    let health = include_str!("../../functions/console/src/golden/health.json");
    let refused = |exchange: &Exchange, why: &str| {
        let complaints = contract().complaints(exchange);
        assert!(complaints.iter().any(|complaint| complaint.contains(why)), "{why}: {complaints:?}");
    };
    let good = answered("GET /v1/health", 200, health);
    refused(&Exchange { route: "GET /v1/healthy".into(), ..good.clone() }, "no route");
    refused(&Exchange { status: 202, ..good.clone() }, "no status");
    refused(&Exchange { headers: vec![("content-type".into(), "text/html".into())], ..good.clone() }, "content type");
    refused(&Exchange { query: vec![("colour".into(), "red".into())], ..good.clone() }, "colour");
    refused(&answered("GET /v1/health", 200, &health.replacen("score", "sum", 1)), "score");
    refused(&answered("GET /v1/health", 200, &health.replacen("\"score\"", "\"colour\": 1, \"score\"", 1)), "colour");
    refused(&answered("GET /v1/health", 200, &health.replacen("critical", "ill", 1)), "ill");
    refused(&answered("GET /v1/health", 200, "{"), "not JSON");
    let mut located = good.clone();
    located.headers.push(("location".into(), "/elsewhere".into()));
    refused(&located, "location");
    refused(&answered("GET /v1/vapid-public-key", 200, "{}"), "Cache-Control");
    refused(
        &Exchange { query: vec![("minutes".into(), "0".into())], ..answered("GET /v1/metrics", 200, "{}") },
        "minutes",
    );
    let cleaned = answered("POST /v1/cleanup", 200, "{}");
    refused(&Exchange { request: br#"{"dry_run": 1}"#.to_vec(), ..cleaned.clone() }, "request/dry_run");
    refused(&Exchange { request: br#"{"colour": 1}"#.to_vec(), ..cleaned }, "colour");
    let problem = r#"{"type": "urn:notifications:problem:not-found", "title": "", "status": 404, "detail": "", "request_id": ""}"#;
    let mut problem = answered("GET /v1/health", 422, problem);
    problem.headers[0].1 = "application/problem+json".into();
    refused(&problem, "another status");
}

#[test]
fn a_conforming_exchange_passes() {
    let example = |name: &str| contract().document["components"]["examples"][name]["value"].to_string();
    let mut put = answered("PUT /v1/recipients/{id}", 200, &example("Recipient"));
    put.headers.push(("etag".into(), "\"1-1.00\"".into()));
    put.path = vec![("id".into(), "bob".into())];
    put.request = example("Profile").into_bytes();
    assert_eq!(contract().complaints(&put), Vec::<String>::new());
    let mut patched = Exchange { route: "PATCH /v1/recipients/{id}".into(), ..put };
    patched.request = example("ProfilePatch").into_bytes();
    assert_eq!(contract().complaints(&patched), Vec::<String>::new());

    let refused_and_granted = format!("{{\"items\": [{}, {}]}}", example("Problem"), example("Notification"));
    let mut batch = answered("POST /v1/notifications/batch", 202, &refused_and_granted);
    batch.request = format!("{{\"messages\": [{{\"colour\": 1}}, {}]}}", example("SendRequest")).into_bytes();
    assert_eq!(contract().complaints(&batch), Vec::<String>::new());
    batch.request = format!("{{\"messages\": [{}, {{\"colour\": 1}}]}}", example("SendRequest")).into_bytes();
    assert_ne!(contract().complaints(&batch), Vec::<String>::new());
    batch.request = br#"{"messages": [{"colour": 1}]}"#.to_vec();
    batch.answer = format!("{{\"items\": [{}]}}", example("Problem")).into_bytes();
    assert_eq!(contract().complaints(&batch), Vec::<String>::new());
}

#[test]
fn a_path_belongs_to_the_most_literal_route() {
    let route = |method, path| contract().route_of(method, path).map(|(route, _)| route);
    assert_eq!(route("POST", "/v1/notifications/batch").as_deref(), Some("POST /v1/notifications/batch"));
    assert_eq!(route("GET", "/v1/notifications/batch").as_deref(), Some("GET /v1/notifications/{id}"));
    assert_eq!(route("GET", "/v1/elsewhere"), None);
}

#[test]
fn objects_of_answers_are_open_to_clients_and_closed_here() {
    let document = serde_json::json!({"components": {"schemas": {"A": {"type": "object", "properties": {"a": {}}}}}});
    let errors = Contract::of(document).errors("/components/schemas/A", &serde_json::json!({"b": 1}), "answer");
    assert_eq!(errors.len(), 1);
}

fn walk(value: &Value, pointer: String, visit: &mut impl FnMut(&str, &Value)) {
    visit(&pointer, value);
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                walk(value, format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), visit);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, format!("{pointer}/{index}"), visit);
            }
        }
        _ => {}
    }
}
