//! Suppressed addresses, which must not be written to again. They bounced, complained, opted out, or an operator
//! suppressed them.
//!
//! A suppression is a keyed hash of the address and belongs to no recipient. Therefore it remains after an erasure,
//! names no person, and applies if the same or another recipient registers the address again.

use std::fmt;

use super::KeyHasher;
use crate::channel::{Channel, EmailAddress, PhoneNumber};

/// Reason for a suppression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum SuppressionReason {
    /// The provider reports that the address does not exist.
    Bounce,
    /// The owner reported a message as unwanted.
    Complaint,
    /// The owner opted out.
    Unsubscribe,
    /// An operator suppressed the address.
    Manual,
}

impl SuppressionReason {
    /// Returns the code in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Address on a paid channel. A device has no suppression; it is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address<'a> {
    /// E-mail address.
    Email(&'a EmailAddress),
    /// Phone number.
    Phone(&'a PhoneNumber),
}

impl<'a> Address<'a> {
    /// Returns the channel of the address.
    #[must_use]
    pub const fn channel(self) -> Channel {
        match self {
            Self::Email(_) => Channel::Email,
            Self::Phone(_) => Channel::Sms,
        }
    }

    /// Returns the address itself, as a profile holds it.
    #[must_use]
    pub fn expose(self) -> &'a str {
        match self {
            Self::Email(email) => email.as_str(),
            Self::Phone(phone) => phone.as_str(),
        }
    }

    /// Returns the keyed hash of the address in lower case. So a suppression also applies to another spelling with
    /// capital letters.
    #[must_use]
    pub fn hashed(self, hasher: &KeyHasher) -> AddressHash {
        let channel = self.channel();
        AddressHash { channel, hash: hasher.keyed(&format!("address#{channel}"), &self.expose().to_ascii_lowercase()) }
    }
}

/// Keyed hash of an address, with its channel: `email#<keyed hash>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressHash {
    channel: Channel,
    hash: String,
}

impl fmt::Display for AddressHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.channel, self.hash)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_is_hashed_by_what_it_reaches_and_not_by_how_it_is_written() {
        let hash = |secret: u8, email: &str| {
            let email = EmailAddress::parse(email).unwrap();
            Address::Email(&email).hashed(&KeyHasher::new(&[secret; 32])).to_string()
        };
        assert_eq!(hash(1, "Ada.L@Example.com"), hash(1, "ada.l@example.com"));
        assert_ne!(hash(1, "ada@example.com"), hash(2, "ada@example.com"));
        assert!(hash(1, "ada@example.com").starts_with("email#") && !hash(1, "ada@example.com").contains("ada"));
        let phone = PhoneNumber::parse("+393331234567").unwrap();
        assert!(Address::Phone(&phone).hashed(&KeyHasher::new(&[1; 32])).to_string().starts_with("sms#"));
    }
}
