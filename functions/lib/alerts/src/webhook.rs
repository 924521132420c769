//! The way out to Slack, PagerDuty and Sentry: one POST of JSON over https to a public address, without redirects or proxies.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::Full;

use channels::push::{ExtraClient, PublicClient, extra_client, public_client};
use platform::private::Private;

/// For one try; between two of them a sixth of it.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(3);
/// What fails as often is said again in a minute.
const TRIES: u32 = 2;

/// Posts JSON. Made when the first alert is sent, so that a cold start does nothing for it.
pub struct Webhook {
    public: PublicClient,
    /// For a local stack alone: plain http to this machine.
    local: Option<ExtraClient>,
    timeout: Duration,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("is_local", &self.local.is_some()).finish_non_exhaustive()
    }
}

/// A secret address, or part of one, and who may stand in it.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The URL.
    pub address: &'a Private<String>,
    /// The hosts that it may name; none is any name that resolves to public addresses.
    pub hosts: &'a [&'static str],
    /// A header that lets the message in.
    pub header: Option<(&'static str, &'a Private<String>)>,
}

/// Why a message did not arrive. Never names the address, which is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// No https URL of a host that it may be.
    #[error("its address is not an https URL of the service")]
    BadAddress,
    /// No connection, or no answer in time.
    #[error("it does not answer")]
    NoAnswer,
    /// Another status than 2xx.
    #[error("it answered {0}")]
    Refused(u16),
}

impl WebhookError {
    /// Whether trying again may help.
    const fn may_pass(self) -> bool {
        matches!(self, Self::NoAnswer | Self::Refused(408 | 429 | 500..))
    }
}

impl Webhook {
    /// `is_local`: AWS itself is a stand-in on this machine, and so may be those who are told.
    #[must_use]
    pub fn new(is_local: bool) -> Self {
        Self { public: public_client(), local: is_local.then(extra_client), timeout: WEBHOOK_TIMEOUT }
    }

    /// Posts `body`, and once more if that may help.
    ///
    /// # Errors
    /// When it did not arrive.
    pub async fn post(&self, target: Target<'_>, body: &serde_json::Value) -> Result<(), WebhookError> {
        let mut last = WebhookError::NoAnswer;
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(self.timeout / 6).await;
            }
            match self.try_once(target, body).await {
                Err(error) if error.may_pass() => last = error,
                other => return other,
            }
        }
        Err(last)
    }

    async fn try_once(&self, target: Target<'_>, body: &serde_json::Value) -> Result<(), WebhookError> {
        let uri: Uri = target.address.expose().trim().parse().map_err(|_| WebhookError::BadAddress)?;
        let local = self.local.as_ref().filter(|_| is_this_machine(&uri));
        if local.is_none() && !is_allowed(&uri, target.hosts) {
            return Err(WebhookError::BadAddress);
        }
        let mut request = Request::builder().method(Method::POST).uri(uri).header("content-type", "application/json");
        if let Some((name, value)) = target.header {
            request = request.header(name, value.expose());
        }
        let request = request.body(Full::from(Bytes::from(body.to_string()))).map_err(|_| WebhookError::BadAddress)?;
        let answering = async {
            match local {
                Some(local) => local.request(request).await,
                None => self.public.request(request).await,
            }
        };
        let answer = tokio::time::timeout(self.timeout, answering).await;
        let status = answer.map_err(|_| WebhookError::NoAnswer)?.map_err(|_| WebhookError::NoAnswer)?.status();
        if status.is_success() { Ok(()) } else { Err(WebhookError::Refused(status.as_u16())) }
    }
}

/// https on port 443, without user info, to one of `hosts` where there are any.
fn is_allowed(uri: &Uri, hosts: &[&str]) -> bool {
    let Some(authority) = uri.authority() else { return false };
    let host = authority.host().to_ascii_lowercase();
    let is_plain = uri.scheme_str() == Some("https")
        && authority.port_u16().unwrap_or(443) == 443
        && !authority.as_str().contains('@');
    is_plain && (hosts.is_empty() || hosts.contains(&host.as_str()))
}

fn is_this_machine(uri: &Uri) -> bool {
    uri.scheme_str() == Some("http") && matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]"))
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
