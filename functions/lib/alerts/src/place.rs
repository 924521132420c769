//! Where alerts go: the topic, and where ops have set them up, Slack, PagerDuty and Sentry.

use ring::rand::SystemRandom;
use serde::{Deserialize, Serialize};
use url::Url;

use aws::parameters::{ParameterStore, ParametersUnavailable, trimmed};
use platform::private::Private;

/// The hosts of a Slack incoming webhook, and of PagerDuty's Events API v2.
pub const SLACK_HOSTS: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];
pub const PAGERDUTY_HOSTS: [&str; 2] = ["events.pagerduty.com", "events.eu.pagerduty.com"];
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The alerts topic, which everybody subscribes to.
    Topic,
    /// A Slack channel.
    Slack,
    /// Who is on call.
    PagerDuty,
    /// Sentry's issues.
    Sentry,
}

impl Place {
    /// The name in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Slack => "slack",
            Self::PagerDuty => "pagerduty",
            Self::Sentry => "sentry",
        }
    }
}

/// Where they are, beside the topic: optional encrypted parameters under the service's prefix.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// `slack-webhook-url`: an incoming webhook.
    pub slack: Option<Private<String>>,
    /// `pagerduty-routing-key`: an integration key of the Events API v2.
    pub pagerduty: Option<Private<String>>,
    /// `pagerduty-url`: where its events go; PagerDuty's own address unless given, as in its EU region.
    pub pagerduty_url: Private<String>,
    /// `sentry-dsn`: a project's DSN.
    pub sentry: Option<Private<String>>,
}

impl Places {
    /// Reads them. This is done only when there is something to say, since most days there is nothing.
    ///
    /// # Errors
    /// SSM does not answer.
    pub async fn read(parameters: &ParameterStore, prefix: &str) -> Result<Self, ParametersUnavailable> {
        let name = |last: &str| format!("{prefix}/{last}");
        let lasts = ["slack-webhook-url", "pagerduty-routing-key", "pagerduty-url", "sentry-dsn"];
        let mut found = parameters.get(lasts.map(name).to_vec()).await?;
        let mut take = |last: &str| {
            let value = Private::new(trimmed(found.remove(&name(last))?.expose()).to_owned());
            if value.expose().is_empty() {
                tracing::warn!(parameter = name(last), "the parameter is empty: no alert goes there");
            }
            Some(value).filter(|value| !value.expose().is_empty())
        };
        Ok(Self {
            slack: take("slack-webhook-url"),
            pagerduty: take("pagerduty-routing-key"),
            pagerduty_url: take("pagerduty-url").unwrap_or_else(|| Private::new(PAGERDUTY.to_owned())),
            sentry: take("sentry-dsn"),
        })
    }
}

/// The routing key, if it can be one; PagerDuty refuses any other.
///
/// # Errors
/// A character that no key has, such as a blank inside.
pub fn routing_key(key: &Private<String>) -> Result<&str, &'static str> {
    let key = key.expose();
    let is_key = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_key.then_some(key.as_str()).ok_or("pagerduty-routing-key holds a character that no routing key has")
}

/// The address that a DSN (`https://<key>@<host>/<project>`) stands for, and the header that goes with it.
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

/// 32 hexadecimal digits, as Sentry wants an event's id: it takes one id once.
pub fn sentry_event_id() -> String {
    let random = ring::rand::generate::<[u8; 16]>(&SystemRandom::new()).map_or([0; 16], |random| random.expose());
    format!("{:032x}", u128::from_be_bytes(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dsn_names_its_store_and_its_key() {
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
            assert!(routing_key(&Private::new(bad.to_owned())).is_err_and(|why| !why.contains(bad)), "{bad}");
        }
        assert!(sentry_event_id().len() == 32 && sentry_event_id() != sentry_event_id());
    }
}
