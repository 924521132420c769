//! Sending quota of SES: the two limits of the account in its region, and what was sent.

use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;

use crate::{SdkConfig, cause, deadline, has_expired, timeouts};
use aws_sdk_ses::error::ProvideErrorMetadata;

/// Time limit of the call. A page waits for it, so it is short.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// Sending quota of SES.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmailQuota {
    /// Recipients that the account may send to in 24 hours; `None` without a limit.
    pub per_day: Option<f64>,
    /// Recipients that the account sent to in the last 24 hours.
    pub sent: f64,
    /// Messages that the account may send in a second.
    pub per_second: f64,
}

/// Failure to read the quota.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("GetSendQuota: {0}")]
pub struct EmailQuotaError(String);

/// Reads the quota.
#[derive(Debug, Clone)]
pub struct EmailQuotaReader {
    client: aws_sdk_ses::Client,
}

impl EmailQuotaReader {
    /// Creates a client with one attempt of at most 2 s.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let config = aws_sdk_ses::config::Builder::from(config).interceptor(deadline::Deadline);
        let config = config.retry_config(RetryConfig::disabled()).timeout_config(timeouts(READ_TIMEOUT, READ_TIMEOUT));
        Self { client: aws_sdk_ses::Client::from_conf(config.build()) }
    }

    /// Returns the quota.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn read(&self) -> Result<EmailQuota, EmailQuotaError> {
        let answer = self.client.get_send_quota().send().await.map_err(|error| {
            has_expired("GetSendQuota", error.code().unwrap_or_default());
            EmailQuotaError(cause(&error))
        })?;
        // SES returns -1 for an account without a limit.
        let per_day = Some(answer.max24_hour_send()).filter(|most| *most >= 0.0);
        Ok(EmailQuota { per_day, sent: answer.sent_last24_hours(), per_second: answer.max_send_rate() })
    }
}
