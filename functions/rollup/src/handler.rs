//! From an event to the domain's call and back.

use aws_lambda_events::dynamodb::TimeWindowEventResponse;
use aws_lambda_events::streams::DynamoDbBatchItemFailure;
use lambda_runtime::Error;
use notifications::clock::Clock;
use notifications::emf::Reporter;
use notifications::rollout::{LastGood, LiveSource};
use notifications::rollup::Sequence;
use notifications::rollup::measures::Measures;
use notifications::store::metrics::MetricsStore;
use serde_json::Value;

use crate::event::{Batch, Event};

/// What the function works with.
pub struct Services {
    /// The counters.
    pub metrics: MetricsStore,
    /// What ops have set.
    pub live: LiveSource,
    /// Where the last good of it is kept for processes that start while it cannot be read.
    pub last_good: LastGood,
    /// What CloudWatch is told.
    pub measures: Measures,
    /// How it is told.
    pub reporter: Reporter,
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
    }
}

/// Counts a batch. The answer carries an empty `state`, without which a mapping with a window takes it as failed.
async fn fold(services: &Services, batch: Batch) -> Result<TimeWindowEventResponse, Error> {
    let shard = batch.shard().to_owned();
    let (changes, poison) = batch.changes()?;
    let folded = services.metrics.fold(&shard, &changes, &poison, services.clock.now()).await;
    tracing::info!(
        shard,
        records = changes.len(),
        minutes = folded.minutes,
        failed = folded.failed.len(),
        poison = poison.len(),
        "folded"
    );
    let mut response = TimeWindowEventResponse::default();
    response.batch_item_failures = poison.iter().chain(&folded.failed).map(failure).collect();
    Ok(response)
}

fn failure(sequence: &Sequence) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(sequence.as_given().to_owned());
    failure
}

/// The minute's work: merge what is due, keep the last good rollout, and tell CloudWatch the figures. None stops another.
async fn tick(services: &Services) -> Result<String, Error> {
    let now = services.clock.now();
    let live = services.live.live().await;
    let saved = services.last_good.save(&services.live.good_texts(), now).await;
    let (merged, figures) =
        tokio::join!(services.metrics.merge(now), services.measures.read(live.rollout.percentage, now));
    services.reporter.tell(now, &figures);
    let merged = merged?;
    let summary = format!("merged {merged}; the last good rollout was {}", if saved? { "saved" } else { "up to date" });
    tracing::info!(summary);
    Ok(summary)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use notifications::aws;
    use notifications::environment::Environment;
    use notifications::parameters::ParameterStore;
    use notifications::store::BreakerStore;
    use serde_json::json;

    use super::*;

    /// Services that reach nothing: nobody listens on that port.
    fn unreachable() -> Services {
        let environment = Environment::given([
            ("AWS_REGION", "eu-south-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ]);
        let sdk = aws::config(&environment).unwrap();
        let metrics = MetricsStore::new(aws::dynamodb(&sdk), "metrics");
        Services {
            measures: Measures {
                metrics: metrics.clone(),
                breakers: BreakerStore::new(aws::dynamodb(&sdk), "control"),
            },
            reporter: Reporter::unheard("test".to_owned()),
            metrics,
            live: LiveSource::new(ParameterStore::new(aws::ssm(&sdk)), "/p", Clock::System),
            last_good: LastGood::new(aws::dynamodb(&sdk), "control"),
            clock: Clock::System,
        }
    }

    #[tokio::test]
    async fn without_its_table_a_tick_fails() {
        assert!(handle(&unreachable(), json!({"task": "rollup"})).await.is_err());
    }

    #[tokio::test]
    async fn records_that_could_not_be_counted_are_asked_for_again_from_the_first() {
        let record = |sequence: &str| {
            let image = json!({"status": {"S": "sending"}, "type": {"S": "DEFAULT"}, "due_at": {"N": "1"}, "updated_at": {"N": "1"}});
            let change = json!({"SequenceNumber": sequence, "SizeBytes": 1, "NewImage": image});
            json!({"eventID": "1", "eventName": "INSERT", "awsRegion": "eu-south-1", "dynamodb": change})
        };
        let batch = json!({"Records": [record("007"), record("008")], "shardId": "s", "state": {}});
        let answer = handle(&unreachable(), batch).await.unwrap();
        assert_eq!(answer, json!({"state": {}, "batchItemFailures": [{"itemIdentifier": "007"}]}));
        let last_of_window = handle(&unreachable(), json!({"Records": [], "shardId": "s", "state": {}})).await.unwrap();
        assert_eq!(last_of_window, json!({"state": {}, "batchItemFailures": []}));
    }
}
