//! Converts a Lambda event into a call of the API, and its response back.

use std::sync::Arc;

use crate::{SendApi, SendService};
use delivery::{hard_deadline, start_engine};
use lambda_runtime::{Error, LambdaEvent};
use platform::clock::Clock;
use platform::gateway;
use platform::http::Response;
use platform::problem::Problem;
use platform::startup::{BackgroundInit, StartError};
use serde_json::Value;
use store::IdempotencyStore;

use crate::config::SendConfig;

/// Loads the secrets and creates the API.
///
/// # Errors
/// Names the secret that is missing or malformed, or reports that SSM does not respond.
pub async fn start(config: Arc<SendConfig>, clock: Clock) -> Result<SendApi, StartError> {
    let (engine, hasher) = start_engine(&config.delivery, clock).await?;
    let idempotency = IdempotencyStore::new(config.delivery.dynamodb(), config.delivery.tables.control.as_str());
    Ok(SendApi { service: SendService { engine, idempotency, hasher } })
}

/// Answers one event.
///
/// # Errors
/// If the event is not from API Gateway's HTTP API.
pub async fn handle(api: &BackgroundInit<SendApi>, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (arrived, deadline_ms) = (Clock::System.now(), event.context.deadline);
    let request = gateway::request(event.payload).ok_or("the event is not from an HTTP API of API Gateway")?;
    let response = match api.get().await {
        Ok(api) => api.answer(&request, arrived, hard_deadline(deadline_ms)).await,
        Err(starting) => Response::problem(&Problem::unavailable(starting.retry_after_s), &request.request_id),
    };
    Ok(gateway::response(&request, response))
}
