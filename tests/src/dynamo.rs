//! The tables, with real DynamoDB semantics, in this process.

use dynoxide::Database;
use serde_json::{Value, json};

pub const TABLES: [&str; 5] = ["recipients", "notifications", "metrics", "settings", "control"];

/// Creates the tables of infra/data.yaml.
pub fn tables() -> Database {
    let database = Database::memory().unwrap();
    for name in TABLES {
        database.create_table(serde_json::from_value(definition(name)).unwrap()).unwrap();
    }
    database
}

fn definition(name: &str) -> Value {
    let key = |name: &str, role: &str| json!({"AttributeName": name, "KeyType": role});
    let attribute = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
    let mut keys = vec![key("pk", "HASH")];
    let mut attributes = vec![attribute("pk", "S")];
    if name != "control" {
        keys.push(key("sk", "RANGE"));
        attributes.push(attribute("sk", "S"));
    }
    let mut table = json!({"TableName": name, "KeySchema": keys, "BillingMode": "PAY_PER_REQUEST"});
    if name == "settings" {
        let keys = [key("trail", "HASH"), key("sk", "RANGE")];
        table["GlobalSecondaryIndexes"] =
            json!([{"IndexName": "trail", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}]);
        attributes.push(attribute("trail", "S"));
    }
    if name == "notifications" {
        let index = |name: &str, hash: &str, range: &str| {
            let keys = [key(hash, "HASH"), key(range, "RANGE")];
            json!({"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "KEYS_ONLY"}})
        };
        table["GlobalSecondaryIndexes"] =
            json!(
                [index("due", "due_shard", "next_action_at"), index("attention", "attention_shard", "attention_at"),]
            );
        table["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"});
        attributes.extend([
            attribute("due_shard", "S"),
            attribute("next_action_at", "N"),
            attribute("attention_shard", "S"),
            attribute("attention_at", "N"),
        ]);
    }
    table["AttributeDefinitions"] = json!(attributes);
    table
}

/// Every item of a table.
pub fn items(database: &Database, table: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut after = Value::Null;
    loop {
        let mut request = json!({"TableName": table});
        if !after.is_null() {
            request["ExclusiveStartKey"] = after;
        }
        let request = serde_json::from_value(request).unwrap();
        let page = serde_json::to_value(database.scan(request).unwrap()).unwrap();
        items.extend(page["Items"].as_array().cloned().unwrap_or_default());
        after = page["LastEvaluatedKey"].clone();
        if after.is_null() {
            return items;
        }
    }
}

/// Turns the stream of the notifications off, for tests that write many items and read no stream: before each write,
/// this DynamoDB reads all records for the next sequence number.
pub fn disable_stream(database: &Database) {
    let request = json!({"TableName": "notifications", "StreamSpecification": {"StreamEnabled": false}});
    database.update_table(serde_json::from_value(request).unwrap()).unwrap();
}

/// Every record of the notifications' stream so far, in Lambda's format.
pub fn stream(database: &Database) -> Vec<Value> {
    let ask = |value: Value| value;
    let streams = database.list_streams(serde_json::from_value(ask(json!({"TableName": "notifications"}))).unwrap());
    let streams = serde_json::to_value(streams.unwrap()).unwrap();
    let arn = streams["Streams"][0]["StreamArn"].clone();
    let described = database.describe_stream(serde_json::from_value(json!({"StreamArn": arn})).unwrap()).unwrap();
    let described = serde_json::to_value(described).unwrap();
    let shard = described["StreamDescription"]["Shards"][0]["ShardId"].clone();
    let from = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = database.get_shard_iterator(serde_json::from_value(from).unwrap()).unwrap();
    let mut iterator = serde_json::to_value(iterator).unwrap()["ShardIterator"].clone();
    let mut records = Vec::new();
    loop {
        let page = database.get_records(serde_json::from_value(json!({"ShardIterator": iterator})).unwrap()).unwrap();
        let page = serde_json::to_value(page).unwrap();
        let found = page["Records"].as_array().cloned().unwrap_or_default();
        if found.is_empty() {
            return records;
        }
        records.extend(found);
        iterator = page["NextShardIterator"].clone();
    }
}
