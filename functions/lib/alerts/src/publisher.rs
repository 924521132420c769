//! Publishing of alerts: the only module that calls the alerts topic, Slack, PagerDuty and Sentry.
//!
//! A delivery is stored as pending, then sent to all its destinations in parallel, then the results are stored. After a
//! crash in between, or if a destination fails, the next scheduled run sends to that destination again. A failure of
//! publishing is logged and does not stop the scheduled run.

use aws_sdk_sns::types::MessageAttributeValue;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::destinations::{
    Destination, Destinations, PAGERDUTY_HOSTS, RoutingKeyError, SLACK_HOSTS, routing_key, sentry_event_id,
    sentry_store,
};
use super::message::AlertMessage;
use super::state::{AlertState, AlertTransition, PendingDelivery, TrackedAlert};
use super::webhook::{Webhook, WebhookError, WebhookTarget};
use aws::parameters::ParameterStore;
use aws::{AwsConfig, cause};
use domain::{Alert, PublishedAlert};
use platform::alarm::AlarmLine;
use store::{AlertHistoryStore, RecordStore, StoreError};

/// Name of the record in the control table.
// Stored name; kept for compatibility.
const RECORD: &str = "alerts#said";
/// Maximum number of conditional writes when other processes change the record.
const MAX_WRITES: u32 = 3;

/// Configuration of an [`AlertPublisher`].
#[derive(Debug, Clone, Copy)]
pub struct PublisherConfig<'a> {
    /// Name of the deployment.
    pub stage: &'a str,
    /// Prefix of all parameter names.
    pub prefix: &'a str,
    /// The settings table, which stores the history of alerts.
    pub settings_table: &'a str,
    /// The control table, which stores the state of the alerts.
    pub control_table: &'a str,
    /// ARN of the SNS topic for alerts.
    pub topic: &'a str,
    /// URL of docs/operations.md.
    pub runbook: &'a str,
}

/// Publishes alerts.
#[derive(Debug)]
pub struct AlertPublisher {
    stage: String,
    topic: String,
    runbook: String,
    prefix: String,
    sns: aws_sdk_sns::Client,
    record: RecordStore,
    history: AlertHistoryStore,
    parameters: ParameterStore,
    /// `true` if the AWS endpoint is a local one.
    is_local: bool,
    webhook: OnceCell<Webhook>,
}

/// Reason why one destination did not receive an alert. It contains no value of a parameter.
#[derive(Debug, thiserror::Error)]
enum AlertSendError {
    #[error("the destination's parameter cannot be read")]
    UnknownDestination,
    #[error(transparent)]
    RoutingKey(#[from] RoutingKeyError),
    #[error("sentry-dsn is not a DSN")]
    Dsn,
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    #[error("the message attributes are invalid")]
    MessageAttributes,
    /// The call of SNS failed, with the code of its error.
    #[error("{0}")]
    Topic(String),
}

impl AlertPublisher {
    /// Creates a publisher with its own AWS clients.
    #[must_use]
    pub fn new(sdk: &AwsConfig, config: PublisherConfig<'_>) -> Self {
        let dynamodb = aws::dynamodb(sdk);
        Self {
            stage: config.stage.to_owned(),
            topic: config.topic.to_owned(),
            runbook: config.runbook.to_owned(),
            prefix: config.prefix.to_owned(),
            sns: aws::topics(sdk),
            record: RecordStore::new(dynamodb.clone(), config.control_table, RECORD),
            history: AlertHistoryStore::new(dynamodb, config.settings_table),
            parameters: ParameterStore::new(aws::ssm(sdk)),
            is_local: sdk.endpoint_url().is_some_and(|url| url.starts_with("http://")),
            webhook: OnceCell::new(),
        }
    }

    /// Publishes the alerts of this minute that are new, worse, repeated or ended, and retries earlier deliveries.
    pub async fn publish(&self, raised: Vec<Alert>, now: Timestamp) {
        let mut pending = match self.store_pending(&raised, now).await {
            Ok(pending) => pending,
            Err(error) => {
                return tracing::warn!(%error, "failed to store alerts; retrying in the next scheduled run");
            }
        };
        if pending.is_empty() {
            return;
        }
        let destinations = Destinations::read(&self.parameters, &self.prefix).await;
        let destinations = destinations
            .inspect_err(|error| tracing::warn!(%error, "failed to read alert destinations; using the topic alone"))
            .ok();
        let deliveries = pending.iter_mut().map(|pending| self.deliver(pending, destinations.as_ref(), now));
        futures_util::future::join_all(deliveries).await;
        if let Err(error) = self.store_results(&pending).await {
            tracing::warn!(%error, "failed to store alert deliveries; they may be repeated");
        }
    }

    /// Adds the alerts to the record, and returns the deliveries that this process has to make.
    async fn store_pending(&self, raised: &[Alert], now: Timestamp) -> Result<Vec<PendingDelivery>, StoreError> {
        let mut last = Ok(Vec::new());
        for _ in 0..MAX_WRITES {
            let read = self.record.read::<AlertState>().await?;
            let mut state = read.value.clone();
            let pending = state.update(raised.to_vec(), now);
            if state == read.value {
                return Ok(pending);
            }
            match self.record.replace(&read, state).await {
                Err(error) if error.is_condition_failed() => last = Err(error),
                done => return done.map(|_| pending),
            }
        }
        last
    }

    async fn store_results(&self, tried: &[PendingDelivery]) -> Result<(), StoreError> {
        let mut last = Ok(());
        for _ in 0..MAX_WRITES {
            let read = self.record.read::<AlertState>().await?;
            let mut state = read.value.clone();
            state.record_results(tried);
            match self.record.replace(&read, state).await {
                Err(error) if error.is_condition_failed() => last = Err(error),
                done => return done.map(drop),
            }
        }
        last
    }

    /// Sends to all remaining destinations. Those that fail stay in `pending`.
    async fn deliver(&self, pending: &mut PendingDelivery, destinations: Option<&Destinations>, now: Timestamp) {
        let AlertTransition { tracked: TrackedAlert { alert, timeline }, is_over } = &pending.transition;
        let (key, severity, is_over) = (alert.key.as_str(), timeline.severity, *is_over);
        tracing::info!(key, %severity, is_over, "began to publish alert");
        let message = AlertMessage { stage: &self.stage, alert, timeline, is_over, runbook: &self.runbook };
        let is_first = pending.destinations.contains(&Destination::Topic);
        let sends = pending.destinations.iter().map(async |destination| {
            let result = self.send(*destination, destinations, &message).await;
            (*destination, result)
        });
        let results = futures_util::future::join_all(sends).await;
        let failed: Vec<_> = results.into_iter().filter_map(|(to, result)| Some((to, result.err()?))).collect();
        for (destination, error) in &failed {
            let destination = destination.as_str();
            tracing::error!(
                alarm = AlarmLine::AlertNotPublished.as_str(),
                key,
                destination,
                %error,
                "failed to publish alert"
            );
        }
        if is_first {
            let published = PublishedAlert { at: now, alert: alert.clone(), times: timeline.times, is_over };
            if let Err(error) = self.history.add(&published).await {
                tracing::warn!(%error, key, "failed to store alert in the history");
            }
        }
        pending.destinations = failed.into_iter().map(|(destination, _)| destination).collect();
    }

    async fn send(
        &self,
        destination: Destination,
        destinations: Option<&Destinations>,
        message: &AlertMessage<'_>,
    ) -> Result<(), AlertSendError> {
        if destination == Destination::Topic {
            return self.send_to_topic(message).await;
        }
        let destinations = destinations.ok_or(AlertSendError::UnknownDestination)?;
        let webhook = self.webhook.get_or_init(async || Webhook::new(self.is_local)).await;
        let posted = match destination {
            Destination::Topic => Ok(()),
            Destination::Slack => {
                let Some(address) = &destinations.slack else { return Ok(()) };
                webhook.post(WebhookTarget { address, hosts: &SLACK_HOSTS, header: None }, &message.slack()).await
            }
            Destination::PagerDuty => {
                let Some(key) = &destinations.pagerduty else { return Ok(()) };
                let target =
                    WebhookTarget { address: &destinations.pagerduty_url, hosts: &PAGERDUTY_HOSTS, header: None };
                webhook.post(target, &message.pagerduty(routing_key(key)?)).await
            }
            Destination::Sentry => {
                let Some(dsn) = &destinations.sentry else { return Ok(()) };
                let (address, header) = sentry_store(dsn).ok_or(AlertSendError::Dsn)?;
                let target = WebhookTarget { address: &address, hosts: &[], header: Some(("x-sentry-auth", &header)) };
                webhook.post(target, &message.sentry(&sentry_event_id())).await
            }
        };
        posted.map_err(AlertSendError::from)
    }

    /// Publishes to the topic, with attributes that a subscription's filter can use.
    async fn send_to_topic(&self, message: &AlertMessage<'_>) -> Result<(), AlertSendError> {
        let text = |value: &str| MessageAttributeValue::builder().data_type("String").string_value(value).build();
        let mut publish = self.sns.publish().topic_arn(&self.topic);
        for (name, value) in [("severity", message.timeline.severity.as_str()), ("stage", message.stage)] {
            let value = text(value).map_err(|_| AlertSendError::MessageAttributes)?;
            publish = publish.message_attributes(name, value);
        }
        let publish = publish.subject(message.subject()).message(message.body());
        publish.send().await.map(drop).map_err(|error| AlertSendError::Topic(cause(&error)))
    }
}

#[cfg(test)]
#[path = "publisher_tests.rs"]
mod tests;
