//! What a provider says, later, of a message that it had taken: our own words for it, never its text.

use serde::{Deserialize, Serialize};

/// Why a message did not, or may not have, reached the person. Of two that are told the first in this order is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The person called it unwanted.
    Complaint,
    /// The person asked their provider, or ours, for no more.
    OptedOut,
    /// There is no such mailbox, or no such number.
    MailboxUnknown,
    /// The address is on a list of addresses that bounced before, which SES keeps itself.
    AddressSuppressed,
    /// It came back for good, for whatever reason.
    Bounced,
    /// The provider took it and found that it must not go out: a virus, a body that cannot be sent.
    ContentRefused,
    /// A carrier took it for spam, or bars it.
    CarrierRefused,
    /// The phone bars it.
    PhoneRefused,
    /// The carrier or the phone could not be reached.
    Unreachable,
    /// It would have cost more than it may.
    TooDear,
    /// The account may not send: its quota or spend limit is used up, or something of it is not set up.
    AccountRefused,
    /// The mailbox is full.
    MailboxFull,
    /// The mailbox, or what stands before it, does not take a message as large as this.
    MessageTooLarge,
    /// The provider tried for as long as it may.
    GivenUp,
    /// A receiver's filter found a virus in it, and said so.
    VirusReported,
    /// A receiver could not authenticate the sender, and said so.
    AuthenticationFailed,
    /// It came back, perhaps for a while; an automatic reply such as an absence note is reported as that too.
    SoftBounce,
    /// The provider does not know why.
    Unknown,
}

impl Finding {
    /// Every finding.
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

    /// The code that stands in an attempt's `detail`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complaint => "complaint",
            Self::OptedOut => "opted_out",
            Self::MailboxUnknown => "mailbox_unknown",
            Self::AddressSuppressed => "address_suppressed",
            Self::Bounced => "bounced",
            Self::ContentRefused => "content_refused",
            Self::CarrierRefused => "carrier_refused",
            Self::PhoneRefused => "phone_refused",
            Self::Unreachable => "unreachable",
            Self::TooDear => "too_dear",
            Self::AccountRefused => "account_refused",
            Self::MailboxFull => "mailbox_full",
            Self::MessageTooLarge => "message_too_large",
            Self::GivenUp => "given_up",
            Self::VirusReported => "virus_reported",
            Self::AuthenticationFailed => "authentication_failed",
            Self::SoftBounce => "soft_bounce",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a reported delivery is believed instead. SES reports an automatic reply, which only a delivered mail can
    /// cause, as a bounce without a known reason.
    #[must_use]
    pub const fn yields_to_delivery(self) -> bool {
        matches!(self, Self::SoftBounce | Self::Unknown)
    }

    /// Whether the address is of no use any more, so that the attempt counts as `gone`; else it counts as `rejected`.
    #[must_use]
    pub const fn ends_address(self) -> bool {
        matches!(
            self,
            Self::Complaint | Self::OptedOut | Self::MailboxUnknown | Self::AddressSuppressed | Self::Bounced
        )
    }
}

/// Keeps the first of two in their order, so that it does not matter which was told first.
pub fn weightier(known: &mut Option<Finding>, found: Finding) {
    *known = Some(known.map_or(found, |known| known.min(found)));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_code_is_the_one_in_the_table_and_reads_back() {
        for finding in Finding::ALL {
            assert_eq!(serde_json::json!(finding), finding.as_str());
            assert_eq!(serde_json::from_value::<Finding>(finding.as_str().into()).unwrap(), finding);
        }
        assert!(Finding::ALL.is_sorted());
    }
}
