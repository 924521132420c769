//! Destinations of alerts: the topic, and Slack, PagerDuty and Sentry if operators have set them up.

use ring::rand::SystemRandom;
use serde::{Deserialize, Serialize};
use url::Url;

use aws::parameters::{ParameterStore, ParameterStoreError, trimmed};
use platform::private::Private;

/// Hosts of Slack incoming webhooks.
pub const SLACK_HOSTS: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];
/// Hosts of PagerDuty's Events API v2.
pub const PAGERDUTY_HOSTS: [&str; 2] = ["events.pagerduty.com", "events.eu.pagerduty.com"];
/// URL of PagerDuty's Events API v2, outside its EU region.
const PAGERDUTY_URL: &str = "https://events.pagerduty.com/v2/enqueue";

/// Destination of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Destination {
    /// The SNS topic for alerts.
    Topic,
    /// A channel of Slack.
    Slack,
    /// An incident at PagerDuty, which calls the operator on duty.
    PagerDuty,
    /// An issue at Sentry.
    Sentry,
}

impl Destination {
    /// Returns the name in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Slack => "slack",
            Self::PagerDuty => "pagerduty",
            Self::Sentry => "sentry",
        }
    }
}

/// Addresses of the destinations besides the topic. Each is an optional encrypted parameter under the service's prefix.
#[derive(Debug, Clone, Default)]
pub struct Destinations {
    /// Parameter `slack-webhook-url`: an incoming webhook.
    pub slack: Option<Private<String>>,
    /// Parameter `pagerduty-routing-key`: an integration key of the Events API v2.
    pub pagerduty: Option<Private<String>>,
    /// Parameter `pagerduty-url`: URL for events, such as that of the EU region. By default, PagerDuty's usual URL.
    pub pagerduty_url: Private<String>,
    /// Parameter `sentry-dsn`: the DSN of a project.
    pub sentry: Option<Private<String>>,
}

impl Destinations {
    /// Reads the parameters. [`crate::AlertPublisher`] calls it only if a delivery is pending.
    ///
    /// # Errors
    /// The call to SSM fails.
    pub async fn read(parameters: &ParameterStore, prefix: &str) -> Result<Self, ParameterStoreError> {
        let full_name = |name: &str| format!("{prefix}/{name}");
        let names = ["slack-webhook-url", "pagerduty-routing-key", "pagerduty-url", "sentry-dsn"];
        let mut found = parameters.get(names.map(full_name).to_vec()).await?;
        let mut value = |name: &str| {
            let text = Private::new(trimmed(found.remove(&full_name(name))?.expose()).to_owned());
            if text.expose().is_empty() {
                tracing::warn!(parameter = full_name(name), "skipped an alert destination whose parameter is empty");
            }
            Some(text).filter(|text| !text.expose().is_empty())
        };
        Ok(Self {
            slack: value("slack-webhook-url"),
            pagerduty: value("pagerduty-routing-key"),
            pagerduty_url: value("pagerduty-url").unwrap_or_else(|| Private::new(PAGERDUTY_URL.to_owned())),
            sentry: value("sentry-dsn"),
        })
    }
}

/// Error for a routing key with a character other than letters, digits, `-` and `_`. It does not contain the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("pagerduty-routing-key contains an invalid character")]
pub struct RoutingKeyError;

/// Returns the routing key as text. PagerDuty refuses a key with other characters.
///
/// # Errors
/// The key contains a character other than letters, digits, `-` and `_`.
pub fn routing_key(key: &Private<String>) -> Result<&str, RoutingKeyError> {
    let key = key.expose();
    let is_key = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_key.then_some(key.as_str()).ok_or(RoutingKeyError)
}

/// Returns the URL of the store endpoint and the authentication header for a DSN (`https://<key>@<host>/<project>`).
/// <https://develop.sentry.dev/sdk/foundations/transport/authentication/>
pub fn sentry_store(dsn: &Private<String>) -> Option<(Private<String>, Private<String>)> {
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
    url.set_fragment(None);
    let header = format!("Sentry sentry_version=7, sentry_client=push-notifications/1, sentry_key={key}");
    Some((Private::new(url.to_string()), Private::new(header)))
}

/// Returns a random event id of 32 hexadecimal digits. Sentry deduplicates events by this id.
pub fn sentry_event_id() -> String {
    let random = ring::rand::generate::<[u8; 16]>(&SystemRandom::new()).map_or([0; 16], |random| random.expose());
    format!("{:032x}", u128::from_be_bytes(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dsn_contains_the_endpoint_and_the_key() {
        let store = |dsn: &str| {
            let (address, header) = sentry_store(&Private::new(dsn.to_owned()))?;
            Some((address.expose().clone(), header.expose().contains("sentry_key=abc")))
        };
        let known = "https://abc@o1.ingest.sentry.io/42";
        assert_eq!(store(known), Some(("https://o1.ingest.sentry.io/api/42/store/".to_owned(), true)));
        assert_eq!(
            store("https://abc:old@sentry.example.com/under/7?x#y"),
            Some(("https://sentry.example.com/under/api/7/store/".to_owned(), true))
        );
        for bad in ["", "abc", "https://o1.ingest.sentry.io/42", "https://abc@o1.ingest.sentry.io/"] {
            assert_eq!(store(bad), None, "{bad}");
        }
        assert!(routing_key(&Private::new("R0UT1NG-key_1".to_owned())).is_ok());
        for bad in ["two keys", "a\u{200b}b", "a\"b"] {
            assert_eq!(routing_key(&Private::new(bad.to_owned())), Err(RoutingKeyError), "{bad}");
        }
        assert!(sentry_event_id().len() == 32 && sentry_event_id() != sentry_event_id());
    }
}
