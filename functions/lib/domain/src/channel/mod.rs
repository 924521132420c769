//! The three ways to a person, and the one language in which each reports back.
//!
//! Every channel folder has the same files: `message.rs` (what is sent, pure), `provider.rs` (the one place that calls
//! out) and `answer.rs` (the provider's answer as an [`Outcome`]). Nothing outside a channel's folder sees an HTTP code.

mod countries;
pub mod country;
mod email_address;
pub mod link;
mod mobiles;
mod phone;
pub mod prices;
pub mod push;

pub use countries::has_calling_code;
pub use email_address::{EmailAddress, EmailAddressError, is_domain_name};
pub use mobiles::NotMobile;
pub use phone::{MobileNumberError, PhoneNumber, PhoneNumberError};

use std::fmt;

use serde::{Deserialize, Serialize};

/// A way to reach a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Web push (RFC 8030), free.
    Push,
    /// E-mail by SES, paid.
    Email,
    /// SMS by SNS, paid.
    Sms,
}

impl Channel {
    /// The built-in order: cheapest first.
    pub const ALL: [Self; 3] = [Self::Push, Self::Email, Self::Sms];

    /// Whether each send costs money, so that it may be called at most once.
    #[must_use]
    pub const fn is_paid(self) -> bool {
        !matches!(self, Self::Push)
    }

    /// Who answers for a paid channel; a push attempt names its push service's host instead.
    #[must_use]
    pub const fn provider(self) -> &'static str {
        match self {
            Self::Push => "web-push",
            Self::Email => "ses",
            Self::Sms => "sns",
        }
    }

    /// The name callers use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }

    /// The channel with this name.
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

/// What an attempt means for the notification. The cascade matches on this and on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The provider took the message.
    Accepted,
    /// Not now; trying again may help.
    RetryLater {
        /// How long the provider asked us to wait, already clamped; `None` leaves it to our own backoff.
        after_ms: Option<u64>,
    },
    /// The address no longer exists.
    Gone,
    /// Trying again with the same message will not help.
    Rejected {
        /// Why.
        reason: Rejection,
    },
    /// The call may or may not have reached the provider (paid channels only).
    Uncertain,
}

/// Why a provider, or our own check before calling it, said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// The fault is ours: key, clock, credentials, sandbox, identity. Raises an alarm line.
    Config,
    /// The message is too large even after shortening.
    TooLarge,
    /// The address is not one the provider can deliver to.
    BadAddress,
    /// The provider refuses the content or the destination.
    Refused,
    /// An answer the provider's contract does not know.
    Unexpected,
}

impl Rejection {
    /// The code that stands in an attempt's `detail`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::TooLarge => "too_large",
            Self::BadAddress => "bad_address",
            Self::Refused => "refused",
            Self::Unexpected => "unexpected",
        }
    }
}

/// One provider call, as the history keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it means.
    pub outcome: Outcome,
    /// Who answered: the push service's host, `ses` or `sns`.
    pub provider: String,
    /// The HTTP status, when there was one.
    pub status_code: Option<u16>,
    /// From just before the call to its answer.
    pub latency_ms: u64,
    /// A short reason for people, free of personal data: an error code, never a provider's whole text.
    pub detail: Option<String>,
}
