//! Errors of direct calls, and which of them another attempt may mend.

use std::error::Error;

use bytes::Bytes;
use platform::private::Private;
use serde::Deserialize;

/// Bounds of the pauses before another attempt, in milliseconds: the first one, and the last one, up to which it is
/// doubled.
const AFTER_FAILURE_MS: (i64, i64) = (50, 200);
/// The same if DynamoDB throttles its callers.
const AFTER_THROTTLING_MS: (i64, i64) = (200, 800);
/// Length of the longest code that is kept.
const CODE_LENGTH: usize = 64;

/// A failed call. The text contains neither the service's message nor the request, which contain personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The service answered with an error.
    #[error("{code}")]
    Answered {
        /// Error code, such as `ThrottlingException`, or `no code`.
        code: String,
        /// True for a status from 500 on.
        is_5xx: bool,
        /// JSON body of the answer.
        body: Private<Bytes>,
    },
    /// No complete answer arrived: a time-out or a failed connection.
    #[error("{cause}")]
    NoAnswer {
        /// The reason.
        cause: String,
    },
    /// The request could not be built. Only an error of the configuration or of this service causes it.
    #[error("the request could not be built: {cause}")]
    Unbuilt {
        /// The reason.
        cause: &'static str,
    },
}

impl CallError {
    pub(super) fn timed_out() -> Self {
        Self::NoAnswer { cause: "request has timed out".to_owned() }
    }

    pub(super) fn no_answer(error: &(dyn Error + 'static)) -> Self {
        Self::NoAnswer { cause: format!("dispatch failure: {}", crate::error_cause::chain(error)) }
    }

    pub(super) const fn unbuilt(cause: &'static str) -> Self {
        Self::Unbuilt { cause }
    }

    /// Reads the error code from the header or the body of an answer:
    /// `com.amazonaws.dynamodb.v20120810#ThrottlingException`, perhaps with `:` and a URL behind it.
    pub(super) fn answered(status: u16, kind: Option<&str>, body: Bytes) -> Self {
        #[derive(Deserialize)]
        struct Refusal {
            #[serde(rename = "__type", alias = "code")]
            kind: String,
        }
        let refusal = serde_json::from_slice::<Refusal>(&body).map(|refusal| refusal.kind);
        let kind = kind.map(str::to_owned).or(refusal.ok()).unwrap_or_default();
        let code = kind.split(':').next().unwrap_or_default().rsplit('#').next().unwrap_or_default();
        let is_code = !code.is_empty() && code.len() <= CODE_LENGTH && code.chars().all(|c| c.is_ascii_alphanumeric());
        let code = if is_code { code.to_owned() } else { "no code".to_owned() };
        Self::Answered { code, is_5xx: status >= 500, body: body.into() }
    }

    /// Returns `true` if DynamoDB may have executed the call.
    #[must_use]
    pub const fn may_be_executed(&self) -> bool {
        match self {
            Self::Answered { is_5xx, .. } => *is_5xx,
            Self::NoAnswer { .. } => true,
            Self::Unbuilt { .. } => false,
        }
    }

    /// Returns the body of the answer, which is empty if there was none.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        match self {
            Self::Answered { body, .. } => body.expose(),
            Self::NoAnswer { .. } | Self::Unbuilt { .. } => &[],
        }
    }

    /// Returns the bounds of the pause before another attempt, or `None` if another attempt would not help.
    pub(super) fn pause_bounds_ms(&self) -> Option<(i64, i64)> {
        match self {
            Self::Unbuilt { .. } => None,
            Self::NoAnswer { .. } => Some(AFTER_FAILURE_MS),
            Self::Answered { code, is_5xx, .. } => match code.strip_suffix("Exception").unwrap_or(code) {
                "Throttling" | "ProvisionedThroughputExceeded" | "RequestLimitExceeded" => Some(AFTER_THROTTLING_MS),
                "InternalServerError" | "ServiceUnavailable" | "RequestTimeout" | "ReplicatedWriteConflict" => {
                    Some(AFTER_FAILURE_MS)
                }
                _ => is_5xx.then_some(AFTER_FAILURE_MS),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> CallError {
        CallError::answered(status, None, Bytes::from(body.to_owned()))
    }

    fn code(error: CallError) -> String {
        match error {
            CallError::Answered { code, .. } => code,
            other => other.to_string(),
        }
    }

    #[test]
    fn the_code_is_read_from_the_type_and_nothing_else_of_the_answer() {
        let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"item of ada"}"#;
        assert_eq!(code(answered(400, body)), "ThrottlingException");
        assert!(!format!("{:?}", answered(400, body)).contains("ada"));
        assert_eq!(code(CallError::answered(400, Some("SlowDown:http://internal/"), Bytes::new())), "SlowDown");
        for body in ["", "item of ada", r#"{"__type":7}"#, r#"{"__type":"item of ada"}"#, r#"{"message":"ada"}"#] {
            assert_eq!(code(answered(400, body)), "no code", "{body}");
        }
        assert_eq!(code(answered(400, &format!(r#"{{"__type":"{}"}}"#, "a".repeat(65)))), "no code");
    }

    #[test]
    fn another_attempt_is_made_when_it_may_help_and_later_after_throttling() {
        let bounds = |status: u16, code: &str| answered(status, &format!(r#"{{"__type":"{code}"}}"#)).pause_bounds_ms();
        assert_eq!(bounds(400, "ThrottlingException"), Some(AFTER_THROTTLING_MS));
        assert_eq!(bounds(400, "ProvisionedThroughputExceededException"), Some(AFTER_THROTTLING_MS));
        assert_eq!(bounds(500, "InternalServerError"), Some(AFTER_FAILURE_MS));
        assert_eq!(bounds(503, ""), Some(AFTER_FAILURE_MS));
        assert_eq!(CallError::timed_out().pause_bounds_ms(), Some(AFTER_FAILURE_MS));
        for refused in ["ConditionalCheckFailedException", "ValidationException", "TransactionConflictException"] {
            assert_eq!(bounds(400, refused), None, "{refused}");
        }
        assert_eq!(CallError::unbuilt("no region").pause_bounds_ms(), None);
    }
}
