//! An AWS on one port that counts what DynamoDB charges: calls to tables go on to an embedded DynamoDB, asking for the
//! capacity they consume; parameters, e-mails and SMS are answered here.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::http::{Answer, Asked};
use super::ssm;

pub const RECIPIENTS: &str = "recipients";
pub const NOTIFICATIONS: &str = "notifications";
pub const CONTROL: &str = "control";

const DYNAMODB: &str = "DynamoDB_20120810.";

/// Capacity units since the last look.
#[derive(Debug, Default, Clone, Copy)]
pub struct Used {
    /// Write units, those in indexes included.
    pub writes: f64,
    /// The part of them that indexes took.
    pub in_indexes: f64,
    /// Read units.
    pub reads: f64,
    /// Writes refused by their condition, which report nothing.
    pub refused: u32,
}

pub struct MeteredAws {
    dynamodb: String,
    used: Mutex<Used>,
}

impl MeteredAws {
    /// With the tables that sending needs, keys and indexes as template.yaml has them.
    pub fn start() -> Arc<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let dynamodb = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()).await;
            });
        });
        let aws = Self { dynamodb, used: Mutex::default() };
        for table in tables() {
            let (status, said) = aws.forward("CreateTable", &table);
            assert_eq!(status, 200, "{said}");
        }
        Arc::new(aws)
    }

    /// What was used since the last call.
    pub fn take(&self) -> Used {
        std::mem::take(&mut *self.used.lock().unwrap())
    }

    /// Answers an SDK's request.
    pub fn answer(&self, asked: &Asked) -> Answer {
        let target = asked.header("x-amz-target");
        if let Some(operation) = target.strip_prefix(DYNAMODB) {
            let (status, answer) = self.metered(operation, serde_json::from_slice(&asked.body).unwrap());
            return say(status, "application/x-amz-json-1.0", answer.to_string());
        }
        let action = if asked.body.starts_with(b"Action=Publish&") { "Publish" } else { "SendRawEmail" };
        match target {
            "AmazonSSM.GetParameters" => {
                say(200, "application/x-amz-json-1.1", ssm::get_parameters(&asked.body).to_string())
            }
            _ => {
                let result = format!("<{action}Result><MessageId>0100</MessageId></{action}Result>");
                say(200, "text/xml", format!("<{action}Response>{result}</{action}Response>"))
            }
        }
    }

    fn metered(&self, operation: &str, mut call: Value) -> (u16, Value) {
        call["ReturnConsumedCapacity"] = "INDEXES".into();
        let (status, answer) = self.forward(operation, &call);
        let mut used = self.used.lock().unwrap();
        let is_write =
            matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems");
        if status != 200 {
            used.refused += u32::from(is_write);
            return (status, answer);
        }
        // One object, or a list with one for each table.
        let consumed = match &answer["ConsumedCapacity"] {
            Value::Array(tables) => tables.as_slice(),
            one => std::slice::from_ref(one),
        };
        for table in consumed {
            let units = table["CapacityUnits"].as_f64().expect("the store reports its units");
            if is_write {
                used.writes += units;
                let indexes = table["GlobalSecondaryIndexes"].as_object().into_iter().flat_map(|all| all.values());
                used.in_indexes += indexes.filter_map(|index| index["CapacityUnits"].as_f64()).sum::<f64>();
            } else {
                used.reads += units;
            }
        }
        (status, answer)
    }

    /// Hands a call to the embedded DynamoDB.
    fn forward(&self, operation: &str, call: &Value) -> (u16, Value) {
        let body = call.to_string();
        let mut stream = TcpStream::connect(&self.dynamodb).unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {}\r\nx-amz-target: {DYNAMODB}{operation}\r\ncontent-type: \
             application/x-amz-json-1.0\r\nauthorization: AWS4-HMAC-SHA256 Credential=id/20270110/eu-south-1/dynamodb/\
             aws4_request, SignedHeaders=host;x-amz-date, Signature=00\r\nx-amz-date: 20270110T120000Z\r\nconnection: \
             close\r\ncontent-length: {}\r\n\r\n",
            self.dynamodb,
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap())
    }
}

fn say(status: u16, content_type: &str, body: String) -> Answer {
    (status, vec![("content-type", content_type.to_owned())], body.into_bytes())
}

fn tables() -> [Value; 3] {
    let index = |name: &str, hash: &str, range: &str| json!({"IndexName": name, "KeySchema": keys(hash, Some(range)), "Projection": {"ProjectionType": "KEYS_ONLY"}});
    let texts = |names: &[&str]| names.iter().map(|name| attribute(name, "S")).collect::<Vec<_>>();
    let mut attributes = texts(&["pk", "sk", "due_shard", "attention_shard"]);
    attributes.extend(["next_action_at", "attention_at"].map(|name| attribute(name, "N")));
    [
        json!({"TableName": RECIPIENTS, "KeySchema": keys("pk", Some("sk")),
            "AttributeDefinitions": texts(&["pk", "sk"]), "BillingMode": "PAY_PER_REQUEST"}),
        json!({"TableName": NOTIFICATIONS, "KeySchema": keys("pk", Some("sk")), "AttributeDefinitions": attributes,
            "BillingMode": "PAY_PER_REQUEST", "GlobalSecondaryIndexes": [
                index("due", "due_shard", "next_action_at"), index("attention", "attention_shard", "attention_at")]}),
        json!({"TableName": CONTROL, "KeySchema": keys("pk", None),
            "AttributeDefinitions": texts(&["pk"]), "BillingMode": "PAY_PER_REQUEST"}),
    ]
}

fn keys(hash: &str, range: Option<&str>) -> Vec<Value> {
    let hash = json!({"AttributeName": hash, "KeyType": "HASH"});
    let range = range.map(|range| json!({"AttributeName": range, "KeyType": "RANGE"}));
    [Some(hash), range].into_iter().flatten().collect()
}

fn attribute(name: &str, kind: &str) -> Value {
    json!({"AttributeName": name, "AttributeType": kind})
}
