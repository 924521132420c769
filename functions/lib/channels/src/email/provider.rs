//! Client that calls SES.

use aws_sdk_ses::Client;
use aws_sdk_ses::config::Config;
use aws_sdk_ses::primitives::Blob;
use aws_sdk_ses::types::{MessageTag, RawMessage};
use jiff::Timestamp;

use super::answer;
use super::message::EmailMessage;
use super::sender::Sender;
use crate::aws::{CallMonitor, Limits};
use domain::channel::Answer;

const PROVIDER: &str = "ses";
/// Name of the SES tag with the notification's id, so that SES's later events can be assigned to the notification.
pub const NOTIFICATION_TAG: &str = "notification";

/// Sends e-mail by SES, each message at most once.
#[derive(Debug, Clone)]
pub struct EmailClient {
    client: Client,
    sender: Sender,
    configuration_set: String,
    limits: Limits,
}

impl EmailClient {
    /// Creates a client.
    ///
    /// `sender` has the address that SES has verified. `configuration_set` determines where SES publishes the events
    /// of mails.
    #[must_use]
    pub fn new(client: Client, sender: impl Into<Sender>, configuration_set: String) -> Self {
        Self { client, sender: sender.into(), configuration_set, limits: Limits::PAID }
    }

    /// Returns the `From` of the messages for this client.
    #[must_use]
    pub const fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Calls SES once, without retries, for at most 6 s.
    pub async fn send(&self, message: &EmailMessage, notification_id: &str, now: Timestamp) -> Answer {
        let monitor = CallMonitor::default();
        let mime = Blob::new(message.to_mime(notification_id, now));
        // `build` requires only the data, which is set; SES would refuse a message without data.
        let raw = RawMessage::builder().data(mime).build().ok();
        let tag = MessageTag::builder().name(NOTIFICATION_TAG).value(notification_id).build().ok();
        let call = self
            .client
            .send_raw_email()
            .source(self.sender.address.as_str())
            .destinations(message.to.as_str())
            .set_raw_message(raw)
            .configuration_set_name(&self.configuration_set)
            .set_tags(tag.map(|tag| vec![tag]))
            .customize()
            .config_override(Config::builder().retry_config(Limits::retries()).timeout_config(self.limits.timeouts()))
            .interceptor(monitor.clone());
        monitor.run(PROVIDER, call.send(), answer::outcome, now).await.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use std::time::Duration;

    use aws_sdk_ses::config::{BehaviorVersion, Region, SharedCredentialsProvider};
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;
    use crate::aws::fake::{Behaviour, Fake, http_client, test_credentials};
    use domain::channel::{EmailAddress, Outcome, Rejection};

    fn client(url: &str, credentials: Option<SharedCredentialsProvider>) -> EmailClient {
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url(url)
            .http_client(http_client());
        config.set_credentials_provider(credentials);
        EmailClient::new(Client::from_conf(config.build()), address("hello@example.com"), "feedback".to_owned())
    }

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    async fn send(url: &str) -> Answer {
        send_by(&client(url, Some(test_credentials()))).await
    }

    async fn send_by(client: &EmailClient) -> Answer {
        let message =
            EmailMessage::new(client.sender().clone(), address("ada@example.org"), "Title", "Body", None, None, None);
        client.send(&message, "id-1", Timestamp::UNIX_EPOCH).await
    }

    #[tokio::test]
    async fn ses_is_handed_the_whole_message_and_one_recipient() {
        let ses = Fake::start(Behaviour::accepted("SendRawEmail"));
        let answer = send(&ses.url).await;
        assert_eq!((answer.outcome, answer.status_code, answer.detail), (Outcome::Accepted, Some(200), None));
        assert_eq!(answer.provider, "ses");

        let fields = ses.fields();
        assert_eq!(fields["Action"], "SendRawEmail");
        assert_eq!(fields["Source"], "hello@example.com");
        assert_eq!(fields["Destinations.member.1"], "ada@example.org");
        assert!(!fields.contains_key("Destinations.member.2"));
        assert_eq!(fields["ConfigurationSetName"], "feedback");
        assert_eq!((&*fields["Tags.member.1.Name"], &*fields["Tags.member.1.Value"]), ("notification", "id-1"));
        let mime = BASE64_STANDARD.decode(&fields["RawMessage.Data"]).unwrap();
        assert!(String::from_utf8(mime).unwrap().contains("Subject: Title\r\n"));
    }

    #[tokio::test]
    async fn a_refusal_has_its_code_without_the_providers_text() {
        let text = "Email address is not verified. The following identities failed the check: ada@example.org";
        let ses = Fake::start(Behaviour::refused(400, "MessageRejected", text));
        let answer = send(&ses.url).await;
        assert_eq!(answer.outcome, Outcome::Rejected { reason: Rejection::Config });
        assert_eq!((answer.status_code, answer.detail.as_deref()), (Some(400), Some("MessageRejected")));
    }

    #[tokio::test]
    async fn neither_a_fault_nor_throttling_is_tried_again_by_the_sdk() {
        for (behaviour, outcome) in [
            (Behaviour::refused(500, "InternalFailure", ""), Outcome::Uncertain),
            (
                Behaviour::refused(400, "Throttling", "Maximum sending rate exceeded."),
                Outcome::RateLimited { after_ms: None },
            ),
            (Behaviour::Answer(503, "<html>".to_owned()), Outcome::Uncertain),
            (Behaviour::Answer(200, "<html>".to_owned()), Outcome::Uncertain),
        ] {
            let ses = Fake::start(behaviour);
            assert_eq!(send(&ses.url).await.outcome, outcome);
            assert_eq!(ses.count(), 1);
        }
    }

    #[tokio::test]
    async fn silence_after_the_request_left_is_uncertain_and_not_tried_again() {
        let ses = Fake::start(Behaviour::Silence);
        let mut client = client(&ses.url, Some(test_credentials()));
        client.limits.call = Duration::from_millis(500);
        let answer = send_by(&client).await;
        assert_eq!((answer.outcome, answer.status_code), (Outcome::Uncertain, None));
        assert_eq!(answer.detail.as_deref(), Some("no_answer"));
        assert!(answer.latency_ms >= 500);
        assert_eq!(ses.count(), 1);
    }

    #[tokio::test]
    async fn a_connection_lost_after_the_request_left_is_uncertain_and_not_tried_again() {
        let ses = Fake::start(Behaviour::HangUp);
        assert_eq!(send(&ses.url).await.outcome, Outcome::Uncertain);
        assert_eq!(ses.count(), 1);
    }

    #[tokio::test]
    async fn without_a_connection_nothing_was_sent_and_it_may_be_tried_later() {
        let answer = send(&Fake::absent()).await;
        assert_eq!(answer.outcome, Outcome::RetryLater { after_ms: None });
        assert_eq!(answer.detail.as_deref(), Some("not_connected"));
    }

    #[tokio::test]
    async fn a_connection_that_is_not_made_in_time_was_no_send_either() {
        // Accepts TCP connections and never answers a TLS handshake.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let mut client = client(&url, Some(test_credentials()));
        client.limits.connect = Duration::from_millis(200);
        let answer = send_by(&client).await;
        assert_eq!(answer.outcome, Outcome::RetryLater { after_ms: None });
        assert_eq!(answer.detail.as_deref(), Some("not_connected"));
        assert!(answer.latency_ms < 2_000);
    }

    #[tokio::test]
    async fn without_credentials_nothing_leaves_and_the_fault_is_ours() {
        let ses = Fake::start(Behaviour::accepted("SendRawEmail"));
        let answer = send_by(&client(&ses.url, None)).await;
        assert_eq!(answer.outcome, Outcome::Rejected { reason: Rejection::Config });
        assert_eq!(ses.count(), 0);
    }
}
