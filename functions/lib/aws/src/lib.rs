//! AWS clients, configured by hand to keep a Lambda cold start short.
//!
//! The SDK's default chain reads profile files, web identities and the instance's metadata. In Lambda, the region and
//! the credentials are environment variables, and new credentials come with a new process. For each client it
//! creates, the SDK also reads and parses every root certificate of the machine. This takes longer than all other
//! work of a start. Here the TLS side is built with the first request ([`connector`]), and contains only AWS's own
//! five roots.

mod config;
mod connector;
pub mod deadline;
pub mod direct;
mod dynamo;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
pub mod fake_aws;
mod function_config;
mod mail_quota;
pub mod parameters;
pub mod queue;
mod recipient_hasher;
pub mod secrets;

pub use config::AwsConfig;
pub use dynamo::DynamoClient;
pub use function_config::{FunctionConfig, OperatorTables};
pub use mail_quota::MailQuotaReader;
pub use recipient_hasher::LazyKeyHasher;

use std::error::Error;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{IdentityCache, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
pub use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::Builder;

use connector::{Trust, WhenNeeded};
use platform::alarm::AlarmLine;
use platform::environment::{Environment, EnvironmentError};

const CONNECT: Duration = Duration::from_secs(1);
/// Time limit of one attempt. DynamoDB and SSM answer in milliseconds. So an attempt without an answer ends early
/// enough for two more within a request.
pub const ATTEMPT: Duration = Duration::from_millis(2_500);
/// Time limit of one call with all its attempts.
pub const OPERATION: Duration = Duration::from_secs(6);
const ATTEMPTS: u32 = 3;
/// Time limit of a paid send, which has one attempt only. It is longer, because after a time-out the outcome is
/// uncertain.
pub const PAID_SEND: Duration = Duration::from_secs(6);

/// Returns the configuration of all clients: region from `AWS_REGION`, Lambda's credentials, and `AWS_ENDPOINT_URL` if
/// set (the local stack).
///
/// # Errors
/// A variable that Lambda always sets is missing.
pub fn config(environment: &Environment) -> Result<AwsConfig, EnvironmentError> {
    let region = environment.required("AWS_REGION")?;
    let trust = Trust::of(&region, environment)?;
    let mut config = SdkConfig::builder().behavior_version(BehaviorVersion::v2026_01_12()).region(Region::new(region));
    config.set_endpoint_url(environment.optional("AWS_ENDPOINT_URL")?);
    Ok(AwsConfig::new(limits(config), WhenNeeded::new(trust), credentials(environment)?))
}

/// Sets the default time limits and the number of attempts of a call. A client may override them.
pub fn limits(config: Builder) -> Builder {
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
    config
        .retry_config(retries)
        .timeout_config(timeouts(ATTEMPT, OPERATION))
        // Both cost CPU time with each call. No call streams, so its time limit ends a stalled answer too. The
        // credentials are constant, so no cache of them is needed.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .identity_cache(IdentityCache::no_cache())
}

/// Returns the credentials of the function's role. A process keeps the credentials it was started with, because
/// Lambda replaces processes, not variables.
fn credentials(environment: &Environment) -> Result<Credentials, EnvironmentError> {
    let id = environment.required("AWS_ACCESS_KEY_ID")?;
    let secret = environment.required("AWS_SECRET_ACCESS_KEY")?;
    Ok(Credentials::new(id, secret, environment.optional("AWS_SESSION_TOKEN")?, None, "Lambda"))
}

/// Returns a DynamoDB client: up to three attempts, 2.5 s each, 6 s in total, and never beyond the [`deadline`] of
/// the current work.
#[must_use]
pub fn dynamodb(config: &AwsConfig) -> DynamoClient {
    DynamoClient::new(config)
}

/// Returns an SSM client with the same limits as [`dynamodb`].
pub fn ssm(config: &SdkConfig) -> aws_sdk_ssm::Client {
    let config = aws_sdk_ssm::config::Builder::from(config).interceptor(deadline::Deadline);
    aws_sdk_ssm::Client::from_conf(config.build())
}

/// Returns an SES client: exactly one attempt of at most 6 s, because a retry after a time-out could send twice.
pub fn ses(config: &SdkConfig) -> aws_sdk_ses::Client {
    let config = aws_sdk_ses::config::Builder::from(config);
    aws_sdk_ses::Client::from_conf(config.retry_config(RetryConfig::disabled()).timeout_config(paid_send()).build())
}

/// Returns an SNS client for SMS: exactly one attempt of at most 6 s, because a retry after a time-out could send,
/// and cost, twice.
pub fn sns(config: &SdkConfig) -> aws_sdk_sns::Client {
    let config = aws_sdk_sns::config::Builder::from(config);
    aws_sdk_sns::Client::from_conf(config.retry_config(RetryConfig::disabled()).timeout_config(paid_send()).build())
}

/// Returns an SNS client for topics, with the same limits as [`dynamodb`]. A duplicate message on a topic costs
/// nothing.
pub fn topics(config: &SdkConfig) -> aws_sdk_sns::Client {
    let config = aws_sdk_sns::config::Builder::from(config).interceptor(deadline::Deadline);
    aws_sdk_sns::Client::from_conf(config.build())
}

/// Returns the cause of a failed call for logs: the service's error code (`ThrottlingException`), or the reason why
/// there was no answer (`dispatch failure: io error: ...: Connection refused`).
///
/// The text contains neither the service's message nor its raw answer. Both may repeat the request, which contains
/// personal data.
pub fn cause<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(answer) => answer.err().code().unwrap_or("no code").to_owned(),
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => chain(error),
        SdkError::ResponseError(_) => "the answer could not be read".to_owned(),
        _ => "the request could not be built".to_owned(),
    }
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Returns `true` if an AWS error code means that the role's credentials have expired. If so, it logs an alarm line,
/// because this process cannot renew them.
///
/// For the caller, the error is transient. Lambda gives every new process new credentials, and they outlive a
/// process. So either Lambda soon replaces this process, or a clock is wrong. Ending the process would be no more
/// reliable, and the response would be lost.
pub fn has_expired(call: &str, code: &str) -> bool {
    let expired = matches!(code, "ExpiredToken" | "ExpiredTokenException");
    if expired {
        tracing::error!(
            alarm = AlarmLine::CredentialsExpired.as_str(),
            call,
            code,
            "AWS rejected the expired credentials of this process"
        );
    }
    expired
}

fn timeouts(attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build()
}

fn paid_send() -> TimeoutConfig {
    timeouts(PAID_SEND, PAID_SEND)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use aws_sdk_ssm::operation::get_parameters::GetParametersError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::metadata::ErrorMetadata;

    use super::*;

    fn environment() -> Environment {
        Environment::given([
            ("AWS_REGION", "eu-south-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ])
    }

    #[test]
    fn region_and_endpoint_come_from_the_environment() {
        let config = config(&environment()).unwrap();
        assert_eq!(config.region().map(Region::as_ref), Some("eu-south-1"));
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:4566"));
        let missing = super::config(&Environment::given::<&str, &str>([])).unwrap_err();
        assert_eq!(missing, EnvironmentError::MissingVariable("AWS_REGION"));
    }

    #[tokio::test]
    async fn the_roots_are_certificates_that_a_connection_can_be_built_with() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        // Connecting builds the TLS side, which panics if the store cannot be parsed. Nothing listens on this port.
        let url = format!("https://127.0.0.1:{port}");
        let config = config(&environment()).unwrap();
        let config = config.map(|sdk| sdk.endpoint_url(url).retry_config(RetryConfig::disabled()));
        let error = ssm(&config).get_parameters().names("/p").send().await.unwrap_err();
        assert!(matches!(error, SdkError::DispatchFailure(ref failure) if failure.is_io()), "{}", cause(&error));
    }

    #[test]
    fn a_paid_send_is_never_repeated_by_the_sdk_and_a_read_is() {
        let config = config(&environment()).unwrap();
        assert_eq!(ses(&config).config().retry_config().map(RetryConfig::max_attempts), Some(1));
        assert_eq!(sns(&config).config().retry_config().map(RetryConfig::max_attempts), Some(1));
        assert_eq!(dynamodb(&config).config().retry_config().map(RetryConfig::max_attempts), Some(3));
        let timeouts = ssm(&config).config().timeout_config().cloned().unwrap();
        assert_eq!(timeouts.operation_timeout(), Some(OPERATION));
        assert_eq!(timeouts.connect_timeout(), Some(CONNECT));
    }

    type Failed = SdkError<GetParametersError, HttpResponse>;

    #[test]
    fn a_cause_is_a_code_or_what_kept_the_service_from_answering_and_nothing_it_said() {
        let answer = || HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from("{the item of ada}"));
        let said = ErrorMetadata::builder().code("ValidationException").message("ada@example.com is not valid").build();
        let refused = Failed::service_error(GetParametersError::generic(said), answer());
        assert_eq!(cause(&refused), "ValidationException");
        let garbled = Failed::response_error("unexpected token: ada", answer());
        assert_eq!(cause(&garbled), "the answer could not be read");
        let unbuilt = Failed::construction_failure("no such name: ada");
        assert_eq!(cause(&unbuilt), "the request could not be built");
        let late = Failed::timeout_error("no answer in 2 s");
        assert_eq!(cause(&late), "request has timed out: no answer in 2 s");
    }
}
