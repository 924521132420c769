//! The states of a notification and the reasons that go with them.

use serde::{Deserialize, Serialize};

/// Where a notification stands. Skipped is not failed, and sent is not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// `send_at` is ahead.
    Scheduled,
    /// A gate holds it back until a known time.
    Held,
    /// Leased by a running function.
    Sending,
    /// A later attempt is due.
    Cascading,
    /// A provider took it.
    Accepted,
    /// The device or the provider confirmed it.
    Delivered,
    /// Every channel was tried or impossible, and none took it.
    Failed,
    /// A gate said no.
    Skipped,
    /// The caller withdrew it.
    Cancelled,
    /// Its lifetime ended first.
    Expired,
    /// A paid send whose outcome is unknown.
    Uncertain,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 11] = [
        Self::Scheduled,
        Self::Held,
        Self::Sending,
        Self::Cascading,
        Self::Accepted,
        Self::Delivered,
        Self::Failed,
        Self::Skipped,
        Self::Cancelled,
        Self::Expired,
        Self::Uncertain,
    ];

    /// Whether nothing more will be tried.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Scheduled | Self::Held | Self::Sending | Self::Cascading)
    }

    /// Whether an operator should look at it: what the index `attention` holds.
    #[must_use]
    pub const fn needs_attention(self) -> bool {
        matches!(self, Self::Failed | Self::Uncertain | Self::Expired)
    }

    /// The name callers see and tables hold.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Held => "held",
            Self::Sending => "sending",
            Self::Cascading => "cascading",
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Uncertain => "uncertain",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// Why a notification is in the state it is in: the `reason` of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Skipped: version 2 was switched off before it was done.
    Rollout,
    /// Skipped: nobody registered this recipient.
    UnknownRecipient,
    /// Skipped: the recipient does not want this type.
    OptedOut,
    /// Skipped: no channel they agreed to has an address.
    NoChannel,
    /// Held: it is night where the recipient is.
    QuietHours,
    /// Skipped: only the budget stood in the way.
    Budget,
    /// Skipped: a newer message of its topic was taken before it was.
    Superseded,
    /// Failed: every device or address turned out to be gone.
    Gone,
    /// Failed: the last provider refused it for good.
    Rejected,
    /// Failed: the last provider kept saying "later".
    RetriesSpent,
    /// Uncertain: the paid call's outcome was lost.
    OutcomeUnknown,
    /// Expired: its lifetime ended first.
    Lifetime,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::Rollout,
        Self::UnknownRecipient,
        Self::OptedOut,
        Self::NoChannel,
        Self::QuietHours,
        Self::Budget,
        Self::Superseded,
        Self::Gone,
        Self::Rejected,
        Self::RetriesSpent,
        Self::OutcomeUnknown,
        Self::Lifetime,
    ];

    /// The code callers see and tables hold.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rollout => "rollout",
            Self::UnknownRecipient => "unknown_recipient",
            Self::OptedOut => "opted_out",
            Self::NoChannel => "no_channel",
            Self::QuietHours => "quiet_hours",
            Self::Budget => "budget",
            Self::Superseded => "superseded",
            Self::Gone => "gone",
            Self::Rejected => "rejected",
            Self::RetriesSpent => "retries_spent",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Lifetime => "lifetime",
        }
    }

    /// The reason with this code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_api_and_read_back() {
        for status in Status::ALL {
            assert_eq!(serde_json::json!(status), status.as_str());
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        for reason in Reason::ALL {
            assert_eq!(serde_json::json!(reason), reason.as_str());
            assert_eq!(Reason::parse(reason.as_str()), Some(reason));
        }
        assert_eq!(Status::parse("sent"), None);
    }

    #[test]
    fn only_unfinished_states_are_worked_on_and_only_bad_endings_listed() {
        let open = Status::ALL.into_iter().filter(|status| !status.is_final()).count();
        assert_eq!(open, 4);
        assert!(Status::ALL.into_iter().filter(|status| status.needs_attention()).all(Status::is_final));
    }
}
