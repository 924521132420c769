//! Converts a Lambda event into a call of the API or of the feedback processing, and the result back.

use std::sync::Arc;

use crate::{FeedbackProcessor, FeedbackSummary, TrackApi};
use aws::deadline;
use aws::secrets::{SecretName, Secrets};
use delivery::TokenKeys;
use delivery::breakers::Breakers;
use delivery::config::ConfigSource;
use domain::recipient::KeyHasher;
use lambda_runtime::{Error, LambdaEvent};
use platform::clock::Clock;
use platform::gateway;
use platform::http::Request;
use platform::private::Private;
use platform::problem::Problem;
use platform::startup::{BackgroundInit, StartError};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{BreakerStore, CatalogStore, NotificationsStore, RecipientsStore, SmsMessageStore, SuppressionsStore};

use crate::config::TrackConfig;

/// Services that the function uses.
#[derive(Debug)]
pub struct TrackServices {
    /// Answers recipients and their browsers.
    pub api: TrackApi,
    /// Processes the feedback of SES and SNS.
    pub feedback: FeedbackProcessor,
}

/// An event of this function, distinguished by its shape.
enum Event {
    /// A request of a recipient or a browser.
    Api(Box<Request>),
    /// SNS records: feedback of SES about e-mails.
    Mails(Vec<Private<String>>),
    /// A batch of CloudWatch Logs: feedback of SNS about SMS.
    ParameterTexts(Private<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FeedbackEvent {
    Sns {
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
    Logs {
        awslogs: LogData,
    },
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "Sns")]
    sns: Sns,
}

#[derive(Deserialize)]
struct Sns {
    #[serde(rename = "Message")]
    message: Private<String>,
}

#[derive(Deserialize)]
struct LogData {
    data: Private<String>,
}

impl Event {
    fn of(event: Value) -> Option<Self> {
        if gateway::is_request(&event) {
            return gateway::request(event).map(|request| Self::Api(Box::new(request)));
        }
        Some(match serde_json::from_value(event).ok()? {
            FeedbackEvent::Sns { records } => {
                Self::Mails(records.into_iter().map(|record| record.sns.message).collect())
            }
            FeedbackEvent::Logs { awslogs } => Self::ParameterTexts(awslogs.data),
        })
    }
}

/// Loads the keys that verify tokens and hash addresses, and creates the services.
///
/// # Errors
/// Names the secret that is missing or malformed, or reports that SSM does not respond.
pub async fn start(config: Arc<TrackConfig>) -> Result<TrackServices, StartError> {
    let parameters = config.function.parameters();
    let needed = [SecretName::LinkSigningKey, SecretName::RecipientHashKey];
    let secrets = Secrets::load(&parameters, &config.function.parameter_prefix, &needed).await?;
    let hasher = KeyHasher::new(secrets.recipient_hash_key()?.expose());
    let (dynamodb, tables) = (config.function.dynamodb(), &config.tables);
    let notifications = NotificationsStore::new(dynamodb.clone(), tables.notifications.as_str());
    let control = tables.control.as_str();
    let recipients = RecipientsStore::new(dynamodb.clone(), tables.recipients.as_str(), control);
    let keys = TokenKeys::new(secrets.link_signing_keys()?);
    let catalog = CatalogStore::new(dynamodb.clone(), tables.settings.as_str());
    let prefix = config.function.parameter_prefix.as_str();
    let types = Arc::new(ConfigSource::new(parameters, prefix, Clock::System).catalog_only(catalog));
    Ok(TrackServices {
        api: TrackApi {
            notifications: notifications.clone(),
            recipients: recipients.clone(),
            config: Arc::clone(&types),
            keys,
        },
        feedback: FeedbackProcessor {
            notifications,
            recipients,
            suppressions: SuppressionsStore::new(dynamodb.clone(), tables.recipients.as_str(), control, hasher),
            sms_messages: SmsMessageStore::new(dynamodb.clone(), control),
            config: types,
            breakers: Breakers::new(BreakerStore::new(dynamodb, control), [], Clock::System),
        },
    })
}

/// Answers one event.
///
/// # Errors
/// If the event has an unknown shape, or feedback could not be processed or stored. Lambda then delivers the event
/// again.
pub async fn handle(services: &BackgroundInit<TrackServices>, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let now = Clock::System.now();
    let left = deadline::of_invocation(event.context.deadline, now);
    let event = Event::of(event.payload).ok_or("unknown event: not from API Gateway, SNS or CloudWatch Logs")?;
    match (event, services.get().await) {
        (Event::Api(request), Ok(services)) => {
            let response = deadline::with_timeout(left, services.api.answer(&request, now)).await;
            Ok(gateway::response(&request, response))
        }
        (Event::Api(request), Err(starting)) => {
            let refusal = TrackApi::refusal(&request, &Problem::unavailable(starting.retry_after_s));
            Ok(gateway::response(&request, refusal))
        }
        (Event::Mails(messages), services) => {
            finish(deadline::with_timeout(left, services?.feedback.process_mails(&messages, now)).await)
        }
        (Event::ParameterTexts(data), services) => {
            finish(deadline::with_timeout(left, services?.feedback.process_sms_log(data.expose(), now)).await)
        }
    }
}

/// Logs one line per event and returns the counts. Reports that are already stored count as known when the event is
/// delivered again.
fn finish(summary: FeedbackSummary) -> Result<Value, Error> {
    let FeedbackSummary { new, known, passed_over, unknown, malformed, failed } = summary;
    tracing::info!(new, known, passed_over, unknown, malformed, failed, "processed feedback");
    if failed > 0 {
        return Err(format!("failed to store {failed} reports").into());
    }
    Ok(json!({"new": new, "known": known, "passed_over": passed_over, "unknown": unknown, "malformed": malformed}))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_event_sources_are_distinguished_and_unknown_events_rejected() {
        let api = json!({"routeKey": "POST /v1/receipts", "headers": {}, "requestContext": {"requestId": "r-1"}});
        assert!(matches!(Event::of(api), Some(Event::Api(request)) if request.route == "POST /v1/receipts"));
        let sns = json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "{}", "TopicArn": "arn"}}]});
        assert!(matches!(Event::of(sns), Some(Event::Mails(messages)) if messages[0].expose() == "{}"));
        let logs = json!({"awslogs": {"data": "H4sI"}});
        assert!(matches!(Event::of(logs), Some(Event::ParameterTexts(data)) if data.expose() == "H4sI"));
        for stranger in [json!({"task": "cascade"}), json!({}), json!([]), json!({"Records": [{"dynamodb": {}}]})] {
            assert!(Event::of(stranger).is_none());
        }
    }

    #[test]
    fn a_failed_report_fails_the_event() {
        assert!(finish(FeedbackSummary { new: 3, failed: 1, ..FeedbackSummary::default() }).is_err());
        assert_eq!(finish(FeedbackSummary { new: 1, ..FeedbackSummary::default() }).unwrap()["new"], 1);
    }
}
