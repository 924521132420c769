//! The API routes of `campaigns`: dispatch by route.

use std::sync::Arc;

use jiff::Timestamp;

use super::config::{CampaignsConfig, config_now};
use super::pinning::CampaignPinning;
use super::reconciler::CampaignReconciler;
use aws::LazyKeyHasher;
use campaign::CampaignId;
use delivery::config::{ConfigSnapshot, ConfigSource};
use platform::clock::Clock;
use platform::http::{Request, Response};
use platform::preconditions;
use platform::problem::Problem;
use store::{CampaignStore, CatalogStore, LastKnownGood, NotificationsStore, RecipientsStore, StoredCampaign};

/// The API of `campaigns`.
#[derive(Debug)]
pub struct CampaignsApi {
    /// Moves campaigns forward.
    pub reconciler: CampaignReconciler,
    pub(super) pinning: CampaignPinning,
    pub(super) campaigns: CampaignStore,
    pub(super) recipients: RecipientsStore,
    pub(super) notifications: NotificationsStore,
    /// Changes of types.
    pub(super) catalog: CatalogStore,
    /// Settings, types and templates.
    pub(super) config: Arc<ConfigSource>,
    /// Hasher of recipients' ids.
    pub(super) hasher: LazyKeyHasher,
}

impl CampaignsApi {
    /// Creates the API with its own AWS clients.
    #[must_use]
    pub fn new(config: &CampaignsConfig, clock: Clock) -> Self {
        let CampaignsConfig { function, tables, .. } = config;
        let dynamodb = function.dynamodb();
        let settings = ConfigSource::new(function.parameters(), &function.parameter_prefix, clock).settings_only();
        let source = settings
            .with_catalog(CatalogStore::new(dynamodb.clone(), tables.settings.as_str()))
            .with_last_known_good(LastKnownGood::new(dynamodb.clone(), tables.control.as_str()));
        let source = Arc::new(source);
        Self {
            reconciler: CampaignReconciler::new(config, dynamodb.clone(), Arc::clone(&source)),
            pinning: CampaignPinning::new(tables, dynamodb.clone(), Arc::clone(&source)),
            campaigns: CampaignStore::new(dynamodb.clone(), tables.settings.as_str()),
            recipients: RecipientsStore::new(dynamodb.clone(), tables.recipients.as_str(), tables.control.as_str()),
            notifications: NotificationsStore::new(dynamodb.clone(), tables.notifications.as_str()),
            catalog: CatalogStore::new(dynamodb, tables.settings.as_str()),
            config: source,
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

    /// Returns the configuration in force, with the latest types and templates.
    pub(super) async fn config_now(&self) -> ConfigSnapshot {
        config_now(&self.config).await
    }
}
