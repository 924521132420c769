//! Causes of failed calls, for logs.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use platform::alarm::AlarmLine;

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

/// Returns an error and its sources as one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use aws_sdk_ssm::operation::get_parameters::GetParametersError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::metadata::ErrorMetadata;

    use super::*;

    type Failed = SdkError<GetParametersError, HttpResponse>;

    #[test]
    fn a_cause_is_an_error_code_or_the_kind_of_connection_failure() {
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
