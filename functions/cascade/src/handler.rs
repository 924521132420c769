//! Converts a Lambda event into a call of the sweeper, and its result back.

use std::sync::Arc;

use aws::deadline;
use aws_lambda_events::dynamodb::EventRecord;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use delivery::{Sweeper, start_engine};
use lambda_runtime::{Error, LambdaEvent};
use platform::clock::Clock;
use platform::emf::Reporter;
use platform::startup::{BackgroundInit, StartError};
use serde::Deserialize;
use serde_json::{Value, json};
use store::DueChange;

use crate::config::CascadeConfig;

/// Maximum number of notifications per scheduled run. The rest, least urgent and most recent, stays due for the next
/// minute.
const SWEEP_LIMIT: usize = 2_000;

/// The events of this function, distinguished by their shape.
#[derive(Deserialize)]
#[serde(untagged)]
enum Event {
    Stream {
        #[serde(rename = "Records")]
        records: Vec<EventRecord>,
    },
    Schedule {
        task: Task,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Task {
    Cascade,
}

/// Loads the secrets and creates the sweeper.
///
/// # Errors
/// Names the secret that is missing or malformed, or reports that SSM does not respond.
pub async fn start(config: Arc<CascadeConfig>) -> Result<Sweeper, StartError> {
    Ok(Sweeper::new(start_engine(&config.delivery, Clock::System).await?.0))
}

/// Answers one event.
///
/// # Errors
/// If the event has an unknown shape, the function cannot start yet, or the index cannot be read. Lambda then retries.
pub async fn handle(
    sweeper: &BackgroundInit<Sweeper>,
    reporter: &Reporter,
    event: LambdaEvent<Value>,
) -> Result<Value, Error> {
    let ends_at_ms = event.context.deadline;
    let sweeper = sweeper.get().await?;
    let left = deadline::of_invocation(ends_at_ms, sweeper.engine().clock().now());
    deadline::with_timeout(left, work(sweeper, reporter, event.payload, ends_at_ms)).await
}

async fn work(sweeper: &Sweeper, reporter: &Reporter, event: Value, ends_at_ms: u64) -> Result<Value, Error> {
    match serde_json::from_value(event).map_err(|_| "this event is neither of the stream nor of the schedule")? {
        Event::Stream { records } => Ok(serde_json::to_value(on_stream(sweeper, &records, ends_at_ms).await)?),
        Event::Schedule { task: Task::Cascade } => {
            let sweep = sweeper.sweep(SWEEP_LIMIT, ends_at_ms).await?;
            tracing::info!(
                found = sweep.found,
                worked = sweep.worked,
                failed = sweep.failed,
                left = sweep.left,
                "swept due notifications"
            );
            reporter.publish(sweeper.engine().clock().now(), &sweep.figures());
            Ok(json!(sweep.to_string()))
        }
    }
}

/// Continues the notifications that the stream reports as due now. The response names each failed record, so that
/// Lambda repeats the batch from the first failed record.
async fn on_stream(sweeper: &Sweeper, records: &[EventRecord], ends_at_ms: u64) -> DynamoDbEventResponse {
    let changes: Vec<_> = records.iter().map(due_change).collect();
    let failed = sweeper.resume_due(&changes, ends_at_ms).await;
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures = failed.into_iter().filter_map(|index| records.get(index)).map(failure).collect();
    response
}

fn due_change(record: &EventRecord) -> Option<DueChange> {
    DueChange::from_stream_record(&record.change.keys, &record.change.new_image)
}

fn failure(record: &EventRecord) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier.clone_from(&record.change.sequence_number);
    failure
}
