//! A Parameter Store with versions, a control table and processes that read both, changed by operators and outages.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::*;
use aws::fake_aws;

pub const SECOND: Duration = Duration::from_secs(1);
/// Number of versions that Parameter Store keeps.
const MAX_VERSIONS: usize = 100;

/// A version: its number, the time of its write, and its value.
type Version = (i64, i64, String);

#[derive(Default)]
pub struct ParameterWorld {
    parameters: Mutex<BTreeMap<String, Vec<Version>>>,
    item: Mutex<Option<Map<String, Value>>>,
    ticks: AtomicU32,
    ssm_down: AtomicBool,
    pub history_down: AtomicBool,
    pub answers_after_ms: AtomicU32,
    ssm_calls: AtomicU32,
    history_calls: AtomicU32,
    table_calls: AtomicU32,
}

impl ParameterWorld {
    pub fn holding(percentage: &str) -> Arc<Self> {
        let world = Arc::new(Self::default());
        world.set("rollout-percentage", percentage);
        world.set("rollout-users", r#"["alice"]"#);
        world.set("settings", "{}");
        world
    }

    pub fn set(&self, parameter: &str, value: &str) {
        let at_ms = 1_700_000_000_000 + i64::from(self.ticks.fetch_add(1, Ordering::SeqCst)) * 500;
        let mut parameters = self.parameters.lock().unwrap();
        let versions = parameters.entry(format!("/push/{parameter}")).or_default();
        let number = versions.last().map_or(1, |(number, ..)| number + 1);
        versions.push((number, at_ms, value.to_owned()));
        let surplus = versions.len().saturating_sub(MAX_VERSIONS);
        versions.drain(..surplus);
    }

    /// Deletes a parameter. The next value that is set begins at version 1.
    pub fn delete(&self, parameter: &str) {
        self.parameters.lock().unwrap().remove(&format!("/push/{parameter}"));
    }

    pub fn down(&self, down: bool) {
        self.ssm_down.store(down, Ordering::SeqCst);
    }

    /// Puts a record into the control table, or removes it.
    pub fn keep(&self, item: Value) {
        *self.item.lock().unwrap() = item.as_object().cloned();
    }

    pub fn kept(&self) -> Value {
        self.item.lock().unwrap().clone().map_or(Value::Null, Value::Object)
    }

    pub fn ssm_calls(&self) -> u32 {
        self.ssm_calls.load(Ordering::SeqCst)
    }

    pub fn history_calls(&self) -> u32 {
        self.history_calls.load(Ordering::SeqCst)
    }

    pub fn table_calls(&self) -> u32 {
        self.table_calls.load(Ordering::SeqCst)
    }

    async fn answer(self: Arc<Self>, target: String, body: Value) -> (u16, Value) {
        match target.rsplit_once('.').map_or("", |(_, call)| call) {
            "GetItem" => {
                self.table_calls.fetch_add(1, Ordering::SeqCst);
                assert_eq!(body["Key"], json!({"pk": {"S": "rollout#last-good"}}));
                let item = self.item.lock().unwrap().clone();
                (200, item.map_or(json!({}), |item| json!({"Item": item})))
            }
            "UpdateItem" => self.update(&body),
            "GetParameterHistory" => {
                self.history_calls.fetch_add(1, Ordering::SeqCst);
                let is_down = self.history_down.load(Ordering::SeqCst) || self.ssm_down.load(Ordering::SeqCst);
                if is_down { throttled() } else { (200, self.history(&body)) }
            }
            call => {
                assert_eq!(call, "GetParameters");
                self.ssm_calls.fetch_add(1, Ordering::SeqCst);
                // The answer holds the value at the start of the call.
                let answer = self.present(&body);
                sleep(Duration::from_millis(self.answers_after_ms.load(Ordering::SeqCst).into())).await;
                if self.ssm_down.load(Ordering::SeqCst) { throttled() } else { (200, answer) }
            }
        }
    }

    fn present(&self, asked: &Value) -> Value {
        let parameters = self.parameters.lock().unwrap();
        let names = asked["Names"].as_array().unwrap().iter().filter_map(Value::as_str);
        let found = names.filter_map(|name| Some(described(name, parameters.get(name)?.last()?)));
        json!({"Parameters": found.collect::<Vec<_>>(), "InvalidParameters": []})
    }

    /// Returns the history in pages of 7; Parameter Store may return such pages.
    fn history(&self, asked: &Value) -> Value {
        let name = asked["Name"].as_str().unwrap();
        let parameters = self.parameters.lock().unwrap();
        let from: usize = asked["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let versions = parameters.get(name).map(Vec::as_slice).unwrap_or_default();
        let page: Vec<_> = versions.iter().skip(from).take(7).map(|version| described(name, version)).collect();
        if from + 7 < versions.len() {
            json!({"Parameters": page, "NextToken": (from + 7).to_string()})
        } else {
            json!({"Parameters": page})
        }
    }

    /// Applies the update of a record, with its condition.
    fn update(&self, body: &Value) -> (u16, Value) {
        let (names, values) = (&body["ExpressionAttributeNames"], &body["ExpressionAttributeValues"]);
        let mut item = self.item.lock().unwrap();
        let item = item.get_or_insert_default();
        let number = |value: Option<&Value>| value.and_then(|it| it["N"].as_str()?.parse::<i64>().ok());
        let held = |name: &str| number(item.get(names[name].as_str().unwrap()));
        let (held_at, held_version) = (held("#modified"), held("#version"));
        let (at, version) = (number(values.get(":modified")), number(values.get(":version")));
        if held_at.is_some() && (held_at, held_version) > (at, version) {
            return (
                400,
                json!({"__type": "ConditionalCheckFailedException", "message": "The conditional request failed"}),
            );
        }
        for (name, attribute) in names.as_object().unwrap() {
            item.insert(attribute.as_str().unwrap().to_owned(), values[name.replace('#', ":")].clone());
        }
        (200, json!({}))
    }

    /// Starts a process in this world; returns its source and its clock.
    pub fn process(self: &Arc<Self>) -> (Arc<ConfigSource>, Clock) {
        let (source, clock) = self.source();
        (Arc::new(source), clock)
    }

    /// Creates a world that holds this percentage, and a process that has read it and is idle since then.
    pub async fn with_idle_process(percentage: &str) -> (Arc<Self>, Arc<ConfigSource>, Clock) {
        let world = Self::holding(percentage);
        let (idle, clock) = world.process();
        idle.current().await;
        (world, idle, clock)
    }

    /// Stores the record of a process, as the minute schedule of rollup does.
    pub async fn record(self: &Arc<Self>, source: &ConfigSource, clock: &Clock) {
        source.current().await;
        self.last_known_good().save(&source.record(), clock.now()).await.unwrap();
    }

    pub fn source(self: &Arc<Self>) -> (ConfigSource, Clock) {
        let clock = Clock::manual("2027-01-04T12:00:00Z".parse().unwrap());
        (self.source_at(&clock), clock)
    }

    pub fn source_at(self: &Arc<Self>, clock: &Clock) -> ConfigSource {
        let world = Arc::clone(self);
        let config = fake_aws::config(move |target, body| Arc::clone(&world).answer(target, body));
        let store = ParameterStore::new(aws_sdk_ssm::Client::new(&config));
        ConfigSource::new(store, "/push", clock.clone()).with_last_known_good(self.last_known_good())
    }

    /// Returns the record as rollup uses it.
    pub fn last_known_good(self: &Arc<Self>) -> LastKnownGood {
        let world = Arc::clone(self);
        let config = fake_aws::config(move |target, body| Arc::clone(&world).answer(target, body));
        LastKnownGood::new(aws::dynamodb(&config), "control")
    }
}

#[allow(clippy::cast_precision_loss)] // seconds with milliseconds, as AWS sends them
fn described(name: &str, (number, at_ms, value): &Version) -> Value {
    let at = *at_ms as f64 / 1_000.0;
    json!({"Name": name, "Value": value, "Type": "String", "Version": number, "LastModifiedDate": at})
}

fn throttled() -> (u16, Value) {
    (400, json!({"__type": "ThrottlingException", "message": "Rate exceeded"}))
}

pub async fn percentage(source: &ConfigSource) -> String {
    source.current().await.rollout.percentage.to_string()
}
