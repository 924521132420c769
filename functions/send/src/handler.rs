//! From an event to the domain's call and back.

use std::sync::Arc;

use crate::{SendApi, SendService};
use delivery::{gone_by, start_dispatcher};
use lambda_runtime::{Error, LambdaEvent};
use platform::clock::Clock;
use platform::gateway;
use platform::http::Response;
use platform::problem::Problem;
use platform::startup::{Eager, StartError};
use serde_json::Value;
use store::IdempotencyStore;

use crate::config::Config;

/// Fetches the secrets and puts the API together.
///
/// # Errors
/// Names the secret that is missing or malformed, or says that SSM does not answer.
pub async fn start(config: Arc<Config>) -> Result<SendApi, StartError> {
    let (dispatcher, hasher) = start_dispatcher(&config.dispatcher, Clock::System).await?;
    let idempotency = IdempotencyStore::new(config.dispatcher.dynamodb(), config.dispatcher.control_table.as_str());
    Ok(SendApi { service: SendService { dispatcher, idempotency, hasher } })
}

/// Answers one event.
///
/// # Errors
/// An event that is none of API Gateway's.
pub async fn handle(api: &Eager<SendApi>, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (arrived, deadline_ms) = (Clock::System.now(), event.context.deadline);
    let request = gateway::request(event.payload).ok_or("this event is none of API Gateway's HTTP API")?;
    let response = match api.get().await {
        Ok(api) => api.answer(&request, arrived, gone_by(deadline_ms)).await,
        Err(not_ready) => Response::problem(&Problem::unavailable(not_ready.retry_after_s), &request.request_id),
    };
    Ok(gateway::response(&request, response))
}
