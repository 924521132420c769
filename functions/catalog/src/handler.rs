//! Converts a Lambda event into a call of the API, and its response back.

use crate::CatalogApi;
use aws::deadline;
use lambda_runtime::{Error, LambdaEvent};
use platform::clock::Clock;
use platform::gateway;
use platform::time_limits::OPERATOR_REQUEST_LIMIT;
use serde_json::Value;

/// Answers one event.
///
/// # Errors
/// If the event is not from API Gateway's HTTP API.
pub async fn handle(api: &CatalogApi, clock: Clock, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let request = gateway::request(event.payload).ok_or("not an event of API Gateway's HTTP API")?;
    // Boxed, because the layout of the nested futures is too deep for the compiler.
    let answer = Box::pin(api.answer(&request, clock.now()));
    let answer = deadline::with_timeout(OPERATOR_REQUEST_LIMIT, answer).await;
    Ok(gateway::response(&request, answer))
}
