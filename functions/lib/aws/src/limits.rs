//! Time limits and numbers of attempts of calls.

use std::time::Duration;

use aws_sdk_dynamodb::config::{IdentityCache, StalledStreamProtectionConfig};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::sdk_config::Builder;

pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Time limit of one attempt. DynamoDB and SSM answer in milliseconds. So an attempt without an answer ends early
/// enough for two more within a request.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(2_500);
/// Time limit of one call with all its attempts.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(6);
const MAX_ATTEMPTS: u32 = 3;
/// Time limit of a paid send, which has one attempt only. It is longer, because after a time-out the outcome is
/// uncertain.
pub const PAID_SEND_TIMEOUT: Duration = Duration::from_secs(6);

/// Sets the default time limits and the number of attempts of a call. A client may override them.
pub fn limits(config: Builder) -> Builder {
    let retries = RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS);
    config
        .retry_config(retries)
        .timeout_config(timeouts(ATTEMPT_TIMEOUT, OPERATION_TIMEOUT))
        // Both cost CPU time with each call. No call streams, so its time limit ends a stalled answer too. The
        // credentials are constant, so no cache of them is needed.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .identity_cache(IdentityCache::no_cache())
}

pub(crate) fn timeouts(attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build()
}
