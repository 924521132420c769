//! From an event to the domain's call and back.

use aws_lambda_events::dynamodb::TimeWindowEventResponse;
use aws_lambda_events::streams::DynamoDbBatchItemFailure;
use lambda_runtime::Error;
use notifications::clock::Clock;
use notifications::http::{Request, Response};
use notifications::problem::Problem;
use notifications::rollout::{LastGood, LiveSource};
use notifications::rollup::{Sequence, Window, report::Report};
use notifications::store::metrics::MetricsStore;
use serde_json::Value;

use crate::event::{Batch, Event, answer};

/// What the function works with.
pub struct Services {
    /// The counters.
    pub metrics: MetricsStore,
    /// What ops have set.
    pub live: LiveSource,
    /// Where the last good of it is kept for processes that start while it cannot be read.
    pub last_good: LastGood,
    /// The time.
    pub clock: Clock,
}

/// Answers one event.
///
/// # Errors
/// An event that is none of ours, or a tick that could not do its work; Lambda then tries again.
pub async fn handle(services: &Services, event: Value) -> Result<Value, Error> {
    match Event::of(event)? {
        Event::Stream(batch) => Ok(serde_json::to_value(fold(services, batch).await?)?),
        Event::Tick => tick(services).await.map(Value::String),
        Event::Api(request) => Ok(answer(metrics(services, &request).await)),
    }
}

/// Counts a batch. The answer carries an empty `state`, without which a mapping with a window takes it as failed.
async fn fold(services: &Services, batch: Batch) -> Result<TimeWindowEventResponse, Error> {
    let shard = batch.shard().to_owned();
    let (changes, poison) = batch.changes()?;
    let folded = services.metrics.fold(&shard, &changes, services.clock.now()).await;
    tracing::info!(records = changes.len(), minutes = folded.minutes, failed = folded.failed.len(), poison = poison.len(), "folded");
    let mut response = TimeWindowEventResponse::default();
    response.batch_item_failures = poison.iter().chain(&folded.failed).map(failure).collect();
    Ok(response)
}

fn failure(sequence: &Sequence) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(sequence.as_given().to_owned());
    failure
}

/// The minute's work: merge what is due, and keep the last good rollout. Neither stops the other.
async fn tick(services: &Services) -> Result<String, Error> {
    let now = services.clock.now();
    services.live.live().await;
    let saved = services.last_good.save(&services.live.good_texts(), now).await;
    let merged = services.metrics.merge(now).await?;
    let summary = format!("merged {merged}; the last good rollout was {}", if saved? { "saved" } else { "up to date" });
    tracing::info!(summary);
    Ok(summary)
}

/// `GET /v1/metrics`.
async fn metrics(services: &Services, request: &Request) -> Response {
    let report = async {
        let window = Window::parse(request, services.clock.now())?;
        let counters = services.metrics.read(window).await.map_err(|error| {
            tracing::error!(%error, request_id = request.request_id, "metrics could not be read");
            Problem::unavailable(1)
        })?;
        Ok(Report::new(window, &counters))
    };
    match report.await {
        Ok(report) => Response::json(200, &report),
        Err(problem) => Response::problem(&problem, &request.request_id),
    }
}
