//! The way out to Slack, PagerDuty and Sentry: one POST of JSON, without redirects.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::private::Private;

/// For one call in all.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Posts JSON. Made when the first alert is sent, so that a cold start does nothing for it.
#[derive(Debug)]
pub struct Webhook(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// Why a message did not arrive. Never names the address, which is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Neither https, nor http to this machine.
    #[error("its address is not an https URL")]
    BadAddress,
    /// No connection, or no answer in time.
    #[error("it does not answer")]
    NoAnswer,
    /// Another status than 2xx.
    #[error("it answered {0}")]
    Refused(u16),
}

impl Default for Webhook {
    fn default() -> Self {
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_all_versions().build();
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }
}

impl Webhook {
    /// Posts `body`, with `authorization` as Sentry wants it where it is given.
    ///
    /// # Errors
    /// When it did not arrive.
    pub async fn post(
        &self,
        address: &Private<String>,
        body: &serde_json::Value,
        authorization: Option<(&'static str, &Private<String>)>,
    ) -> Result<(), WebhookError> {
        let uri = usable(address.expose())?;
        let mut request = Request::builder().method(Method::POST).uri(uri).header("content-type", "application/json");
        if let Some((name, value)) = authorization {
            request = request.header(name, value.expose());
        }
        let request = request.body(Full::from(body.to_string())).map_err(|_| WebhookError::BadAddress)?;
        let answer = tokio::time::timeout(TIME_LIMIT, self.0.request(request)).await;
        let status = answer.map_err(|_| WebhookError::NoAnswer)?.map_err(|_| WebhookError::NoAnswer)?.status();
        if status.is_success() { Ok(()) } else { Err(WebhookError::Refused(status.as_u16())) }
    }
}

/// https anywhere; http only to this machine, where a local stack tries it out.
fn usable(address: &str) -> Result<Uri, WebhookError> {
    let uri: Uri = address.trim().parse().map_err(|_| WebhookError::BadAddress)?;
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) | (Some("http"), Some("127.0.0.1" | "localhost" | "[::1]")) => Ok(uri),
        _ => Err(WebhookError::BadAddress),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_machine_is_called() {
        for good in ["https://hooks.slack.com/services/T/B/x", "http://127.0.0.1:9/x", " https://example.com/ "] {
            assert!(usable(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "hooks.slack.com/x",
            "http://hooks.slack.com/x",
            "ftp://example.com/",
            "https://",
            "http://127.0.0.1.example.com/",
        ] {
            assert_eq!(usable(bad).err(), Some(WebhookError::BadAddress), "{bad}");
        }
    }
}
