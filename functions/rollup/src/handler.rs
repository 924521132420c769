//! Converts a Lambda event into calls of the stores and the rollout, and their results back.

use crate::config::RollupConfig;
use crate::service_metrics::ServiceMetrics;
use alerts::{AlertPublisher, PublisherConfig};
use aws_lambda_events::dynamodb::TimeWindowEventResponse;
use aws_lambda_events::streams::DynamoDbBatchItemFailure;
use delivery::config::ConfigSource;
use lambda_runtime::Error;
use metrics::Sequence;
use platform::clock::Clock;
use platform::emf::Reporter;
use rollout::{REEVALUATION_DELAY, ReconcileError, ReconcileOutcome, RolloutController, observe};
use serde_json::Value;
use store::metrics::MetricsStore;
use store::{BreakerStore, CatalogStore, LastKnownGood};

use crate::event::{RollupEvent, StreamBatch};

/// Services that the function uses.
pub struct RollupServices {
    /// Stores the counters.
    pub metrics: MetricsStore,
    /// Reads the settings and the rollout.
    pub config: ConfigSource,
    /// Stores the last valid values, for processes that start while the parameters cannot be read.
    pub last_known_good: LastKnownGood,
    /// Stores the circuit breakers.
    pub breakers: BreakerStore,
    /// Reconciles the rollout: audit, guard, ramp.
    pub controller: RolloutController,
    /// Publishes alerts.
    pub publisher: AlertPublisher,
    /// Reads the service's own metrics.
    pub service_metrics: ServiceMetrics,
    /// Writes these metrics for CloudWatch.
    pub reporter: Reporter,
    /// The clock.
    pub clock: Clock,
}

impl RollupServices {
    /// Creates the services with their own AWS clients.
    #[must_use]
    pub fn new(config: &RollupConfig, reporter: Reporter, clock: Clock) -> Self {
        let RollupConfig { function, control_table, settings_table, .. } = config;
        let (dynamodb, prefix) = (function.dynamodb(), function.parameter_prefix.as_str());
        let last_known_good = LastKnownGood::new(dynamodb.clone(), control_table.as_str());
        let breakers = || BreakerStore::new(dynamodb.clone(), control_table.as_str());
        let metrics = MetricsStore::new(dynamodb.clone(), config.metrics_table.as_str());
        let publisher = PublisherConfig {
            stage: &function.stage,
            prefix,
            settings_table,
            control_table,
            topic: &config.alerts_topic,
            runbook: &config.runbook_url,
        };
        Self {
            service_metrics: ServiceMetrics { metrics: metrics.clone(), breakers: breakers() },
            metrics,
            config: ConfigSource::new(function.parameters(), prefix, clock.clone())
                .with_public_base_url()
                .with_last_known_good(last_known_good.clone())
                .with_catalog(CatalogStore::new(dynamodb.clone(), settings_table.as_str())),
            last_known_good,
            breakers: breakers(),
            controller: RolloutController::new(&function.aws, prefix, (settings_table, control_table)),
            publisher: AlertPublisher::new(&function.aws, publisher),
            reporter,
            clock,
        }
    }
}

/// Answers one event.
///
/// # Errors
/// If the event has an unknown shape, a record has no sequence number, or a scheduled run fails. Lambda then retries.
pub async fn handle(services: &RollupServices, event: Value) -> Result<Value, Error> {
    match RollupEvent::of(event)? {
        RollupEvent::Stream(batch) => Ok(serde_json::to_value(count(services, batch).await?)?),
        RollupEvent::Schedule => scheduled_run(services).await.map(Value::String),
        RollupEvent::ParameterChange => Ok(record_parameter_change(services).await),
    }
}

/// Counts a batch. The response carries an empty `state`. Without that field, a mapping with a tumbling window treats
/// the batch as failed.
async fn count(services: &RollupServices, batch: StreamBatch) -> Result<TimeWindowEventResponse, Error> {
    let shard = batch.shard().to_owned();
    let (changes, poison) = batch.changes()?;
    let counted = services.metrics.add_changes(&shard, &changes, &poison, services.clock.now()).await;
    tracing::info!(
        shard,
        records = changes.len(),
        minutes = counted.minutes,
        failed = counted.failed.len(),
        poison = poison.len(),
        "counted stream records"
    );
    let mut response = TimeWindowEventResponse::default();
    response.batch_item_failures = poison.iter().chain(&counted.failed).map(failure).collect();
    Ok(response)
}

fn failure(sequence: &Sequence) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(sequence.as_given().to_owned());
    failure
}

/// The scheduled run: stores the last valid values, reconciles the rollout, merges the counters that are due, and
/// writes the metrics for CloudWatch. If one step fails, the others still run.
async fn scheduled_run(services: &RollupServices) -> Result<String, Error> {
    let now = services.clock.now();
    let config = services.config.current().await;
    let saved = services.last_known_good.save(&services.config.record(), now).await;
    let measured =
        async { services.reporter.publish(now, &services.service_metrics.read(config.rollout.percentage, now).await) };
    let (reconciled, merged, ()) = tokio::join!(reconcile(services), services.metrics.merge(now), measured);
    let (rollout, merged) = (reconciled?, merged?);
    let last_valid = if saved? { "saved" } else { "unchanged" };
    let summary = format!("{rollout}; merged {merged}; last valid rollout {last_valid}");
    tracing::info!(summary, "completed scheduled run");
    Ok(summary)
}

/// Reconciles the rollout. If the guard finds version 2 bad, a second evaluation follows after [`REEVALUATION_DELAY`].
/// The next scheduled run would be late.
async fn reconcile(services: &RollupServices) -> Result<String, ReconcileError> {
    let mut outcome = reconcile_once(services).await?;
    if outcome.reevaluate {
        tokio::time::sleep(REEVALUATION_DELAY).await;
        outcome = reconcile_once(services).await?;
    }
    Ok(outcome.done)
}

/// Reconciles the rollout once.
///
/// # Errors
/// If a call to a table or SSM fails.
pub async fn reconcile_once(services: &RollupServices) -> Result<ReconcileOutcome, ReconcileError> {
    let (config, now) = (services.config.current().await, services.clock.now());
    let read = async |asked| observe(&services.metrics, &services.breakers, asked, now).await;
    services.controller.reconcile(&services.publisher, &config, read, now).await
}

/// Writes an audit record for a changed parameter at once. If that fails, the next scheduled run writes the record.
async fn record_parameter_change(services: &RollupServices) -> Value {
    match services.controller.record_changes().await {
        Ok(done) => Value::String(done.to_owned()),
        Err(error) => {
            tracing::warn!(%error, "failed to store audit record; retrying in the next scheduled run");
            Value::Null
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use platform::environment::Environment;
    use serde_json::json;

    use super::*;

    /// Returns services whose AWS endpoint refuses connections: no process listens on that port.
    fn unreachable() -> RollupServices {
        let config = RollupConfig::read(&Environment::given([
            ("STAGE", "test"),
            ("LOG_LEVEL", "info"),
            ("AWS_REGION", "eu-south-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("PARAMETER_PREFIX", "/p"),
            ("METRICS_TABLE", "metrics"),
            ("SETTINGS_TABLE", "settings"),
            ("CONTROL_TABLE", "control"),
            ("ALERTS_TOPIC_ARN", "arn:aws:sns:eu-south-1:000000000000:alerts"),
            ("RUNBOOK_URL", "docs/operations.md"),
        ]));
        RollupServices::new(&config.unwrap(), Reporter::discarding("test".to_owned()), Clock::System)
    }

    #[tokio::test]
    async fn without_its_table_a_scheduled_run_fails() {
        assert!(handle(&unreachable(), json!({"task": "rollup"})).await.is_err());
    }

    #[tokio::test]
    async fn a_change_that_cannot_be_recorded_is_left_to_the_next_run() {
        let change =
            json!({"source": "aws.ssm", "detail-type": "Parameter Store Change", "detail": {"name": "/p/settings"}});
        assert_eq!(handle(&unreachable(), change).await.unwrap(), Value::Null);
    }

    #[tokio::test]
    async fn failed_records_are_requested_again_from_the_first() {
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
