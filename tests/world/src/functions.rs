//! The ten functions, assembled as in their crates: each with its own AWS clients, and so with its own permissions.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use aws::parameters::ParameterStore;
use aws::secrets::{SecretName, Secrets};
use campaigns::CampaignsApi;
use campaigns::config::CampaignsConfig;
use catalog::CatalogApi;
use catalog::config::CatalogConfig;
use channels::push::VapidKey;
use cleanup::config::CleanupConfig;
use cleanup::handler::CleanupServices;
use console::ConsoleApi;
use console::config::ConsoleConfig;
use console::site::{Site, SiteConfig};
use delivery::breakers::Breakers;
use delivery::config::ConfigSource;
use delivery::{DeliveryConfig, Sweeper, TokenKeys, start_engine};
use domain::channel::push::ExtraOrigins;
use domain::recipient::KeyHasher;
use fanout::{FanoutServices, Worker};
use platform::clock::Clock;
use platform::emf::Reporter;
use platform::environment::Environment;
use platform::startup::StartError;
use recipients::RecipientsApi;
use rollup::config::RollupConfig;
use rollup::handler::RollupServices;
use send::{SendApi, SendService};
use store::{
    BreakerStore, CampaignStore, CatalogStore, ErasureStore, IdempotencyStore, LastKnownGood, NotificationsStore,
    RecipientsStore, SmsMessageStore, SuppressionsStore,
};
use track::{FeedbackProcessor, TrackApi};

/// Prefix of the parameters' names.
pub const PREFIX: &str = "/push-notifications/test";
/// Public base URL of the API.
pub const BASE: &str = "https://notify.example.com";
/// The link-signing key of this world.
pub const LINK_KEY: [u8; 32] = [9; 32];
/// ARN of the alerts topic; template.yaml calls it `AlertsTopic`.
const ALERTS_TOPIC: &str = "arn:aws:sns:eu-south-1:000000000000:AlertsTopic";
const RUNBOOK_URL: &str = "https://wiki.example.com/docs/operations.md";
/// The VAPID private key of this world.
const VAPID_SCALAR: [u8; 32] = [0x24; 32];

/// Endpoints of AWS and of the push services.
#[derive(Clone)]
pub struct Endpoints {
    pub aws_url: String,
    pub push_origins: String,
}

/// Issuer of the console's logins. Its description and tokens come from the fake AWS.
pub const LOGIN_ISSUER: &str = "https://cognito-idp.eu-south-1.amazonaws.com/pool";

/// The parameters as `make init` creates them, with everybody in version 2.
pub fn parameters() -> impl Iterator<Item = (String, String)> {
    let scalar = URL_SAFE_NO_PAD.encode(VAPID_SCALAR);
    let public_key = VapidKey::parse(&scalar).unwrap().public_key().to_owned();
    let parameters = [
        ("rollout-percentage", "100".to_owned()),
        ("rollout-users", "[]".to_owned()),
        ("settings", "{}".to_owned()),
        ("vapid-private-key", scalar),
        ("vapid-public-key", public_key),
        ("recipient-hash-key", URL_SAFE_NO_PAD.encode([7; 32])),
        ("link-signing-key", URL_SAFE_NO_PAD.encode(LINK_KEY)),
        ("public-base-url", BASE.to_owned()),
        ("console-client-id", "console-client".to_owned()),
    ];
    parameters.into_iter().map(|(name, value)| (format!("{PREFIX}/{name}"), value))
}

impl Endpoints {
    /// The environment of a function; its access key is its name.
    fn environment(&self, function: &'static str) -> Environment {
        Environment::given([
            ("STAGE", "test"),
            ("LOG_LEVEL", "info"),
            ("AWS_REGION", "eu-south-1"),
            ("AWS_ENDPOINT_URL", &self.aws_url),
            ("AWS_ACCESS_KEY_ID", function),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("PARAMETER_PREFIX", PREFIX),
            ("RECIPIENTS_TABLE", "recipients"),
            ("NOTIFICATIONS_TABLE", "notifications"),
            ("CONTROL_TABLE", "control"),
            ("METRICS_TABLE", "metrics"),
            ("SETTINGS_TABLE", "settings"),
            ("ALERTS_TOPIC_ARN", ALERTS_TOPIC),
            ("RUNBOOK_URL", RUNBOOK_URL),
            ("SENDER_ADDRESS", "service@example.com"),
            ("VAPID_SUBJECT", "mailto:ops@example.com"),
            ("EXTRA_PUSH_ORIGINS", &self.push_origins),
            ("SES_CONFIGURATION_SET", "feedback"),
            ("SENDER_COUNTRY", "IT"),
            ("LOGIN_ISSUER", LOGIN_ISSUER),
            ("TASKS_QUEUE_URL", &format!("{}/000000000000/CampaignTasksQueue", self.aws_url)),
        ])
    }

    fn aws(&self, function: &'static str) -> aws::AwsConfig {
        aws::config(&self.environment(function)).unwrap()
    }

    pub async fn send(&self, clock: &Clock) -> SendApi {
        let config = DeliveryConfig::read(&self.environment("send")).unwrap();
        let (engine, hasher) = start_engine(&config, clock.clone()).await.unwrap();
        let idempotency = IdempotencyStore::new(config.dynamodb(), "control");
        SendApi { service: SendService { engine, idempotency, hasher } }
    }

    /// The error with which `send` fails to start with the current parameters.
    pub async fn start_error(&self) -> StartError {
        let config = DeliveryConfig::read(&self.environment("send")).unwrap();
        start_engine(&config, Clock::System).await.map(drop).unwrap_err()
    }

    pub async fn cascade(&self, clock: &Clock) -> Sweeper {
        let config = DeliveryConfig::read(&self.environment("cascade")).unwrap();
        Sweeper::new(start_engine(&config, clock.clone()).await.unwrap().0)
    }

    pub fn rollup(&self, clock: &Clock) -> RollupServices {
        let config = RollupConfig::read(&self.environment("rollup")).unwrap();
        RollupServices::new(&config, Reporter::discarding("test".to_owned()), clock.clone())
    }

    pub fn cleanup(&self, clock: &Clock) -> CleanupServices {
        CleanupServices::new(&CleanupConfig::read(&self.environment("cleanup")).unwrap(), clock.clone())
    }

    pub async fn recipients(&self, clock: &Clock) -> RecipientsApi {
        let sdk = self.aws("recipients");
        let (dynamodb, parameters) = (aws::dynamodb(&sdk), ParameterStore::new(aws::ssm(&sdk)));
        let needed = [SecretName::RecipientHashKey, SecretName::VapidPublicKey];
        let secrets = Secrets::load(&parameters, PREFIX, &needed).await.unwrap();
        let recipients = RecipientsStore::new(dynamodb.clone(), "recipients", "control");
        let hasher = KeyHasher::new(secrets.recipient_hash_key().unwrap().expose());
        RecipientsApi {
            erasure: ErasureStore::new(dynamodb.clone(), recipients.clone(), "notifications", "settings"),
            notifications: NotificationsStore::new(dynamodb.clone(), "notifications"),
            recipients,
            suppressions: SuppressionsStore::new(dynamodb, "recipients", "control", hasher.clone()),
            hasher,
            extra_origins: ExtraOrigins::parse(&self.push_origins).unwrap(),
            config: Arc::new(
                ConfigSource::new(parameters, PREFIX, clock.clone())
                    .settings_only()
                    .with_catalog(CatalogStore::new(aws::dynamodb(&sdk), "settings"))
                    .with_last_known_good(LastKnownGood::new(aws::dynamodb(&sdk), "control")),
            ),
            vapid_public_key: *secrets.vapid_public_key().unwrap(),
        }
    }

    pub async fn track(&self, clock: &Clock) -> (TrackApi, FeedbackProcessor) {
        let sdk = self.aws("track");
        let (dynamodb, parameters) = (aws::dynamodb(&sdk), ParameterStore::new(aws::ssm(&sdk)));
        let needed = [SecretName::LinkSigningKey, SecretName::RecipientHashKey];
        let secrets = Secrets::load(&parameters, PREFIX, &needed).await.unwrap();
        let hasher = KeyHasher::new(secrets.recipient_hash_key().unwrap().expose());
        let notifications = NotificationsStore::new(dynamodb.clone(), "notifications");
        let recipients = RecipientsStore::new(dynamodb.clone(), "recipients", "control");
        let keys = TokenKeys::new(secrets.link_signing_keys().unwrap());
        let feedback = FeedbackProcessor {
            notifications: notifications.clone(),
            recipients: recipients.clone(),
            suppressions: SuppressionsStore::new(dynamodb.clone(), "recipients", "control", hasher),
            sms_messages: SmsMessageStore::new(dynamodb.clone(), "control"),
            config: self.types("track", clock.clone()),
            breakers: Breakers::new(BreakerStore::new(dynamodb, "control"), [], clock.clone()),
        };
        (TrackApi { notifications, recipients, config: self.types("track", clock.clone()), keys }, feedback)
    }

    fn types(&self, function: &'static str, clock: Clock) -> Arc<ConfigSource> {
        let sdk = self.aws(function);
        let source = ConfigSource::new(ParameterStore::new(aws::ssm(&sdk)), PREFIX, clock);
        Arc::new(source.catalog_only(CatalogStore::new(aws::dynamodb(&sdk), "settings")))
    }

    pub fn catalog(&self, clock: &Clock) -> CatalogApi {
        CatalogApi::new(&CatalogConfig::read(&self.environment("catalog")).unwrap(), clock.clone())
    }

    pub fn campaigns(&self, clock: &Clock) -> CampaignsApi {
        CampaignsApi::new(&CampaignsConfig::read(&self.environment("campaigns")).unwrap(), clock.clone())
    }

    pub async fn fanout(&self, clock: &Clock) -> Worker {
        let config = DeliveryConfig::read(&self.environment("fanout")).unwrap();
        let (engine, hasher) = start_engine(&config, clock.clone()).await.unwrap();
        let campaigns = CampaignStore::new(config.dynamodb(), "settings");
        Worker::new(FanoutServices { sweeper: Sweeper::new(engine), hasher, campaigns })
    }

    pub fn console(&self, clock: &Clock) -> ConsoleApi {
        ConsoleApi::new(&ConsoleConfig::read(&self.environment("console")).unwrap(), clock.clone())
    }

    /// The web console, in the process of `console`.
    pub fn site(&self, clock: &Clock) -> Site {
        let environment = self.environment("console");
        let function = aws::FunctionConfig::read(&environment).unwrap();
        Site::new(&SiteConfig::read(&environment).unwrap(), &function, clock.clone(), console::pages::answer)
    }
}
