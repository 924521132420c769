//! One method per action, a clock to advance, and everything between as it is deployed.

mod aws;
#[path = "../../../functions/ece/tests/browser/mod.rs"]
mod browser;
mod dynamo;
mod faults;
mod http;
mod push;

use std::time::Duration;

use aws_lambda_events::dynamodb::EventRecord;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
pub use browser::Browser;
use dynoxide::Database;
use faults::Faults;
pub use faults::{Fate, Point, Side};
pub use http::Reply;
use jiff::{SignedDuration, Timestamp};
use notifications::cascade::{Dispatcher, DispatcherConfig, Sweep, Told, start_dispatcher};
use notifications::channels::push::ExtraOrigins;
use notifications::cleanup::{Cleanup, Summary};
use notifications::clock::Clock;
use notifications::environment::Environment;
use notifications::gateway;
use notifications::http::Request;
use notifications::notification::NotificationId;
use notifications::recipients::RecipientsApi;
use notifications::rollup::report::Report;
use notifications::rollup::{Change, Sequence, Window};
use notifications::send::{SendApi, SendService};
use notifications::store::metrics::MetricsStore;
use notifications::store::{CursorStore, ErasureStore, IdempotencyStore, NotificationsStore, RecipientsStore};
use serde_json::{Value, json};

/// The caller that sends unless a story says otherwise.
pub const SHOP: &str = "shop-client";
const PREFIX: &str = "/push-notifications/test";

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
    config: DispatcherConfig,
    send: SendApi,
    cascade: Dispatcher,
    recipients: RecipientsApi,
    cleanup: Cleanup,
    metrics: MetricsStore,
    told: std::sync::Mutex<usize>,
}

impl World {
    /// A fresh deployment in which everybody is in version 2.
    pub async fn start() -> Self {
        Self::start_by(Clock::manual("2026-11-23T10:00:00Z".parse().unwrap())).await
    }

    /// The same by a clock that may move by itself.
    pub async fn start_by(clock: Clock) -> Self {
        let database = dynamo::tables();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dynamo = listener.local_addr().unwrap().to_string();
        tokio::spawn(dynoxide::server::serve_on(listener, database.clone()));
        let faults = Faults::default();
        let aws = aws::Aws::start(dynamo, faults.clone()).await;
        let push = push::PushService::start(faults.clone()).await;
        let other_push = push::PushService::start(faults.clone()).await;
        let origins = format!("{},{}", push.origin, other_push.origin);
        let parameters = [
            ("rollout-percentage", "100".to_owned()),
            ("rollout-users", "[]".to_owned()),
            ("settings", "{}".to_owned()),
            ("vapid-private-key", URL_SAFE_NO_PAD.encode([0x24; 32])),
            ("recipient-hash-key", URL_SAFE_NO_PAD.encode([7; 32])),
        ];
        let named = parameters.into_iter().map(|(name, value)| (format!("{PREFIX}/{name}"), value));
        aws.state.lock().unwrap().parameters.extend(named);
        let config = DispatcherConfig::read(&environment(&aws.url, &origins)).unwrap();
        let (dispatcher, hasher) = start_dispatcher(&config, clock.clone()).await.unwrap();
        let (cascade, _) = start_dispatcher(&config, clock.clone()).await.unwrap();
        let idempotency = IdempotencyStore::new(config.dynamodb(), "control");
        let recipients = RecipientsStore::new(config.dynamodb(), "recipients");
        Self {
            send: SendApi { service: SendService { dispatcher, idempotency, hasher: hasher.clone() } },
            cascade,
            cleanup: Cleanup {
                erasure: ErasureStore::new(config.dynamodb(), recipients.clone(), "notifications"),
                notifications: NotificationsStore::new(config.dynamodb(), "notifications"),
                cursor: CursorStore::new(config.dynamodb(), "control"),
                recipients: recipients.clone(),
            },
            recipients: RecipientsApi {
                erasure: ErasureStore::new(config.dynamodb(), recipients.clone(), "notifications"),
                notifications: NotificationsStore::new(config.dynamodb(), "notifications"),
                recipients,
                hasher,
                extra_origins: ExtraOrigins::parse(&origins).unwrap(),
                vapid_public_key: [4; 65],
            },
            metrics: MetricsStore::new(config.dynamodb(), "metrics"),
            clock,
            push,
            other_push,
            aws,
            faults,
            database,
            config,
            told: std::sync::Mutex::new(0),
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
        answer(self.recipients.answer(&request, self.clock.now()).await)
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
        self.ask(self.request(SHOP, "send", "DELETE /v1/notifications/{id}", &[("id", id)], &[], &Value::Null, None))
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
        let claims = json!({"client_id": caller, "scope": format!("notifications/{scope}")});
        let headers = key.map_or(json!({}), |key| json!({"idempotency-key": key}));
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
        answer(self.send.answer(&request, self.clock.now(), self.gone_by()).await)
    }

    /// When an invocation that begins now can no longer be alive.
    fn gone_by(&self) -> Timestamp {
        self.clock.now() + SignedDuration::from_secs(34)
    }

    // Time and the schedule.

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// What the minute schedule of cascade does.
    pub async fn sweep(&self) -> Sweep {
        self.cascade.sweep(2_000, self.ends_at_ms()).await.unwrap()
    }

    /// A pass of cleanup, with the retention it has by default.
    pub async fn clean_up(&self) -> Summary {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        self.cleanup.pass(self.clock.now(), 180, deadline, false).await
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
        self.aws.state.lock().unwrap().parameters.insert(format!("{PREFIX}/{parameter}"), value.to_owned());
    }

    /// A process that starts now, with nothing cached.
    pub async fn cold_start(&mut self) {
        let (dispatcher, _) = start_dispatcher(&self.config, self.clock.clone()).await.unwrap();
        self.send.service.dispatcher = dispatcher;
    }

    /// Lets a function do something and die at this line, if it comes there.
    pub async fn dying<T>(&self, point: Point, act: impl Future<Output = T>) -> Fate<T> {
        self.faults.run(point, act).await
    }

    /// The next fold gets every record since the beginning, as when Lambda hands a batch over a second time.
    pub fn tell_rollup_again(&self) {
        *self.told.lock().unwrap() = 0;
    }

    /// Folds what the stream brought since the last time, and answers with the metrics of the last hour.
    pub async fn metrics(&self) -> Value {
        self.metrics_of_last(60).await
    }

    pub async fn metrics_of_last(&self, minutes: i64) -> Value {
        let records = dynamo::stream(&self.database);
        let from = std::mem::replace(&mut *self.told.lock().unwrap(), records.len());
        let changes: Vec<_> = records[from..].iter().map(change).collect();
        let folded = self.metrics.fold("0", &changes, self.clock.now()).await;
        assert!(folded.failed.is_empty());
        // The minute in which something happened belongs to the window once it is over.
        let window = Window::last(minutes, self.clock.now() + SignedDuration::from_mins(1));
        serde_json::to_value(Report::new(window, &self.metrics.read(window).await.unwrap())).unwrap()
    }

    // What can be seen.

    pub fn mails(&self) -> Vec<String> {
        self.aws.state.lock().unwrap().mails.clone()
    }

    pub fn texts(&self) -> Vec<(String, String)> {
        self.aws.state.lock().unwrap().texts.clone()
    }

    pub fn items(&self, table: &str) -> Vec<Value> {
        dynamo::items(&self.database, table)
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

fn message(to: &str, extra: Value) -> Value {
    let mut message = json!({"to": to, "content": {"title": "Hi", "body": "there"}});
    message.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap_or_default());
    message
}

fn answer(response: notifications::http::Response) -> Answer {
    let body = serde_json::from_str(response.body.expose()).unwrap_or(Value::Null);
    Answer { status: response.status, headers: response.headers, body }
}

fn environment(aws_url: &str, push_origins: &str) -> Environment {
    Environment::given([
        ("AWS_REGION", "eu-south-1"),
        ("AWS_ENDPOINT_URL", aws_url),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("PARAMETER_PREFIX", PREFIX),
        ("RECIPIENTS_TABLE", "recipients"),
        ("NOTIFICATIONS_TABLE", "notifications"),
        ("CONTROL_TABLE", "control"),
        ("SENDER_ADDRESS", "service@example.com"),
        ("VAPID_SUBJECT", "mailto:ops@example.com"),
        ("EXTRA_PUSH_ORIGINS", push_origins),
        ("SENDER_COUNTRY", "IT"),
    ])
}

fn record(record: &Value) -> EventRecord {
    serde_json::from_value(record.clone()).unwrap()
}

fn told(value: &Value) -> Option<Told> {
    let record = record(value).change;
    let image = &record.new_image;
    let next_action_at_ms: i64 = serde_dynamo::from_attribute_value(image.get("next_action_at")?.clone()).unwrap();
    let text = |name: &str| serde_dynamo::from_attribute_value::<_, String>(record.keys[name].clone()).unwrap();
    Some(Told { id: NotificationId::from_stored(&text("pk"), &text("sk")).unwrap(), next_action_at_ms })
}

fn change(value: &Value) -> Change {
    let record = record(value).change;
    let image = |item| serde_dynamo::from_item(item).unwrap();
    let old = (!record.old_image.is_empty()).then(|| image(record.old_image));
    let sequence = Sequence::parse(&record.sequence_number.unwrap()).unwrap();
    Change { sequence, recorded_at: None, old, new: image(record.new_image) }
}
