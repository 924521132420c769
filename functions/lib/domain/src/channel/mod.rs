//! The three channels, and the common types in which each reports its results.
//!
//! Every channel's folder in the crate `channels` has the same files: `message.rs` (builds the message, pure),
//! `provider.rs` (calls the provider) and `answer.rs` (converts the provider's answer to an [`Outcome`]). Nothing
//! outside a channel's folder handles its provider's HTTP codes.

mod countries;
pub mod country;
mod email_address;
pub mod link;
mod mail_quota;
mod mobiles;
mod phone;
pub mod prices;
pub mod push;

pub use countries::has_calling_code;
pub use email_address::{EmailAddress, EmailAddressError, is_domain_name};
pub use mail_quota::MailQuota;
pub use mobiles::NotMobileError;
pub use phone::{MobileNumberError, PhoneNumber, PhoneNumberError};

use std::fmt;

use serde::{Deserialize, Serialize};

/// Way to reach a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Web push (RFC 8030), free.
    Push,
    /// E-mail via SES, paid.
    Email,
    /// SMS via SNS, paid.
    Sms,
}

impl Channel {
    /// All channels in the built-in order: cheapest first.
    pub const ALL: [Self; 3] = [Self::Push, Self::Email, Self::Sms];

    /// Returns `true` if each send costs money, so that it may be called at most once.
    #[must_use]
    pub const fn is_paid(self) -> bool {
        !matches!(self, Self::Push)
    }

    /// Returns the provider's name. For push, an attempt records the push service's host instead.
    #[must_use]
    pub const fn provider(self) -> &'static str {
        match self {
            Self::Push => "web-push",
            Self::Email => "ses",
            Self::Sms => "sns",
        }
    }

    /// Returns the name that callers use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }

    /// Returns the channel with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == name)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Result of an attempt. The cascade decides by this value only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The provider accepted the message.
    Accepted,
    /// The provider cannot accept the message now; a retry may succeed.
    RetryLater {
        /// Time that the provider asked to wait, already limited to the allowed range. `None` selects the service's
        /// own backoff.
        after_ms: Option<u64>,
    },
    /// The account sends faster than its quota, so the call was refused before the message was read (paid channels
    /// only). The refusal concerns neither the message nor the provider's health.
    RateLimited {
        /// Time that the provider asked to wait, if it named one.
        after_ms: Option<u64>,
    },
    /// The address no longer exists.
    Gone,
    /// A retry with the same message will not succeed.
    Rejected {
        /// Reason of the rejection.
        reason: Rejection,
    },
    /// The provider may or may not have taken the message (paid channels only).
    Uncertain,
}

/// Reason of a rejection by a provider, or by a check before the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// The service itself is at fault: key, clock, credentials, sandbox or identity. The service logs an alarm line.
    Config,
    /// The message is too large even after it was shortened.
    TooLarge,
    /// The provider cannot deliver to this address.
    BadAddress,
    /// The provider refuses the content or the destination.
    Refused,
    /// The provider's documentation does not describe this answer.
    Unexpected,
}

impl Rejection {
    /// Returns the code that an attempt's `detail` contains.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Result of one provider call, as the notification's history stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Meaning of the answer.
    pub outcome: Outcome,
    /// Provider that answered: the push service's host, `ses` or `sns`.
    pub provider: String,
    /// HTTP status, if there was one.
    pub status_code: Option<u16>,
    /// Time from just before the call to its answer, in milliseconds.
    pub latency_ms: u64,
    /// Short reason for people, without personal data: an error code, never a provider's whole text.
    pub detail: Option<String>,
}
