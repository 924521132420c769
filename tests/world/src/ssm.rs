//! SSM parameters with their versions: author, time, and writes of an operator at the same moment.

use std::collections::{BTreeMap, VecDeque};

use platform::clock::Clock;
use serde_json::{Value, json};

use super::http::Reply;
use super::request::Arrival;

/// The default author of a write.
pub const OPERATOR: &str = "arn:aws:sts::000000000000:assumed-role/ops/canary-operator";

/// One version of a parameter.
#[derive(Debug, Clone)]
pub struct StoredParameter {
    pub value: String,
    pub by: String,
    pub at_ms: i64,
    pub description: String,
    pub allowed_pattern: String,
}

/// Every parameter by its full name, oldest version first.
#[derive(Default)]
pub struct FakeParameterStore {
    versions: BTreeMap<String, Vec<StoredParameter>>,
    /// Clock for the time of a version; the epoch without one.
    pub clock: Option<Clock>,
    /// Values that an operator writes immediately before each of the next PutParameter calls, first one first; `None`
    /// writes nothing.
    pub operator_writes: VecDeque<Option<String>>,
}

impl FakeParameterStore {
    /// Writes a parameter like an operator, who leaves everything but the value unchanged.
    pub fn set(&mut self, name: &str, value: &str) {
        self.write(name, value, OPERATOR, None, None);
    }

    /// Deletes a parameter.
    pub fn forget(&mut self, name: &str) {
        self.versions.remove(name);
    }

    /// The current value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.versions.get(name)?.last().map(|version| version.value.as_str())
    }

    /// The values of a parameter and their authors.
    pub fn history(&self, name: &str) -> Vec<(String, String)> {
        let versions = self.versions.get(name).into_iter().flatten();
        versions.map(|version| (version.value.clone(), version.by.clone())).collect()
    }

    fn write(&mut self, name: &str, value: &str, by: &str, description: Option<&str>, pattern: Option<&str>) -> usize {
        let at_ms = self.clock.as_ref().map_or(0, |clock| clock.now().as_millisecond());
        let versions = self.versions.entry(name.to_owned()).or_default();
        let kept = |given: Option<&str>, field: fn(&StoredParameter) -> &String| {
            given.map(str::to_owned).or_else(|| versions.last().map(field).cloned()).unwrap_or_default()
        };
        let (description, allowed_pattern) =
            (kept(description, |it| &it.description), kept(pattern, |it| &it.allowed_pattern));
        versions.push(StoredParameter {
            value: value.to_owned(),
            by: by.to_owned(),
            at_ms,
            description,
            allowed_pattern,
        });
        versions.len()
    }

    /// Responds to a call of SSM's JSON protocol.
    pub fn answer(&mut self, action: &str, arrival: &Arrival, by: &str) -> Reply {
        let asked: Value = serde_json::from_slice(&arrival.body).unwrap();
        let text = |field: &str| asked[field].as_str();
        match action {
            "GetParameters" => self.present(asked["Names"].as_array().unwrap()),
            "GetParameterHistory" => self.past(text("Name").unwrap()),
            "PutParameter" => {
                let (name, value) = (text("Name").unwrap(), text("Value").unwrap());
                if let Some(Some(theirs)) = self.operator_writes.pop_front() {
                    self.set(name, &theirs);
                }
                let version = self.write(name, value, by, text("Description"), text("AllowedPattern"));
                Reply::text(200, json!({"Version": version, "Tier": "Standard"}).to_string())
            }
            other => panic!("unexpected call {other}"),
        }
    }

    fn present(&self, names: &[Value]) -> Reply {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for name in names {
            match self
                .versions
                .get(name.as_str().unwrap())
                .and_then(|versions| versions.last().zip(Some(versions.len())))
            {
                Some((version, number)) => {
                    #[allow(clippy::cast_precision_loss)] // seconds with milliseconds, as AWS sends them
                    let at = version.at_ms as f64 / 1_000.0;
                    found.push(json!({
                        "Name": name, "Value": version.value, "Type": "String", "Version": number, "LastModifiedDate": at,
                    }));
                }
                None => missing.push(name.clone()),
            }
        }
        Reply::text(200, json!({"Parameters": found, "InvalidParameters": missing}).to_string())
    }

    fn past(&self, name: &str) -> Reply {
        let Some(versions) = self.versions.get(name) else {
            return Reply::text(400, r#"{"__type":"ParameterNotFound"}"#);
        };
        #[allow(clippy::cast_precision_loss)] // seconds with milliseconds, as AWS sends them
        let one = |(place, version): (usize, &StoredParameter)| {
            json!({
                "Name": name, "Value": version.value, "Type": "String", "Version": place + 1,
                "LastModifiedDate": version.at_ms as f64 / 1_000.0, "LastModifiedUser": version.by,
                "Description": version.description, "AllowedPattern": version.allowed_pattern,
            })
        };
        let versions: Vec<_> = versions.iter().enumerate().map(one).collect();
        Reply::text(200, json!({"Parameters": versions}).to_string())
    }
}
