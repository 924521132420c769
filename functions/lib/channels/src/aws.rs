//! Result of a call to a paid AWS provider, classified by whether the message may have been sent.
//!
//! A paid send is called at most once, so the SDK's own retries are off. A failure leads to a retry only if it is
//! certain that the provider did not take the message.

#[cfg(test)]
pub mod fake;

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
    BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use jiff::Timestamp;

use super::retry_after::wait_ms;
use aws::has_expired;
use domain::channel::{Answer, Outcome, Rejection};

/// Maximum length of an error code; real ones are shorter.
const MAX_CODE_CHARS: usize = 64;

/// Time limits of one call.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum time to connect, name lookup and TLS included.
    pub connect: Duration,
    /// Maximum time of the whole call.
    pub call: Duration,
}

impl Limits {
    /// Limits of a paid call, which leave room for the rest of an invocation's 8 s.
    pub const PAID: Self = Self { connect: Duration::from_secs(2), call: Duration::from_secs(6) };

    /// Returns the limits as the SDK's time-out configuration.
    pub fn timeouts(self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.connect)
            .operation_attempt_timeout(self.call)
            .operation_timeout(self.call)
            .build()
    }

    /// Returns a configuration of one try: a retry after a time-out would be a second send.
    pub fn retries() -> RetryConfig {
        RetryConfig::disabled()
    }
}

/// Failure of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFailure<'a> {
    /// The request could not be built: a fault in this code.
    NotBuilt,
    /// No credentials, no region or no endpoint: nothing was sent, and the configuration is at fault.
    NotReady,
    /// No connection was made, so nothing was sent.
    NotConnected,
    /// The request was sent, and no answer came back: the provider may or may not have taken the message.
    Lost,
    /// The provider refused the request.
    Refused(Refusal<'a>),
}

/// Refusal by the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// HTTP status.
    pub status: u16,
    /// Error code, unless the answer could not be read.
    pub code: Option<&'a str>,
    /// Free text of the provider, used only to distinguish cases of one code. It is never logged or stored.
    pub message: Option<&'a str>,
}

impl<'a> Refusal<'a> {
    /// Returns the error code without the ending `Exception`, which some protocols and SDKs add; empty if there is no
    /// code.
    pub fn short_code(&self) -> &'a str {
        let code = self.code.unwrap_or_default();
        code.strip_suffix("Exception").unwrap_or(code)
    }

    /// Returns `true` if the provider's free text contains these words, in any case. `words` must be in lower case.
    pub fn message_contains(&self, words: &str) -> bool {
        self.message.is_some_and(|message| message.to_ascii_lowercase().contains(words))
    }
}

impl CallFailure<'_> {
    /// Returns the outcome. `own` classifies the codes of one provider; other codes are classified as all AWS
    /// services share them.
    pub fn outcome(&self, own: fn(&Refusal<'_>) -> Option<Outcome>) -> Outcome {
        match self {
            Self::NotBuilt => rejected(Rejection::Unexpected),
            Self::NotReady => rejected(Rejection::Config),
            Self::NotConnected => Outcome::RetryLater { after_ms: None },
            Self::Lost => Outcome::Uncertain,
            Self::Refused(refusal) => refused(refusal, own),
        }
    }

    /// Returns the error code, or a word of this service for the case.
    fn detail(&self) -> String {
        let code = match self {
            Self::NotBuilt => "request_not_built",
            Self::NotReady => "request_not_ready",
            Self::NotConnected => "not_connected",
            Self::Lost => "no_answer",
            Self::Refused(refusal) => refusal.code.unwrap_or("unreadable_answer"),
        };
        let is_code = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
        // A text that is no code may contain anything, so it is replaced.
        if code.len() <= MAX_CODE_CHARS && code.chars().all(is_code) { code.to_owned() } else { "odd_code".to_owned() }
    }
}

/// Refusal of the account's rate, without a time to wait.
pub const RATE_LIMITED: Outcome = Outcome::RateLimited { after_ms: None };

/// Returns the outcome of a rejection.
pub const fn rejected(reason: Rejection) -> Outcome {
    Outcome::Rejected { reason }
}

/// Classifies the codes that AWS services share.
///
/// Sources: the page "Common errors" of the AWS Query API references, and the SDK's own list of throttling codes.
fn refused(refusal: &Refusal<'_>, own: fn(&Refusal<'_>) -> Option<Outcome>) -> Outcome {
    if let Some(outcome) = own(refusal) {
        return outcome;
    }
    match refusal.short_code() {
        // Throttling is decided before a request is processed, whatever status and name the answer has.
        code if code.contains("Throttl") => RATE_LIMITED,
        "RequestLimitExceeded" | "TooManyRequests" | "BandwidthLimitExceeded" | "SlowDown" => RATE_LIMITED,
        // The request did not arrive in time, so it was not processed either.
        "PriorRequestNotComplete" | "RequestTimeout" => Outcome::RetryLater { after_ms: None },
        // Expired credentials are refused before the request is processed. The next process has new ones.
        _ if has_expired("a paid call", refusal.code.unwrap_or_default()) => Outcome::RetryLater { after_ms: None },
        "AccessDenied"
        | "NotAuthorized"
        | "AuthorizationError"
        | "OptInRequired"
        | "InvalidClientTokenId"
        | "UnrecognizedClient"
        | "MissingAuthenticationToken"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "InvalidSignature"
        | "InvalidSecurity"
        | "RequestExpired" => rejected(Rejection::Config),
        _ => by_status(refusal.status),
    }
}

const fn by_status(status: u16) -> Outcome {
    match status {
        429 => RATE_LIMITED,
        408 | 425 => Outcome::RetryLater { after_ms: None },
        401 | 403 => rejected(Rejection::Config),
        413 => rejected(Rejection::TooLarge),
        // A success that could not be read, or a fault of the provider: the message may have been taken.
        200..=299 | 500..=599 => Outcome::Uncertain,
        _ => rejected(Rejection::Unexpected),
    }
}

/// Observes one call inside the SDK: whether the request was handed to the connection, the status and `Retry-After`.
///
/// Limits the connection to this one call.
#[derive(Debug, Clone, Default)]
pub struct CallMonitor {
    observed: Arc<ObservedCall>,
}

#[derive(Debug, Default)]
struct ObservedCall {
    departed: AtomicBool,
    status: AtomicU16,
    retry_after: OnceLock<String>,
}

impl CallMonitor {
    /// Runs the call, which begins at `now`, and returns its answer and, on success, its output.
    ///
    /// A `Retry-After` of the answer takes precedence over the wait that `own` gives for the code.
    pub async fn run<T, E: ProvideErrorMetadata>(
        &self,
        provider: &str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        own: fn(&Refusal<'_>) -> Option<Outcome>,
        now: Timestamp,
    ) -> (Answer, Option<T>) {
        let started = Instant::now();
        let result = call.await;
        let latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let ending = result.as_ref().err().map(|error| self.ending(error));
        let status = self.observed.status.load(Ordering::Relaxed);
        let asked_ms = self.observed.retry_after.get().and_then(|value| wait_ms(value, now));
        let outcome = match ending.map_or(Outcome::Accepted, |ending| ending.outcome(own)) {
            Outcome::RetryLater { after_ms } => Outcome::RetryLater { after_ms: asked_ms.or(after_ms) },
            Outcome::RateLimited { after_ms } => Outcome::RateLimited { after_ms: asked_ms.or(after_ms) },
            other => other,
        };
        let answer = Answer {
            outcome,
            provider: provider.to_owned(),
            status_code: (status != 0).then_some(status),
            latency_ms,
            detail: ending.map(|ending| ending.detail()),
        };
        (answer, result.ok())
    }

    fn ending<'a, E: ProvideErrorMetadata>(&self, error: &'a SdkError<E, HttpResponse>) -> CallFailure<'a> {
        let departed = self.observed.departed.load(Ordering::Relaxed);
        match error {
            SdkError::ServiceError(context) => CallFailure::Refused(Refusal {
                status: context.raw().status().as_u16(),
                code: context.err().code(),
                message: context.err().message(),
            }),
            SdkError::ResponseError(context) => {
                let status = context.raw().status().as_u16();
                CallFailure::Refused(Refusal { status, code: None, message: None })
            }
            SdkError::ConstructionFailure(_) => CallFailure::NotBuilt,
            SdkError::TimeoutError(_) if !departed => CallFailure::NotConnected,
            SdkError::DispatchFailure(_) if !departed => CallFailure::NotReady,
            SdkError::DispatchFailure(failure) if failure.as_connector_error().is_some_and(|e| is_connecting(e)) => {
                CallFailure::NotConnected
            }
            _ => CallFailure::Lost,
        }
    }
}

/// Returns `true` if making a connection failed (name lookup, TCP, TLS or its time-out), so that nothing was sent.
fn is_connecting(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<hyper_util::client::legacy::Error>())
        .any(hyper_util::client::legacy::Error::is_connect)
}

impl Intercept for CallMonitor {
    fn name(&self) -> &'static str {
        "CallMonitor"
    }

    /// Gives every call its own connection.
    ///
    /// A connection from before the function was frozen may be dead, unnoticed by both sides. A request that is lost
    /// on such a connection would count as uncertain, which ends the notification.
    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().headers_mut().insert("connection", "close");
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.observed.departed.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.observed.status.store(context.response().status().as_u16(), Ordering::Relaxed);
        if let Some(value) = context.response().headers().get("retry-after") {
            // One call has one answer: nothing is set yet.
            let _ = self.observed.retry_after.set(value.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn outcome(status: u16, code: Option<&str>) -> Outcome {
        CallFailure::Refused(Refusal { status, code, message: None }).outcome(|_| None)
    }

    #[test]
    fn throttling_means_not_taken_whatever_the_status() {
        for (status, code) in [(400, "Throttling"), (503, "ThrottlingException"), (429, "Throttled")] {
            assert_eq!(outcome(status, Some(code)), RATE_LIMITED);
        }
        for code in
            ["EC2ThrottledException", "SMSThrottling", "Throttling.User", "TooManyRequestsException", "SlowDown"]
        {
            assert_eq!(outcome(503, Some(code)), RATE_LIMITED, "{code}");
        }
    }

    #[test]
    fn without_a_known_code_the_class_of_the_status_decides() {
        for status in 100..=999 {
            let expected = match status {
                408 | 425 => Outcome::RetryLater { after_ms: None },
                429 => RATE_LIMITED,
                401 | 403 => rejected(Rejection::Config),
                413 => rejected(Rejection::TooLarge),
                200..=299 | 500..=599 => Outcome::Uncertain,
                _ => rejected(Rejection::Unexpected),
            };
            assert_eq!(outcome(status, None), expected, "{status}");
            assert_eq!(outcome(status, Some("NeverHeardOf")), expected, "{status}");
        }
    }

    #[test]
    fn a_code_means_the_same_with_and_without_its_ending() {
        for code in ["AccessDenied", "Throttling", "RequestTimeout", "InvalidSignature", "UnrecognizedClient"] {
            assert_eq!(outcome(400, Some(code)), outcome(400, Some(&format!("{code}Exception"))), "{code}");
        }
        assert_eq!(outcome(400, Some("RequestTimeout")), Outcome::RetryLater { after_ms: None });
    }

    #[test]
    fn credentials_that_have_run_out_were_refused_before_anything_was_sent() {
        for code in ["ExpiredToken", "ExpiredTokenException"] {
            assert_eq!(outcome(403, Some(code)), Outcome::RetryLater { after_ms: None }, "{code}");
        }
    }

    #[test]
    fn what_only_ops_can_mend_is_our_configuration() {
        for code in ["AccessDenied", "SignatureDoesNotMatch", "InvalidClientTokenId"] {
            assert_eq!(outcome(403, Some(code)), rejected(Rejection::Config), "{code}");
        }
        assert_eq!(CallFailure::NotReady.outcome(|_| None), rejected(Rejection::Config));
    }

    #[test]
    fn a_fault_on_their_side_or_an_unreadable_success_leaves_it_uncertain() {
        for status in [200, 500, 502, 503, 504] {
            assert_eq!(outcome(status, None), Outcome::Uncertain, "{status}");
        }
        assert_eq!(outcome(500, Some("InternalFailure")), Outcome::Uncertain);
        assert_eq!(CallFailure::Lost.outcome(|_| None), Outcome::Uncertain);
    }

    #[test]
    fn only_what_certainly_did_not_leave_may_be_tried_again() {
        assert_eq!(CallFailure::NotConnected.outcome(|_| None), Outcome::RetryLater { after_ms: None });
        assert_eq!(CallFailure::NotBuilt.outcome(|_| None), rejected(Rejection::Unexpected));
        assert_eq!(outcome(400, Some("NobodyKnows")), rejected(Rejection::Unexpected));
    }

    #[test]
    fn a_providers_own_codes_come_first() {
        let refusal = Refusal { status: 400, code: Some("Throttling"), message: None };
        let own = |_: &Refusal<'_>| Some(rejected(Rejection::Refused));
        assert_eq!(CallFailure::Refused(refusal).outcome(own), rejected(Rejection::Refused));
    }

    #[test]
    fn the_detail_is_a_code_and_never_free_text() {
        let refusal = Refusal { status: 400, code: Some("Odd <ada@example.com>"), message: Some("ada@example.com") };
        assert_eq!(CallFailure::Refused(refusal).detail(), "odd_code");
        assert_eq!(CallFailure::Refused(Refusal { code: None, ..refusal }).detail(), "unreadable_answer");
    }
}
