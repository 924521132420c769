//! What a notification costs in the tables: the units that the store itself reports, indexes included.
//!
//! The real send path, put together as `send` does it, speaks to one address that plays AWS. Behind it stands an embedded
//! DynamoDB with the template's keys and indexes; every call on its way there is made to ask for the capacity it consumed.
//! As AWS does, a transaction counts double, and a write that its condition refused is charged too, but not reported.
//! `cargo bench -p tests --bench writes`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

#[path = "../support/http.rs"]
mod http;
#[path = "../support/metered.rs"]
mod metered;
#[path = "../support/ssm.rs"]
mod ssm;

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use http::serve;
use jiff::{SignedDuration, Timestamp};
use metered::{MeteredAws, Used};
use notifications::cascade::DispatcherConfig;
use notifications::clock::Clock;
use notifications::environment::Environment;
use notifications::http::{Caller, Request};
use notifications::recipients::{KeyHasher, RecipientsApi};
use notifications::send::{SendApi, SendService};
use notifications::store::{ErasureStore, IdempotencyStore, NotificationsStore, RecipientsStore};
use serde_json::{Value, json};

const PUSH_TARGET: f64 = 4.0;
const PUSH_WITH_KEY_TARGET: f64 = 5.0;
const BATCH: usize = 100;
/// What an ordinary notification's content is allowed for its item to stay within 1 KB.
const CONTENT_BYTES: usize = 400;
/// The receiver of RFC 8291, appendix A.
const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let world = World::start().await;
    let anywhere = json!({"email": "ada@example.com", "phone": "+393471234567"});
    world.recipient("pushed", &json!({}), Some("accepts")).await;
    world.recipient("mailed", &anywhere, Some("gone")).await;
    world.recipient("texted", &json!({"phone": "+393471234567"}), None).await;
    // The first request reads the parameters, and opens connections.
    world.send(&message("pushed"), None, "accepted").await;

    println!("write units as the store reports them, of which in indexes; reads beside them");
    println!("{:38}{:>8}{:>9}{:>8}{:>9}  target", "", "writes", "indexes", "reads", "refused");
    world.send(&message("pushed"), None, "accepted").await;
    world.print("push accepted", 1, Some(PUSH_TARGET));
    world.send(&message("pushed"), Some("order-7"), "accepted").await;
    world.print("push accepted, with Idempotency-Key", 1, Some(PUSH_WITH_KEY_TARGET));
    world.send(&message("pushed"), Some("order-7"), "accepted").await;
    world.print("the same request again", 1, None);
    world.send(&message("nobody"), None, "skipped").await;
    world.print("skipped: unknown recipient", 1, None);
    world.send(&message("mailed"), None, "accepted").await;
    world.print("push gone (device removed), e-mail", 1, None);
    world.send(&message("mailed"), None, "accepted").await;
    world.print("e-mail, no device", 1, None);
    world.send(&message("texted"), None, "accepted").await;
    world.print("SMS, first of the day", 1, None);
    world.batch("pushed").await;
    world.print("batch of 100 pushes, each", BATCH, Some(PUSH_TARGET));
    world.scheduled("pushed").await;
}

/// A message whose content has exactly [`CONTENT_BYTES`] of JSON.
fn message(to: &str) -> Value {
    let mut content = json!({"title": "Invoice 7 is due", "body": "", "url": "https://example.com/invoices/7"});
    content["body"] = "x".repeat(CONTENT_BYTES - content.to_string().len()).into();
    json!({"to": to, "content": content})
}

struct World {
    aws: Arc<MeteredAws>,
    send: SendApi,
    recipients: RecipientsApi,
    push_service: String,
    clock: Clock,
}

impl World {
    async fn start() -> Self {
        let aws = MeteredAws::start();
        let push_service = format!("http://{}", serve(|asked| Some(push_answer(&asked.line))));
        let endpoint_url = format!(
            "http://{}",
            serve({
                let aws = Arc::clone(&aws);
                move |asked| Some(aws.answer(&asked))
            })
        );
        let mut config = DispatcherConfig::read(&environment(&endpoint_url, &push_service)).unwrap();
        // Credentials are the one thing that is looked up in the environment of the process itself.
        let credentials = SharedCredentialsProvider::new(Credentials::new("id", "secret", None, None, "bench"));
        config.aws = config.aws.into_builder().credentials_provider(credentials).build();
        let secrets = config.secrets().await.unwrap();
        let clock = Clock::manual(Timestamp::now());
        let dispatcher = config.dispatcher(&secrets, clock.clone()).unwrap();
        let dynamodb = config.dynamodb();
        let idempotency = IdempotencyStore::new(dynamodb.clone(), config.control_table.as_str());
        let hasher = || KeyHasher::new(secrets.recipient_hash_key().unwrap().expose());
        let recipients = RecipientsStore::new(dynamodb.clone(), metered::RECIPIENTS);
        let recipients = RecipientsApi {
            erasure: ErasureStore::new(dynamodb.clone(), recipients.clone(), metered::NOTIFICATIONS),
            notifications: NotificationsStore::new(dynamodb, metered::NOTIFICATIONS),
            recipients,
            hasher: hasher(),
            extra_origins: config.extra_push_origins.clone(),
            // Only browsers ask for it.
            vapid_public_key: [4; 65],
        };
        let send = SendApi { service: SendService { dispatcher, idempotency, hasher: hasher() } };
        Self { aws, send, recipients, push_service, clock }
    }

    /// A recipient with this profile and, if given, one device whose endpoint does that.
    async fn recipient(&self, id: &str, profile: &Value, device: Option<&str>) {
        let path = [("id".to_owned(), id.to_owned().into())].into();
        let put = Request { path, ..request("PUT /v1/recipients/{id}", profile) };
        assert_eq!(self.recipients.answer(&put, self.clock.now()).await.status, 201);
        if let Some(does) = device {
            let endpoint = format!("{}/{does}/{id}", self.push_service);
            let subscription = json!({"endpoint": endpoint, "keys": {"p256dh": P256DH, "auth": AUTH}});
            let body = request("PUT /v1/recipients/{id}/devices", &subscription);
            let put = Request { path: put.path, ..body };
            assert_eq!(self.recipients.answer(&put, self.clock.now()).await.status, 201);
        }
        self.aws.take();
    }

    async fn send(&self, message: &Value, key: Option<&str>, status: &str) {
        self.aws.take();
        let idempotency_key = key.map(|key| key.to_owned().into());
        let post = Request { idempotency_key, ..request("POST /v1/notifications", message) };
        let answer = self.post(&post).await;
        assert_eq!(answer["status"], status, "{answer}");
    }

    async fn batch(&self, to: &str) {
        self.aws.take();
        let messages = vec![message(to); BATCH];
        let answer = self.post(&request("POST /v1/notifications/batch", &json!({"messages": messages}))).await;
        let items = answer["items"].as_array().unwrap();
        assert!(items.len() == BATCH && items.iter().all(|item| item["status"] == "accepted"), "{answer}");
    }

    /// Printed in two lines: when it is asked for, and when it is due.
    async fn scheduled(&self, to: &str) {
        let mut message = message(to);
        message["send_at"] = (self.clock.now() + SignedDuration::from_hours(1)).to_string().into();
        self.send(&message, None, "scheduled").await;
        self.print("scheduled", 1, None);
        self.clock.advance(Duration::from_secs(3_601));
        let ends_at_ms = self.clock.now().as_millisecond() + 60_000;
        let sweep = self.send.service.dispatcher.sweep(10, ends_at_ms.try_into().unwrap()).await.unwrap();
        assert_eq!((sweep.found, sweep.worked), (1, 1), "{sweep}");
        self.print("and pushed by the cascade when due", 1, None);
    }

    async fn post(&self, request: &Request) -> Value {
        let answer = self.send.answer(request, self.clock.now() + SignedDuration::from_secs(34)).await;
        assert_eq!(answer.status, 202, "{}", answer.body.expose());
        serde_json::from_str(answer.body.expose()).unwrap()
    }

    /// What was used since the last look, for each of `messages`.
    fn print(&self, case: &str, messages: usize, target: Option<f64>) {
        let Used { writes, in_indexes, reads, refused } = self.aws.take();
        let each = |units: f64| units / messages as f64;
        let target = target.map(|most| format!("at most {most}")).unwrap_or_default();
        let (writes, in_indexes, reads, refused) = (each(writes), each(in_indexes), each(reads), each(refused as f64));
        println!("{case:38}{writes:>8.1}{in_indexes:>9.1}{reads:>8.1}{refused:>9.1}  {target}");
    }
}

fn request(route: &str, body: &Value) -> Request {
    let caller = Caller { id: "billing".to_owned(), scopes: vec!["notifications/send".to_owned()] };
    let (route, body) = (route.to_owned(), body.to_string().into_bytes().into());
    Request { route, body, caller, request_id: "r-1".to_owned(), ..Request::default() }
}

fn push_answer(line: &str) -> http::Answer {
    let status = if line.starts_with("POST /accepts/") { 201 } else { 410 };
    (status, vec![], vec![])
}

fn environment(endpoint_url: &str, push_service: &str) -> Environment {
    Environment::given([
        ("AWS_REGION", "eu-south-1"),
        ("AWS_ENDPOINT_URL", endpoint_url),
        ("PARAMETER_PREFIX", "/push-notifications/prod"),
        ("RECIPIENTS_TABLE", metered::RECIPIENTS),
        ("NOTIFICATIONS_TABLE", metered::NOTIFICATIONS),
        ("CONTROL_TABLE", metered::CONTROL),
        ("SENDER_ADDRESS", "hello@example.com"),
        ("VAPID_SUBJECT", "mailto:push@example.com"),
        ("EXTRA_PUSH_ORIGINS", push_service),
        ("SENDER_COUNTRY", "IT"),
    ])
}
