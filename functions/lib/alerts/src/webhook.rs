//! HTTP client for Slack, PagerDuty and Sentry: a POST of JSON over https to a public address, without redirects or
//! proxies.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::Full;

use channels::push::{ExtraClient, PublicClient, extra_client, public_client};
use platform::private::Private;

/// Timeout of one attempt. The pause between two attempts is a sixth of it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// Maximum number of attempts. After them, the next scheduled run sends again.
const MAX_ATTEMPTS: u32 = 2;

/// Client that posts JSON. It is created for the first alert, so a cold start does no work for it.
pub struct Webhook {
    public: PublicClient,
    /// Client for plain http to the same machine, for a local stack only.
    local: Option<ExtraClient>,
    attempt_timeout: Duration,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("is_local", &self.local.is_some()).finish_non_exhaustive()
    }
}

/// Secret URL, and the hosts that it may contain.
#[derive(Debug, Clone, Copy)]
pub struct WebhookTarget<'a> {
    /// The URL.
    pub address: &'a Private<String>,
    /// Allowed hosts. If empty, any host that resolves to public addresses is allowed.
    pub hosts: &'a [&'static str],
    /// Authentication header.
    pub header: Option<(&'static str, &'a Private<String>)>,
}

/// Reason why a message was not delivered. It never contains the URL, which is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The URL is not an https URL of an allowed host.
    #[error("the configured URL is not an https URL of the service")]
    BadAddress,
    /// The connection failed, or there was no response before the timeout.
    #[error("no response from the service")]
    NoAnswer,
    /// The status was not 2xx.
    #[error("the service responded with status {0}")]
    Refused(u16),
}

impl WebhookError {
    /// Returns `true` if a retry may succeed.
    const fn is_retryable(self) -> bool {
        matches!(self, Self::NoAnswer | Self::Refused(408 | 429 | 500..))
    }
}

impl Webhook {
    /// Creates a client. With `is_local`, the AWS endpoint is a local one, and the URLs may be local too.
    #[must_use]
    pub fn new(is_local: bool) -> Self {
        Self { public: public_client(), local: is_local.then(extra_client), attempt_timeout: ATTEMPT_TIMEOUT }
    }

    /// Posts `body`, and retries once if that may succeed.
    ///
    /// # Errors
    /// The message was not delivered.
    pub async fn post(&self, target: WebhookTarget<'_>, body: &serde_json::Value) -> Result<(), WebhookError> {
        let mut last = WebhookError::NoAnswer;
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(self.attempt_timeout / 6).await;
            }
            match self.try_once(target, body).await {
                Err(error) if error.is_retryable() => last = error,
                other => return other,
            }
        }
        Err(last)
    }

    async fn try_once(&self, target: WebhookTarget<'_>, body: &serde_json::Value) -> Result<(), WebhookError> {
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
        let answer = tokio::time::timeout(self.attempt_timeout, answering).await;
        let status = answer.map_err(|_| WebhookError::NoAnswer)?.map_err(|_| WebhookError::NoAnswer)?.status();
        if status.is_success() { Ok(()) } else { Err(WebhookError::Refused(status.as_u16())) }
    }
}

/// Returns `true` for https on port 443 without user info, to one of `hosts`. Empty `hosts` allow each host.
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
