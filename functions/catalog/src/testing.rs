//! The API on tables with DynamoDB's real semantics, for tests, and a request to it. SSM never answers.

use aws::DynamoClient;
use aws::parameters::ParameterStore;
use aws::{LazyKeyHasher, fake_aws};

use super::CatalogApi;
use delivery::config::ConfigSource;
use domain::channel::country::CountryCode;
use jiff::Timestamp;
use platform::caller::Caller;
use platform::clock::Clock;
use platform::http::Request;
use platform::private::Private;
use serde_json::Value;
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

/// Returns the time of the requests.
pub fn now() -> Timestamp {
    "2027-03-29T00:00:00Z".parse().unwrap()
}

/// Makes a request of an operator; returns the status and the body.
pub async fn ask(api: &CatalogApi, route: &str, id: &str, body: &Value) -> (u16, Value) {
    let request = Request {
        route: route.to_owned(),
        path: [("id".to_owned(), Private::new(id.to_owned()))].into(),
        body: Private::new(body.to_string().into_bytes()),
        caller: Caller { id: "ops".to_owned(), ..Caller::default() },
        ..Request::default()
    };
    let response = api.answer(&request, now()).await;
    (response.status, serde_json::from_str(response.body.expose()).unwrap_or(Value::Null))
}
