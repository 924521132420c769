//! The one place that talks to push services.

use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Error as ClientError;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::outcome;
use super::connect::{
    ANSWER_LIMIT_BYTES, ExtraClient, PublicClient, extra_client, is_no_http, is_not_public, public_client,
};
use super::message::PushMessage;
use super::request::{SealError, sealed_request};
use super::vapid::VapidCache;
use domain::channel::push::{PushEndpoint, Subscription};
use domain::channel::{Answer, Outcome, Rejection};

/// For one push in all: connecting, sending, and trying once more with a shorter body.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// For opening a connection ahead of need.
const WARM_LIMIT: Duration = Duration::from_secs(2);
/// For an answer's body once its head is there, which says all that counts.
const BODY_PATIENCE: Duration = Duration::from_secs(1);

/// The origins that carry nearly every push; Windows gives each region its own.
pub const PUSH_SERVICES: [&str; 3] =
    ["https://fcm.googleapis.com", "https://updates.push.services.mozilla.com", "https://web.push.apple.com"];

/// Sends pushes. One per process: it keeps connections and signatures.
#[derive(Debug)]
pub struct PushClient {
    vapid: VapidCache,
    public: PublicClient,
    extra: ExtraClient,
}

/// One exchange with a push service, or what prevented it.
struct Exchange {
    outcome: Outcome,
    status_code: Option<u16>,
    detail: Option<String>,
}

impl PushClient {
    /// A client without connections yet.
    #[must_use]
    pub fn new(vapid: VapidCache) -> Self {
        Self { vapid, public: public_client(), extra: extra_client() }
    }

    /// One that speaks HTTP/2 to extra origins.
    #[cfg(test)]
    pub(super) fn over_http2(vapid: VapidCache) -> Self {
        Self { vapid, public: public_client(), extra: super::connect::http2_client() }
    }

    /// The VAPID public key in base64url, for browsers.
    #[must_use]
    pub fn public_key(&self) -> &str {
        self.vapid.key().public_key()
    }

    /// Sends `message` to one device, within 10 s in all. A message that the push service finds too large is shortened
    /// once and sent again. Every failure is an [`Answer`].
    pub async fn push(&self, subscription: &Subscription, message: &PushMessage, now: Timestamp) -> Answer {
        self.push_within(subscription, message, now, TIME_LIMIT).await
    }

    /// The same with less time.
    pub async fn push_within(
        &self,
        subscription: &Subscription,
        message: &PushMessage,
        now: Timestamp,
        limit: Duration,
    ) -> Answer {
        let started = Instant::now();
        let deadline = started + limit.min(TIME_LIMIT);
        let mut exchange = self.exchange(subscription, message, now, deadline).await;
        if exchange.outcome == (Outcome::Rejected { reason: Rejection::TooLarge })
            && let Some(shorter) = message.shortened()
        {
            exchange = self.exchange(subscription, &shorter, now, deadline).await;
        }
        Answer {
            outcome: exchange.outcome,
            provider: subscription.endpoint.provider().to_owned(),
            status_code: exchange.status_code,
            latency_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            detail: exchange.detail,
        }
    }

    /// Opens connections to `origins` (see [`PUSH_SERVICES`]), so that the first push does not wait for them. What fails
    /// here fails again, and is told, when it matters. The future may run beside everything else.
    pub fn warm(&self, origins: &[&str]) -> impl Future<Output = ()> + Send + 'static {
        let head = |origin: &&str| Request::builder().method(Method::HEAD).uri(*origin).body(Full::default()).ok();
        let opening: Vec<_> = origins.iter().filter_map(head).map(|request| self.public.request(request)).collect();
        async move {
            let _ = timeout(WARM_LIMIT, futures_util::future::join_all(opening)).await;
        }
    }

    async fn exchange(
        &self,
        subscription: &Subscription,
        message: &PushMessage,
        now: Timestamp,
        deadline: Instant,
    ) -> Exchange {
        let Ok(authorization) = self.vapid.authorization(&subscription.endpoint, now) else {
            return Exchange::unsent(Outcome::Rejected { reason: Rejection::Config }, "the VAPID signature failed");
        };
        let request = match sealed_request(subscription, message, authorization) {
            Ok(request) => request,
            Err(error) => return Exchange::unsealed(error),
        };
        match timeout_at(deadline, self.send(&subscription.endpoint, request)).await {
            Err(_) => Exchange::unsent(LATER, "timed out"),
            Ok(Err(error)) => Exchange::failed(&error),
            Ok(Ok(response)) => Exchange::answered(response, now, deadline).await,
        }
    }

    /// Sends the request, and once more if the connection is lost before an answer: so looks a connection that the service
    /// closed while it was idle, a stream that it refused because it is going away, and a process that slept. A push may be
    /// repeated, since its `Topic` replaces what came of the first.
    async fn send(
        &self,
        endpoint: &PushEndpoint,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, ClientError> {
        match self.send_once(endpoint, request.clone()).await {
            Err(error) if is_lost(&error) => self.send_once(endpoint, request).await,
            answered => answered,
        }
    }

    async fn send_once(
        &self,
        endpoint: &PushEndpoint,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, ClientError> {
        if endpoint.is_extra() { self.extra.request(request).await } else { self.public.request(request).await }
    }
}

/// Whether a connection that stood was lost before an answer.
fn is_lost(error: &ClientError) -> bool {
    !error.is_connect() && !is_no_http(error)
}

/// Trying again may help, and nobody said when.
const LATER: Outcome = Outcome::RetryLater { after_ms: None };

impl Exchange {
    fn unsent(outcome: Outcome, detail: &str) -> Self {
        Self { outcome, status_code: None, detail: Some(detail.to_owned()) }
    }

    fn unsealed(error: SealError) -> Self {
        let outcome = match error {
            SealError::Seal(ece::Error::InvalidPublicKey | ece::Error::InvalidAuthSecret) => {
                Outcome::Rejected { reason: Rejection::BadAddress }
            }
            SealError::Seal(ece::Error::PlaintextTooLong) => Outcome::Rejected { reason: Rejection::TooLarge },
            SealError::Seal(_) => LATER,
            SealError::Header => Outcome::Rejected { reason: Rejection::Unexpected },
        };
        Self::unsent(outcome, &error.to_string())
    }

    fn failed(error: &ClientError) -> Self {
        if is_not_public(error) {
            let outcome = Outcome::Rejected { reason: Rejection::BadAddress };
            return Self::unsent(outcome, "the push service's address is not public");
        }
        let detail = match error {
            error if error.is_connect() => "could not connect",
            error if is_no_http(error) => "the answer was not HTTP",
            _ => "the connection was lost",
        };
        Self::unsent(LATER, detail)
    }

    async fn answered(response: Response<Incoming>, now: Timestamp, deadline: Instant) -> Self {
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let outcome = outcome(status.as_u16(), retry_after, now);
        // Read also when nobody looks at it: a connection with an unread answer cannot be used again.
        let patience = deadline.min(Instant::now() + BODY_PATIENCE);
        let body = timeout_at(patience, Limited::new(response.into_body(), ANSWER_LIMIT_BYTES).collect()).await;
        let errno = body.ok().and_then(Result::ok).and_then(|body| errno(&body.to_bytes()));
        let detail = errno.filter(|_| !status.is_success()).map(|errno| format!("errno {errno}"));
        Self { outcome, status_code: Some(status.as_u16()), detail }
    }
}

/// The number by which Mozilla's push service tells its refusals apart; texts may repeat the endpoint and stay out.
fn errno(body: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Refusal {
        errno: u32,
    }
    serde_json::from_slice::<Refusal>(body).ok().map(|refusal| refusal.errno)
}
