//! Says alerts to people: the one place that calls the alerts topic, Slack, PagerDuty and Sentry.
//!
//! Said first and recorded afterwards: after a crash in between an alert is said twice, and none is lost.

use jiff::Timestamp;
use ring::rand::SystemRandom;
use tokio::sync::OnceCell;
use url::Url;

use super::board::{Board, News};
use super::text::Message;
use super::{Alert, Webhook};
use crate::aws::{self, SdkConfig, cause};
use crate::parameters::{ParameterStore, Parameters};
use crate::private::Private;
use crate::store::RecordStore;

/// The record's name in the control table.
const SAID: &str = "alerts#said";
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// Where alerts go beside the topic: optional encrypted parameters under the service's prefix.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// `slack-webhook-url`: an incoming webhook.
    pub slack: Option<Private<String>>,
    /// `pagerduty-routing-key`: an integration key of the Events API v2.
    pub pagerduty: Option<Private<String>>,
    /// `pagerduty-url`: where its events go, unless to PagerDuty itself (its EU region, or a relay).
    pub pagerduty_url: Option<Private<String>>,
    /// `sentry-dsn`: a project's DSN.
    pub sentry: Option<Private<String>>,
}

/// Says alerts.
#[derive(Debug)]
pub struct Herald {
    /// The deployment's name.
    pub stage: String,
    /// The ARN of the alerts topic.
    pub topic: String,
    /// A client for the topic.
    pub sns: aws_sdk_sns::Client,
    /// The record of what was said.
    pub board: RecordStore,
    /// Where the places stand.
    pub parameters: ParameterStore,
    /// What the parameters' names begin with.
    pub prefix: String,
    /// Made when the first alert is sent.
    pub webhook: OnceCell<Webhook>,
}

impl Herald {
    /// With clients of its own; `who` are the deployment's name and what the parameters' names begin with.
    #[must_use]
    pub fn new(sdk: &SdkConfig, who: (&str, &str), control_table: &str, topic: &str) -> Self {
        let (stage, prefix) = who;
        Self {
            stage: stage.to_owned(),
            topic: topic.to_owned(),
            sns: aws::sns(sdk),
            board: RecordStore::new(aws::dynamodb(sdk), control_table, SAID),
            parameters: ParameterStore::new(aws::ssm(sdk)),
            prefix: prefix.to_owned(),
            webhook: OnceCell::new(),
        }
    }

    /// Takes what was raised in this minute and says what is to be said. Failing to must stop nothing else: what was not
    /// recorded is said again.
    pub async fn tell(&self, raised: Vec<Alert>, now: Timestamp) {
        let read = match self.board.read::<Board>().await {
            Ok(read) => read,
            Err(error) => return tracing::warn!(%error, "the record of alerts cannot be read: said again in a minute"),
        };
        let mut board = read.value.clone();
        let news = board.take(raised, now);
        if !news.is_empty() {
            let places = self.places().await;
            for one in &news {
                self.say(one, &places).await;
            }
        }
        if board != read.value
            && let Err(error) = self.board.replace(&read, board).await
        {
            tracing::warn!(%error, "what was said is not recorded: it may be said again");
        }
    }

    async fn say(&self, news: &News, places: &Places) {
        let message =
            Message { stage: &self.stage, alert: &news.posted.alert, told: &news.posted.told, is_over: news.is_over };
        let key = news.posted.alert.key.as_str();
        tracing::info!(key, severity = %news.posted.alert.severity, is_over = news.is_over, "an alert is said");
        let said = self.sns.publish().topic_arn(&self.topic).subject(message.subject()).message(message.body());
        if let Err(error) = said.send().await {
            tracing::error!(
                alarm = "alert_not_said",
                key,
                place = "topic",
                cause = cause(&error),
                "an alert is not said"
            );
        }
        let webhook = self.webhook.get_or_init(async || Webhook::default()).await;
        let mut posts = Vec::new();
        if let Some(address) = &places.slack {
            posts.push(("slack", webhook.post(address, &message.slack(), None).await));
        }
        if let Some(routing_key) = &places.pagerduty {
            let address = places.pagerduty_url.clone().unwrap_or_else(|| Private::new(PAGERDUTY.to_owned()));
            posts.push(("pagerduty", webhook.post(&address, &message.pagerduty(routing_key.expose()), None).await));
        }
        if let Some((address, authorization)) = places.sentry.as_ref().and_then(store_of) {
            let event = message.sentry(&event_id());
            let header = Some(("x-sentry-auth", &authorization));
            posts.push(("sentry", webhook.post(&address, &event, header).await));
        }
        for (place, posted) in posts {
            if let Err(error) = posted {
                tracing::error!(alarm = "alert_not_said", key, place, %error, "an alert is not said");
            }
        }
    }

    /// Read only when there is something to say, since most days there is nothing.
    async fn places(&self) -> Places {
        let name = |last: &str| format!("{}/{last}", self.prefix);
        let lasts = ["slack-webhook-url", "pagerduty-routing-key", "pagerduty-url", "sentry-dsn"];
        let mut found: Parameters = match self.parameters.get(lasts.map(name).to_vec()).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "where alerts go beside the topic is not known");
                Parameters::new()
            }
        };
        let mut take = |last: &str| found.remove(&name(last)).filter(|value| !value.expose().trim().is_empty());
        Places {
            slack: take("slack-webhook-url"),
            pagerduty: take("pagerduty-routing-key"),
            pagerduty_url: take("pagerduty-url"),
            sentry: take("sentry-dsn"),
        }
    }
}

/// The address that a DSN (`https://<key>@<host>/<project>`) stands for, and the header that goes with it.
/// <https://develop.sentry.dev/sdk/foundations/transport/authentication/>
fn store_of(dsn: &Private<String>) -> Option<(Private<String>, Private<String>)> {
    let mut url: Url = dsn.expose().trim().parse().ok()?;
    let key = url.username().to_owned();
    let (path, project) = url.path().rsplit_once('/').map(|(path, project)| (path.to_owned(), project.to_owned()))?;
    if key.is_empty() || project.is_empty() {
        return None;
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_path(&format!("{path}/api/{project}/store/"));
    url.set_query(None);
    let header = format!("Sentry sentry_version=7, sentry_client=push-notifications/1, sentry_key={key}");
    Some((Private::new(url.to_string()), Private::new(header)))
}

/// 32 hexadecimal digits, as Sentry wants an event's id.
fn event_id() -> String {
    let random = ring::rand::generate::<[u8; 16]>(&SystemRandom::new()).map_or([0; 16], |random| random.expose());
    format!("{:032x}", u128::from_be_bytes(random))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;
    use crate::alerts::{AlertKey, Severity};
    use crate::fake_aws;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    fn alert() -> Alert {
        Alert {
            key: AlertKey::ErrorRate,
            severity: Severity::P1,
            title: "too many fail".to_owned(),
            number: "16 %".to_owned(),
            threshold: "15 %".to_owned(),
            done: "nothing yet".to_owned(),
        }
    }

    type Calls = Arc<Mutex<Vec<(String, Value)>>>;

    /// A herald over an AWS that keeps the record and remembers its calls; SNS takes everything.
    fn herald(is_down: bool) -> (Herald, Calls) {
        let calls = Calls::default();
        let (seen, item) = (Arc::clone(&calls), Mutex::new(json!({})));
        let config = fake_aws::config(move |target: String, body: Value| {
            let name = target.rsplit('.').next().unwrap_or_default().to_owned();
            seen.lock().unwrap().push((name.clone(), body.clone()));
            let mut item = item.lock().unwrap();
            let answer = match name.as_str() {
                "PutItem" => {
                    *item = json!({"Item": body["Item"]});
                    (200, json!({}))
                }
                "GetItem" => (200, item.clone()),
                "GetParameters" => (200, json!({"Parameters": [], "InvalidParameters": []})),
                _ if is_down => (400, json!({})),
                _ => (200, json!({})),
            };
            std::future::ready(answer)
        });
        let herald = Herald {
            stage: "staging".to_owned(),
            topic: "arn:aws:sns:eu-south-1:000000000000:alerts".to_owned(),
            sns: aws_sdk_sns::Client::new(&config),
            board: RecordStore::new(aws_sdk_dynamodb::Client::new(&config), "control", "alerts#said"),
            parameters: ParameterStore::new(aws_sdk_ssm::Client::new(&config)),
            prefix: "/push-notifications/staging".to_owned(),
            webhook: OnceCell::new(),
        };
        (herald, calls)
    }

    fn names(calls: &Calls) -> Vec<String> {
        std::mem::take(&mut *calls.lock().unwrap()).into_iter().map(|(name, _)| name).collect()
    }

    #[tokio::test]
    async fn an_alert_is_said_before_it_is_recorded_and_then_only_counted() {
        let (herald, calls) = herald(false);
        herald.tell(vec![alert()], at(0)).await;
        // SNS speaks the query protocol, which has no target.
        assert_eq!(names(&calls), ["GetItem", "GetParameters", "", "PutItem"]);
        herald.tell(vec![alert()], at(1)).await;
        assert_eq!(names(&calls), ["GetItem", "PutItem"]);
        herald.tell(vec![], at(2)).await;
        assert_eq!(names(&calls), ["GetItem"], "a minute without alerts reads once and writes nothing");
    }

    #[tokio::test]
    async fn a_topic_that_does_not_answer_stops_nothing() {
        let (herald, calls) = herald(true);
        herald.tell(vec![alert()], at(0)).await;
        assert!(names(&calls).contains(&"PutItem".to_owned()));
    }

    #[test]
    fn a_dsn_names_its_store_and_its_key() {
        let store = |dsn: &str| {
            let (address, header) = store_of(&Private::new(dsn.to_owned()))?;
            Some((address.expose().clone(), header.expose().contains("sentry_key=abc")))
        };
        let known = "https://abc@o1.ingest.sentry.io/42";
        assert_eq!(store(known), Some(("https://o1.ingest.sentry.io/api/42/store/".to_owned(), true)));
        assert_eq!(
            store("https://abc:old@sentry.example.com/under/7"),
            Some(("https://sentry.example.com/under/api/7/store/".to_owned(), true))
        );
        for bad in ["", "abc", "https://o1.ingest.sentry.io/42", "https://abc@o1.ingest.sentry.io/"] {
            assert_eq!(store(bad), None, "{bad}");
        }
    }
}
