//! Converts an event of the queue into work on tasks, and its result back.

use std::sync::Arc;

use campaign::{TaskMessage, WorkerMessage};
use delivery::{Sweeper, start_engine};
use lambda_runtime::{Error, LambdaEvent};
use platform::alarm::AlarmLine;
use platform::clock::Clock;
use platform::startup::{BackgroundInit, StartError};
use serde::Deserialize;
use serde_json::{Value, json};
use store::CampaignStore;

use crate::config::FanoutConfig;
use crate::services::FanoutServices;
use crate::worker::Worker;

/// Batch of messages. The mapping of the queue delivers one at a time.
#[derive(Deserialize)]
struct QueueEvent {
    #[serde(rename = "Records")]
    records: Vec<QueueRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueRecord {
    message_id: String,
    body: String,
}

/// Loads the secrets and creates the worker.
///
/// # Errors
/// Names the secret that is missing or malformed, or reports that SSM does not respond.
pub async fn start(config: Arc<FanoutConfig>) -> Result<Worker, StartError> {
    let (engine, hasher) = start_engine(&config.delivery, Clock::System).await?;
    let campaigns = CampaignStore::new(config.delivery.dynamodb(), config.delivery.tables.settings.as_str());
    Ok(Worker::new(FanoutServices { sweeper: Sweeper::new(engine), hasher, campaigns }))
}

/// Works on the tasks of one event. The response names the messages that SQS must deliver again.
///
/// # Errors
/// If the event has an unknown shape, or the function cannot start yet. SQS then delivers it again.
pub async fn handle(worker: &BackgroundInit<Worker>, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let ends_at_ms = event.context.deadline;
    let QueueEvent { records } = serde_json::from_value(event.payload).map_err(|_| "not an event of the queue")?;
    let worker = worker.get().await?;
    let mut failed = Vec::new();
    for record in records {
        let message = match serde_json::from_str::<WorkerMessage>(&record.body) {
            Ok(WorkerMessage::Task(message)) => message,
            Ok(WorkerMessage::Due { due_shard }) => {
                if let Err(error) = Box::pin(worker.drain(&due_shard, ends_at_ms)).await {
                    tracing::warn!(due_shard, %error, "failed to drain shard of due notifications; retrying on the next scheduled run");
                }
                continue;
            }
            Err(_) => {
                // A repeat cannot make it readable. The schedule releases a task whose message is lost.
                tracing::error!(alarm = AlarmLine::PoisonRecord.as_str(), "dropped a message that is not a task");
                continue;
            }
        };
        let must_repeat = match Box::pin(worker.work_on(&message, ends_at_ms)).await {
            Ok(end) => end.needs_repeat(message.pass),
            Err(error) => {
                let TaskMessage { campaign, task, .. } = &message;
                tracing::warn!(%campaign, task, %error, "failed to process task; SQS redelivers it");
                true
            }
        };
        if must_repeat {
            failed.push(json!({"itemIdentifier": record.message_id}));
        }
    }
    Ok(json!({"batchItemFailures": failed}))
}
