//! Types of notification. Each type has its own channel order, waiting times and limits.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

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

/// A type of notification with its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationType {
    /// Name that callers use.
    pub name: &'static str,
    /// Name that recipients see on the page for unsubscribing.
    pub title: &'static str,
    /// Order in which channels are tried.
    pub channels: &'static [Channel],
    /// Requires e-mail before SMS in any order that a caller gives.
    pub email_before_sms: bool,
    /// Time that an accepted message may stay without proof of delivery before the next channel is tried. `None`
    /// requires no proof.
    pub escalate_after: Option<SignedDuration>,
    /// Maximum number of attempts on one channel (for push: on one device) while the provider answers "later" and
    /// another channel remains. The last remaining channel gets three times as many. Operators may change the number.
    pub tries: u32,
    /// Default lifetime in seconds, counted from the due time.
    pub default_ttl_seconds: u32,
    /// Action after a paid attempt with the outcome `uncertain`. Operators may change it.
    pub on_uncertain: OnUncertain,
    /// Time to wait for a failing push service before a paid channel is tried. `None` does not wait. Operators may
    /// change it.
    pub wait_for_push: Option<SignedDuration>,
    /// Sends during quiet hours, and gives the notification priority over others.
    pub critical: bool,
}

/// Rules of a type that operators may change without a deploy, as they are in force at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Maximum number of attempts on one channel (for push: on one device) while the provider answers "later".
    pub tries: u32,
    /// Action after a paid attempt with the outcome `uncertain`.
    pub on_uncertain: OnUncertain,
    /// Time to wait for a failing push service before a paid channel is tried. `None` does not wait.
    pub wait_for_push: Option<SignedDuration>,
}

/// Maximum lifetime: 28 days, which is also the longest time that a push service keeps a message.
pub const MAX_TTL_SECONDS: u32 = 28 * 24 * 3_600;

/// Maximum length, in bytes, of an unknown name that is compared with the known names. `MAX_TYPOS` is the maximum
/// number of characters in which a suggestion may differ.
const MAX_COMPARED: usize = 64;
const MAX_TYPOS: usize = 2;

/// A name that no type has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownType {
    nearest: Option<&'static str>,
}

impl fmt::Display for UnknownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.nearest {
            return write!(f, "is not a known type; did you mean {name}?");
        }
        let names: Vec<_> = NotificationType::all().iter().map(|kind| kind.name).collect();
        write!(f, "is not a known type, which are {}", names.join(", "))
    }
}

/// Returns the Levenshtein distance in bytes: the number of single changes, additions or removals from one text to the
/// other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, left) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, right) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(left != right);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

const BUILT_IN: [NotificationType; 3] = [
    NotificationType {
        name: "DEFAULT",
        title: "General notifications",
        channels: &Channel::ALL,
        email_before_sms: false,
        escalate_after: None,
        tries: 4,
        default_ttl_seconds: 24 * 3_600,
        on_uncertain: OnUncertain::Stop,
        wait_for_push: None,
        critical: false,
    },
    NotificationType {
        name: "CERTIFICATE_EXPIRING",
        title: "Certificates about to expire",
        channels: &Channel::ALL,
        email_before_sms: true,
        escalate_after: Some(SignedDuration::from_hours(24)),
        tries: 6,
        default_ttl_seconds: 7 * 24 * 3_600,
        on_uncertain: OnUncertain::Stop,
        wait_for_push: Some(SignedDuration::from_mins(10)),
        critical: false,
    },
    NotificationType {
        name: "PAYMENT_DUE",
        title: "Payments due",
        channels: &Channel::ALL,
        email_before_sms: true,
        escalate_after: Some(SignedDuration::from_hours(4)),
        tries: 6,
        default_ttl_seconds: 3 * 24 * 3_600,
        on_uncertain: OnUncertain::Stop,
        wait_for_push: Some(SignedDuration::from_mins(10)),
        critical: false,
    },
];

impl NotificationType {
    /// Type of a request that names none.
    pub const DEFAULT: &'static str = "DEFAULT";

    /// Returns all types.
    #[must_use]
    pub fn all() -> &'static [Self] {
        static TYPES: [NotificationType; 3] = BUILT_IN;
        &TYPES
    }

    /// Returns the type with exactly this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|known| known.name == name)
    }

    /// Returns the type with this name, for a name from a caller or an operator.
    ///
    /// # Errors
    /// Names the type that may be meant, or all types. The error never contains the given name.
    pub fn known(name: &str) -> Result<&'static Self, UnknownType> {
        Self::named(name).ok_or_else(|| UnknownType { nearest: Self::nearest(name) })
    }

    /// Returns the type with the nearest name, compared without case and without characters other than letters and
    /// digits. The names may differ in at most [`MAX_TYPOS`] characters.
    fn nearest(name: &str) -> Option<&'static str> {
        let plain =
            |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
        let given = plain(Some(name).filter(|name| name.len() <= MAX_COMPARED)?);
        let names = || Self::all().iter().map(|known| known.name);
        let near = |known: &&str| !given.is_empty() && distance(&given, &plain(known)) <= MAX_TYPOS;
        names().filter(near).min_by_key(|known| distance(&given, &plain(known)))
    }

    /// Returns the built-in rules, which hold unless an operator changes them.
    #[must_use]
    pub const fn rules(&self) -> Rules {
        Rules { tries: self.tries, on_uncertain: self.on_uncertain, wait_for_push: self.wait_for_push }
    }

    /// Checks a channel order for this type.
    ///
    /// # Errors
    /// A sentence for the caller.
    pub fn check_order(&self, channels: &[Channel]) -> Result<(), &'static str> {
        let place = |wanted| channels.iter().position(|channel| *channel == wanted);
        if channels.is_empty() || channels.len() > Channel::ALL.len() {
            return Err("must name 1 to 3 channels");
        }
        if channels.iter().enumerate().any(|(at, channel)| channels[..at].contains(channel)) {
            return Err("must name each channel once");
        }
        match (place(Channel::Email), place(Channel::Sms)) {
            (email, Some(sms)) if self.email_before_sms && email.is_none_or(|email| email > sms) => {
                Err("must name email before sms for this type")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use Channel::{Email, Push, Sms};

    #[test]
    fn built_in_types_keep_their_own_rules() {
        for kind in &BUILT_IN {
            assert_eq!(kind.check_order(kind.channels), Ok(()));
            assert!(kind.default_ttl_seconds <= MAX_TTL_SECONDS);
            assert_eq!(NotificationType::named(kind.name), Some(kind));
        }
        assert_eq!(NotificationType::named("default"), None);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_known_one() {
        for (given, nearest) in [
            ("payment_due", Some("PAYMENT_DUE")),
            ("PAYMENT-DUE", Some("PAYMENT_DUE")),
            ("PAYMENT_DUE ", Some("PAYMENT_DUE")),
            ("PaymentDue", Some("PAYMENT_DUE")),
            ("PAYMENT_DEU", Some("PAYMENT_DUE")),
            ("PAYMENTS_DUE", Some("PAYMENT_DUE")),
            ("certificate expiring", Some("CERTIFICATE_EXPIRING")),
            ("defualt", Some("DEFAULT")),
            ("MARKETING", None),
            ("", None),
            ("__", None),
        ] {
            let unknown = NotificationType::known(given).unwrap_err();
            assert_eq!(unknown.nearest, nearest, "{given:?}");
            assert!(unknown.to_string().starts_with("is not a known type"));
        }
        assert_eq!(NotificationType::known("DEFAULT").unwrap().name, "DEFAULT");
        let all = NotificationType::known("secret").unwrap_err().to_string();
        assert_eq!(all, "is not a known type, which are DEFAULT, CERTIFICATE_EXPIRING, PAYMENT_DUE");
    }

    #[test]
    fn email_stands_before_sms_where_the_type_says_so() {
        let payment = NotificationType::named("PAYMENT_DUE").unwrap();
        for refused in [&[Sms][..], &[Sms, Email], &[Push, Sms], &[Push, Sms, Email]] {
            assert!(payment.check_order(refused).is_err(), "{refused:?}");
        }
        for allowed in [&[Email][..], &[Push], &[Email, Sms, Push]] {
            assert_eq!(payment.check_order(allowed), Ok(()));
        }
        let default = NotificationType::named("DEFAULT").unwrap();
        assert_eq!(default.check_order(&[Sms, Email]), Ok(()));
        assert!(default.check_order(&[]).is_err());
        assert!(default.check_order(&[Push, Push]).is_err());
    }
}
