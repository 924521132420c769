//! States of a notification, and the reasons for them.

use serde::{Deserialize, Serialize};

/// State of a notification. A skipped notification is not a failed one, and an accepted one is not a delivered one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// `send_at` is in the future.
    Scheduled,
    /// A gate holds the notification until a known time.
    Held,
    /// A running function has the lease.
    Sending,
    /// The next attempt is due at a later time.
    Cascading,
    /// A provider accepted the message.
    Accepted,
    /// There is proof of delivery from the device or the provider.
    Delivered,
    /// Every channel was tried or is impossible, and no provider accepted the message.
    Failed,
    /// A gate skipped the notification.
    Skipped,
    /// The caller cancelled the notification.
    Cancelled,
    /// The lifetime ended before a provider accepted the message.
    Expired,
    /// An attempt has an unknown outcome.
    Uncertain,
}

impl Status {
    /// All states.
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

    /// Returns `true` if no further attempt follows.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Scheduled | Self::Held | Self::Sending | Self::Cascading)
    }

    /// Returns `true` if an operator should look at the notification. The index `attention` holds these notifications.
    #[must_use]
    pub const fn needs_attention(self) -> bool {
        matches!(self, Self::Failed | Self::Uncertain | Self::Expired)
    }

    /// Returns the name in the API and in the tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns the status with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// Reason for a state: the field `reason` of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Skipped: version 2 was switched off before the notification was done.
    Rollout,
    /// Skipped: the recipient is not registered.
    UnknownRecipient,
    /// Skipped: the recipient opted out of this type.
    OptedOut,
    /// Skipped: no channel that the recipient allows has an address.
    NoChannel,
    /// Held: the type is paused.
    TypePaused,
    /// Held: the recipient's quiet hours are not over.
    QuietHours,
    /// Held until a slot of the frequency caps frees, or skipped because none does within the lifetime or the type does
    /// not wait.
    FrequencyCap,
    /// Skipped: a budget excluded the remaining channels.
    Budget,
    /// Skipped: a variable that the template needs is missing.
    MissingVariable,
    /// Skipped: the text is longer than the remaining channels allow.
    TooLong,
    /// Skipped: the template cannot be rendered, or its version cannot be read.
    TemplateError,
    /// Skipped: a provider accepted a newer message of the same topic first.
    Superseded,
    /// Failed: every device or address of the last channel no longer exists.
    Gone,
    /// Failed: the provider of the last channel refused the message permanently.
    Rejected,
    /// Failed: the provider of the last channel answered "later" until no attempt was left.
    RetriesSpent,
    /// Uncertain: the outcome of an attempt is not known.
    OutcomeUnknown,
    /// Expired: the lifetime ended before a provider accepted the message.
    Lifetime,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 17] = [
        Self::Rollout,
        Self::UnknownRecipient,
        Self::OptedOut,
        Self::NoChannel,
        Self::TypePaused,
        Self::QuietHours,
        Self::FrequencyCap,
        Self::Budget,
        Self::MissingVariable,
        Self::TooLong,
        Self::TemplateError,
        Self::Superseded,
        Self::Gone,
        Self::Rejected,
        Self::RetriesSpent,
        Self::OutcomeUnknown,
        Self::Lifetime,
    ];

    /// Returns the code in the API and in the tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns the reason with this code.
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
