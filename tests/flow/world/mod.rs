//! One method per action, a clock to advance, and everything between as it is deployed.

mod aws;
pub mod calls;
mod counted;
mod functions;
mod holding;
mod kept;
pub mod logs;
mod meddling;
mod providers;
mod push;
mod readers;
pub mod ssm;
mod steward;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;
pub use tests::template;
use tests::{browser, dynamo, faults, http};

use aws_lambda_events::dynamodb::EventRecord;
pub use browser::Browser;
pub use calls::Call;
use cleanup::Summary;
use console::ConsoleApi;
pub use counted::Lot;
use delivery::{Dispatcher, DueChange, Sweep};
use domain::notification::NotificationId;
use dynoxide::Database;
use faults::Faults;
pub use faults::{Fate, Point, Side};
pub use functions::Rollup;
use functions::{Cleaner, PREFIX, Places};
pub use http::Reply;
use jiff::{SignedDuration, Timestamp};
use kept::keeps_to_the_contract;
pub use meddling::Meddle;
use metrics::{Change, Sequence};
use platform::clock::Clock;
use platform::gateway;
use platform::http::Request;
pub use providers::{bounced, complained, delivered, texted};
pub use readers::{BASE, keys, links};
use recipients::RecipientsApi;
use send::SendApi;
use serde_json::{Value, json};
use store::StoreError;
use store::metrics::Merged;
use tokio::time::Instant;
use track::{Hearing, TrackApi};

/// The caller that sends unless a story says otherwise.
pub const SHOP: &str = "shop-client";
/// What else stands in every request: the token, and claims that nobody needs to know.
pub const TOKEN: &str = "canary-head.canary-claims.canary-signature";
pub const SUBJECT: &str = "canary-subject";
const ISSUER: &str = "https://canary-issuer.example.com";

/// An answer of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// `channel:outcome` of every attempt, in order.
    pub fn attempts(&self) -> Vec<String> {
        let attempts = self.body["attempts"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        attempts.iter().map(|one| format!("{}:{}", text(&one["channel"]), text(&one["outcome"]))).collect()
    }

    /// The fields that a problem names.
    pub fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().unwrap()).collect()
    }
}

pub struct World {
    pub clock: Clock,
    pub push: push::PushService,
    /// Another push service.
    pub other_push: push::PushService,
    pub aws: aws::Aws,
    faults: Faults,
    database: Database,
    places: Places,
    pub send: SendApi,
    pub cascade: Dispatcher,
    rollup: Rollup,
    cleaner: Cleaner,
    pub recipients: RecipientsApi,
    pub track: TrackApi,
    pub hearing: Hearing,
    console: ConsoleApi,
    told: Mutex<usize>,
    counted: Mutex<u64>,
}

impl World {
    /// A fresh deployment in which everybody is in version 2.
    pub async fn start() -> Self {
        Self::start_by(Clock::manual("2026-11-23T10:00:00Z".parse().unwrap())).await
    }

    /// The same by a clock that may move by itself.
    pub async fn start_by(clock: Clock) -> Self {
        logs::listen();
        let database = dynamo::tables();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dynamo = listener.local_addr().unwrap().to_string();
        tokio::spawn(dynoxide::server::serve_on(listener, database.clone()));
        let faults = Faults::default();
        let aws = aws::Aws::start(dynamo, faults.clone()).await;
        let push = push::PushService::start(faults.clone()).await;
        let other_push = push::PushService::start(faults.clone()).await;
        {
            let parameters = &mut aws.state.lock().unwrap().parameters;
            parameters.clock = Some(clock.clone());
            functions::parameters().for_each(|(name, value)| parameters.set(&name, &value));
        }
        let push_origins = format!("{},{}", push.origin, other_push.origin);
        let places = Places { aws_url: aws.url.clone(), push_origins };
        let (track, hearing) = places.track(&clock).await;
        Self {
            send: places.send(&clock).await,
            cascade: places.cascade(&clock).await,
            rollup: places.rollup(&clock),
            cleaner: places.cleanup(&clock),
            recipients: places.recipients().await,
            track,
            hearing,
            console: places.console(&clock),
            clock,
            push,
            other_push,
            aws,
            faults,
            database,
            places,
            told: Mutex::new(0),
            counted: Mutex::new(0),
        }
    }

    // People.

    /// Registers a browser for a recipient, at the push service's path `/push/<device>`.
    pub async fn subscribe(&self, id: &str, device: &str) -> Browser {
        self.subscribe_at(&self.push, id, device).await
    }

    /// The same at this push service.
    pub async fn subscribe_at(&self, service: &push::PushService, id: &str, device: &str) -> Browser {
        let browser = Self::browser(device);
        let keys = json!({"p256dh": browser.p256dh(), "auth": browser.auth()});
        let body = json!({"endpoint": format!("{}/push/{device}", service.origin), "keys": keys});
        let answer = self.on_recipient("PUT /v1/recipients/{id}/devices", id, body).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        browser
    }

    /// The browser that subscribes as this device.
    pub fn browser(device: &str) -> Browser {
        let mut scalar = [0x42; 32];
        scalar[31] = device.bytes().fold(1, u8::wrapping_add);
        Browser::new(&scalar, *b"sixteen secrets!")
    }

    pub async fn put_profile(&self, id: &str, profile: Value) {
        let answer = self.on_recipient("PUT /v1/recipients/{id}", id, profile).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    }

    pub async fn on_recipient(&self, route: &str, id: &str, body: Value) -> Answer {
        let request = self.request(SHOP, "recipients", route, &[("id", id)], &[], &body, None);
        answered(&request, self.recipients.answer(&request, self.clock.now()).await)
    }

    /// The same under a condition on the recipient's entity tag.
    pub async fn on_recipient_if(&self, route: &str, id: &str, tag: &str, body: Value) -> Answer {
        let request = self.request(SHOP, "recipients", route, &[("id", id)], &[], &body, None);
        let request = Request { if_match: Some(tag.to_owned()), ..request };
        answered(&request, self.recipients.answer(&request, self.clock.now()).await)
    }

    pub async fn remove_device(&self, id: &str, device_id: &str) -> Answer {
        let route = "DELETE /v1/recipients/{id}/devices/{device_id}";
        let path = [("id", id), ("device_id", device_id)];
        let request = self.request(SHOP, "recipients", route, &path, &[], &Value::Null, None);
        answered(&request, self.recipients.answer(&request, self.clock.now()).await)
    }

    /// Ops say that the address of this channel may be written to again.
    pub async fn lift_suppression(&self, id: &str, channel: &str) -> Answer {
        let route = "DELETE /v1/recipients/{id}/suppressions/{channel}";
        let request = self.request("ops", "ops", route, &[("id", id), ("channel", channel)], &[], &Value::Null, None);
        answered(&request, self.recipients.answer(&request, self.clock.now()).await)
    }

    /// The ids of a recipient's devices.
    pub async fn devices(&self, id: &str) -> usize {
        self.on_recipient("GET /v1/recipients/{id}", id, json!({})).await.body["devices"].as_array().map_or(0, Vec::len)
    }

    // Callers.

    /// Sends a message; what is not given says "Hi", "there".
    pub async fn send(&self, to: &str, extra: Value) -> Answer {
        self.post("POST /v1/notifications", message(to, extra), None).await
    }

    /// Sends a message that nobody took up for so long that little time is left for it.
    pub async fn send_late(&self, seconds: i64, to: &str, extra: Value) -> Answer {
        let body = message(to, extra);
        let request = self.request(SHOP, "send", "POST /v1/notifications", &[], &[], &body, None);
        let arrived = self.clock.now() - SignedDuration::from_secs(seconds);
        answered(&request, self.send.answer(&request, arrived, self.hard_deadline()).await)
    }

    pub async fn send_once(&self, key: &str, to: &str, extra: Value) -> Answer {
        self.post("POST /v1/notifications", message(to, extra), Some(key)).await
    }

    pub async fn batch(&self, messages: Vec<Value>, key: Option<&str>) -> Answer {
        self.post("POST /v1/notifications/batch", json!({"messages": messages}), key).await
    }

    pub async fn post(&self, route: &str, body: Value, key: Option<&str>) -> Answer {
        self.post_as(SHOP, route, body, key).await
    }

    pub async fn post_as(&self, caller: &str, route: &str, body: Value, key: Option<&str>) -> Answer {
        self.ask(self.request(caller, "send", route, &[], &[], &body, key)).await
    }

    pub async fn get(&self, id: &str) -> Answer {
        self.get_as(SHOP, "send", id).await
    }

    pub async fn get_as(&self, caller: &str, scope: &str, id: &str) -> Answer {
        self.ask(self.request(caller, scope, "GET /v1/notifications/{id}", &[("id", id)], &[], &Value::Null, None))
            .await
    }

    pub async fn cancel(&self, id: &str) -> Answer {
        self.cancel_as(SHOP, "send", id).await
    }

    pub async fn cancel_as(&self, caller: &str, scope: &str, id: &str) -> Answer {
        self.ask(self.request(caller, scope, "DELETE /v1/notifications/{id}", &[("id", id)], &[], &Value::Null, None))
            .await
    }

    pub async fn list(&self, query: &[(&str, &str)]) -> Answer {
        self.ask(self.request("ops-client", "ops", "GET /v1/notifications", &[], query, &Value::Null, None)).await
    }

    /// A request through the shape in which API Gateway hands it over.
    #[allow(clippy::too_many_arguments)]
    fn request(
        &self,
        caller: &str,
        scope: &str,
        route: &str,
        path: &[(&str, &str)],
        query: &[(&str, &str)],
        body: &Value,
        key: Option<&str>,
    ) -> Request {
        let map = |pairs: &[(&str, &str)]| Value::Object(pairs.iter().map(|(k, v)| ((*k).into(), json!(v))).collect());
        let scope = format!("notifications/{scope}");
        let claims = json!({"client_id": caller, "scope": scope, "sub": SUBJECT, "username": SUBJECT, "iss": ISSUER});
        let mut headers = json!({"authorization": format!("Bearer {TOKEN}")});
        if let Some(key) = key {
            headers["idempotency-key"] = json!(key);
        }
        let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        gateway::request(json!({
            "routeKey": route,
            "headers": headers,
            "pathParameters": map(path),
            "queryStringParameters": map(query),
            "requestContext": {"requestId": "r-1", "authorizer": {"jwt": {"claims": claims}}},
            "body": if body.is_null() { "" } else { text.as_str() },
        }))
        .unwrap()
    }

    async fn ask(&self, request: Request) -> Answer {
        answered(&request, self.send.answer(&request, self.clock.now(), self.hard_deadline()).await)
    }

    /// When an invocation that begins now can no longer be alive.
    fn hard_deadline(&self) -> Timestamp {
        self.clock.now() + SignedDuration::from_secs(34)
    }

    // Time and the schedule.

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// What the minute schedule of cascade does.
    pub async fn sweep(&self) -> Sweep {
        self.try_sweep().await.unwrap()
    }

    pub async fn try_sweep(&self) -> Result<Sweep, StoreError> {
        self.cascade.sweep(2_000, self.ends_at_ms()).await
    }

    /// What the minute schedule of rollup does.
    pub async fn tick(&self) -> Result<Merged, StoreError> {
        let _ = self.measured().await;
        let _ = self.rollup.last_known_good.save(&self.rollup.live.record(), self.clock.now()).await;
        let (_, merged) = tokio::join!(self.look_after(), self.rollup.metrics.merge(self.clock.now()));
        merged
    }

    /// What rollup tells CloudWatch each minute, without what is not known.
    pub async fn measured(&self) -> BTreeMap<&'static str, f64> {
        let live = self.rollup.live.current().await;
        let figures = self.rollup.measures.read(live.rollout.percentage, self.clock.now()).await;
        figures.into_iter().filter_map(|(metric, value)| Some((metric.as_str(), value?))).collect()
    }

    /// What cleanup does in the night, with this much time.
    pub async fn clean(&self, within: Duration) -> Summary {
        let days = self.cleaner.live.current().await.settings.retention_days.device_unused;
        self.cleaner.cleanup.pass(self.clock.now(), days, Instant::now() + within, false).await
    }

    /// Another instance of send, which shares nothing with the first but the tables.
    pub async fn another_send(&self) -> SendApi {
        self.places.send(&self.clock).await
    }

    /// A batch through this instance of send.
    pub async fn batch_by(&self, send: &SendApi, messages: &[Value], key: &str) -> Answer {
        let body = json!({"messages": messages});
        let request = self.request(SHOP, "send", "POST /v1/notifications/batch", &[], &[], &body, Some(key));
        answered(&request, send.answer(&request, self.clock.now(), self.hard_deadline()).await)
    }

    /// Another instance of cascade, which shares nothing with the first but the tables.
    pub async fn another_cascade(&self) -> Dispatcher {
        self.places.cascade(&self.clock).await
    }

    /// What cleanup does every five minutes.
    pub async fn look_again_at_erasures(&self) -> Summary {
        self.cleaner.cleanup.erasures(self.clock.now(), Instant::now() + Duration::from_secs(9)).await
    }

    /// Hands over to cascade what the stream has, from the first record on; what was handed over before comes again.
    pub async fn stream_again(&self) {
        let told: Vec<_> = dynamo::stream(&self.database).iter().map(told).collect();
        assert_eq!(self.cascade.take_up(&told, self.ends_at_ms()).await, Vec::<usize>::new());
    }

    fn ends_at_ms(&self) -> u64 {
        u64::try_from(self.clock.now().as_millisecond()).unwrap() + 60_000
    }

    // Ops.

    pub fn set(&self, parameter: &str, value: &str) {
        self.aws.state.lock().unwrap().parameters.set(&format!("{PREFIX}/{parameter}"), value);
    }

    /// An operator deletes a parameter.
    pub fn forget(&self, parameter: &str) {
        self.aws.state.lock().unwrap().parameters.forget(&format!("{PREFIX}/{parameter}"));
    }

    /// What a parameter says.
    pub fn parameter(&self, name: &str) -> String {
        self.aws.state.lock().unwrap().parameters.get(&format!("{PREFIX}/{name}")).unwrap().to_owned()
    }

    /// A process that starts now, with nothing cached.
    pub async fn cold_start(&mut self) {
        self.send = self.places.send(&self.clock).await;
    }

    /// What a process says that cannot start.
    pub async fn refused_start(&self) -> String {
        let refused = self.places.refused_start().await;
        format!("{refused} {refused:?}")
    }

    /// Lets a function do something and die at this line, if it comes there.
    pub async fn dying<T>(&self, point: Point, act: impl Future<Output = T>) -> Fate<T> {
        self.faults.run(point, act).await
    }

    /// The next fold gets every record since the beginning, as when Lambda hands a batch over a second time.
    pub fn tell_rollup_again(&self) {
        *self.told.lock().unwrap() = 0;
    }

    /// Folds what the stream brought since the last time.
    pub async fn fold(&self) {
        let records = dynamo::stream(&self.database);
        let from = std::mem::replace(&mut *self.told.lock().unwrap(), records.len());
        // The mapping's filter lets no removal through.
        let told = records[from..].iter().filter(|record| record["eventName"] != "REMOVE");
        let changes: Vec<_> = told.map(change).collect();
        let folded = self.rollup.metrics.fold("0", &changes, &[], self.clock.now()).await;
        assert!(folded.failed.is_empty());
    }

    /// Folds, and answers with the metrics of the last hour.
    pub async fn metrics(&self) -> Value {
        self.metrics_of_last(60).await
    }

    pub async fn metrics_of_last(&self, minutes: i64) -> Value {
        self.fold().await;
        self.ops("GET /v1/metrics", &[("minutes", &minutes.to_string())]).await.body
    }

    /// What ops are answered.
    pub async fn ops(&self, route: &str, query: &[(&str, &str)]) -> Answer {
        let request = self.request("ops-client", "ops", route, &[], query, &Value::Null, None);
        answered(&request, self.console.answer(&request, self.clock.now()).await)
    }

    /// What ops are answered who ask for another rollout; a text is sent as it stands.
    pub async fn put_rollout(&self, body: Value) -> Answer {
        let request = self.request("ops-client", "ops", "PUT /v1/rollout", &[], &[], &body, None);
        answered(&request, self.console.answer(&request, self.clock.now()).await)
    }

    /// The report of the last week for people: its content type and text.
    pub async fn report_as_markdown(&self) -> (&'static str, String) {
        let query = [("format", "markdown")];
        let request = self.request("ops-client", "ops", "GET /v1/report", &[], &query, &Value::Null, None);
        let response = self.console.answer(&request, self.clock.now()).await;
        keeps_to_the_contract(&request, &response);
        (response.content_type, response.body.expose().clone())
    }

    // What can be seen.

    /// Who called AWS for what so far.
    pub fn calls(&self) -> BTreeSet<Call> {
        self.aws.state.lock().unwrap().calls.clone()
    }

    pub fn items(&self, table: &str) -> Vec<Value> {
        dynamo::items(&self.database, table)
    }

    /// What stands in all sums of this name (`day`, `h10`, `month`, `sms`, `type#DEFAULT`) of the budgets' items.
    pub fn sum(&self, name: &str) -> i64 {
        let is_budget = |item: &Value| item["pk"]["S"].as_str().unwrap().starts_with("budget#");
        let control = self.items("control").into_iter().filter(is_budget);
        control.filter_map(|item| item[name]["N"].as_str()?.parse::<i64>().ok()).sum()
    }

    /// How many SMS are counted for all recipients together.
    pub fn counted_texts(&self) -> i64 {
        let is_cap = |item: &Value| item["sk"]["S"].as_str().unwrap().starts_with("cap#sms#");
        let caps = self.items("recipients").into_iter().filter(is_cap);
        caps.map(|item| item["used"]["N"].as_str().unwrap().parse::<i64>().unwrap()).sum()
    }

    /// The id of the only notification there is.
    pub fn only_id(&self) -> String {
        let items = self.items("notifications");
        assert_eq!(items.len(), 1);
        let text = |name: &str| items[0][name]["S"].as_str().unwrap();
        format!("{}-{}", text("pk"), text("sk"))
    }

    /// The write units since the last time anybody asked.
    pub fn write_units(&self) -> f64 {
        std::mem::take(&mut self.aws.state.lock().unwrap().writes).iter().map(|(_, units)| units).sum()
    }
}

/// Whatever a story is about, its functions keep to their roles.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let refused = calls::refused(&self.calls());
            assert!(refused.is_empty(), "template.yaml does not allow what the functions do: {refused:#?}");
        }
    }
}

fn message(to: &str, extra: Value) -> Value {
    let mut message = json!({"to": to, "content": {"title": "Hi", "body": "there"}});
    message.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap_or_default());
    message
}

/// The answer, once it is clear that the contract allows it.
fn answered(request: &Request, response: platform::http::Response) -> Answer {
    keeps_to_the_contract(request, &response);
    // What is no JSON is a page.
    let text = response.body.expose();
    let body = serde_json::from_str(text).unwrap_or_else(|_| if text.is_empty() { Value::Null } else { json!(text) });
    Answer { status: response.status, headers: response.headers, body }
}

fn record(record: &Value) -> EventRecord {
    serde_json::from_value(record.clone()).unwrap()
}

fn told(value: &Value) -> Option<DueChange> {
    let record = record(value).change;
    let image = &record.new_image;
    let next_action_at_ms: i64 = serde_dynamo::from_attribute_value(image.get("next_action_at")?.clone()).unwrap();
    let text = |name: &str| serde_dynamo::from_attribute_value::<_, String>(record.keys[name].clone()).unwrap();
    Some(DueChange { id: NotificationId::from_stored(&text("pk"), &text("sk")).unwrap(), next_action_at_ms })
}

fn change(value: &Value) -> Change {
    let record = record(value).change;
    let image = |item| serde_dynamo::from_item(item).unwrap();
    let old = (!record.old_image.is_empty()).then(|| image(record.old_image));
    let sequence = Sequence::parse(&record.sequence_number.unwrap()).unwrap();
    Change { sequence, recorded_at: None, old, new: image(record.new_image) }
}
