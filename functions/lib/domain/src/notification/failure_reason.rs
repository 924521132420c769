//! Reasons that a provider reports later about a message it had accepted. These are the service's own codes; the
//! provider's text is not kept.

use serde::{Deserialize, Serialize};

/// Reason why a message did not, or may not, reach the recipient. If two are reported, the first in this order is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The recipient reported the message as unwanted.
    Complaint,
    /// The recipient opted out at the provider or in this service.
    OptedOut,
    /// The mailbox or the number does not exist.
    MailboxUnknown,
    /// SES has the address on its own suppression list, because earlier messages to it bounced.
    AddressSuppressed,
    /// The message bounced permanently, for an unspecified reason.
    Bounced,
    /// The provider accepted the message and then refused to send its content: a virus, or a body that cannot be sent.
    ContentRefused,
    /// A carrier treated the message as spam, or blocks it.
    CarrierRefused,
    /// The phone blocks the message.
    PhoneRefused,
    /// The carrier or the phone could not be reached.
    Unreachable,
    /// The price would exceed the maximum price.
    TooDear,
    /// The account may not send: its quota or spend limit is used up, or its setup is incomplete.
    AccountRefused,
    /// The mailbox is full.
    MailboxFull,
    /// The mailbox, or a server before it, does not accept a message of this size.
    MessageTooLarge,
    /// The provider stopped its retries after its own time limit.
    GivenUp,
    /// A receiver's filter reported a virus.
    VirusReported,
    /// A receiver reported that it could not authenticate the sender.
    AuthenticationFailed,
    /// The message bounced, possibly for a short time. Automatic replies, such as absence notes, are reported as this
    /// too.
    SoftBounce,
    /// The provider reports no known reason.
    Unknown,
}

impl FailureReason {
    /// All findings.
    pub const ALL: [Self; 18] = [
        Self::Complaint,
        Self::OptedOut,
        Self::MailboxUnknown,
        Self::AddressSuppressed,
        Self::Bounced,
        Self::ContentRefused,
        Self::CarrierRefused,
        Self::PhoneRefused,
        Self::Unreachable,
        Self::TooDear,
        Self::AccountRefused,
        Self::MailboxFull,
        Self::MessageTooLarge,
        Self::GivenUp,
        Self::VirusReported,
        Self::AuthenticationFailed,
        Self::SoftBounce,
        Self::Unknown,
    ];

    /// Returns the code in an attempt's `detail`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns `true` if a reported delivery outweighs this finding. SES reports an automatic reply as a bounce without
    /// a known reason, and only a delivered mail can cause such a reply.
    #[must_use]
    pub const fn yields_to_delivery(self) -> bool {
        matches!(self, Self::SoftBounce | Self::Unknown)
    }

    /// Returns `true` if the address is no longer usable. The attempt then counts as `gone`; otherwise it counts as
    /// `rejected`.
    #[must_use]
    pub const fn ends_address(self) -> bool {
        matches!(
            self,
            Self::Complaint | Self::OptedOut | Self::MailboxUnknown | Self::AddressSuppressed | Self::Bounced
        )
    }
}

/// Keeps the more severe of two findings, which is the first in their order. So the order of the reports does not
/// matter.
pub fn more_severe(known: &mut Option<FailureReason>, found: FailureReason) {
    *known = Some(known.map_or(found, |known| known.min(found)));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_code_is_the_one_in_the_table_and_reads_back() {
        for finding in FailureReason::ALL {
            assert_eq!(serde_json::json!(finding), finding.as_str());
            assert_eq!(serde_json::from_value::<FailureReason>(finding.as_str().into()).unwrap(), finding);
        }
        assert!(FailureReason::ALL.is_sorted());
    }
}
