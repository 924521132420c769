//! AWS in the process, without a socket: DynamoDB with its real semantics, and an SSM, SES and SNS that accept
//! everything.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use dynoxide::Database;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::dynamo::{TABLES, items, tables};

/// An AWS; clones share their state.
#[derive(Clone)]
pub struct FuzzAws {
    database: Arc<Mutex<Database>>,
    writes: Arc<AtomicUsize>,
    parameters: Arc<Vec<(String, String)>>,
}

impl FuzzAws {
    /// Empty tables, and these SSM parameters.
    pub fn new(parameters: Vec<(String, String)>) -> Self {
        let database = Arc::new(Mutex::new(tables()));
        Self { database, writes: Arc::default(), parameters: Arc::new(parameters) }
    }

    /// Number of executed writes of items.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// Every item with its table.
    pub fn items(&self) -> Vec<(&'static str, Value)> {
        let database = self.database.lock().unwrap();
        TABLES.iter().flat_map(|table| items(&database, table).into_iter().map(|item| (*table, item))).collect()
    }

    /// Replaces the contents of the tables.
    pub fn reset(&self, items: &[(&'static str, Value)]) {
        let fresh = tables();
        for (table, item) in items {
            let put = json!({"TableName": table, "Item": item});
            fresh.put_item(serde_json::from_value(put).unwrap()).unwrap();
        }
        *self.database.lock().unwrap() = fresh;
    }

    fn answer(&self, target: &str, body: &[u8]) -> (u16, String) {
        match target.split_once('.') {
            Some(("AmazonSSM", "PutParameter")) => (200, json!({"Version": 1}).to_string()),
            Some(("AmazonSSM", "GetParameterHistory")) => (200, json!({"Parameters": []}).to_string()),
            Some(("AmazonSSM", _)) => (200, self.parameters(body)),
            Some((_, call)) => self.dynamodb(call, body),
            None => (200, query(body)),
        }
    }

    fn parameters(&self, body: &[u8]) -> String {
        let asked: Value = serde_json::from_slice(body).unwrap();
        let names = asked["Names"].as_array().unwrap();
        let is_asked = |name: &String| names.iter().any(|asked| asked == name);
        let found = self.parameters.iter().filter(|(name, _)| is_asked(name));
        let found: Vec<_> = found.map(|(name, value)| json!({"Name": name, "Value": value})).collect();
        json!({"Parameters": found, "InvalidParameters": []}).to_string()
    }

    fn dynamodb(&self, call: &str, body: &[u8]) -> (u16, String) {
        let database = self.database.lock().unwrap();
        let (answered, writes) = match call {
            "GetItem" => (carry_out(body, |asked| database.get_item(asked)), 0),
            "BatchGetItem" => (carry_out(body, |asked| database.batch_get_item(asked)), 0),
            "Query" => (carry_out(body, |asked| database.query(asked)), 0),
            "Scan" => (carry_out(body, |asked| database.scan(asked)), 0),
            "PutItem" => (carry_out(body, |asked| database.put_item(asked)), 1),
            "UpdateItem" => (carry_out(body, |asked| database.update_item(asked)), 1),
            "DeleteItem" => (carry_out(body, |asked| database.delete_item(asked)), 1),
            "TransactWriteItems" => (carry_out(body, |asked| database.transact_write_items(asked)), 1),
            other => panic!("unexpected call {other}"),
        };
        if answered.0 == 200 {
            self.writes.fetch_add(writes, Ordering::SeqCst);
        }
        answered
    }
}

fn carry_out<A: DeserializeOwned, R: Serialize>(
    body: &[u8],
    call: impl FnOnce(A) -> dynoxide::Result<R>,
) -> (u16, String) {
    let asked = serde_json::from_slice(body).expect("the SDK writes what DynamoDB reads");
    match call(asked) {
        Ok(answer) => (200, serde_json::to_string(&answer).unwrap()),
        Err(error) => (error.status_code(), error.to_json()),
    }
}

/// Responds to SES and SNS calls, which use the query protocol.
fn query(body: &[u8]) -> String {
    let form = String::from_utf8_lossy(body);
    let action = form.split('&').find_map(|field| field.strip_prefix("Action=")).expect("an action");
    format!("<{action}Response><{action}Result><MessageId>m-1</MessageId></{action}Result></{action}Response>")
}

impl fmt::Debug for FuzzAws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FuzzAws")
    }
}

impl HttpConnector for FuzzAws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let (status, body) = self.answer(&target, request.body().bytes().unwrap_or_default());
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body))))
    }
}
