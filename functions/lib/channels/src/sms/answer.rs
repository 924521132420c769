//! Translation of SNS's answers into outcomes. Source: the SNS API reference, Publish and "Common errors".
//!
//! SNS mostly accepts and drops a message to a number that opted out; only its delivery log shows this. The codes
//! here apply if SNS refuses such a message.

use crate::aws::{Refusal, rejected};
use domain::channel::{Outcome, Rejection};

/// Returns the outcome for SNS's own codes; `None` for those that all AWS services share.
pub fn outcome(refusal: &Refusal<'_>) -> Option<Outcome> {
    let is_opted_out = refusal.message_contains("opted out") || refusal.message_contains("opted-out");
    Some(match refusal.short_code() {
        "OptedOut" => rejected(Rejection::Refused),
        "InvalidParameter" | "ParameterValueInvalid" | "Validation" if is_opted_out => rejected(Rejection::Refused),
        "InvalidParameter" | "ParameterValueInvalid" | "Validation" => rejected(invalid_parameter(refusal)),
        // The number is not verified in the sandbox, or a key or endpoint is not set up: the operator must act.
        "UserError" | "NotFound" | "EndpointDisabled" | "PlatformApplicationDisabled" => rejected(Rejection::Config),
        code if code.starts_with("KMS") && code != "KMSThrottling" => rejected(Rejection::Config),
        _ => return None,
    })
}

/// Classifies an invalid parameter. Only the number comes from outside; any other named parameter is this service's
/// fault.
fn invalid_parameter(refusal: &Refusal<'_>) -> Rejection {
    if refusal.message_contains("sandbox")
        || refusal.message_contains("sender")
        || refusal.message_contains("maxprice")
        || refusal.message_contains("smstype")
    {
        Rejection::Config
    } else if refusal.message_contains("too long") {
        Rejection::TooLarge
    } else {
        Rejection::BadAddress
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::CallFailure;

    fn meaning(status: u16, code: &str, message: &str) -> Outcome {
        CallFailure::Refused(Refusal { status, code: Some(code), message: Some(message) }).outcome(outcome)
    }

    #[test]
    fn an_invalid_parameter_is_the_number_unless_sns_names_another() {
        let number = "Invalid parameter: PhoneNumber Reason: +1 is not valid to publish to";
        let cases = [
            (number, Rejection::BadAddress),
            ("Invalid parameter: Message too long", Rejection::TooLarge),
            ("Invalid parameter: AWS.SNS.SMS.SenderID", Rejection::Config),
            ("The destination phone number is not verified in the sandbox", Rejection::Config),
            ("Destination phone number opted out", Rejection::Refused),
        ];
        for (message, reason) in cases {
            assert_eq!(meaning(400, "InvalidParameter", message), rejected(reason), "{message}");
        }
    }

    #[test]
    fn who_opted_out_is_not_asked_again() {
        assert_eq!(meaning(400, "OptedOut", ""), rejected(Rejection::Refused));
    }

    #[test]
    fn throttling_was_not_taken_and_a_fault_may_have_been() {
        assert_eq!(meaning(429, "Throttled", ""), Outcome::RateLimited { after_ms: None });
        assert_eq!(meaning(400, "KMSThrottling", ""), Outcome::RateLimited { after_ms: None });
        assert_eq!(meaning(500, "InternalError", ""), Outcome::Uncertain);
    }

    #[test]
    fn rights_and_keys_are_our_configuration() {
        for code in ["AuthorizationError", "InvalidSecurity", "KMSAccessDenied", "KMSNotFound", "UserError"] {
            assert_eq!(meaning(403, code, ""), rejected(Rejection::Config), "{code}");
        }
    }
}
