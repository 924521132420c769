//! AWS clients, configured by hand to keep a Lambda cold start short.
//!
//! The SDK's default chain reads profile files, web identities and the instance's metadata. In Lambda, the region and
//! the credentials are environment variables, and new credentials come with a new process. For each client it
//! creates, the SDK also reads and parses every root certificate of the machine. This takes longer than all other
//! work of a start. Here the TLS side is built with the first request ([`WhenNeeded`]), and contains only AWS's own
//! five roots ([`Trust`]).

pub mod deadline;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
pub mod fake_aws;
mod function_config;
mod mail_quota;
pub mod parameters;
pub mod queue;
mod recipient_hasher;
pub mod secrets;

pub use function_config::{FunctionConfig, OperatorTables};
pub use mail_quota::MailQuotaReader;
pub use recipient_hasher::LazyKeyHasher;

use std::error::Error;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::{IdentityCache, StalledStreamProtectionConfig};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
pub use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::Builder;

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

/// Five root certificates that Amazon Trust Services requires in custom trust stores (amazontrust.com/repository):
/// Amazon Root CA 1 to 4 and Starfield Services Root CA G2. The first of them expires on 31 December 2037.
const AMAZON_ROOTS: &str = include_str!("amazon_roots.pem");
/// Prefixes of regions outside AWS's commercial partition, which may use other certificate authorities.
const OTHER_PARTITIONS: [&str; 5] = ["cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-"];

/// Returns the SDK configuration: region from `AWS_REGION`, Lambda's credentials, and `AWS_ENDPOINT_URL` if set (the
/// local stack).
///
/// # Errors
/// A variable that Lambda always sets is missing.
pub fn config(environment: &Environment) -> Result<SdkConfig, EnvironmentError> {
    let region = environment.required("AWS_REGION")?;
    let trust = Trust::of(&region, environment)?;
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials(environment)?))
        .http_client(http_client(trust));
    config.set_endpoint_url(environment.optional("AWS_ENDPOINT_URL")?);
    Ok(limits(config).build())
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
pub fn dynamodb(config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::config::Builder::from(config).interceptor(deadline::Deadline);
    aws_sdk_dynamodb::Client::from_conf(config.build())
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

/// Certificate authorities that are trusted for AWS endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// AWS's own authority; parsing takes 0.05 ms.
    Amazon,
    /// Authorities that the machine trusts; reading them adds 0.7 ms or more to every start.
    Machine,
}

impl Trust {
    /// Selects `Amazon`, with three exceptions that select `Machine`. The endpoint may belong to another party
    /// (`AWS_ENDPOINT_URL` with https). The region belongs to another partition. Or the operator sets certificates
    /// with OpenSSL's variables `SSL_CERT_FILE` or `SSL_CERT_DIR`.
    fn of(region: &str, environment: &Environment) -> Result<Self, EnvironmentError> {
        let elsewhere = environment.optional("AWS_ENDPOINT_URL")?.is_some_and(|url| url.starts_with("https:"));
        let named = environment.optional("SSL_CERT_FILE")?.or(environment.optional("SSL_CERT_DIR")?).is_some();
        let other = OTHER_PARTITIONS.iter().any(|start| region.starts_with(start));
        Ok(if elsewhere || named || other { Self::Machine } else { Self::Amazon })
    }

    fn store(self) -> TrustStore {
        match self {
            Self::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
            Self::Machine => TrustStore::default(),
        }
    }
}

/// Returns an HTTP client with rustls on ring. All clients of the process share its connection pool.
fn http_client(trust: Trust) -> SharedHttpClient {
    // Building cannot fail with these two stores. If it did, the default is the machine's store.
    let tls = TlsContext::builder().with_trust_store(trust.store()).build().unwrap_or_default();
    let https = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https();
    SharedHttpClient::new(WhenNeeded(https))
}

/// HTTP client that does not build its TLS side when an SDK client is created. It omits the SDK's check at creation,
/// which builds a connector with all root certificates and discards it.
#[derive(Debug)]
struct WhenNeeded(SharedHttpClient);

impl HttpClient for WhenNeeded {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }
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

    fn trust(region: &str, variables: &[(&str, &str)]) -> Trust {
        Trust::of(region, &Environment::given(variables.iter().copied())).unwrap()
    }

    #[test]
    fn aws_itself_is_known_by_its_own_roots_and_whatever_else_by_the_machines() {
        assert_eq!(trust("eu-south-1", &[]), Trust::Amazon);
        assert_eq!(trust("eu-south-1", &[("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")]), Trust::Amazon);
        assert_eq!(trust("eu-south-1", &[("AWS_ENDPOINT_URL", "https://aws.example.com")]), Trust::Machine);
        for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
            assert_eq!(trust("eu-south-1", &[(variable, "/etc/ours")]), Trust::Machine);
        }
        for region in
            ["cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "eusc-de-east-1"]
        {
            assert_eq!(trust(region, &[]), Trust::Machine, "{region}");
        }
    }

    #[tokio::test]
    async fn the_roots_are_certificates_that_a_connection_can_be_built_with() {
        assert_eq!(AMAZON_ROOTS.matches("BEGIN CERTIFICATE").count(), 5);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let config = config(&environment()).unwrap().into_builder();
        // Connecting builds the TLS side, which panics if the store cannot be parsed. Nothing listens on this port.
        let config = config.endpoint_url(format!("https://127.0.0.1:{port}")).retry_config(RetryConfig::disabled());
        let error = ssm(&config.build()).get_parameters().names("/p").send().await.unwrap_err();
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
