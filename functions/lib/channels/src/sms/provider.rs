//! Client that calls SNS to send an SMS.

use aws_sdk_sns::Client;
use aws_sdk_sns::config::Config;
use aws_sdk_sns::operation::publish::builders::PublishFluentBuilder;
use aws_sdk_sns::types::MessageAttributeValue;
use jiff::Timestamp;

use super::answer;
use super::message::SmsMessage;
use crate::aws::{CallMonitor, Limits};
use domain::channel::Answer;

const PROVIDER: &str = "sns";
const MICROS: u64 = 1_000_000;

/// Sender that recipients see, where their country allows it: 1 to 11 letters and digits, at least one letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderId(String);

/// Error for a text that is no [`SenderId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sender id must be 1 to 11 ASCII letters and digits with at least one letter")]
pub struct SenderIdError;

impl SenderId {
    /// Parses a sender id.
    ///
    /// # Errors
    /// If SNS would refuse the text.
    pub fn parse(text: &str) -> Result<Self, SenderIdError> {
        let is_sender = (1..=11).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && text.bytes().any(|byte| byte.is_ascii_alphabetic());
        is_sender.then(|| Self(text.to_owned())).ok_or(SenderIdError)
    }
}

/// Sends SMS by SNS, each message at most once.
#[derive(Debug, Clone)]
pub struct SmsClient {
    client: Client,
    sender_id: Option<SenderId>,
    limits: Limits,
}

impl SmsClient {
    /// Creates a client that sends as `sender_id` where a country allows it.
    #[must_use]
    pub const fn new(client: Client, sender_id: Option<SenderId>) -> Self {
        Self { client, sender_id, limits: Limits::PAID }
    }

    /// Calls SNS once, without retries, for at most 6 s. Returns the answer and, for an accepted SMS, its SNS message
    /// id.
    ///
    /// `max_price_usd_micros` is the maximum price of one message, all its parts together, in millionths of a US
    /// dollar. SNS does not deliver a more expensive message.
    pub async fn send(
        &self,
        message: &SmsMessage,
        max_price_usd_micros: Option<u64>,
        now: Timestamp,
    ) -> (Answer, Option<String>) {
        let monitor = CallMonitor::default();
        let call = self
            .attributed(self.client.publish(), max_price_usd_micros)
            .phone_number(message.to.as_str())
            .message(message.text.expose())
            .customize()
            .config_override(Config::builder().retry_config(Limits::retries()).timeout_config(self.limits.timeouts()))
            .interceptor(monitor.clone());
        let (answer, output) = monitor.run(PROVIDER, call.send(), answer::outcome, now).await;
        (answer, output.and_then(|output| output.message_id))
    }

    fn attributed(&self, mut publish: PublishFluentBuilder, max_price: Option<u64>) -> PublishFluentBuilder {
        let max_price = max_price.map(usd);
        let attributes = [
            ("AWS.SNS.SMS.SMSType", "String", Some("Transactional")),
            ("AWS.SNS.SMS.SenderID", "String", self.sender_id.as_ref().map(|id| id.0.as_str())),
            ("AWS.SNS.SMS.MaxPrice", "Number", max_price.as_deref()),
        ];
        for (name, data_type, value) in attributes {
            let attribute =
                value.map(|value| MessageAttributeValue::builder().data_type(data_type).string_value(value));
            // `build` requires only the data type, which is set.
            if let Some(Ok(attribute)) = attribute.map(|attribute| attribute.build()) {
                publish = publish.message_attributes(name, attribute);
            }
        }
        publish
    }
}

/// Formats an amount of US dollars as a decimal number.
fn usd(micros: u64) -> String {
    format!("{}.{:06}", micros / MICROS, micros % MICROS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use aws_sdk_sns::config::{BehaviorVersion, Region};

    use super::*;
    use crate::aws::fake::{Behaviour, Fake, http_client, test_credentials};
    use crate::sms::SmsRules;
    use domain::channel::{Outcome, PhoneNumber, Rejection};

    fn client(url: &str, sender_id: Option<&str>) -> SmsClient {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url(url)
            .credentials_provider(test_credentials())
            .http_client(http_client());
        let sender_id = sender_id.map(|id| SenderId::parse(id).unwrap());
        SmsClient::new(Client::from_conf(config.build()), sender_id)
    }

    async fn send(client: SmsClient, max_price: Option<u64>) -> Answer {
        let to = PhoneNumber::parse("+4915112345678").unwrap();
        let rules = SmsRules { max_parts: 3, plain_punctuation: true };
        client.send(&SmsMessage::new(to, "Title", "Body", &[], rules), max_price, Timestamp::UNIX_EPOCH).await.0
    }

    /// Returns the type and value of each attribute by name, independent of the SDK's order.
    fn attributes(fields: &BTreeMap<String, String>) -> BTreeMap<&str, (&str, &str)> {
        let entry =
            |n: usize, part: &str| fields.get(&format!("MessageAttributes.entry.{n}.{part}")).map(String::as_str);
        (1..)
            .map_while(|n| Some((entry(n, "Name")?, (entry(n, "Value.DataType")?, entry(n, "Value.StringValue")?))))
            .collect()
    }

    #[tokio::test]
    async fn sns_is_handed_number_text_and_every_attribute() {
        let sns = Fake::start(Behaviour::accepted("Publish"));
        let answer = send(client(&sns.url, Some("Acme1")), Some(250_000)).await;
        assert_eq!((answer.outcome, answer.status_code, answer.detail), (Outcome::Accepted, Some(200), None));
        assert_eq!(answer.provider, "sns");

        let fields = sns.fields();
        assert_eq!(fields["Action"], "Publish");
        assert_eq!(fields["PhoneNumber"], "+4915112345678");
        assert_eq!(fields["Message"], "Title: Body");
        assert!(!fields.contains_key("TopicArn"));
        let expected = BTreeMap::from([
            ("AWS.SNS.SMS.SMSType", ("String", "Transactional")),
            ("AWS.SNS.SMS.SenderID", ("String", "Acme1")),
            ("AWS.SNS.SMS.MaxPrice", ("Number", "0.250000")),
        ]);
        assert_eq!(attributes(&fields), expected);
    }

    #[tokio::test]
    async fn without_sender_and_ceiling_only_the_type_is_sent() {
        let sns = Fake::start(Behaviour::accepted("Publish"));
        send(client(&sns.url, None), None).await;
        let fields = sns.fields();
        assert_eq!(attributes(&fields), BTreeMap::from([("AWS.SNS.SMS.SMSType", ("String", "Transactional"))]));
    }

    #[tokio::test]
    async fn a_refused_number_has_its_code_without_the_providers_text() {
        let text = "Invalid parameter: PhoneNumber Reason: +4915112345678 is not valid to publish to";
        let sns = Fake::start(Behaviour::refused(400, "InvalidParameter", text));
        let answer = send(client(&sns.url, None), None).await;
        assert_eq!(answer.outcome, Outcome::Rejected { reason: Rejection::BadAddress });
        assert_eq!(answer.detail.as_deref(), Some("InvalidParameter"));
    }

    #[tokio::test]
    async fn neither_a_fault_nor_throttling_nor_silence_is_tried_again_by_the_sdk() {
        for (behaviour, outcome, call_ms) in [
            (Behaviour::refused(500, "InternalError", ""), Outcome::Uncertain, 6_000),
            (Behaviour::refused(429, "Throttled", ""), Outcome::RateLimited { after_ms: None }, 6_000),
            (Behaviour::HangUp, Outcome::Uncertain, 6_000),
            (Behaviour::Silence, Outcome::Uncertain, 500),
        ] {
            let sns = Fake::start(behaviour.clone());
            let mut client = client(&sns.url, None);
            client.limits.call = Duration::from_millis(call_ms);
            assert_eq!(send(client, None).await.outcome, outcome, "{behaviour:?}");
            assert_eq!(sns.count(), 1, "{behaviour:?}");
        }
    }

    #[tokio::test]
    async fn without_a_connection_nothing_was_sent_and_it_may_be_tried_later() {
        let answer = send(client(&Fake::absent(), None), None).await;
        assert_eq!(answer.outcome, Outcome::RetryLater { after_ms: None });
    }

    #[tokio::test]
    async fn every_send_has_a_connection_of_its_own() {
        // The fake hangs up after each answer, as a provider does while a function is frozen.
        let sns = Fake::start(Behaviour::accepted("Publish"));
        let client = client(&sns.url, None);
        for _ in 0..10 {
            assert_eq!(send(client.clone(), None).await.outcome, Outcome::Accepted);
        }
        assert_eq!(sns.count(), 10);
        assert!(sns.heads().iter().all(|head| head.contains("connection: close\r\n")));
    }

    #[test]
    fn a_sender_id_is_what_sns_takes() {
        for text in ["A", "Acme", "1a", "ABCDEFGHIJK"] {
            assert!(SenderId::parse(text).is_ok(), "{text}");
        }
        for text in ["", "123", "ABCDEFGHIJKL", "Ac me", "Acme-1", "Ä"] {
            assert_eq!(SenderId::parse(text), Err(SenderIdError), "{text}");
        }
    }

    #[test]
    fn a_price_ceiling_is_written_in_dollars() {
        assert_eq!([usd(0), usd(50), usd(1_500_000)], ["0.000000", "0.000050", "1.500000"]);
    }
}
