//! Converts a Lambda event into a call of the API, and its response back.

use std::sync::Arc;

use crate::RecipientsApi;
use aws::deadline;
use aws::secrets::{SecretName, Secrets};
use delivery::config::ConfigSource;
use domain::recipient::KeyHasher;
use lambda_runtime::{Error, LambdaEvent};
use platform::clock::Clock;
use platform::gateway;
use platform::http::Response;
use platform::problem::Problem;
use platform::startup::{BackgroundInit, StartError};
use serde_json::Value;
use store::{CatalogStore, ErasureStore, LastKnownGood, NotificationsStore, RecipientsStore, SuppressionsStore};

use crate::config::RecipientsConfig;

/// Loads the secrets and creates the API.
///
/// # Errors
/// Names the secret that is missing or malformed, or reports that SSM does not respond.
pub async fn start(config: Arc<RecipientsConfig>, clock: Clock) -> Result<RecipientsApi, StartError> {
    let parameters = config.function.parameters();
    let needed = [SecretName::RecipientHashKey, SecretName::VapidPublicKey];
    let secrets = Secrets::load(&parameters, &config.function.parameter_prefix, &needed).await?;
    let (dynamodb, tables) = (config.function.dynamodb(), &config.tables);
    let hasher = KeyHasher::new(secrets.recipient_hash_key()?.expose());
    let recipients = RecipientsStore::new(dynamodb.clone(), tables.recipients.as_str(), tables.control.as_str());
    let catalog = CatalogStore::new(dynamodb.clone(), tables.settings.as_str());
    let last_known_good = LastKnownGood::new(dynamodb.clone(), tables.control.as_str());
    let prefix = config.function.parameter_prefix.as_str();
    Ok(RecipientsApi {
        erasure: ErasureStore::new(
            dynamodb.clone(),
            recipients.clone(),
            tables.notifications.as_str(),
            tables.settings.as_str(),
        ),
        notifications: NotificationsStore::new(dynamodb.clone(), tables.notifications.as_str()),
        suppressions: SuppressionsStore::new(
            dynamodb,
            tables.recipients.as_str(),
            tables.control.as_str(),
            hasher.clone(),
        ),
        recipients,
        hasher,
        extra_origins: config.extra_push_origins.clone(),
        config: Arc::new(
            ConfigSource::new(parameters, prefix, clock)
                .settings_only()
                .with_catalog(catalog)
                .with_last_known_good(last_known_good),
        ),
        vapid_public_key: *secrets.vapid_public_key()?,
    })
}

/// Answers one event.
///
/// # Errors
/// If the event is not from API Gateway's HTTP API.
pub async fn handle(api: &BackgroundInit<RecipientsApi>, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let ends_at_ms = event.context.deadline;
    let request = gateway::request(event.payload).ok_or("unknown event: not from API Gateway's HTTP API")?;
    let response = match api.get().await {
        Ok(api) => {
            let now = Clock::System.now();
            deadline::with_timeout(deadline::of_invocation(ends_at_ms, now), api.answer(&request, now)).await
        }
        Err(starting) => Response::problem(&Problem::unavailable(starting.retry_after_s), &request.request_id),
    };
    Ok(gateway::response(&request, response))
}
