//! Converts a Lambda event into a call of the API or a run of the schedule, and its result back.

use crate::CampaignsApi;
use aws::deadline;
use lambda_runtime::{Error, LambdaEvent};
use platform::clock::Clock;
use platform::gateway;
use platform::time_limits::OPERATOR_REQUEST_LIMIT;
use serde_json::{Value, json};

/// Answers one event.
///
/// # Errors
/// If the event has an unknown shape, or the list of campaigns cannot be read.
pub async fn handle(api: &CampaignsApi, clock: Clock, event: LambdaEvent<Value>) -> Result<Value, Error> {
    if event.payload["task"] == "campaigns" {
        let left = deadline::of_invocation(event.context.deadline, clock.now());
        // Boxed, because the layout of the nested futures is too deep for the compiler.
        let done = deadline::with_timeout(left, Box::pin(api.reconciler.reconcile_all(clock.now()))).await?;
        return Ok(json!(done));
    }
    let request = gateway::request(event.payload).ok_or("neither an event of API Gateway nor of the schedule")?;
    let answer = Box::pin(api.answer(&request, clock.now()));
    let answer = deadline::with_timeout(OPERATOR_REQUEST_LIMIT, answer).await;
    Ok(gateway::response(&request, answer))
}
