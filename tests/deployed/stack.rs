//! The deployed stack: its endpoints, and its AWS from an operator's view.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::conformance::keeps_to_the_contract;
use crate::http_client::{HttpAnswer, HttpClient};

/// A queue that is subscribed to the alerts topic.
pub struct AlertQueue {
    queue: String,
}

impl AlertQueue {
    /// All of it so far.
    pub fn messages(&self, stack: &Stack) -> Vec<String> {
        let asked = json!({"QueueUrl": self.queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0});
        let answer = stack.operation("sqs", "AmazonSQS.ReceiveMessage", &asked);
        answer["Messages"].as_array().into_iter().flatten().map(|one| one["Body"].to_string()).collect()
    }
}

/// The stack that `STACK_JSON` describes.
pub struct Stack {
    http: HttpClient,
    about: Value,
    tokens: Mutex<HashMap<&'static str, String>>,
}

impl Stack {
    pub fn from_environment() -> Self {
        let path = std::env::var("STACK_JSON").expect("STACK_JSON: run this by make test");
        let about = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        Self { http: HttpClient::new(), about, tokens: Mutex::default() }
    }

    /// Folder of the local stack: its logs, its process id.
    pub fn folder(&self) -> PathBuf {
        let path = PathBuf::from(std::env::var("STACK_JSON").expect("STACK_JSON: run this by make test"));
        path.parent().unwrap().to_owned()
    }

    /// A text of stack.json, by its JSON pointer.
    pub fn text(&self, pointer: &str) -> &str {
        self.about.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("stack.json has no {pointer}"))
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.text("/api_url"))
    }

    /// Spawns a task that runs until the process ends.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.http.spawn(work);
    }

    /// Makes a request to the API. Fails if the request or its response violates the contract.
    pub fn request(&self, method: &str, url: &str, headers: &[(&str, &str)], body: Vec<u8>) -> HttpAnswer {
        let target = url.strip_prefix(self.text("/api_url")).unwrap_or_else(|| panic!("{url} is not of the API"));
        let answer = self.http.send(method, url, headers, body.clone());
        keeps_to_the_contract(method, target, headers, &body, &answer);
        answer
    }

    /// A client-credentials token of the client for `scope`.
    pub fn token(&self, scope: &'static str) -> String {
        self.tokens.lock().unwrap().entry(scope).or_insert_with(|| self.new_token(scope)).clone()
    }

    fn new_token(&self, scope: &str) -> String {
        let client = |part| self.text(&format!("/clients/{scope}/{part}"));
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", client("id"), client("secret"))));
        let headers = [("Authorization", basic.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
        let url = self.text("/token_url");
        let answer = self.http.send("POST", url, &headers, b"grant_type=client_credentials".to_vec());
        answer.json["access_token"].as_str().expect("a token").to_owned()
    }

    /// Number of items in a table.
    pub fn count(&self, table_output: &str) -> u64 {
        let body = json!({"TableName": self.text(&format!("/outputs/{table_output}")), "Select": "COUNT"});
        let answer = self.aws("dynamodb", "DynamoDB_20120810.Scan", &body);
        answer["Count"].as_u64().unwrap_or_else(|| panic!("{answer}"))
    }

    /// Calls a service with a JSON protocol, by its target.
    pub fn aws(&self, service: &str, target: &str, body: &Value) -> Value {
        let headers = [
            ("X-Amz-Target", target),
            ("Content-Type", "application/x-amz-json-1.0"),
            ("Authorization", &self.signed_for(service)),
        ];
        let answer = self.http.send("POST", self.text("/endpoint_url"), &headers, body.to_string().into_bytes());
        assert_eq!(answer.status, 200, "{target}: {}", answer.json);
        answer.json
    }

    /// Calls Lambda's API.
    pub fn lambda(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}/2015-03-31/{path}", self.text("/endpoint_url"));
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = self.http.send(method, &url, &[("Authorization", &self.signed_for("lambda"))], body);
        assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.json);
        answer.json
    }

    /// Invokes a function like its schedule.
    pub fn invoke(&self, function_output: &str, event: &Value) -> HttpAnswer {
        self.invocation(function_output, event, "RequestResponse")
    }

    /// Invokes a function asynchronously; a permanent failure writes a failure record.
    pub fn invoke_later(&self, function_output: &str, event: &Value) {
        assert_eq!(self.invocation(function_output, event, "Event").status, 202);
    }

    fn invocation(&self, function_output: &str, event: &Value, how: &str) -> HttpAnswer {
        let name = self.text(&format!("/outputs/{function_output}"));
        let url = format!("{}/2015-03-31/functions/{name}/invocations", self.text("/endpoint_url"));
        let headers = [("Authorization", &*self.signed_for("lambda")), ("X-Amz-Invocation-Type", how)];
        self.http.send("POST", &url, &headers, event.to_string().into_bytes())
    }

    /// Subject and text of each e-mail that SES accepted for an address.
    pub fn mail_to(&self, address: &str) -> Vec<(String, String)> {
        let sent = self.inspect("/_ministack/ses/messages");
        let accounts = sent["messages"].as_object().unwrap().values();
        let mails = accounts.flat_map(|mails| mails.as_array().unwrap());
        let ours = mails.filter(|mail| mail["To"].to_string().contains(address));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        ours.map(|mail| (text(&mail["Subject"]), text(&mail["BodyText"]))).collect()
    }

    /// Text of each SMS that SNS accepted for a number.
    pub fn sms_to(&self, number: &str) -> Vec<String> {
        let sent = self.inspect("/_ministack/sns/sms-messages");
        let ours = sent["sms_messages"][number].as_array().cloned().unwrap_or_default();
        ours.iter().map(|sms| sms["Message"].as_str().unwrap().to_owned()).collect()
    }

    /// Every log line of every function.
    pub fn function_logs(&self) -> Vec<String> {
        let groups = self.operation("logs", "Logs_20140328.DescribeLogGroups", &json!({}));
        let groups = groups["logGroups"].as_array().unwrap().iter().map(|group| group["logGroupName"].clone());
        let events = |group: Value| {
            let (mut lines, mut next) = (Vec::new(), Value::Null);
            loop {
                let mut asked = json!({"logGroupName": group});
                if !next.is_null() {
                    asked["nextToken"] = next;
                }
                let page = self.operation("logs", "Logs_20140328.FilterLogEvents", &asked);
                lines.extend(page["events"].as_array().unwrap().iter().map(|event| event["message"].to_string()));
                next = page["nextToken"].clone();
                if next.is_null() {
                    return lines;
                }
            }
        };
        let lines: Vec<_> = groups.flat_map(events).collect();
        lines.into_iter().map(|line| line.replace("\\\"", "\"")).collect()
    }

    /// Writes an item directly into a table.
    pub fn put(&self, table_output: &str, item: &Value) {
        let table = self.text(&format!("/outputs/{table_output}"));
        self.operation("dynamodb", "DynamoDB_20120810.PutItem", &json!({"TableName": table, "Item": item}));
    }

    /// Type of the parameter: `String` or `SecureString`.
    pub fn kind_of_parameter(&self, name: &str) -> String {
        let answer = self.operation("ssm", "AmazonSSM.GetParameters", &json!({"Names": [name]}));
        answer["Parameters"][0]["Type"].as_str().unwrap().to_owned()
    }

    /// Value of a parameter, by the output that names it.
    pub fn parameter(&self, output: &str) -> String {
        let name = self.text(&format!("/outputs/{output}"));
        let answer = self.operation("ssm", "AmazonSSM.GetParameters", &json!({"Names": [name]}));
        answer["Parameters"][0]["Value"].as_str().unwrap().to_owned()
    }

    /// Sets a parameter like an operator.
    pub fn put_parameter(&self, output: &str, value: &str) {
        let name = self.text(&format!("/outputs/{output}"));
        let put = json!({"Name": name, "Value": value, "Overwrite": true});
        self.operation("ssm", "AmazonSSM.PutParameter", &put);
    }

    /// Subscribes a new queue to the alerts topic.
    pub fn listen_to_alerts(&self) -> AlertQueue {
        let named = json!({"QueueName": format!("alerts-{}", jiff::Timestamp::now().as_millisecond())});
        let queue = self.operation("sqs", "AmazonSQS.CreateQueue", &named)["QueueUrl"].as_str().unwrap().to_owned();
        let asked = json!({"QueueUrl": queue, "AttributeNames": ["QueueArn"]});
        let attributes = self.operation("sqs", "AmazonSQS.GetQueueAttributes", &asked);
        let arn = attributes["Attributes"]["QueueArn"].as_str().unwrap().to_owned();
        let form =
            format!("Action=Subscribe&TopicArn={}&Protocol=sqs&Endpoint={arn}", self.text("/outputs/AlertsTopicArn"));
        let headers =
            [("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", &*self.signed_for("sns"))];
        let answer = self.http.send("POST", self.text("/endpoint_url"), &headers, form.into_bytes());
        assert_eq!(answer.status, 200);
        AlertQueue { queue }
    }

    /// Messages in a queue.
    pub fn letters(&self, queue_output: &str) -> Vec<String> {
        let queue = self.text(&format!("/outputs/{queue_output}"));
        let asked = json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0});
        let answer = self.operation("sqs", "AmazonSQS.ReceiveMessage", &asked);
        answer["Messages"].as_array().into_iter().flatten().map(Value::to_string).collect()
    }

    /// Publishes to a topic in place of the service that is permitted to.
    pub fn publish(&self, topic_output: &str, message: &Value) {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", "Publish")
            .append_pair("TopicArn", self.text(&format!("/outputs/{topic_output}")))
            .append_pair("Message", &message.to_string())
            .finish();
        let headers =
            [("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", &*self.signed_for("sns"))];
        let answer = self.http.send("POST", self.text("/endpoint_url"), &headers, form.into_bytes());
        assert_eq!(answer.status, 200, "Publish");
    }

    /// SNS message id of the last SMS to a number.
    pub fn last_sms_id(&self, number: &str) -> String {
        let sent = self.inspect("/_ministack/sns/sms-messages");
        let last = sent["sms_messages"][number].as_array().unwrap().last().unwrap();
        last["MessageId"].as_str().unwrap().to_owned()
    }

    /// Writes a line into a log group of CloudWatch.
    pub fn log(&self, group: &str, line: &Value) {
        let at = jiff::Timestamp::now().as_millisecond();
        let events = json!([{"timestamp": at, "message": line.to_string()}]);
        let body = json!({"logGroupName": group, "logStreamName": "s", "logEvents": events});
        self.operation("logs", "Logs_20140328.PutLogEvents", &body);
    }

    /// Calls CloudWatch Logs.
    pub fn logs(&self, call: &str, body: &Value) -> Value {
        self.operation("logs", &format!("Logs_20140328.{call}"), body)
    }

    fn operation(&self, service: &str, target: &str, body: &Value) -> Value {
        let headers = [
            ("X-Amz-Target", target),
            ("Content-Type", "application/x-amz-json-1.1"),
            ("Authorization", &self.signed_for(service)),
        ];
        let answer = self.http.send("POST", self.text("/endpoint_url"), &headers, body.to_string().into_bytes());
        assert_eq!(answer.status, 200, "{target}: {}", answer.json);
        answer.json
    }

    fn inspect(&self, path: &str) -> Value {
        let answer = self.http.send("GET", &format!("{}{path}", self.text("/endpoint_url")), &[], Vec::new());
        assert_eq!(answer.status, 200, "{path}");
        answer.json
    }

    /// The local AWS reads service and region from a signature, and does not verify it.
    fn signed_for(&self, service: &str) -> String {
        let scope = format!("20260101/{}/{service}/aws4_request", self.text("/region"));
        format!("AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders=host, Signature=0")
    }
}
