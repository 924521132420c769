//! The functions behind one entry point, over tables in memory that hold a few recipients and notifications before
//! every input.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use aws::FunctionConfig;
use aws::secrets::LinkSigningKeys;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use catalog::CatalogApi;
use catalog::config::CatalogConfig;
use cleanup::config::CleanupConfig;
use cleanup::handler::CleanupServices;
use console::ConsoleApi;
use console::config::ConsoleConfig;
use delivery::config::ConfigSource;
use delivery::{DeliveryConfig, LinkAction, Sweeper, TokenKeys, start_engine};
use domain::channel::Channel;
use domain::channel::push::ExtraOrigins;
use domain::notification::NotificationId;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, Error, LambdaEvent};
use platform::clock::Clock;
use platform::emf::Reporter;
use platform::environment::Environment;
use platform::gateway;
use platform::http::{Request, Response};
use platform::private::Private;
use platform::startup::BackgroundInit;
use recipients::RecipientsApi;
use rollup::config::RollupConfig;
use rollup::handler::RollupServices;
use send::{SendApi, SendService};
use serde_json::Value;
use store::{CatalogStore, ErasureStore, IdempotencyStore, NotificationsStore, RecipientsStore, SuppressionsStore};
use tokio::runtime::{Builder, Runtime};
use track::TrackApi;

use super::aws::FuzzAws;
use super::{form, push};

const PREFIX: &str = "/push-notifications/fuzz";
/// Requests that run before the first input, so that there is data to find.
const BEFORE: &str = include_str!("before.http");

/// The link-signing key.
const LINK_KEY: [u8; 32] = [9; 32];
/// Prefixes of the routes of `track`.
const TRACK: [&str; 7] = [
    "POST /v1/receipts",
    "GET /v1/clicks/",
    "GET /v1/unsubscribe/",
    "POST /v1/unsubscribe/",
    "GET /v1/preferences/",
    "POST /v1/preferences/",
    "GET /v1/client/",
];
/// Prefixes of the routes of `console`.
const OPS: [&str; 4] = ["GET /v1/metrics", "GET /v1/health", "GET /v1/rollout", "GET /v1/report"];

thread_local! {
    static WORLD: OnceCell<FuzzWorld> = const { OnceCell::new() };
}

/// Every function, and the tables that they share.
pub struct FuzzWorld {
    pub aws: FuzzAws,
    pub push_origin: String,
    runtime: Runtime,
    functions: Functions,
    tokens: Vec<(String, String)>,
    before: Vec<(&'static str, Value)>,
}

struct Functions {
    clock: Clock,
    send: SendApi,
    recipients: RecipientsApi,
    track: TrackApi,
    console: ConsoleApi,
    catalog: CatalogApi,
    cleanup: cleanup::Cleanup,
    rollup: RollupServices,
    cascade: BackgroundInit<Sweeper>,
}

/// Passes this thread's world in its initial state.
pub fn with_world(run: impl FnOnce(&FuzzWorld)) {
    WORLD.with(|world| {
        let world = world.get_or_init(FuzzWorld::start);
        let _undone = Undone { world, writes: world.aws.writes() };
        run(world);
    });
}

/// Reverts the changes of an input, also when the target fails on it.
struct Undone<'a> {
    world: &'a FuzzWorld,
    writes: usize,
}

impl Drop for Undone<'_> {
    fn drop(&mut self) {
        if self.world.aws.writes() > self.writes {
            self.world.aws.reset(&self.world.before);
        }
    }
}

impl FuzzWorld {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let parameters = [
            ("rollout-percentage", "100".to_owned()),
            ("rollout-users", "[]".to_owned()),
            ("settings", r#"{"sms": {"allowed_countries": ["IT", "DE", "US"]}}"#.to_owned()),
            ("vapid-private-key", URL_SAFE_NO_PAD.encode([0x24; 32])),
            ("recipient-hash-key", URL_SAFE_NO_PAD.encode([7; 32])),
            ("link-signing-key", URL_SAFE_NO_PAD.encode(LINK_KEY)),
            ("public-base-url", "https://notify.example.com".to_owned()),
        ];
        let aws = FuzzAws::new(parameters.map(|(name, value)| (format!("{PREFIX}/{name}"), value)).into());
        let push_origin = runtime.block_on(push::serve());
        let functions = runtime.block_on(Functions::start(&aws, &push_origin));
        let mut world = Self { aws, push_origin, runtime, functions, tokens: Vec::new(), before: Vec::new() };
        for request in form::blocks(BEFORE) {
            let event = form::event(request, &world.push_origin).expect("an event");
            let answer = world.answer(&gateway::request(event).expect("a request"));
            assert!(answer.status < 300, "{request}: {}", answer.body.expose());
            world.functions.clock.advance(Duration::from_secs(1));
        }
        world.before = world.aws.items();
        world.tokens = world.before.iter().flat_map(|(_, item)| tokens_of(item, world.functions.clock.now())).collect();
        world
    }

    /// Replaces each placeholder by a real token: `RECEIPT-accepted`, `CLICK-accepted`, `OVER-accepted` for an expired
    /// one, `UNSUBSCRIBE-accepted`, `PREFERENCES-accepted`, and the same for every status.
    pub fn with_tokens(&self, text: &str) -> String {
        self.tokens.iter().fold(text.to_owned(), |text, (word, token)| text.replace(word, token))
    }

    /// Returns true if the function of this route is `track`.
    pub fn is_track(route: &str) -> bool {
        TRACK.iter().any(|start| route.starts_with(start))
    }

    /// Response of the route's function; `send` responds to unknown routes.
    pub fn answer(&self, request: &Request) -> Response {
        let Functions { clock, send, recipients, track, console, catalog, cleanup, .. } = &self.functions;
        let now = clock.now();
        self.runtime.block_on(async {
            match request.route.as_str() {
                route if route.contains("/recipients/") || route.ends_with("/vapid-public-key") => {
                    recipients.answer(request, now).await
                }
                route if Self::is_track(route) => track.answer(request, now).await,
                route if OPS.iter().any(|start| route.starts_with(start)) => console.answer(request, now).await,
                route if [" /v1/types", " /v1/templates"].iter().any(|path| route.contains(path)) => {
                    catalog.answer(request, now).await
                }
                "POST /v1/cleanup" => cleanup.answer(request, now, 180).await,
                // Long enough for a busy machine: this limit runs on the machine's clock.
                _ => send.answer(request, now, now + SignedDuration::from_mins(10)).await,
            }
        })
    }

    /// Result of `rollup` for an event of any kind.
    pub fn rollup(&self, event: Value) -> Result<Value, Error> {
        self.runtime.block_on(rollup::handler::handle(&self.functions.rollup, event))
    }

    /// Result of `cascade` for an event of any kind.
    pub fn cascade(&self, event: Value) -> Result<Value, Error> {
        let Functions { clock, cascade, .. } = &self.functions;
        let mut context = Context::default();
        context.deadline = u64::try_from(clock.now().as_millisecond()).unwrap() + 60_000;
        let (event, reporter) = (LambdaEvent::new(event, context), &self.functions.rollup.reporter);
        self.runtime.block_on(cascade::handler::handle(cascade, reporter, event))
    }
}

impl Functions {
    async fn start(aws: &FuzzAws, push_origin: &str) -> Self {
        let mut config = cascade::config::CascadeConfig::read(&environment(push_origin)).unwrap().delivery;
        config.function.aws = config.function.aws.with_connector(aws.clone());
        let clock = Clock::manual("2026-11-23T10:00:00Z".parse().unwrap());
        let (engine, hasher) = start_engine(&config, clock.clone()).await.unwrap();
        let recipients = RecipientsStore::new(config.dynamodb(), "recipients", "control");
        let notifications = NotificationsStore::new(config.dynamodb(), "notifications");
        let erasure = ErasureStore::new(config.dynamodb(), recipients.clone(), "notifications", "settings");
        let idempotency = IdempotencyStore::new(config.dynamodb(), "control");
        let of = |name: &str| name.to_owned();
        let console = ConsoleConfig {
            function: config.function.clone(),
            metrics_table: of("metrics"),
            settings_table: of("settings"),
            notifications_table: of("notifications"),
            control_table: of("control"),
        };
        let rollup = RollupConfig {
            function: config.function.clone(),
            metrics_table: of("metrics"),
            settings_table: of("settings"),
            control_table: of("control"),
            alerts_topic: of("arn:aws:sns:eu-south-1:000000000000:AlertsTopic"),
            runbook_url: of("docs/operations.md"),
        };
        let cleanup = CleanupConfig { function: config.function.clone(), tables: config.tables.clone() };
        let types = types(&config.function, clock.clone());
        Self {
            track: TrackApi {
                notifications: notifications.clone(),
                recipients: recipients.clone(),
                config: Arc::clone(&types),
                keys: keys(),
            },
            send: SendApi { service: SendService { engine, idempotency, hasher: hasher.clone() } },
            cleanup: CleanupServices::new(&cleanup, clock.clone()).cleanup,
            recipients: RecipientsApi {
                recipients,
                notifications,
                erasure,
                suppressions: SuppressionsStore::new(config.dynamodb(), "recipients", "control", hasher.clone()),
                hasher,
                extra_origins: ExtraOrigins::parse(push_origin).unwrap(),
                config: types,
                vapid_public_key: [4; 65],
            },
            console: ConsoleApi::new(&console, clock.clone()),
            catalog: catalog_api(&config, clock.clone()),
            rollup: RollupServices::new(&rollup, Reporter::discarding("fuzz".to_owned()), clock.clone()),
            cascade: ready(Arc::new(config), clock.clone()).await,
            clock,
        }
    }
}

fn catalog_api(config: &DeliveryConfig, clock: Clock) -> CatalogApi {
    let DeliveryConfig { function, tables, sender_country, .. } = config.clone();
    CatalogApi::new(&CatalogConfig { function, tables, sender_country }, clock)
}

fn types(function: &FunctionConfig, clock: Clock) -> Arc<ConfigSource> {
    let source = ConfigSource::new(function.parameters(), PREFIX, clock);
    Arc::new(source.catalog_only(CatalogStore::new(function.dynamodb(), "settings")))
}

fn keys() -> TokenKeys {
    TokenKeys::new(&LinkSigningKeys { current: Private::new(LINK_KEY), previous: None })
}

/// Tokens for a stored notification, by placeholder.
fn tokens_of(item: &Value, now: Timestamp) -> Vec<(String, String)> {
    let text = |name: &str| item[name]["S"].as_str();
    let parts = text("pk").zip(text("sk")).zip(text("status"));
    let Some(((pk, sk), status)) = parts else { return Vec::new() };
    let Some(id) = NotificationId::from_stored(pk, sk) else { return Vec::new() };
    let (later, recipient) = (now + SignedDuration::from_hours(1), id.recipient().clone());
    [
        ("RECEIPT", LinkAction::Receipt(id.clone(), Channel::Push), later),
        ("CLICK", LinkAction::Click(id.clone(), Channel::Email), later),
        ("OVER", LinkAction::Receipt(id, Channel::Push), now - SignedDuration::from_hours(1)),
        ("UNSUBSCRIBE", LinkAction::Unsubscribe(recipient.clone(), "DEFAULT".to_owned()), later),
        ("PREFERENCES", LinkAction::Preferences(recipient), later),
    ]
    .into_iter()
    .map(|(word, permit, until)| (format!("{word}-{status}"), keys().sign(&permit, until)))
    .collect()
}

/// The sweeper as `cascade` holds it, on the world's clock.
async fn ready(config: Arc<DeliveryConfig>, clock: Clock) -> BackgroundInit<Sweeper> {
    let load = move || {
        let (config, clock) = (Arc::clone(&config), clock.clone());
        async move { Ok(Sweeper::new(start_engine(&config, clock).await?.0)) }
    };
    let sweeper = BackgroundInit::start(load);
    sweeper.get().await.expect("the secrets are there");
    sweeper
}

fn environment(push_origin: &str) -> Environment {
    Environment::given([
        ("STAGE", "fuzz"),
        ("LOG_LEVEL", "error"),
        ("AWS_REGION", "eu-south-1"),
        // Set, so that nothing outside this process is contacted; never connected to.
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("PARAMETER_PREFIX", PREFIX),
        ("RECIPIENTS_TABLE", "recipients"),
        ("NOTIFICATIONS_TABLE", "notifications"),
        ("CONTROL_TABLE", "control"),
        ("SETTINGS_TABLE", "settings"),
        ("SENDER_ADDRESS", "service@example.com"),
        ("VAPID_SUBJECT", "mailto:ops@example.com"),
        ("EXTRA_PUSH_ORIGINS", push_origin),
        ("SES_CONFIGURATION_SET", "feedback"),
        ("SENDER_COUNTRY", "IT"),
    ])
}
