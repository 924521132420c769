//! Errors of DynamoDB calls.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::{self, TransactionCanceledException};

use super::item::MalformedItemError;
use aws::direct::CallError;
use aws::{cause, has_expired};
use platform::alarm::AlarmLine;
use platform::problem::{Problem, ProblemKind};

/// A failed call. The error text names the call and the cause. It never contains data of an item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The condition of a conditional write does not hold. Nothing was written.
    #[error("{call}: the condition does not hold")]
    ConditionFailed {
        /// Name of the SDK's call.
        call: &'static str,
    },
    /// Throttling, a timeout, a connection failure, expired credentials, or a conflict with another transaction. A
    /// retry may succeed.
    #[error("{call}: {cause}")]
    Transient {
        /// Name of the SDK's call.
        call: &'static str,
        /// Error code of the service, or the reason why no response arrived.
        cause: String,
    },
    /// A refused call: an error of this service or of the configuration. A retry does not help.
    #[error("{call}: {cause}")]
    Refused {
        /// Name of the SDK's call.
        call: &'static str,
        /// Error code of the service, or the reason why no response arrived.
        cause: String,
    },
    /// A stored item does not have the form that this version writes.
    #[error(transparent)]
    Malformed(#[from] MalformedItemError),
}

impl StoreError {
    /// Returns true if a retry of the same call may succeed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }

    /// Returns true if the call conflicted with another transaction. The SDK does not retry such a call.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Transient { cause, .. } if cause.contains("TransactionConflict"))
    }

    /// Returns true if the condition of the write did not hold.
    #[must_use]
    pub const fn is_condition_failed(&self) -> bool {
        matches!(self, Self::ConditionFailed { .. })
    }

    /// Converts the error of an SDK call, such as `PutItem`.
    pub fn of<E>(call: &'static str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match &error {
            SdkError::ServiceError(answer) => {
                let is_5xx = answer.raw().status().is_server_error();
                Self::from_service(call, answer.err().code().unwrap_or_default(), is_5xx, cause(&error))
            }
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
                Self::Transient { call, cause: cause(&error) }
            }
            _ => Self::Refused { call, cause: cause(&error) },
        }
    }

    /// Converts the error of a direct call.
    pub(crate) fn of_call(call: &'static str, error: CallError) -> Self {
        let cause = error.to_string();
        match error {
            CallError::Answered { code, is_5xx, .. } => Self::from_service(call, &code, is_5xx, cause),
            CallError::NoAnswer { .. } => Self::Transient { call, cause },
            CallError::Unbuilt { .. } => Self::Refused { call, cause },
        }
    }

    /// Converts the error of a `TransactWriteItems` call, which carries one cancellation reason for each item.
    #[must_use]
    pub fn of_transaction(error: SdkError<TransactWriteItemsError>) -> Self {
        const CALL: &str = "TransactWriteItems";
        let Some(TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Self::of(CALL, error);
        };
        let codes: Vec<_> = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
        if codes.contains(&"ConditionalCheckFailed") {
            Self::ConditionFailed { call: CALL }
        } else if codes.iter().any(|code| is_transient_code(code)) {
            Self::Transient { call: CALL, cause: codes.join(", ") }
        } else {
            Self::Refused { call: CALL, cause: codes.join(", ") }
        }
    }

    /// Converts the error of a request that could not be built. Only an error in this service causes it.
    #[must_use]
    pub fn of_build(call: &'static str, error: &BuildError) -> Self {
        Self::Refused { call, cause: error.to_string() }
    }

    fn from_service(call: &'static str, code: &str, is_5xx: bool, cause: String) -> Self {
        match code {
            "ConditionalCheckFailedException" => Self::ConditionFailed { call },
            code if is_5xx || is_transient_code(code) || has_expired(call, code) => Self::Transient { call, cause },
            _ => Self::Refused { call, cause },
        }
    }
}

impl From<StoreError> for Problem {
    /// Converts a failed call into a response for the caller. The call and the cause are logged.
    fn from(error: StoreError) -> Self {
        // After a lost race, the same request finds the new state.
        if error.is_transient() || matches!(error, StoreError::ConditionFailed { .. }) {
            tracing::warn!(%error, "DynamoDB call failed; the caller receives 503");
            Self::service_unavailable()
        } else {
            tracing::error!(alarm = AlarmLine::StoreRefused.as_str(), %error, "DynamoDB refused a call; the caller receives 500");
            Self::new(ProblemKind::Internal, "The service could not carry out the request.")
        }
    }
}

/// Returns true for a transient error code: from a response (`...Exception`) or from a cancelled transaction's reasons.
fn is_transient_code(code: &str) -> bool {
    matches!(
        code.strip_suffix("Exception").unwrap_or(code),
        "Throttling"
            | "ThrottlingError"
            | "ProvisionedThroughputExceeded"
            | "RequestLimitExceeded"
            | "TransactionConflict"
            | "TransactionInProgress"
            | "ReplicatedWriteConflict"
            | "InternalServerError"
            | "ServiceUnavailable"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::put_item::PutItemError;
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException as Cancelled;
    use aws_smithy_runtime_api::http::{Response, StatusCode};
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn answer(status: u16) -> Response<SdkBody> {
        Response::new(StatusCode::try_from(status).unwrap(), SdkBody::from("the item of ada"))
    }

    fn put(code: &str, status: u16) -> StoreError {
        let error = PutItemError::generic(ErrorMetadata::builder().code(code).message("the item of ada").build());
        StoreError::of("PutItem", SdkError::service_error(error, answer(status)))
    }

    fn cancelled(codes: &[&str]) -> StoreError {
        let reasons = codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect();
        let error = Cancelled::builder().set_cancellation_reasons(Some(reasons)).build();
        StoreError::of_transaction(SdkError::service_error(TransactionCanceledException(error), answer(400)))
    }

    #[test]
    fn a_lost_race_is_503_and_a_refused_call_500() {
        assert_eq!(Problem::from(put("ConditionalCheckFailedException", 400)).kind.status(), 503);
        assert_eq!(Problem::from(put("ThrottlingException", 400)).kind.status(), 503);
        assert_eq!(Problem::from(put("ValidationException", 400)).kind.status(), 500);
    }

    #[test]
    fn transient_errors_are_distinguished_from_permanent_ones() {
        assert!(put("ThrottlingException", 400).is_transient());
        assert!(put("ProvisionedThroughputExceededException", 400).is_transient());
        assert!(put("SomethingNew", 503).is_transient());
        assert!(put("ExpiredTokenException", 400).is_transient());
        assert!(!put("ValidationException", 400).is_transient());
        assert!(put("ConditionalCheckFailedException", 400).is_condition_failed());
        let conflict = put("TransactionConflictException", 400);
        assert!(conflict.is_transient() && conflict.is_conflict() && !put("ThrottlingException", 400).is_conflict());
    }

    #[test]
    fn the_text_contains_the_call_and_the_code_but_no_content_of_the_response() {
        let error = put("ThrottlingException", 400);
        assert_eq!(error.to_string(), "PutItem: ThrottlingException");
        assert!(!format!("{error:?}").contains("ada"));
    }

    #[test]
    fn a_time_out_is_transient() {
        let error: SdkError<PutItemError> = SdkError::timeout_error("no answer in 2 s");
        assert!(StoreError::of("PutItem", error).is_transient());
    }

    #[test]
    fn a_failed_condition_takes_precedence_in_a_transaction() {
        assert!(cancelled(&["None", "ConditionalCheckFailed", "TransactionConflict"]).is_condition_failed());
        for codes in [["TransactionConflict", "None"], ["None", "TransactionConflict"]] {
            assert!(cancelled(&codes).is_transient() && cancelled(&codes).is_conflict(), "{codes:?}");
        }
        assert!(cancelled(&["ThrottlingError"]).is_transient());
        assert_eq!(
            cancelled(&["ValidationError"]),
            StoreError::Refused { call: "TransactWriteItems", cause: "ValidationError".into() }
        );
    }

    #[test]
    fn a_transient_error_is_503_and_a_refused_call_500() {
        let transient = Problem::from(StoreError::Transient { call: "Query", cause: "ThrottlingException".to_owned() });
        assert_eq!((transient.kind.status(), transient.retry_after_seconds), (503, Some(2)));
        let refused = Problem::from(StoreError::Refused { call: "Query", cause: "AccessDeniedException".to_owned() });
        assert_eq!(refused.kind.status(), 500);
        assert!(!refused.detail.contains("AccessDenied"));
    }
}
