//! Reasons of failures and skips in words.

use domain::notification::Reason;

/// Returns the meaning of a reason; empty if it is not known.
#[must_use]
pub fn meaning(reason: &str) -> &'static str {
    let Some(known) = Reason::parse(reason) else {
        return if reason == "cancelled" { "it was cancelled" } else { "" };
    };
    match known {
        Reason::Rollout => "version 2 was switched off first",
        Reason::UnknownRecipient => "the recipient is not registered",
        Reason::OptedOut => "the recipient opted out of the type",
        Reason::NoChannel => "no allowed channel has an address",
        Reason::TypePaused => "the type is paused",
        Reason::QuietHours => "quiet hours are not over",
        Reason::FrequencyCap => "a frequency cap was used up",
        Reason::Budget => "a budget excluded the remaining channels",
        Reason::MissingVariable => "a variable of the template has no value",
        Reason::TooLong => "the text is too long for the remaining channels",
        Reason::TemplateError => "the template cannot be rendered",
        Reason::Superseded => "a newer message of the topic was accepted first",
        Reason::Gone => "every device or address no longer exists",
        Reason::Rejected => "the provider refused the message for good",
        Reason::RetriesSpent => "the provider answered \"later\" until no attempt was left",
        Reason::OutcomeUnknown => "a paid send has an unknown outcome: a retry may send it twice",
        Reason::Lifetime => "the lifetime ended first",
    }
}

/// Returns `true` if the API accepts the reason, so that its people can be retried.
#[must_use]
pub fn is_retriable(reason: &str) -> bool {
    Reason::parse(reason).is_some()
}
