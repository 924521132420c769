//! The API on tables with DynamoDB's real semantics, for tests. SSM never answers.

use aws::DynamoClient;
use aws::parameters::ParameterStore;
use aws::{LazyKeyHasher, fake_aws};

use super::CatalogApi;
use delivery::config::ConfigSource;
use domain::channel::country::CountryCode;
use platform::clock::Clock;
use store::testing_tables::{CONTROL, NOTIFICATIONS, RECIPIENTS, SETTINGS};
use store::{CampaignStore, CatalogStore, NotificationsStore, RecipientsStore, SegmentStore, TemplateStore};

/// Returns the API on the tables of a client.
pub fn api(client: &DynamoClient) -> CatalogApi {
    let parameters = ParameterStore::new(aws::ssm(&fake_aws::config(|_, _| std::future::pending())));
    let catalog = CatalogStore::new(client.clone(), SETTINGS);
    CatalogApi {
        config: ConfigSource::new(parameters.clone(), "", Clock::System).catalog_only(catalog.clone()),
        catalog,
        templates: TemplateStore::new(client.clone(), SETTINGS),
        segments: SegmentStore::new(client.clone(), SETTINGS),
        campaigns: CampaignStore::new(client.clone(), SETTINGS),
        notifications: NotificationsStore::new(client.clone(), NOTIFICATIONS),
        recipients: RecipientsStore::new(client.clone(), RECIPIENTS, CONTROL),
        home_country: CountryCode::parse("IT").unwrap(),
        hasher: LazyKeyHasher::new(parameters, ""),
    }
}
