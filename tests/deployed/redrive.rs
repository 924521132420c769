//! Redrive of failed stream records: each is counted once, however often it is redriven, and although the consumer may
//! still process it.

use std::path::Path;
use std::process::Command;

use domain::rollout::Version;
use serde_json::{Value, json};

use crate::fixture::{Fixture, eventually, fixture, message, recipient_in};

/// A type that no other test sends.
const TYPE: &str = "CERTIFICATE_EXPIRING";

#[test]
#[ignore = "needs the local stack: make test"]
fn failed_records_are_listed_without_personal_data_and_counted_once_by_a_redrive() {
    let fixture = fixture();
    let id = recipient_in(Version::V2, "redriven");
    fixture.register(&id);
    let before = sent(fixture);
    let mapping = Mapping::of(fixture, "RollupFunctionName");
    mapping.enable(false);
    let first = send(fixture, &id);
    let failures = [failure(fixture, &first, "RollupFunctionName"), failure(fixture, &first, "CascadeFunctionName")];
    for failure in &failures {
        put(fixture, failure);
    }

    let shown = redrive(&[]);
    assert!(shown.contains("2 messages") && shown.contains("RetryAttemptsExhausted"), "{shown}");
    assert!(!shown.contains(&id) && !shown.contains("push/"), "{shown}");
    assert_eq!(sent(fixture), before, "listing changes nothing");

    let redriven = redrive(&["--apply"]);
    assert!(redriven.contains("deleted: counted") && redriven.contains("nothing to do"), "{redriven}");
    assert!(redriven.contains("2 of 2 messages done with"), "{redriven}");
    assert_eq!(sent(fixture), before + 1);
    put(fixture, &failures[0]);
    assert!(redrive(&["--apply"]).contains("1 of 1 messages done with"));
    assert_eq!(sent(fixture), before + 1, "a redrive of what is counted counts nothing");

    // The consumer itself processes all records after all.
    mapping.enable(true);
    send(fixture, &id);
    eventually(30, || (sent(fixture) >= before + 2).then_some(()));
    assert_eq!(sent(fixture), before + 2);
}

#[test]
#[ignore = "needs the local stack: make test"]
fn records_that_the_stream_no_longer_holds_stay_queued_until_discarded() {
    let fixture = fixture();
    let id = recipient_in(Version::V2, "forgotten");
    fixture.register(&id);
    let sent = fixture.send(&message(&id, "Here"));
    let mut lost = failure(fixture, &sent, "RollupFunctionName");
    lost["DDBStreamBatchInfo"]["startSequenceNumber"] = json!("100000000000000000001");
    put(fixture, &lost);
    let output = redrive(&["--apply"]);
    assert!(output.contains("gone from the stream") && output.contains("0 of 1 messages done with"), "{output}");
    assert!(redrive(&["--apply", "--forget"]).contains("1 of 1 messages done with"));
    assert!(redrive(&[]).contains("0 messages"));
}

fn send(fixture: &Fixture, id: &str) -> Value {
    let mut asked = message(id, "Counted once");
    (asked["type"], asked["channels"]) = (json!(TYPE), json!(["push"]));
    let sent = fixture.send(&asked);
    assert_eq!(sent["status"], "accepted");
    sent
}

/// Number of sent notifications of the type in the metrics.
fn sent(fixture: &Fixture) -> u64 {
    let metrics = fixture.expect(200, "ops", "GET", "/v1/metrics?minutes=60", &Value::Null);
    metrics["by_type"][TYPE]["sent"].as_u64().unwrap_or(0)
}

/// Runs `make redrive` on this stack.
fn redrive(options: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut command = Command::new(root.join("target/venv/local/bin/python"));
    let done = command.arg(root.join("infra/notifications_ops")).arg("redrive").args(options).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    text(done.stdout) + &text(done.stderr)
}

/// The failure record that Lambda writes for the records of one notification.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>
fn failure(fixture: &Fixture, notification: &Value, function: &str) -> Value {
    let (stream, shard, records) = records(fixture);
    let id = notification["id"].as_str().unwrap();
    let (pk, sk) = id.split_once('-').unwrap();
    let ours = |record: &&Value| record["dynamodb"]["Keys"] == json!({"pk": {"S": pk}, "sk": {"S": sk}});
    let ours: Vec<_> = records.iter().filter(ours).map(|record| &record["dynamodb"]["SequenceNumber"]).collect();
    let name = fixture.stack.text(&format!("/outputs/{function}"));
    let now = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap().to_string();
    json!({
        "requestContext": {
            "requestId": "316aa6d0-8154-4c2e-9af7-85d5f4a6bc81",
            "functionArn": format!("arn:aws:lambda:eu-west-1:000000000000:function:{name}"),
            "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 11,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0", "timestamp": now,
        "DDBStreamBatchInfo": {
            "shardId": shard, "startSequenceNumber": ours[0], "endSequenceNumber": ours[ours.len() - 1],
            "approximateArrivalOfFirstRecord": now,
            "approximateArrivalOfLastRecord": now,
            "batchSize": ours.len(), "streamArn": stream,
        },
    })
}

/// The stream's ARN, its only shard, and every record of it.
fn records(fixture: &Fixture) -> (String, String, Vec<Value>) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let streams =
        |call: &str, body: &Value| fixture.stack.aws("dynamodb", &format!("DynamoDBStreams_20120810.{call}"), body);
    let table = json!({"TableName": fixture.stack.text("/outputs/NotificationsTableName")});
    let table = fixture.stack.aws("dynamodb", "DynamoDB_20120810.DescribeTable", &table);
    let stream = text(&table["Table"]["LatestStreamArn"]);
    let described = streams("DescribeStream", &json!({"StreamArn": stream}));
    let shard = text(&described["StreamDescription"]["Shards"][0]["ShardId"]);
    let from = json!({"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let mut iterator = streams("GetShardIterator", &from)["ShardIterator"].clone();
    let mut records = Vec::new();
    loop {
        let page = streams("GetRecords", &json!({"ShardIterator": iterator}));
        let found = page["Records"].as_array().unwrap();
        if found.is_empty() {
            return (stream, shard, records);
        }
        records.extend(found.iter().cloned());
        iterator = page["NextShardIterator"].clone();
    }
}

fn put(fixture: &Fixture, failure: &Value) {
    let queue = fixture.stack.text("/outputs/StreamFailureQueueUrl");
    fixture.stack.aws("sqs", "AmazonSQS.SendMessage", &json!({"QueueUrl": queue, "MessageBody": failure.to_string()}));
}

/// The event source mapping from the stream to a function.
struct Mapping<'a> {
    fixture: &'a Fixture,
    id: String,
}

impl<'a> Mapping<'a> {
    fn of(fixture: &'a Fixture, function: &str) -> Self {
        let name = fixture.stack.text(&format!("/outputs/{function}"));
        let found = fixture.stack.lambda("GET", &format!("event-source-mappings/?FunctionName={name}"), &Value::Null);
        let id = found["EventSourceMappings"][0]["UUID"].as_str().unwrap_or_else(|| panic!("{found}"));
        Self { fixture, id: id.to_owned() }
    }

    fn enable(&self, is_enabled: bool) {
        let path = format!("event-source-mappings/{}", self.id);
        self.fixture.stack.lambda("PUT", &path, &json!({"Enabled": is_enabled}));
        // The thread that reads streams may be in the middle of a round.
        std::thread::sleep(std::time::Duration::from_secs(2));
    }
}
