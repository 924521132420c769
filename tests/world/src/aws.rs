//! AWS on one port: SSM, SES and SNS as small fakes that record their calls, and a proxy to a DynamoDB with real
//! semantics.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use platform::clock::Clock;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::account_rate::AccountRate;
use super::calls::{Call, refused, signer};
use super::faults::Faults;
use super::functions::PREFIX;
use super::http::{Reply, serve};
use super::interruption::{Interruption, Interruptions};
use super::pause::Pause;
use super::request::Arrival;
use super::ssm::FakeParameterStore;
use super::unprocessed::Unprocessed;

/// Records of the fakes, and their scripted behaviour.
#[derive(Default)]
pub struct AwsState {
    /// Every call so far.
    pub calls: BTreeSet<Call>,
    /// The SSM parameters.
    pub parameters: FakeParameterStore,
    /// True while SSM does not respond.
    pub ssm_is_down: bool,
    /// E-mails that SES accepted.
    pub mails: Vec<String>,
    /// SMS that SNS accepted: number, text.
    pub texts: Vec<(String, String)>,
    /// Messages to the alerts topic: subject, message.
    pub alerts: Vec<(String, String)>,
    /// Messages in the queue of tasks, with their delays in seconds.
    pub tasks: VecDeque<(String, u64)>,
    /// True while the queue of tasks does not take messages.
    pub queue_is_down: bool,
    /// Scripted responses of SES and SNS; without one, they accept the message.
    pub ses: VecDeque<Reply>,
    pub sns: VecDeque<Reply>,
    /// Rate of the account; `None` is no limit.
    pub account_rate: Option<AccountRate>,
    /// Quota of SES: e-mails a second, in 24 hours, and sent in the last 24 hours. `None` while SES does not answer.
    pub mail_quota: Option<[f64; 3]>,
    /// Number of reads of the quota.
    pub mail_quota_reads: usize,
    /// Claims of the next ID tokens of the login service; null without an ID token. `None` refuses.
    pub login: Option<Value>,
    /// Forms that its token endpoint received.
    pub login_forms: Vec<std::collections::HashMap<String, String>>,
    /// Write units that DynamoDB charged, and the calls that wrote.
    pub writes: Vec<(String, f64)>,
    /// Number of reads of a campaign's state alone.
    pub campaign_state_reads: usize,
    /// Number of DynamoDB calls until every later one fails; `None` fails none.
    pub dynamo_fuse: Option<usize>,
    /// The call that fails; `None` is every call.
    pub fuse_is_for: Option<&'static str>,
    /// Number of failed calls until calls succeed again; `None` is never.
    pub fuse_mends_after: Option<usize>,
    /// True while a Query of the catalog is throttled.
    pub catalog_is_throttled: bool,
    /// A clock, and the seconds by which every write of DynamoDB advances it.
    pub writes_take: Option<(Clock, u64)>,
    /// Error code of a failing call; `None` is throttling.
    pub fuse_code: Option<&'static str>,
    /// Table whose every call is throttled.
    pub throttled_table: Option<&'static str>,
    /// True while the control table does not respond.
    pub control_is_down: bool,
    /// Duration of every transaction, during which no other may touch the items that it updates.
    pub transactions_take: Option<Duration>,
    /// Items that transactions update at this moment.
    updated: BTreeSet<String>,
    /// A DynamoDB call, and the number of times that it is executed without a response.
    pub answers_lost: Option<(&'static str, usize)>,
    /// A batch call, and the number of times that a part of it is not processed.
    pub unprocessed: Option<(&'static str, usize)>,
}

#[derive(Clone)]
pub struct Aws {
    pub url: String,
    pub state: Arc<Mutex<AwsState>>,
    /// Pauses a call of `send`.
    pub pause: Pause,
    /// Interrupts `rollup` between two calls.
    pub interruptions: Interruptions,
}

impl Aws {
    /// Starts the fakes in front of a DynamoDB that listens on `dynamo`.
    pub async fn start(dynamo: String, faults: Faults) -> Self {
        let mail_quota = Some([1_000.0, 1_000_000.0, 0.0]);
        let state = Arc::new(Mutex::new(AwsState { mail_quota, ..AwsState::default() }));
        let shared = Arc::clone(&state);
        let pause = Pause::default();
        let held = pause.clone();
        let interruptions = Interruptions::default();
        let meddler = interruptions.clone();
        let url = serve(faults, move |arrival| {
            let (state, dynamo, held) = (Arc::clone(&shared), dynamo.clone(), held.clone());
            let meddle = meddler.before(&arrival);
            async move {
                held.pass(&arrival).await;
                match meddle {
                    Some(Interruption::Refusal) => return Reply::text(400, r#"{"__type":"ValidationException"}"#),
                    Some(Interruption::OperatorWrite(percentage)) => {
                        state.lock().unwrap().parameters.set(&format!("{PREFIX}/rollout-percentage"), &percentage);
                    }
                    None => {}
                }
                if arrival.path().starts_with("/pool/") {
                    return login(&state, &arrival);
                }
                if !is_allowed(&state, &arrival) {
                    return Reply::text(400, r#"{"__type":"AccessDeniedException"}"#);
                }
                let target = arrival.header("x-amz-target").to_owned();
                match target.split_once('.') {
                    Some(("AmazonSSM", action)) => ssm(&state, action, &arrival),
                    Some(("AmazonSQS", _)) => queue(&state, &arrival),
                    Some((_, call)) => dynamodb(&state, &dynamo, call, arrival).await,
                    None => query(&state, &arrival),
                }
            }
        })
        .await;
        Self { url, state, pause, interruptions }
    }

    /// Lets DynamoDB refuse every call, or every call of one name, after this number of calls.
    pub fn fails(&self, call: Option<&'static str>, after: usize, code: &'static str) {
        let mut state = self.state.lock().unwrap();
        (state.fuse_is_for, state.dynamo_fuse, state.fuse_code) = (call, Some(after), Some(code));
    }

    /// Lets DynamoDB respond again.
    pub fn works(&self) {
        let mut state = self.state.lock().unwrap();
        (state.fuse_is_for, state.dynamo_fuse, state.fuse_code) = (None, None, None);
    }
}

/// The login service: its description, and its token endpoint.
fn login(state: &Mutex<AwsState>, arrival: &Arrival) -> Reply {
    if arrival.path().ends_with("/openid-configuration") {
        let at = format!("http://{}/pool", arrival.header("host"));
        let endpoints = json!({"authorization_endpoint": format!("{at}/authorize"),
            "token_endpoint": format!("{at}/token"), "end_session_endpoint": format!("{at}/logout")});
        return Reply::text(200, endpoints.to_string());
    }
    let mut state = state.lock().unwrap();
    state.login_forms.push(arrival.form());
    let Some(claims) = &state.login else { return Reply::text(400, r#"{"error": "invalid_grant"}"#) };
    let number = state.login_forms.len();
    let mut tokens = json!({"access_token": "a", "refresh_token": format!("refresh-{number}"), "token_type": "Bearer"});
    if !claims.is_null() {
        tokens["id_token"] = json!(format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string())));
    }
    Reply::text(200, tokens.to_string())
}

/// Records a call, and returns whether the caller's role allows it. A call that is not allowed is refused, as on AWS.
#[allow(clippy::print_stderr)] // a story that fails because of it should say so
fn is_allowed(state: &Mutex<AwsState>, arrival: &Arrival) -> bool {
    let calls = Call::of(arrival).into_iter().collect();
    let refused = refused(&calls);
    state.lock().unwrap().calls.extend(calls);
    refused.iter().for_each(|refused| eprintln!("template.yaml: {refused}"));
    refused.is_empty()
}

fn ssm(state: &Mutex<AwsState>, action: &str, arrival: &Arrival) -> Reply {
    let mut state = state.lock().unwrap();
    if state.ssm_is_down {
        return Reply::text(500, r#"{"__type":"InternalServerError"}"#);
    }
    let by = format!("arn:aws:sts::000000000000:assumed-role/{}", signer(arrival));
    state.parameters.answer(action, arrival, &by)
}

/// Responds to SendMessageBatch.
fn queue(state: &Mutex<AwsState>, arrival: &Arrival) -> Reply {
    let body: Value = serde_json::from_slice(&arrival.body).unwrap();
    let entries = body["Entries"].as_array().unwrap();
    assert!((1..=10).contains(&entries.len()), "SQS takes at most ten messages in a call");
    let mut state = state.lock().unwrap();
    if state.queue_is_down {
        return Reply::text(500, r#"{"__type":"InternalFailure"}"#);
    }
    let mut sent = Vec::new();
    for entry in entries {
        let delay = entry["DelaySeconds"].as_u64().unwrap_or(0);
        assert!(delay <= 900, "SQS delays by at most 15 minutes");
        state.tasks.push_back((entry["MessageBody"].as_str().unwrap().to_owned(), delay));
        sent.push(json!({"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "0"}));
    }
    let answer = json!({"Successful": sent, "Failed": []}).to_string();
    Reply::text(200, answer).with("Content-Type", "application/x-amz-json-1.0")
}

/// Responds to SES and SNS calls, which use the query protocol.
fn query(state: &Mutex<AwsState>, arrival: &Arrival) -> Reply {
    let mut state = state.lock().unwrap();
    let form = arrival.form();
    let action = form["Action"].clone();
    let scripted = match action.as_str() {
        "SendRawEmail" => {
            let mail = STANDARD.decode(&form["RawMessage.Data"]).unwrap();
            state.mails.push(String::from_utf8(mail).unwrap());
            assert_eq!((&*form["ConfigurationSetName"], &*form["Tags.member.1.Name"]), ("feedback", "notification"));
            state.ses.pop_front().or_else(|| state.account_rate.as_mut()?.refusal(400, "Throttling"))
        }
        "GetSendQuota" => {
            state.mail_quota_reads += 1;
            return quota(state.mail_quota);
        }
        "Publish" if form.contains_key("TopicArn") => {
            state.alerts.push((form["Subject"].clone(), form["Message"].clone()));
            None
        }
        "Publish" => {
            state.texts.push((form["PhoneNumber"].clone(), form["Message"].clone()));
            state.sns.pop_front().or_else(|| state.account_rate.as_mut()?.refusal(429, "Throttled"))
        }
        other => panic!("unexpected call {other}"),
    };
    let id = format!("<{action}Result><MessageId>m-{}</MessageId></{action}Result>", state.texts.len());
    scripted.unwrap_or_else(|| Reply::text(200, format!("<{action}Response>{id}</{action}Response>")))
}

/// Responds to GetSendQuota.
fn quota(quota: Option<[f64; 3]>) -> Reply {
    let Some([rate, most, sent]) = quota else { return Reply::text(503, "<ErrorResponse/>") };
    let fields = format!(
        "<Max24HourSend>{most}</Max24HourSend><MaxSendRate>{rate}</MaxSendRate><SentLast24Hours>{sent}</SentLast24Hours>"
    );
    let result = format!("<GetSendQuotaResult>{fields}</GetSendQuotaResult>");
    Reply::text(200, format!("<GetSendQuotaResponse>{result}</GetSendQuotaResponse>"))
}

/// A refusal whose message repeats the request, as DynamoDB's messages may.
fn refusal(state: &Mutex<AwsState>, arrival: &Arrival) -> Reply {
    let code = state.lock().unwrap().fuse_code.unwrap_or("ThrottlingException");
    let message = format!("1 validation error detected: Value '{}'", String::from_utf8_lossy(&arrival.body));
    let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
    Reply::text(400, json!({"__type": kind, "message": message}).to_string())
}

/// Forwards a call to DynamoDB, and adds a request for the consumed capacity.
async fn dynamodb(state: &Mutex<AwsState>, dynamo: &str, call: &str, mut arrival: Arrival) -> Reply {
    let blown = {
        let mut state = state.lock().unwrap();
        let concerned = state.fuse_is_for.is_none_or(|name| name == call);
        let blown = state.dynamo_fuse.as_mut().filter(|_| concerned).is_some_and(|left| {
            let blown = *left == 0;
            *left = left.saturating_sub(1);
            blown
        });
        if blown {
            state.fuse_mends_after = state.fuse_mends_after.map(|left| left.saturating_sub(1));
            if state.fuse_mends_after == Some(0) {
                (state.dynamo_fuse, state.fuse_mends_after) = (None, None);
            }
        }
        blown
    };
    if blown {
        return refusal(state, &arrival);
    }
    let mut body: Value = serde_json::from_slice(&arrival.body).unwrap();
    let concerns_control = body["TableName"] == "control" || !body["RequestItems"]["control"].is_null();
    if concerns_control && state.lock().unwrap().control_is_down {
        return Reply::Silence;
    }
    let throttled = state.lock().unwrap().throttled_table;
    if throttled.is_some_and(|table| body["TableName"] == table || !body["RequestItems"][table].is_null()) {
        return refusal(state, &arrival);
    }
    if call == "GetItem" && body["ProjectionExpression"] == "#definition, updated_at" {
        state.lock().unwrap().campaign_state_reads += 1;
    }
    let reads_catalog = call == "Query" && body["ExpressionAttributeValues"][":pk"]["S"] == "catalog";
    if reads_catalog && state.lock().unwrap().catalog_is_throttled {
        return refusal(state, &arrival);
    }
    let Some(updated) = begin_transaction(state, &body) else { return conflict(&body) };
    body["ReturnConsumedCapacity"] = json!("INDEXES");
    let unprocessed = hold_back(state, call, &mut body);
    arrival.body = body.to_string().into_bytes();
    let (status, mut answer) = pass_on(dynamo, &arrival).await;
    if let Some(unprocessed) = unprocessed {
        answer = unprocessed.add_to(&answer);
    }
    end_transaction(state, &updated).await;
    record_write(state, call, &answer);
    match &mut state.lock().unwrap().answers_lost {
        Some((name, left)) if *name == call && *left > 0 => {
            *left -= 1;
            Reply::HangUp
        }
        _ => Reply::text(status, answer).with("Content-Type", "application/x-amz-json-1.0"),
    }
}

/// Records the write units of a call, if it wrote any.
fn record_write(state: &Mutex<AwsState>, call: &str, answer: &[u8]) {
    let units = |capacity: &Value| capacity["CapacityUnits"].as_f64().unwrap_or(0.0);
    let answered: Value = serde_json::from_slice(answer).unwrap_or_default();
    let consumed = match &answered["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().map(units).sum(),
        one => units(one),
    };
    let is_write = ["Put", "Update", "Delete", "TransactWrite", "BatchWrite"].iter().any(|word| call.starts_with(word));
    if consumed > 0.0 && is_write {
        let mut state = state.lock().unwrap();
        state.writes.push((call.to_owned(), consumed));
        if let Some((clock, seconds)) = &state.writes_take {
            clock.advance(Duration::from_secs(*seconds));
        }
    }
}

/// Holds a part of a batch back, if the test wants it.
fn hold_back(state: &Mutex<AwsState>, call: &str, body: &mut Value) -> Option<Unprocessed> {
    let mut state = state.lock().unwrap();
    let (name, left) = state.unprocessed.as_mut().filter(|(name, left)| *name == call && *left > 0)?;
    let taken = Unprocessed::take_from(name, body)?;
    *left -= 1;
    Some(taken)
}

/// Locks the items that a transaction updates, if transactions have a duration; `None` when another transaction holds
/// one.
fn begin_transaction(state: &Mutex<AwsState>, body: &Value) -> Option<BTreeSet<String>> {
    let mut state = state.lock().unwrap();
    if state.transactions_take.is_none() {
        return Some(BTreeSet::new());
    }
    let items = body["TransactItems"].as_array().map(Vec::as_slice).unwrap_or_default();
    let updated = items.iter().filter(|item| !item["Update"].is_null());
    let updated: BTreeSet<_> = updated.map(|item| item["Update"]["Key"].to_string()).collect();
    let is_free = state.updated.is_disjoint(&updated);
    if is_free {
        state.updated.extend(updated.clone());
    }
    is_free.then_some(updated)
}

async fn end_transaction(state: &Mutex<AwsState>, updated: &BTreeSet<String>) {
    if updated.is_empty() {
        return;
    }
    let takes = state.lock().unwrap().transactions_take;
    tokio::time::sleep(takes.unwrap_or_default()).await;
    state.lock().unwrap().updated.retain(|key| !updated.contains(key));
}

fn conflict(body: &Value) -> Reply {
    let reason = |item: &Value| json!({"Code": if item["Update"].is_null() { "None" } else { "TransactionConflict" }});
    let reasons: Vec<_> = body["TransactItems"].as_array().unwrap().iter().map(reason).collect();
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    Reply::text(400, json!({"__type": kind, "Message": "conflict", "CancellationReasons": reasons}).to_string())
}

async fn pass_on(dynamo: &str, arrival: &Arrival) -> (u16, Vec<u8>) {
    let mut stream = BufReader::new(TcpStream::connect(dynamo).await.unwrap());
    let mut head = format!("POST / HTTP/1.1\r\nHost: {dynamo}\r\nConnection: close\r\n");
    head.push_str(&format!("Content-Length: {}\r\n", arrival.body.len()));
    for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
        head.push_str(&format!("{name}: {}\r\n", arrival.header(name)));
    }
    stream.write_all(&[head.as_bytes(), b"\r\n", &arrival.body].concat()).await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.unwrap();
        match header.trim_end().split_once(':') {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap()
            }
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (status, body)
}
