//! Clients of AWS.

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use platform::environment::{Environment, EnvironmentError};

use crate::config::AwsConfig;
use crate::connector::{LazyHttpClient, Trust};
use crate::deadline::Deadline;
use crate::dynamo::DynamoClient;
use crate::limits::{PAID_SEND_TIMEOUT, limits, timeouts};

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
    Ok(AwsConfig::new(limits(config), LazyHttpClient::new(trust), credentials(environment)?))
}

/// Returns the credentials of the function's role. A process keeps the credentials it was started with, because
/// Lambda replaces processes, not variables.
fn credentials(environment: &Environment) -> Result<Credentials, EnvironmentError> {
    let id = environment.required("AWS_ACCESS_KEY_ID")?;
    let secret = environment.required("AWS_SECRET_ACCESS_KEY")?;
    Ok(Credentials::new(id, secret, environment.optional("AWS_SESSION_TOKEN")?, None, "Lambda"))
}

/// Returns a DynamoDB client: up to three attempts, 2.5 s each, 6 s in total, and never beyond the
/// [`deadline`](crate::deadline) of the current work.
#[must_use]
pub fn dynamodb(config: &AwsConfig) -> DynamoClient {
    DynamoClient::new(config)
}

/// Returns an SSM client with the same limits as [`dynamodb`].
pub fn ssm(config: &SdkConfig) -> aws_sdk_ssm::Client {
    let config = aws_sdk_ssm::config::Builder::from(config).interceptor(Deadline);
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
    let config = aws_sdk_sns::config::Builder::from(config).interceptor(Deadline);
    aws_sdk_sns::Client::from_conf(config.build())
}

fn paid_send() -> TimeoutConfig {
    timeouts(PAID_SEND_TIMEOUT, PAID_SEND_TIMEOUT)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use aws_smithy_runtime_api::client::result::SdkError;

    use super::*;
    use crate::error_cause::cause;
    use crate::limits::{CONNECT_TIMEOUT, OPERATION_TIMEOUT};

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
        assert_eq!(timeouts.operation_timeout(), Some(OPERATION_TIMEOUT));
        assert_eq!(timeouts.connect_timeout(), Some(CONNECT_TIMEOUT));
    }
}
