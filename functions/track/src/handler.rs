//! From an event to the domain's call and back.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent};
use notifications::aws::{self, deadline};
use notifications::clock::Clock;
use notifications::gateway;
use notifications::http::Response;
use notifications::parameters::ParameterStore;
use notifications::problem::Problem;
use notifications::secrets::{SecretName, Secrets};
use notifications::startup::{Eager, StartError};
use notifications::store::{NotificationsStore, RecipientsStore};
use notifications::track::{TokenKeys, TrackApi};
use serde_json::Value;

use crate::config::Config;

/// Fetches the key that verifies tokens and puts the API together.
///
/// # Errors
/// Names the secret that is missing or malformed, or says that SSM does not answer.
pub async fn start(config: Arc<Config>) -> Result<TrackApi, StartError> {
    let parameters = ParameterStore::new(aws::ssm(&config.aws));
    let secrets = Secrets::load(&parameters, &config.parameter_prefix, &[SecretName::LinkSigningKey]).await?;
    let dynamodb = aws::dynamodb(&config.aws);
    Ok(TrackApi {
        notifications: NotificationsStore::new(dynamodb.clone(), config.notifications_table.as_str()),
        recipients: RecipientsStore::new(dynamodb, config.recipients_table.as_str()),
        keys: TokenKeys::new(secrets.link_signing_keys()?),
    })
}

/// Answers one event.
///
/// # Errors
/// An event that is none of API Gateway's.
pub async fn handle(api: &Eager<TrackApi>, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let ends_at_ms = event.context.deadline;
    let request = gateway::request(event.payload).ok_or("this event is none of API Gateway's HTTP API")?;
    let response = match api.get().await {
        Ok(api) => {
            let now = Clock::System.now();
            deadline::at_most(deadline::of_invocation(ends_at_ms, now), api.answer(&request, now)).await
        }
        Err(not_ready) => Response::problem(&Problem::unavailable(not_ready.retry_after_s), &request.request_id),
    };
    Ok(gateway::response(&request, response))
}
