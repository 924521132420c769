//! Types of notification. Each type has its own channel order, waiting times and limits.

mod definition;

pub use definition::{BudgetView, MAX_WAIT_FOR_PUSH_SECONDS, TRIES_RANGE, TypeView};

use std::fmt;
use std::sync::Arc;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize, Serializer};

use crate::channel::Channel;

/// Action after a paid attempt with the outcome `uncertain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUncertain {
    /// Ends the notification as `uncertain`. No message is paid for twice.
    Stop,
    /// Tries the next channel. The recipient may get the message on two channels.
    Next,
    /// Tries the same channel once more. The recipient may get the message twice, and the message may be paid for
    /// twice.
    Repeat,
}

/// Class of a type. It selects the defaults of the rules for quiet hours and frequency caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationClass {
    /// Sent during quiet hours, before other notifications, and also to recipients who opted out of the type.
    Critical,
    /// Caused by an action of the recipient, such as a payment.
    Transactional,
    /// Advertising.
    Marketing,
}

/// Treatment of a notification of the type during quiet hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuietHoursMode {
    /// Holds the notification until the quiet hours end.
    Respect,
    /// Sends at once.
    Bypass,
}

/// Treatment of a notification of the type by the frequency caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapMode {
    /// Counts the notification, and holds or skips it while a cap is reached.
    Respect,
    /// Counts the notification, and sends it.
    CountOnly,
    /// Neither counts nor stops the notification.
    Bypass,
}

/// Treatment of a notification that respects the caps while one is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnCap {
    /// Holds the notification until the cap allows it.
    Hold,
    /// Skips the notification.
    Skip,
}

/// Treatment of recipients who have not chosen about a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultOpt {
    /// The type is sent unless it is refused.
    In,
    /// The type is sent only to recipients who wished for it.
    Out,
}

/// State of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeState {
    /// Notifications are sent.
    Active,
    /// Notifications are held until the type is active again.
    Paused,
    /// New requests are refused. Notifications that were accepted before are sent.
    Archived,
}

/// Id of a type: the name that callers use. Stored notifications carry it, also after the type was removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(Arc<str>);

impl TypeId {
    /// Parses an id: a capital letter, then up to 63 capital letters, digits and underscores.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let begins = text.bytes().next()?.is_ascii_uppercase();
        (begins && text.len() <= MAX_ID_BYTES && text.bytes().all(is_allowed)).then(|| Self(text.into()))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for TypeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A type of notification: its defaults for a request, its rules and its budgets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationType {
    /// Id.
    pub id: TypeId,
    /// Name that recipients see on the pages for preferences and unsubscribing.
    pub title: String,
    /// Order in which channels are tried.
    pub channels: Vec<Channel>,
    /// Default lifetime in seconds, counted from the due time.
    pub default_ttl_seconds: u32,
    /// Rules for sending.
    pub rules: TypeRules,
    /// Budgets of the type itself.
    pub budgets: TypeBudgets,
    /// `true` if the preference page shows the type.
    pub visible_in_preferences: bool,
    /// Name of the template of a message that names neither a template nor a content.
    pub template: Option<String>,
}

/// Rules of a type for sending, as they are in force at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeRules {
    /// Maximum number of attempts on one channel (for push: on one device) while the provider answers "later" and
    /// another channel remains. The last remaining channel gets three times as many. Operators may change the number.
    pub tries: u32,
    /// Action after a paid attempt with the outcome `uncertain`. Operators may change it.
    pub on_uncertain: OnUncertain,
    /// Time to wait for a failing push service before a paid channel is tried. `None` does not wait. Operators may
    /// change it.
    pub wait_for_push: Option<SignedDuration>,
    /// Time that an accepted message may stay without proof of delivery before the next channel is tried. `None`
    /// requires no proof.
    pub escalate_after: Option<SignedDuration>,
    /// Class. A critical notification has priority over others.
    pub class: NotificationClass,
    /// Treatment during quiet hours.
    pub quiet_hours: QuietHoursMode,
    /// Treatment by the frequency caps.
    pub cap: CapMode,
    /// Treatment while a frequency cap is reached.
    pub on_cap: OnCap,
    /// Treatment of recipients who have not chosen about the type.
    pub default_opt: DefaultOpt,
    /// State of the type.
    pub state: TypeState,
}

/// Budgets of one type, in micro-euro. `None` means that the type has no budget of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TypeBudgets {
    /// Budget of one notification, for all its attempts together.
    pub message_micros: Option<u64>,
    /// Budget of all notifications of the type on one UTC day.
    pub day_micros: Option<u64>,
}

/// Maximum lifetime: 28 days, which is also the longest time that a push service keeps a message.
pub const MAX_TTL_SECONDS: u32 = 28 * 24 * 3_600;

/// Maximum of any budget: a billion euros.
pub const MAX_BUDGET_MICROS: u64 = 1_000_000_000_000_000;

/// Maximum length of an id.
const MAX_ID_BYTES: usize = 64;

/// Rules of the type of a request that names none. They also hold for a stored notification whose type was removed.
pub(crate) const DEFAULT_RULES: TypeRules = TypeRules {
    tries: 4,
    on_uncertain: OnUncertain::Stop,
    wait_for_push: None,
    escalate_after: None,
    class: NotificationClass::Transactional,
    quiet_hours: QuietHoursMode::Respect,
    cap: CapMode::CountOnly,
    on_cap: OnCap::Hold,
    default_opt: DefaultOpt::In,
    state: TypeState::Active,
};
/// Lifetime of a notification whose type and request name none: one day.
const DEFAULT_TTL_SECONDS: u32 = 24 * 3_600;
/// Types that require e-mail before SMS in any order: the proof of delivery of an e-mail costs less than an SMS.
const EMAIL_BEFORE_SMS: [&str; 2] = ["CERTIFICATE_EXPIRING", "PAYMENT_DUE"];

impl TypeRules {
    /// Returns `true` if notifications of the type go before others.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.class == NotificationClass::Critical
    }
}

impl NotificationType {
    /// Id of the type of a request that names none.
    pub const DEFAULT: &'static str = "DEFAULT";

    /// Returns the built-in types.
    #[must_use]
    pub fn built_in() -> Vec<Self> {
        vec![
            Self::of_defaults(Self::DEFAULT, "General notifications"),
            Self {
                default_ttl_seconds: 7 * 24 * 3_600,
                ..Self::with_proof(
                    "CERTIFICATE_EXPIRING",
                    "Certificates about to expire",
                    SignedDuration::from_hours(24),
                )
            },
            Self {
                default_ttl_seconds: 3 * 24 * 3_600,
                ..Self::with_proof("PAYMENT_DUE", "Payments due", SignedDuration::from_hours(4))
            },
        ]
    }

    fn of_defaults(id: &str, title: &str) -> Self {
        Self {
            id: TypeId(id.into()),
            title: title.to_owned(),
            channels: Channel::ALL.to_vec(),
            default_ttl_seconds: DEFAULT_TTL_SECONDS,
            rules: DEFAULT_RULES,
            budgets: TypeBudgets::default(),
            visible_in_preferences: true,
            template: None,
        }
    }

    /// Returns a type that requires proof of delivery, waits for push and tries e-mail before SMS.
    fn with_proof(id: &str, title: &str, escalate_after: SignedDuration) -> Self {
        Self {
            rules: TypeRules {
                tries: 6,
                wait_for_push: Some(SignedDuration::from_mins(10)),
                escalate_after: Some(escalate_after),
                ..DEFAULT_RULES
            },
            ..Self::of_defaults(id, title)
        }
    }

    /// Returns `true` for a type that the service itself defines. It exists without a stored row.
    #[must_use]
    pub fn is_built_in(id: &TypeId) -> bool {
        Self::built_in().iter().any(|kind| kind.id == *id)
    }

    fn needs_email_before_sms(&self) -> bool {
        EMAIL_BEFORE_SMS.contains(&self.id.as_str())
    }

    /// Checks a channel order for this type.
    ///
    /// # Errors
    /// Returns the rule that the order violates.
    pub fn check_order(&self, channels: &[Channel]) -> Result<(), ChannelOrderError> {
        let place = |wanted| channels.iter().position(|channel| *channel == wanted);
        if channels.is_empty() || channels.len() > Channel::ALL.len() {
            return Err(ChannelOrderError::Count);
        }
        if channels.iter().enumerate().any(|(at, channel)| channels[..at].contains(channel)) {
            return Err(ChannelOrderError::Repeated);
        }
        match (place(Channel::Email), place(Channel::Sms)) {
            (email, Some(sms)) if self.needs_email_before_sms() && email.is_none_or(|email| email > sms) => {
                Err(ChannelOrderError::SmsFirst)
            }
            _ => Ok(()),
        }
    }
}

/// Rule that the channels of a type or of a notification violate, as a sentence for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChannelOrderError {
    /// No channel, or more than there are.
    #[error("must name 1 to 3 channels")]
    Count,
    /// The same channel twice.
    #[error("must name each channel once")]
    Repeated,
    /// SMS without e-mail before it, for a type that must try e-mail first.
    #[error("must name email before sms for this type")]
    SmsFirst,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use Channel::{Email, Push, Sms};

    #[test]
    fn built_in_types_keep_their_own_rules() {
        for kind in NotificationType::built_in() {
            assert_eq!(kind.check_order(&kind.channels), Ok(()));
            assert!(kind.default_ttl_seconds <= MAX_TTL_SECONDS);
            assert_eq!(TypeId::parse(kind.id.as_str()), Some(kind.id));
        }
    }

    #[test]
    fn an_id_is_capitals_digits_and_underscores() {
        let longest = "A".repeat(64);
        for id in ["A", "A_1", "PAYMENT_DUE", &longest] {
            assert_eq!(TypeId::parse(id).map(|id| id.to_string()).as_deref(), Some(id));
        }
        for invalid in ["", "_A", "1A", "a", "Payment", "PAYMENT-DUE", "A ", "Ä", &"A".repeat(65)] {
            assert_eq!(TypeId::parse(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn email_comes_before_sms_if_the_type_requires_it() {
        let [default, _, payment] = NotificationType::built_in().try_into().unwrap();
        for refused in [&[Sms][..], &[Sms, Email], &[Push, Sms], &[Push, Sms, Email]] {
            assert!(payment.check_order(refused).is_err(), "{refused:?}");
        }
        for allowed in [&[Email][..], &[Push], &[Email, Sms, Push]] {
            assert_eq!(payment.check_order(allowed), Ok(()));
        }
        assert_eq!(default.check_order(&[Sms, Email]), Ok(()));
        assert!(default.check_order(&[]).is_err());
        assert!(default.check_order(&[Push, Push]).is_err());
    }
}
