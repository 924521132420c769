//! The enumerations and limits of the contract equal those of the code.

use std::collections::BTreeSet;

use domain::budget::Ceiling;
use domain::channel::Channel;
use domain::notification::{Content, Gate, Reason, Status};
use domain::recipient::RecipientId;
use domain::{MAX_TTL_SECONDS, NotificationTypes};
use platform::problem::ProblemKind;
use serde_json::{Value, json};
use track::MAX_VALUE_MICROS;

use world::openapi::contract;

fn schema(name: &str) -> &'static Value {
    let found = &contract().document["components"]["schemas"][name];
    assert!(found.is_object(), "{name}");
    found
}

fn words(name: &str) -> BTreeSet<&'static str> {
    schema(name)["enum"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

#[test]
fn enumerations_have_the_words_of_the_code() {
    assert_eq!(words("Status"), Status::ALL.map(Status::as_str).into());
    assert_eq!(words("Reason"), Reason::ALL.map(Reason::as_str).into());
    assert_eq!(words("Channel"), Channel::ALL.map(Channel::as_str).into());
    assert_eq!(words("Ceiling"), Ceiling::ALL.map(Ceiling::as_str).into());
    let gates = &schema("Explanation")["properties"]["gates"]["items"]["properties"]["gate"]["enum"];
    assert_eq!(*gates, json!(Gate::ALL.iter().map(|gate| gate.as_str()).collect::<Vec<_>>()));
    let names = schema("NotificationType")["description"].as_str().unwrap();
    assert!(NotificationTypes::default().iter().all(|kind| names.contains(&format!("`{}`", kind.id))));
}

#[test]
fn problems_have_the_types_and_statuses_of_the_code() {
    let mut coded = ProblemKind::ALL.map(|kind| (kind.type_uri().to_owned(), kind.status())).to_vec();
    let mut written = contract().problem_statuses();
    let statuses: BTreeSet<_> = coded.iter().map(|(_, status)| json!(status)).map(|it| it.to_string()).collect();
    let allowed = schema("Problem")["properties"]["status"]["enum"].as_array().unwrap();
    assert_eq!(statuses, allowed.iter().map(Value::to_string).collect());
    coded.sort();
    written.sort();
    assert_eq!(written, coded);
    let list = schema("ProblemType");
    assert_eq!(list["enum"].as_array().unwrap().len(), list["x-status"].as_array().unwrap().len());
}

#[test]
fn the_documentation_lists_every_problem_with_its_status() {
    let page = include_str!("../../docs/api.md");
    let documented: BTreeSet<_> = contract()
        .problem_statuses()
        .into_iter()
        .map(|(kind, status)| format!("| `{}` | {status} |", kind.trim_start_matches("urn:notifications:problem:")))
        .filter(|row| !page.contains(row))
        .collect();
    assert_eq!(documented, BTreeSet::new());
}

#[test]
fn limits_are_those_of_the_code() {
    let send = &schema("SendRequest")["properties"];
    assert_eq!(send["ttl_seconds"]["maximum"], json!(MAX_TTL_SECONDS));
    assert_eq!(send["channels"]["maxItems"], json!(Channel::ALL.len()));
    assert_eq!(schema("Content")["properties"]["title"]["maxLength"], json!(Content::MAX_TITLE_CHARS));
    assert_eq!(schema("RecipientId")["maxLength"], json!(RecipientId::MAX_CHARS));
    assert_eq!(schema("Receipt")["properties"]["value_micros"]["maximum"], json!(MAX_VALUE_MICROS));
}
