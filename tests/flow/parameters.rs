//! Every route takes the query parameters and preconditions that the contract names for it, and refuses all others.

use std::collections::BTreeSet;

use world::World;
use world::openapi::{Operation, contract};

const UNKNOWN: &str = "is not a known parameter";
const UNSUPPORTED: &str = "is not supported by this route; leave it out";

/// Routes with a scope. Public routes ignore what browsers, caches and proxies add.
fn operations() -> Vec<Operation> {
    contract().operations().into_iter().filter(|operation| !operation.scopes.is_empty()).collect()
}

fn messages(answer: &world::ApiResponse) -> Vec<(&str, &str)> {
    let errors = answer.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().map(|error| (error["field"].as_str().unwrap(), error["message"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn every_route_takes_the_query_parameters_of_the_contract_and_no_others() {
    let world = World::start().await;
    let all: BTreeSet<String> =
        operations().iter().flat_map(|operation| contract().parameters_of(&operation.key, "query")).collect();
    assert!(all.len() > 10, "{all:?}");
    for Operation { key, .. } in operations() {
        let named = contract().parameters_of(&key, "query");
        for name in all.iter().map(String::as_str).chain(["no_such_parameter"]) {
            let answer = world.call(&key, &[(name, "1")], [None, None]).await;
            let is_refused = messages(&answer).contains(&(name, UNKNOWN));
            assert_eq!(is_refused, !named.contains(name), "{key}?{name}=1: {} {}", answer.status, answer.body);
        }
    }
}

#[tokio::test]
async fn a_public_route_takes_the_query_parameters_of_the_contract() {
    let world = World::start().await;
    for Operation { key, .. } in contract().operations().into_iter().filter(|operation| operation.scopes.is_empty()) {
        for name in contract().parameters_of(&key, "query") {
            let answer = world.call(&key, &[(&name, "1")], [None, None]).await;
            assert!(!messages(&answer).contains(&(&name, UNKNOWN)), "{key}?{name}=1: {}", answer.body);
        }
    }
}

/// Reads ignore both headers where the contract names none: browsers and proxies add `If-None-Match`.
#[tokio::test]
async fn every_write_takes_the_preconditions_of_the_contract_or_refuses_them() {
    let world = World::start().await;
    let tag = Some("\"0123456789abcdef\"");
    for Operation { key, .. } in operations() {
        let named = contract().parameters_of(&key, "header");
        for (name, headers) in [("If-Match", [tag, None]), ("If-None-Match", [None, tag])] {
            let answer = world.call(&key, &[], headers).await;
            let refusal = messages(&answer).into_iter().find(|(field, _)| *field == name);
            if named.contains(name) || key.starts_with("GET") {
                assert_eq!(refusal, None, "{key} with {name}: {} {}", answer.status, answer.body);
            } else if key == "PUT /v1/settings" {
                assert_eq!(refusal, Some((name, "cannot be used here; use If-Match")));
            } else {
                assert_eq!(refusal, Some((name, UNSUPPORTED)), "{key}: {} {}", answer.status, answer.body);
            }
        }
    }
}
