//! Says alerts to people: the one place that calls the alerts topic, Slack, PagerDuty and Sentry.
//!
//! What is to be said is recorded first, then said everywhere at once, then settled: a crash in between, or a place that takes
//! nothing, makes the next minute say it again there. Nothing that fails here stops whoever raised an alert.

use aws_sdk_sns::types::MessageAttributeValue;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::Webhook;
use super::board::{Board, Owed};
use super::place::{PAGERDUTY_HOSTS, Place, Places, SLACK_HOSTS, routing_key, sentry_event_id, sentry_store};
use super::text::Message;
use super::webhook::Target;
use aws::parameters::ParameterStore;
use aws::{SdkConfig, cause};
use domain::{Alert, Said};
use platform::alarm::AlarmLine;
use store::{AlertHistoryStore, RecordStore, StoreError};

/// The record's name in the control table.
const BOARD: &str = "alerts#said";
/// How often the record is read again when somebody else wrote it.
const TRIES: u32 = 3;

/// What a herald is told about where it is.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// The deployment's name.
    pub stage: &'a str,
    /// What the parameters' names begin with.
    pub prefix: &'a str,
    /// The table of what was said.
    pub settings_table: &'a str,
    /// The table of what is remembered.
    pub control_table: &'a str,
    /// The ARN of the alerts topic.
    pub topic: &'a str,
    /// Where docs/operations.md can be read.
    pub runbook: &'a str,
}

/// Says alerts.
#[derive(Debug)]
pub struct Herald {
    stage: String,
    topic: String,
    runbook: String,
    prefix: String,
    sns: aws_sdk_sns::Client,
    board: RecordStore,
    history: AlertHistoryStore,
    parameters: ParameterStore,
    /// Whether AWS is a stand-in on this machine.
    is_local: bool,
    webhook: OnceCell<Webhook>,
}

impl Herald {
    /// With clients of its own.
    #[must_use]
    pub fn new(sdk: &SdkConfig, post: Post<'_>) -> Self {
        let dynamodb = aws::dynamodb(sdk);
        Self {
            stage: post.stage.to_owned(),
            topic: post.topic.to_owned(),
            runbook: post.runbook.to_owned(),
            prefix: post.prefix.to_owned(),
            sns: aws::topics(sdk),
            board: RecordStore::new(dynamodb.clone(), post.control_table, BOARD),
            history: AlertHistoryStore::new(dynamodb, post.settings_table),
            parameters: ParameterStore::new(aws::ssm(sdk)),
            is_local: sdk.endpoint_url().is_some_and(|url| url.starts_with("http://")),
            webhook: OnceCell::new(),
        }
    }

    /// Takes what was raised in this minute, and says what is to be said.
    pub async fn tell(&self, raised: Vec<Alert>, now: Timestamp) {
        let mut owed = match self.take(&raised, now).await {
            Ok(owed) => owed,
            Err(error) => return tracing::warn!(%error, "the record of alerts cannot be had: said in a minute"),
        };
        if owed.is_empty() {
            return;
        }
        let places = Places::read(&self.parameters, &self.prefix).await;
        let places =
            places.map_err(|error| tracing::warn!(%error, "where alerts go beside the topic is not known")).ok();
        futures_util::future::join_all(owed.iter_mut().map(|owed| self.say(owed, places.as_ref(), now))).await;
        if let Err(error) = self.settle(&owed).await {
            tracing::warn!(%error, "what was said is not recorded: it may be said again");
        }
    }

    /// Puts what was raised into the record, and takes from it what is to be said.
    async fn take(&self, raised: &[Alert], now: Timestamp) -> Result<Vec<Owed>, StoreError> {
        let mut last = Ok(Vec::new());
        for _ in 0..TRIES {
            let read = self.board.read::<Board>().await?;
            let mut board = read.value.clone();
            let owed = board.take(raised.to_vec(), now);
            if board == read.value {
                return Ok(owed);
            }
            match self.board.replace(&read, board).await {
                Err(error) if error.is_condition_failed() => last = Err(error),
                done => return done.map(|_| owed),
            }
        }
        last
    }

    async fn settle(&self, tried: &[Owed]) -> Result<(), StoreError> {
        let mut last = Ok(());
        for _ in 0..TRIES {
            let read = self.board.read::<Board>().await?;
            let mut board = read.value.clone();
            board.settle(tried);
            match self.board.replace(&read, board).await {
                Err(error) if error.is_condition_failed() => last = Err(error),
                done => return done.map(drop),
            }
        }
        last
    }

    /// Says it at every place that still waits for it, and leaves those that did not take it.
    async fn say(&self, owed: &mut Owed, places: Option<&Places>, now: Timestamp) {
        let posted = &owed.news.posted;
        let (key, severity, is_over) = (posted.alert.key.as_str(), posted.told.severity, owed.news.is_over);
        tracing::info!(key, %severity, is_over, "an alert is said");
        let message =
            Message { stage: &self.stage, alert: &posted.alert, told: &posted.told, is_over, runbook: &self.runbook };
        let is_first = owed.places.contains(&Place::Topic);
        let said = owed.places.iter().map(async |place| (*place, self.say_at(*place, places, &message).await));
        let said = futures_util::future::join_all(said).await;
        let failed = said.into_iter().filter_map(|(place, why)| Some((place, why.err()?)));
        let failed: Vec<_> = failed.collect();
        for (place, cause) in &failed {
            tracing::error!(
                alarm = AlarmLine::AlertNotSaid.as_str(),
                key,
                place = place.as_str(),
                cause,
                "an alert is not said"
            );
        }
        if is_first {
            let said =
                Said { at: now, alert: posted.alert.clone(), times: posted.told.times, is_over: owed.news.is_over };
            if let Err(error) = self.history.add(&said).await {
                tracing::warn!(%error, key, "that an alert was said is not written down");
            }
        }
        owed.places = failed.into_iter().map(|(place, _)| place).collect();
    }

    async fn say_at(&self, place: Place, places: Option<&Places>, message: &Message<'_>) -> Result<(), String> {
        if place == Place::Topic {
            return self.publish(message).await;
        }
        let places = places.ok_or("its parameter cannot be read")?;
        let webhook = self.webhook.get_or_init(async || Webhook::new(self.is_local)).await;
        let posted = match place {
            Place::Topic => Ok(()),
            Place::Slack => {
                let Some(address) = &places.slack else { return Ok(()) };
                webhook.post(Target { address, hosts: &SLACK_HOSTS, header: None }, &message.slack()).await
            }
            Place::PagerDuty => {
                let Some(key) = &places.pagerduty else { return Ok(()) };
                let target = Target { address: &places.pagerduty_url, hosts: &PAGERDUTY_HOSTS, header: None };
                webhook.post(target, &message.pagerduty(routing_key(key)?)).await
            }
            Place::Sentry => {
                let Some(dsn) = &places.sentry else { return Ok(()) };
                let (address, header) = sentry_store(dsn).ok_or("the DSN is none")?;
                let target = Target { address: &address, hosts: &[], header: Some(("x-sentry-auth", &header)) };
                webhook.post(target, &message.sentry(&sentry_event_id())).await
            }
        };
        posted.map_err(|error| error.to_string())
    }

    /// With attributes that a subscription can choose by.
    async fn publish(&self, message: &Message<'_>) -> Result<(), String> {
        let text = |value: &str| MessageAttributeValue::builder().data_type("String").string_value(value).build();
        let mut publish = self.sns.publish().topic_arn(&self.topic);
        for (name, value) in [("severity", message.told.severity.as_str()), ("stage", message.stage)] {
            publish = publish.message_attributes(name, text(value).map_err(|_| "its attributes are none")?);
        }
        let publish = publish.subject(message.subject()).message(message.body());
        publish.send().await.map(drop).map_err(|error| cause(&error))
    }
}

#[cfg(test)]
#[path = "herald_tests.rs"]
mod tests;
