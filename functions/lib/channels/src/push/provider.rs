//! Client that calls push services.

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

/// Maximum time of one push in total: connecting, sending, and one more try with a shorter body.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Maximum time to open a connection in advance.
const WARM_LIMIT: Duration = Duration::from_secs(2);
/// Maximum time for an answer's body after its head, which alone decides the outcome.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// Origins that carry nearly every push. The Windows push service has one for each region.
pub const PUSH_SERVICES: [&str; 3] =
    ["https://fcm.googleapis.com", "https://updates.push.services.mozilla.com", "https://web.push.apple.com"];

/// Sends pushes. A process has one client, which keeps connections and signatures.
#[derive(Debug)]
pub struct PushClient {
    vapid: VapidCache,
    public: PublicClient,
    extra: ExtraClient,
}

/// Result of one exchange with a push service, or the reason why there was none.
struct Exchange {
    outcome: Outcome,
    status_code: Option<u16>,
    detail: Option<String>,
}

impl PushClient {
    /// Creates a client without connections.
    #[must_use]
    pub fn new(vapid: VapidCache) -> Self {
        Self { vapid, public: public_client(), extra: extra_client() }
    }

    /// Creates a client that uses HTTP/2 for extra origins.
    #[cfg(test)]
    pub(super) fn over_http2(vapid: VapidCache) -> Self {
        Self { vapid, public: public_client(), extra: super::connect::http2_client() }
    }

    /// Returns the VAPID public key in base64url, for browsers.
    #[must_use]
    pub fn public_key(&self) -> &str {
        self.vapid.key().public_key()
    }

    /// Sends `message` to one device, within 10 s in total.
    ///
    /// If the push service finds the message too large, it is shortened once and sent again. Every failure is an
    /// [`Answer`].
    pub async fn push(&self, subscription: &Subscription, message: &PushMessage, now: Timestamp) -> Answer {
        self.push_within(subscription, message, now, TIME_LIMIT).await
    }

    /// Sends as [`Self::push`] does, within `limit` if that is shorter than 10 s.
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

    /// Opens connections to `origins` (see [`PUSH_SERVICES`]), so that the first push does not wait for them.
    ///
    /// A failure is ignored here: it occurs again at the push and is reported there. The future can run in parallel
    /// with other work.
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

    /// Sends the request, and once more if the connection is lost before an answer.
    ///
    /// Three normal events appear as a lost connection:
    ///
    /// * the service closed an idle connection,
    /// * the service refused a stream because it shuts down,
    /// * the process was frozen.
    ///
    /// A push may be repeated, since its `Topic` replaces the first one.
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

/// Returns `true` if an established connection was lost before an answer.
fn is_lost(error: &ClientError) -> bool {
    !error.is_connect() && !is_no_http(error)
}

/// Outcome of a failure that a retry may overcome, without a `Retry-After`.
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
        // Read even if the body is not used: a connection with an unread answer cannot be used again.
        let patience = deadline.min(Instant::now() + BODY_TIMEOUT);
        let body = timeout_at(patience, Limited::new(response.into_body(), ANSWER_LIMIT_BYTES).collect()).await;
        let errno = body.ok().and_then(Result::ok).and_then(|body| errno(&body.to_bytes()));
        let detail = errno.filter(|_| !status.is_success()).map(|errno| format!("errno {errno}"));
        Self { outcome, status_code: Some(status.as_u16()), detail }
    }
}

/// Returns the number that distinguishes the refusals of Mozilla's push service.
///
/// The texts of such answers may repeat the endpoint, so they are not used.
fn errno(body: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Refusal {
        errno: u32,
    }
    serde_json::from_slice::<Refusal>(body).ok().map(|refusal| refusal.errno)
}
