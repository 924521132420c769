//! Addresses that are not to be written to again, whoever has them: they bounced, complained, or were taken off.
//!
//! What is kept is a keyed hash of the address, under no recipient. So it outlives an erasure, names nobody, and stands
//! when the same address is registered again, by the same recipient or another.

use std::fmt;

use super::KeyHasher;
use crate::channel::{Channel, EmailAddress, PhoneNumber};

/// Why an address is suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuppressionReason {
    /// Its provider says that it does not exist.
    Bounce,
    /// Its owner called a message unwanted.
    Complaint,
    /// Its owner asked for no more.
    Unsubscribe,
    /// Ops said so.
    Manual,
}

impl SuppressionReason {
    /// The code in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
            Self::Unsubscribe => "unsubscribe",
            Self::Manual => "manual",
        }
    }
}

/// An address on a paid channel; a device has no suppression, it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address<'a> {
    /// For e-mail.
    Email(&'a EmailAddress),
    /// For SMS.
    Phone(&'a PhoneNumber),
}

impl<'a> Address<'a> {
    /// The channel it is for.
    #[must_use]
    pub const fn channel(self) -> Channel {
        match self {
            Self::Email(_) => Channel::Email,
            Self::Phone(_) => Channel::Sms,
        }
    }

    /// The address itself, as a profile holds it.
    #[must_use]
    pub fn expose(self) -> &'a str {
        match self {
            Self::Email(email) => email.as_str(),
            Self::Phone(phone) => phone.as_str(),
        }
    }

    /// Its keyed hash. Small and capital letters make no other address: a person who writes their own name differently must
    /// not be written to again.
    #[must_use]
    pub fn hashed(self, hasher: &KeyHasher) -> AddressHash {
        let channel = self.channel();
        AddressHash { channel, hash: hasher.keyed(&format!("address#{channel}"), &self.expose().to_ascii_lowercase()) }
    }
}

/// An address that can be found again but not read: `email#<keyed hash>`.
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
