//! Who a message is for: the id callers use, and the keyed hash of it that tables and logs use.

use std::fmt;

use ring::hmac;
use serde::{Deserialize, Serialize};

use platform::private::Private;

/// A caller's name for a person: 1 to 128 printable characters. Masked in `Debug`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecipientId(Private<String>);

/// Why a text is no recipient id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 printable characters")]
pub struct InvalidRecipientId;

impl RecipientId {
    /// The most characters an id may have.
    pub const MAX_CHARS: usize = 128;

    /// Parses an id.
    ///
    /// # Errors
    /// When it is empty, longer than 128 characters or holds a control character.
    pub fn parse(id: &str) -> Result<Self, InvalidRecipientId> {
        let length = id.chars().count();
        let printable = id.chars().all(|c| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'));
        if length == 0 || length > Self::MAX_CHARS || !printable {
            return Err(InvalidRecipientId);
        }
        Ok(Self(Private::new(id.to_owned())))
    }

    /// The id itself, for storing it, answering its owner and hashing it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for RecipientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecipientId(***)")
    }
}

impl TryFrom<String> for RecipientId {
    type Error = InvalidRecipientId;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        Self::parse(&id)
    }
}

impl From<RecipientId> for String {
    fn from(id: RecipientId) -> Self {
        id.0.into_exposed()
    }
}

/// A recipient's key in every table: 26 characters of lower-case base32, a keyed hash of the id. Safe to log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecipientKey(String);

impl RecipientKey {
    /// How many characters a key has.
    pub const CHARS: usize = 26;

    /// Takes a key read from a table or from a notification's id.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        (text.len() == Self::CHARS && text.bytes().all(base32::is_digit)).then(|| Self(text.to_owned()))
    }

    /// The 128 bits of the hash, for a token.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 16] {
        base32::decode_128(&self.0).to_be_bytes()
    }

    /// The key with these bits.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(base32::encode_128(u128::from_be_bytes(bytes)))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes recipient keys and other keyed hashes. Losing the key behind it loses every address, since nothing finds them.
#[derive(Clone)]
pub struct KeyHasher(hmac::Key);

impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHasher(***)")
    }
}

impl KeyHasher {
    /// A hasher on the 32 secret bytes of `.../recipient-hash-key`.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The key under which everything about this recipient is stored.
    #[must_use]
    pub fn recipient_key(&self, id: &RecipientId) -> RecipientKey {
        RecipientKey(self.keyed("recipient", id.expose()))
    }

    /// A keyed hash of anything else that must be findable without being readable (endpoint, address, caller's key).
    /// `purpose` keeps equal texts of different meaning apart.
    #[must_use]
    pub fn keyed(&self, purpose: &str, text: &str) -> String {
        self.keyed_bytes(purpose, text.as_bytes())
    }

    /// The same for bytes.
    #[must_use]
    pub fn keyed_bytes(&self, purpose: &str, bytes: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(bytes);
        base32::encode_128(first_16(context.sign().as_ref()))
    }
}

fn first_16(tag: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&tag[..16]);
    u128::from_be_bytes(bytes)
}

/// Crockford's base32 in lower case: 26 characters for 128 bits, and their order is the numbers' order.
pub mod base32 {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

    /// Whether a byte is one of the 32 digits.
    #[must_use]
    pub fn is_digit(byte: u8) -> bool {
        DIGITS.contains(&byte)
    }

    /// 26 digits, most significant first.
    #[must_use]
    pub fn encode_128(value: u128) -> String {
        (0..26).rev().map(|place| char::from(DIGITS[((value >> (place * 5)) & 31) as usize])).collect()
    }

    /// The number that these digits stand for, as [`encode_128`] writes them.
    #[must_use]
    pub fn decode_128(digits: &str) -> u128 {
        let place = |byte: u8| DIGITS.iter().position(|digit| *digit == byte).unwrap_or(0);
        digits.bytes().fold(0, |value, byte| (value << 5) | place(byte) as u128)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_id_is_1_to_128_printable_characters() {
        for good in ["a", "ümlaut-é", "play-sport-pro|7", &"x".repeat(128), " with spaces "] {
            assert!(RecipientId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a\nb", "a\u{0}", "\u{7f}", &"x".repeat(129)] {
            assert_eq!(RecipientId::parse(bad), Err(InvalidRecipientId));
        }
    }

    #[test]
    fn a_key_hides_the_id_and_depends_on_the_secret() {
        let ada = RecipientId::parse("ada").unwrap();
        let key = KeyHasher::new(&[1; 32]).recipient_key(&ada);
        assert_eq!(key.as_str().len(), RecipientKey::CHARS);
        assert_eq!(RecipientKey::from_stored(key.as_str()), Some(key.clone()));
        assert_ne!(key, KeyHasher::new(&[2; 32]).recipient_key(&ada));
        assert_ne!(key.as_str(), KeyHasher::new(&[1; 32]).keyed("endpoint", "ada"));
        assert!(!format!("{ada:?}{key:?}").contains("ada"));
    }

    #[test]
    fn base32_keeps_the_order_of_numbers() {
        assert_eq!(base32::encode_128(0), "0".repeat(26));
        assert_eq!(base32::encode_128(u128::MAX), format!("7{}", "z".repeat(25)));
        assert!(base32::encode_128(1 << 80) > base32::encode_128((1 << 80) - 1));
        for value in [0, 1, 31, 32, 1 << 80, u128::MAX - 1, u128::MAX] {
            assert_eq!(base32::decode_128(&base32::encode_128(value)), value);
        }
    }
}
