//! Calls of DynamoDB without the general machinery of the SDK, which takes more CPU time for a small call than all
//! other work of a send. The protocol is AWS JSON 1.0: a POST with the name of the operation and a signed JSON body.
//!
//! The limits are those of the SDK's client: attempts, the time of an attempt and of a call, and the current
//! [`deadline`]. The connections are shared with the SDK's clients.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>

mod error;
mod retry;
mod sign;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::retry::RetryConfig;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use jiff::Timestamp;
use platform::backoff;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

pub use self::error::CallError;
use self::retry::RetryQuota;
use self::sign::Signer;
use crate::config::AwsConfig;
use crate::deadline;
use crate::limits::{ATTEMPT_TIMEOUT, OPERATION_TIMEOUT};

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// Makes the direct calls of a DynamoDB client. Clones share their retry quota.
#[derive(Debug, Clone)]
pub struct DirectCalls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connector: SharedHttpConnector,
    signer: Signer,
    region: String,
    endpoint_url: Option<String>,
    endpoint: OnceCell<Uri>,
    attempts: u32,
    attempt: Duration,
    operation: Duration,
    quota: RetryQuota,
}

impl DirectCalls {
    /// Uses the region, the credentials, the limits and the connections of a configuration.
    #[must_use]
    pub fn new(config: &AwsConfig) -> Self {
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let limits = config.timeout_config();
        Self(Arc::new(Inner {
            connector: config.connector.clone(),
            signer: Signer::new(config.credentials.clone(), region.clone()),
            region,
            endpoint_url: config.endpoint_url().map(str::to_owned),
            endpoint: OnceCell::new(),
            attempts: config.retry_config().map_or(1, RetryConfig::max_attempts),
            attempt: limits.and_then(|limits| limits.operation_attempt_timeout()).unwrap_or(ATTEMPT_TIMEOUT),
            operation: limits.and_then(|limits| limits.operation_timeout()).unwrap_or(OPERATION_TIMEOUT),
            quota: RetryQuota::default(),
        }))
    }

    /// Makes a call, such as `DynamoDB_20120810.GetItem`. Returns the JSON body of the response.
    ///
    /// # Errors
    /// If the last attempt failed, or no attempt was left within the time limits.
    pub async fn call(&self, target: &'static str, body: Vec<u8>) -> Result<Bytes, CallError> {
        self.attempts(target, body, |_| true).await
    }

    /// Makes a call that must not be executed twice. After an attempt that may have been executed, none is made.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_once(&self, target: &'static str, body: Vec<u8>) -> Result<Bytes, CallError> {
        self.attempts(target, body, |error| !error.may_be_executed()).await
    }

    async fn attempts(
        &self,
        target: &'static str,
        body: Vec<u8>,
        is_repeatable: fn(&CallError) -> bool,
    ) -> Result<Bytes, CallError> {
        let inner = &*self.0;
        let left = deadline::left().map_or(inner.operation, |left| inner.operation.min(left));
        let until = Instant::now() + left;
        let body = Bytes::from(body);
        for made in 1.. {
            let left = until.saturating_duration_since(Instant::now());
            // After the deadline nothing is sent. A time-out alone would let the attempt begin.
            if left.is_zero() {
                break;
            }
            let error = match timeout(inner.attempt.min(left), inner.attempt(target, &body)).await {
                Ok(Ok(answer)) => {
                    inner.quota.refund(made);
                    return Ok(answer);
                }
                Ok(Err(error)) => error,
                Err(_) => CallError::timed_out(),
            };
            let bounds = error.pause_bounds_ms().filter(|_| is_repeatable(&error));
            let pause = bounds.map(|bounds| backoff::pause(made, bounds));
            let left = until.saturating_duration_since(Instant::now());
            let pause = pause.filter(|pause| *pause < left && made < inner.attempts && inner.quota.take());
            let Some(pause) = pause else { return Err(error) };
            tokio::time::sleep(pause).await;
        }
        Err(CallError::timed_out())
    }
}

impl Inner {
    async fn attempt(&self, target: &'static str, body: &Bytes) -> Result<Bytes, CallError> {
        let endpoint = self.endpoint.get_or_try_init(|| self.resolve()).await?;
        let connection = CaptureSmithyConnection::new();
        let mut request = self.request(endpoint, target, body)?;
        request.add_extension(connection.clone());
        let answer = self.connector.call(request).await.map_err(|error| CallError::no_answer(&error))?;
        let status = answer.status().as_u16();
        let kind = answer.headers().get("x-amzn-errortype").map(str::to_owned);
        let body = ByteStream::new(answer.into_body()).collect().await.map_err(|error| CallError::no_answer(&error))?;
        let body = body.into_bytes();
        if status < 300 {
            return Ok(body);
        }
        let error = CallError::answered(status, kind.as_deref(), body);
        // The server at the other end may be at fault: the next attempt gets another connection.
        if status >= 500
            && let Some(connection) = connection.get()
        {
            connection.poison();
        }
        Err(error)
    }

    fn request(&self, endpoint: &Uri, target: &'static str, body: &Bytes) -> Result<HttpRequest, CallError> {
        let mut request = Request::new(SdkBody::from(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint.clone();
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        headers.insert("x-amz-target", HeaderValue::from_static(target));
        self.signer.sign(headers, endpoint, body, Timestamp::now())?;
        HttpRequest::try_from(request).map_err(|_| CallError::unbuilt("the request is not valid"))
    }

    /// Returns the address of DynamoDB in this region.
    async fn resolve(&self) -> Result<Uri, CallError> {
        let parameters = Params::builder().region(self.region.clone()).set_endpoint(self.endpoint_url.clone()).build();
        let parameters = parameters.map_err(|_| CallError::unbuilt("the region is not valid"))?;
        let endpoint = DefaultResolver::new().resolve_endpoint(&parameters).await;
        let endpoint = endpoint.map_err(|_| CallError::unbuilt("the region has no endpoint"))?;
        let url = endpoint.url().trim_end_matches('/');
        format!("{url}/").parse().map_err(|_| CallError::unbuilt("the endpoint is not a URL"))
    }
}

#[cfg(test)]
mod tests;
