//! Detects changes of the contract that break a client of the last release.
//!
//! A request that was granted must stay granted, and a response must stay readable. Additional fields, refusal statuses
//! and enumeration values in responses break no client: the contract tells clients to ignore what they do not know.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use yaml_rust2::{Yaml, YamlLoader};

use crate::compatibility::breaks;
use world::openapi::contract;

/// The contract of the last release, which docs/releases keeps, and the file's name.
fn last_release() -> (String, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/releases");
    let version = |name: &str| -> Option<Vec<u32>> {
        let numbers = name.strip_prefix("openapi-")?.strip_suffix(".yaml")?.split('.');
        numbers.map(|number| number.parse().ok()).collect()
    };
    let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let name = names.max_by_key(|name| version(name).unwrap_or_else(|| panic!("{name} is no release"))).unwrap();
    let text = std::fs::read_to_string(folder.join(&name)).unwrap();
    (name, value(&YamlLoader::load_from_str(&text).unwrap()[0]))
}

fn value(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Boolean(value) => json!(value),
        Yaml::Integer(value) => json!(value),
        Yaml::Real(value) => json!(value.parse::<f64>().unwrap()),
        Yaml::String(value) => json!(value),
        Yaml::Array(items) => items.iter().map(value).collect(),
        Yaml::Hash(entries) => {
            Value::Object(entries.iter().map(|(name, it)| (name.as_str().unwrap().to_owned(), value(it))).collect())
        }
        _ => Value::Null,
    }
}

#[test]
fn clients_of_the_last_release_go_on() {
    let (name, released) = last_release();
    let broken = breaks(&released, &contract().document);
    let way_out =
        "keep to what was released, or make it /v2; before the first release: cp docs/openapi.yaml docs/releases/";
    assert!(broken.is_empty(), "{name}: {broken:#?}\n{way_out}{name}");
}

/// The contract with another value at a pointer.
fn with(pointer: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut document = contract().document.clone();
    change(document.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is nowhere")));
    document
}

fn without(pointer: &str, name: &str) -> Value {
    with(pointer, |at| {
        at.as_object_mut().unwrap().remove(name).unwrap();
    })
}

fn set(pointer: &str, to: Value) -> Value {
    with(pointer, |at| *at = to)
}

fn put(pointer: &str, name: &str, to: Value) -> Value {
    with(pointer, |at| {
        at[name] = to;
    })
}

fn no_longer_listed(pointer: &str, word: &str) -> Value {
    with(pointer, |at| at.as_array_mut().unwrap().retain(|it| it != word))
}

fn also_listed(pointer: &str, word: &str) -> Value {
    with(pointer, |at| at.as_array_mut().unwrap().push(json!(word)))
}

const SCHEMAS: &str = "/components/schemas";
const SEND: &str = "/paths/~1v1~1notifications/post";

/// The changes that the comparison does not report.
fn unnoticed<'a>(broken: &[(&'a str, Value)]) -> BTreeSet<&'a str> {
    let missed = broken.iter().filter(|(_, document)| breaks(&contract().document, document).is_empty());
    missed.map(|(change, _)| *change).collect()
}

#[test]
fn each_breaking_change_of_a_request_is_found() {
    let at = |rest: &str| format!("{SCHEMAS}/{rest}");
    let broken = [
        ("a route is gone", without("/paths", "/v1/health")),
        ("a method is gone", without("/paths/~1v1~1rollout", "put")),
        (
            "a route asks for a scope",
            set("/paths/~1v1~1receipts/post/security", json!([{"oauth": ["notifications/ops"]}])),
        ),
        ("another scope", set(&format!("{SEND}/security"), json!([{"oauth": ["notifications/ops"]}]))),
        (
            "one scope fewer",
            set("/paths/~1v1~1notifications~1{id}/get/security", json!([{"oauth": ["notifications/ops"]}])),
        ),
        ("a field becomes required", also_listed(&at("SendRequest/required"), "type")),
        ("a field of a request is gone", without(&at("SendRequest/properties"), "topic")),
        ("a field of a request has another type", set(&at("Content/properties/title/type"), json!("integer"))),
        ("null is refused", set(&at("SendRequest/properties/topic/type"), json!("string"))),
        (
            "a word of a request is gone",
            no_longer_listed("/paths/~1v1~1notifications/get/parameters/0/schema/enum", "expired"),
        ),
        ("words where any text was taken", put(&at("Content/properties/body"), "enum", json!(["a"]))),
        ("a lower maximum", set(&at("SendRequest/properties/ttl_seconds/maximum"), json!(60))),
        ("a new maximum", put(&at("Content/properties/body"), "maxLength", json!(100))),
        ("a higher minimum", set(&at("BatchRequest/properties/messages/minItems"), json!(2))),
        ("another pattern", set(&at("TimeOfDay/pattern"), json!("^[0-9]$"))),
        ("a format", put(&at("Content/properties/body"), "format", json!("email"))),
        ("an object is closed", put(&at("Subscription"), "additionalProperties", json!(false))),
        (
            "a variant of a request is gone",
            set(&at("Percentage/oneOf"), json!([{"type": "number", "minimum": 0, "maximum": 100}])),
        ),
        (
            "a parameter is gone",
            with("/paths/~1v1~1report/get/parameters", |at| drop(at.as_array_mut().unwrap().pop())),
        ),
        ("a parameter becomes required", put("/components/parameters/Limit", "required", json!(true))),
        ("a body becomes required", set("/paths/~1v1~1unsubscribe~1{token}/post/requestBody/required", json!(true))),
        ("a type of body is gone", without(&format!("{SEND}/requestBody/content"), "application/json")),
    ];
    assert_eq!(unnoticed(&broken), BTreeSet::new());
}

#[test]
fn each_breaking_change_of_a_response_is_found() {
    let at = |rest: &str| format!("{SCHEMAS}/{rest}");
    let broken = [
        ("a response's field is gone", without(&at("Notification/properties"), "attempts")),
        ("a response's field may be missing", no_longer_listed(&at("Notification/required"), "status")),
        ("a response's field has another type", set(&at("Attempt/properties/latency_ms/type"), json!("string"))),
        ("a response's field may be null", set(&at("Time/type"), json!(["string", "null"]))),
        ("a response's words become any text", without(&at("Outcome"), "enum")),
        ("a response has another format", without(&at("Time"), "format")),
        (
            "a response has a new variant",
            with(&at("BatchAnswer/properties/items/items/oneOf"), |at| {
                at.as_array_mut().unwrap().push(json!({"type": "string"}))
            }),
        ),
        ("entries of another type", put(&at("NotificationPage/properties/items"), "items", json!({"type": "string"}))),
        (
            "values of another type",
            put(&at("Notification/properties/over_budget"), "additionalProperties", json!({"type": "integer"})),
        ),
        ("a status of success is gone", without(&format!("{SEND}/responses"), "202")),
        ("a type of response is gone", without("/paths/~1v1~1report/get/responses/200/content", "text/markdown")),
        ("a header is gone", without(&format!("{SEND}/responses/202/headers"), "Location")),
    ];
    assert_eq!(unnoticed(&broken), BTreeSet::new());
}

#[test]
fn compatible_changes_pass() {
    let at = |rest: &str| format!("{SCHEMAS}/{rest}");
    let fine = [
        ("nothing", contract().document.clone()),
        ("a new route", put("/paths", "/v1/new", json!({"get": {"security": [], "responses": {}}}))),
        (
            "a further scope",
            set(
                &format!("{SEND}/security"),
                json!([{"oauth": ["notifications/send"]}, {"oauth": ["notifications/ops"]}]),
            ),
        ),
        ("a route opens", set(&format!("{SEND}/security"), json!([]))),
        ("a new field of a request", put(&at("Content/properties"), "colour", json!({"type": "string"}))),
        ("a field is no longer required", set(&at("Receipt/required"), json!(["token"]))),
        ("a higher maximum", set(&at("Content/properties/title/maxLength"), json!(300))),
        ("a new field of a response", put(&at("Notification/properties"), "colour", json!({"type": "string"}))),
        ("a new reason", also_listed(&at("Reason/enum"), "new")),
        ("a new problem", also_listed(&at("ProblemType/enum"), "urn:notifications:problem:new")),
        ("a new refusal", put(&format!("{SEND}/responses"), "418", json!({"$ref": "#/components/responses/Invalid"}))),
        ("other words", set("/info/title", json!("Another"))),
    ];
    for (what, document) in fine {
        assert_eq!(breaks(&contract().document, &document), Vec::<String>::new(), "{what}");
    }
}
