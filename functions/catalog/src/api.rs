//! The API routes of `catalog`: dispatch by route.

use jiff::Timestamp;

use super::config::CatalogConfig;
use aws::LazyKeyHasher;
use delivery::config::ConfigSource;
use domain::channel::country::CountryCode;
use platform::clock::Clock;
use platform::http::{Request, Response};
use platform::preconditions;
use platform::problem::Problem;
use store::{
    CampaignStore, CatalogStore, LastKnownGood, NotificationsStore, RecipientsStore, SegmentStore, TemplateStore,
};

/// The API of `catalog`.
#[derive(Debug)]
pub struct CatalogApi {
    /// Reads and writes the rows of types.
    pub catalog: CatalogStore,
    /// Reads and writes templates.
    pub templates: TemplateStore,
    /// Reads and writes segments.
    pub segments: SegmentStore,
    /// Reads the campaigns that name templates and segments.
    pub campaigns: CampaignStore,
    /// Reads the people of segments.
    pub recipients: RecipientsStore,
    /// Reads the notifications of campaigns that a filter names.
    pub notifications: NotificationsStore,
    /// Reads the settings, which may override fields of a type.
    pub config: ConfigSource,
    /// Country of the sender.
    pub home_country: CountryCode,
    /// Hasher of recipients' ids.
    pub hasher: LazyKeyHasher,
}

impl CatalogApi {
    /// Creates the API with its own AWS clients.
    #[must_use]
    pub fn new(config: &CatalogConfig, clock: Clock) -> Self {
        let CatalogConfig { function, tables, sender_country } = config;
        let dynamodb = function.dynamodb();
        let settings = ConfigSource::new(function.parameters(), &function.parameter_prefix, clock).settings_only();
        let catalog = CatalogStore::new(dynamodb.clone(), tables.settings.as_str());
        Self {
            catalog: catalog.clone(),
            templates: TemplateStore::new(dynamodb.clone(), tables.settings.as_str()),
            segments: SegmentStore::new(dynamodb.clone(), tables.settings.as_str()),
            campaigns: CampaignStore::new(dynamodb.clone(), tables.settings.as_str()),
            recipients: RecipientsStore::new(dynamodb.clone(), tables.recipients.as_str(), tables.control.as_str()),
            notifications: NotificationsStore::new(dynamodb.clone(), tables.notifications.as_str()),
            home_country: *sender_country,
            hasher: LazyKeyHasher::new(function.parameters(), function.parameter_prefix.as_str()),
            config: settings
                .with_catalog(catalog)
                .with_last_known_good(LastKnownGood::new(dynamodb, tables.control.as_str())),
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
            "GET /v1/types" => self.list_types(request, now).await,
            "GET /v1/types/{type}" => self.get_type(request, now).await,
            "PUT /v1/types/{type}" => self.put_type(request, now).await,
            "DELETE /v1/types/{type}" => self.delete_type(request, now).await,
            "GET /v1/types/{type}/changes" => self.type_changes(request).await,
            "GET /v1/templates" => self.list_templates(request, now).await,
            "GET /v1/templates/{name}" => self.get_template(request, now).await,
            "PUT /v1/templates/{name}" => self.put_template(request, now).await,
            "DELETE /v1/templates/{name}" => self.delete_template(request, now).await,
            "GET /v1/templates/{name}/versions" => self.template_versions(request, now).await,
            "POST /v1/templates/{name}/versions" => self.publish_template(request, now).await,
            "GET /v1/templates/{name}/versions/{version}" => self.template_version(request, now).await,
            "GET /v1/templates/{name}/diff" => self.template_diff(request, now).await,
            "PUT /v1/templates/{name}/live" => self.put_live(request, now).await,
            "POST /v1/templates/preview" => self.preview_unsaved(request, now).await,
            "POST /v1/templates/{name}/preview" => self.preview_stored(request, now).await,
            "GET /v1/caps" => self.get_caps(request).await,
            "PUT /v1/caps" => self.put_caps(request, now).await,
            "GET /v1/segments" => self.list_segments(request).await,
            "GET /v1/segments/{id}" => self.get_segment(request).await,
            "PUT /v1/segments/{id}" => self.put_segment(request, now).await,
            "DELETE /v1/segments/{id}" => self.delete_segment(request, now).await,
            "POST /v1/segments/count" => self.count_segment(request, now).await,
            "GET /v1/segments/counts/{id}" => self.get_count(request, now).await,
            "DELETE /v1/segments/counts/{id}" => self.cancel_count(request).await,
            "POST /v1/segments/sample" => self.sample_segment(request, now).await,
            "POST /v1/segments/{id}/explain" => self.explain_segment(request, now).await,
            "GET /v1/segments/{id}/export" => Box::pin(self.export_segment(request, now)).await,
            _ => Err(Problem::not_found("route")),
        }
    }
}
