//! Client for an SQS queue, which sends messages in batches of ten.

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures_util::{StreamExt, TryStreamExt};

use crate::deadline;
use crate::error_cause::{cause, has_expired};
use aws_sdk_sqs::error::ProvideErrorMetadata;

/// Number of messages of one call, the limit of SQS.
const BATCH: usize = 10;
/// Number of calls at once.
const MAX_CONCURRENT_BATCHES: usize = 8;

/// A queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
}

/// A message with its delay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage {
    /// Body.
    pub body: String,
    /// Time before a consumer receives it, in seconds; at most 900.
    pub delay_seconds: u32,
}

/// SQS did not take every message. A retry may succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("SendMessageBatch: {0}")]
pub struct QueueError(String);

impl Queue {
    /// Creates a client of the queue at `url`, with the same limits as that of DynamoDB.
    #[must_use]
    pub fn new(config: &aws_types::SdkConfig, url: impl Into<String>) -> Self {
        let config = aws_sdk_sqs::config::Builder::from(config).interceptor(deadline::Deadline);
        Self { client: aws_sdk_sqs::Client::from_conf(config.build()), url: url.into() }
    }

    /// Sends messages. After an error, some of them may have been sent.
    ///
    /// # Errors
    /// If a call fails, or SQS refuses a message.
    pub async fn send(&self, messages: &[QueueMessage]) -> Result<(), QueueError> {
        let batches = futures_util::stream::iter(messages.chunks(BATCH)).map(|batch| self.send_batch(batch));
        batches.buffer_unordered(MAX_CONCURRENT_BATCHES).try_collect().await
    }

    async fn send_batch(&self, batch: &[QueueMessage]) -> Result<(), QueueError> {
        let mut call = self.client.send_message_batch().queue_url(&self.url);
        for (place, message) in batch.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(place.to_string())
                .message_body(&message.body)
                .delay_seconds(i32::try_from(message.delay_seconds).unwrap_or(i32::MAX));
            call = call.entries(entry.build().map_err(|error| QueueError(error.to_string()))?);
        }
        let sent = call.send().await.map_err(|error| {
            has_expired("SendMessageBatch", error.code().unwrap_or_default());
            QueueError(cause(&error))
        })?;
        match sent.failed().first() {
            None => Ok(()),
            Some(failed) => Err(QueueError(failed.code().to_owned())),
        }
    }
}
