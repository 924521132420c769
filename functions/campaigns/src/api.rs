//! The API routes of `campaigns`: dispatch by route.

use jiff::Timestamp;

use super::config::CampaignsConfig;
use aws::queue::Queue;
use aws::{LazyKeyHasher, MailQuotaReader};
use campaign::CampaignId;
use delivery::TemplateCache;
use delivery::config::{ConfigSnapshot, ConfigSource};
use platform::clock::Clock;
use platform::http::{Request, Response};
use platform::preconditions;
use platform::problem::Problem;
use store::metrics::MetricsStore;
use store::{
    BreakerStore, CampaignStore, CatalogStore, LastKnownGood, NotificationsStore, RecipientsStore, SegmentStore,
    StoredCampaign, TemplateStore,
};

/// The API of `campaigns`.
#[derive(Debug)]
pub struct CampaignsApi {
    /// Reads and writes campaigns.
    pub campaigns: CampaignStore,
    /// Reads the segments of audiences.
    pub segments: SegmentStore,
    /// Reads the people of a campaign.
    pub recipients: RecipientsStore,
    /// Reads the notifications of a campaign.
    pub notifications: NotificationsStore,
    /// Reads the results of a campaign.
    pub metrics: MetricsStore,
    /// Reads the circuit breakers of providers.
    pub breakers: BreakerStore,
    /// Reads templates.
    pub templates: TemplateCache,
    /// Reads the settings, and the types and templates that exist.
    pub config: ConfigSource,
    /// Reads the quota of SES.
    pub mail_quota: MailQuotaReader,
    /// Queue of the workers.
    pub queue: Queue,
    /// Hasher of recipients' ids.
    pub hasher: LazyKeyHasher,
}

impl CampaignsApi {
    /// Creates the API with its own AWS clients.
    #[must_use]
    pub fn new(config: &CampaignsConfig, clock: Clock) -> Self {
        let CampaignsConfig { function, tables, .. } = config;
        let dynamodb = function.dynamodb();
        let settings = ConfigSource::new(function.parameters(), &function.parameter_prefix, clock).settings_only();
        Self {
            campaigns: CampaignStore::new(dynamodb.clone(), tables.settings.as_str()),
            segments: SegmentStore::new(dynamodb.clone(), tables.settings.as_str()),
            recipients: RecipientsStore::new(dynamodb.clone(), tables.recipients.as_str(), tables.control.as_str()),
            notifications: NotificationsStore::new(dynamodb.clone(), config.notifications_table.as_str()),
            metrics: MetricsStore::new(dynamodb.clone(), config.metrics_table.as_str()),
            breakers: BreakerStore::new(dynamodb.clone(), tables.control.as_str()),
            templates: TemplateCache::new(TemplateStore::new(dynamodb.clone(), tables.settings.as_str())),
            config: settings
                .with_catalog(CatalogStore::new(dynamodb.clone(), tables.settings.as_str()))
                .with_last_known_good(LastKnownGood::new(dynamodb, tables.control.as_str())),
            mail_quota: MailQuotaReader::new(&function.aws),
            queue: Queue::new(&function.aws, config.tasks_queue_url.as_str()),
            hasher: LazyKeyHasher::new(function.parameters(), function.parameter_prefix.as_str()),
        }
    }

    /// Answers a request.
    pub async fn answer(&self, request: &Request, now: Timestamp) -> Response {
        let answer = self.dispatch(request, now).await;
        answer.unwrap_or_else(|problem| Response::problem(&problem, &request.request_id))
    }

    /// Dispatches by route.
    async fn dispatch(&self, request: &Request, now: Timestamp) -> Result<Response, Problem> {
        preconditions::refuse_unsupported(request)?;
        match request.route.as_str() {
            "GET /v1/campaigns" => self.list(request).await,
            "POST /v1/campaigns" => self.create(request, now).await,
            "GET /v1/campaigns/{id}" => self.get(request).await,
            "PATCH /v1/campaigns/{id}" => self.patch(request, now).await,
            "POST /v1/campaigns/{id}/plan" => self.plan(request, now).await,
            "POST /v1/campaigns/{id}/test" => self.test(request, now).await,
            "POST /v1/campaigns/{id}/approve" => self.approve(request, now).await,
            "POST /v1/campaigns/{id}/launch" => self.launch(request, now).await,
            "POST /v1/campaigns/{id}/pause" => self.pause(request, now).await,
            "POST /v1/campaigns/{id}/resume" => self.resume(request, now).await,
            "POST /v1/campaigns/{id}/cancel" => self.cancel(request, now).await,
            "POST /v1/campaigns/{id}/retry" => self.retry(request, now).await,
            "GET /v1/campaigns/{id}/progress" => self.progress(request, now).await,
            "GET /v1/campaigns/{id}/recipients" => self.people(request, now).await,
            "GET /v1/campaigns/{id}/results" => self.results(request, now).await,
            _ => Err(Problem::not_found("route")),
        }
    }

    /// Returns the campaign in the path.
    pub(super) async fn find(&self, request: &Request) -> Result<StoredCampaign, Problem> {
        let id = CampaignId::parse(request.path("id"));
        let id = id.ok_or_else(|| Problem::invalid_field("id", CampaignId::FORMAT))?;
        self.campaigns.get(&id).await?.ok_or_else(|| Problem::not_found("campaign"))
    }

    /// Returns the configuration in force, with types and templates that were made a moment ago.
    pub(super) async fn config_now(&self) -> ConfigSnapshot {
        self.config.current().await;
        self.config.with_new_names().await
    }
}
