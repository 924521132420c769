//! Translation of SES's answers into outcomes.
//!
//! Sources:
//!
//! * the SES API reference, SendRawEmail and "Common errors",
//! * the SES developer guide, "Email sending errors" and "Errors related to the sending quotas".

use crate::aws::{Refusal, rejected};
use domain::channel::{Outcome, Rejection};

/// Wait after the daily quota is spent: SES documents a wait of up to 10 minutes.
const DAILY_QUOTA_WAIT_MS: u64 = 10 * 60 * 1000;

/// Returns the outcome for SES's own codes; `None` for those that all AWS services share.
pub fn outcome(refusal: &Refusal<'_>) -> Option<Outcome> {
    Some(match refusal.short_code() {
        "Throttling" if refusal.message_contains("daily message quota") => {
            Outcome::RetryLater { after_ms: Some(DAILY_QUOTA_WAIT_MS) }
        }
        "MessageRejected" => rejected(message_rejected(refusal)),
        "MailFromDomainNotVerified"
        | "ConfigurationSetDoesNotExist"
        | "ConfigurationSetSendingPaused"
        | "AccountSendingPaused" => rejected(Rejection::Config),
        "InvalidParameterValue" if is_about_address(refusal) => rejected(Rejection::BadAddress),
        _ => return None,
    })
}

fn message_rejected(refusal: &Refusal<'_>) -> Rejection {
    if refusal.message_contains("not verified")
        || refusal.message_contains("sending paused")
        || refusal.message_contains("sending suspended")
    {
        // The sandbox, or an identity that the operator must verify.
        Rejection::Config
    } else if refusal.message_contains("too long") || refusal.message_contains("length") {
        Rejection::TooLarge
    } else if refusal.message_contains("address") {
        Rejection::BadAddress
    } else {
        Rejection::Refused
    }
}

/// Returns `true` if the refusal concerns the address.
///
/// SES's texts are: "Missing final '@domain'", "Local address contains control or whitespace", "Domain contains
/// illegal character", "Missing domain", "Missing local name", "Illegal address".
fn is_about_address(refusal: &Refusal<'_>) -> bool {
    ["domain", "address", "local name"].into_iter().any(|word| refusal.message_contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::CallFailure;

    fn meaning(status: u16, code: &str, message: &str) -> Outcome {
        CallFailure::Refused(Refusal { status, code: Some(code), message: Some(message) }).outcome(outcome)
    }

    #[test]
    fn quotas_are_waited_for() {
        let rate = meaning(400, "Throttling", "Maximum sending rate exceeded.");
        assert_eq!(rate, Outcome::RateLimited { after_ms: None });
        let daily = meaning(400, "Throttling", "Daily message quota exceeded.");
        assert_eq!(daily, Outcome::RetryLater { after_ms: Some(600_000) });
    }

    #[test]
    fn a_rejected_message_is_refused_unless_ses_names_a_reason() {
        let cases = [
            ("Email content contains a virus.", Rejection::Refused),
            ("Email address is not verified. The following identities failed the check", Rejection::Config),
            ("Sending suspended for this account.", Rejection::Config),
            ("Message length is more than 10485760 bytes long", Rejection::TooLarge),
            ("Address blacklisted.", Rejection::BadAddress),
        ];
        for (message, reason) in cases {
            assert_eq!(meaning(400, "MessageRejected", message), rejected(reason), "{message}");
        }
    }

    #[test]
    fn a_paused_or_unverified_account_is_our_configuration() {
        for code in [
            "AccountSendingPausedException",
            "ConfigurationSetDoesNotExist",
            "ConfigurationSetSendingPausedException",
            "MailFromDomainNotVerifiedException",
            "AccessDenied",
        ] {
            assert_eq!(meaning(400, code, ""), rejected(Rejection::Config), "{code}");
        }
    }

    #[test]
    fn an_invalid_parameter_is_a_bad_address_only_if_ses_names_the_address() {
        let bad = rejected(Rejection::BadAddress);
        assert_eq!(meaning(400, "InvalidParameterValue", "Missing final '@domain'"), bad);
        assert_eq!(meaning(400, "InvalidParameterValue", "Local address contains control or whitespace"), bad);
        let other = meaning(400, "InvalidParameterValue", "Duplicate header 'Subject'.");
        assert_eq!(other, rejected(Rejection::Unexpected));
    }

    #[test]
    fn a_fault_of_ses_leaves_it_uncertain() {
        assert_eq!(meaning(500, "InternalFailure", ""), Outcome::Uncertain);
        assert_eq!(meaning(503, "ServiceUnavailable", ""), Outcome::Uncertain);
    }
}
