//! From an event to the domain's call and back.

use std::sync::Arc;

use aws::deadline;
use aws_lambda_events::dynamodb::EventRecord;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use delivery::{Dispatcher, Told, start_dispatcher};
use domain::notification::NotificationId;
use lambda_runtime::{Error, LambdaEvent};
use platform::clock::Clock;
use platform::emf::Reporter;
use platform::startup::{Eager, StartError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::Config;

/// The most notifications one minute takes up; what is left is the most recent and least urgent, and comes next minute.
const MOST_PER_SWEEP: usize = 2_000;

/// The events this function is subscribed to, told apart by their shape.
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

/// Fetches the secrets and puts the dispatcher together.
///
/// # Errors
/// Names the secret that is missing or malformed, or says that SSM does not answer.
pub async fn start(config: Arc<Config>) -> Result<Dispatcher, StartError> {
    Ok(start_dispatcher(&config.dispatcher, Clock::System).await?.0)
}

/// Answers one event.
///
/// # Errors
/// When it is none of ours, the function can't start yet, or the index can't be read: Lambda then tries again.
pub async fn handle(
    dispatcher: &Eager<Dispatcher>,
    reporter: &Reporter,
    event: LambdaEvent<Value>,
) -> Result<Value, Error> {
    let ends_at_ms = event.context.deadline;
    let dispatcher = dispatcher.get().await?;
    let left = deadline::of_invocation(ends_at_ms, dispatcher.clock.now());
    deadline::at_most(left, work(dispatcher, reporter, event.payload, ends_at_ms)).await
}

async fn work(dispatcher: &Dispatcher, reporter: &Reporter, event: Value, ends_at_ms: u64) -> Result<Value, Error> {
    match serde_json::from_value(event).map_err(|_| "this event is neither of the stream nor of the schedule")? {
        Event::Stream { records } => Ok(serde_json::to_value(on_stream(dispatcher, &records, ends_at_ms).await)?),
        Event::Schedule { task: Task::Cascade } => {
            let sweep = dispatcher.sweep(MOST_PER_SWEEP, ends_at_ms).await?;
            tracing::info!(
                found = sweep.found,
                worked = sweep.worked,
                failed = sweep.failed,
                left = sweep.left,
                "{sweep}"
            );
            reporter.tell(dispatcher.clock.now(), &sweep.figures());
            Ok(json!(sweep.to_string()))
        }
    }
}

/// Takes up what the stream says is due now. A record that could not be worked on is named, so that only it and what
/// follows comes again.
async fn on_stream(dispatcher: &Dispatcher, records: &[EventRecord], ends_at_ms: u64) -> DynamoDbEventResponse {
    let told: Vec<_> = records.iter().map(told).collect();
    let failed = dispatcher.take_up(&told, ends_at_ms).await;
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures = failed.into_iter().filter_map(|index| records.get(index)).map(failure).collect();
    response
}

fn told(record: &EventRecord) -> Option<Told> {
    let image = &record.change.new_image;
    let next_action_at_ms: i64 = serde_dynamo::from_attribute_value(image.get("next_action_at")?.clone()).ok()?;
    let text = |name: &str| serde_dynamo::from_attribute_value::<_, String>(record.change.keys.get(name)?.clone()).ok();
    let id = NotificationId::from_stored(&text("pk")?, &text("sk")?)?;
    Some(Told { id, next_action_at_ms })
}

fn failure(record: &EventRecord) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier.clone_from(&record.change.sequence_number);
    failure
}
