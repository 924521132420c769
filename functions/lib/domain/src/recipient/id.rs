//! Recipient ids of callers, and the keyed hashes of them that tables and logs contain.

use std::fmt;

use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::text::{MAX_ID_CHARS, is_possible_id};
use platform::private::Private;

/// Recipient id that the caller chose: 1 to 128 printable characters. It is masked in `Debug`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecipientId(Private<String>);

/// Error for a text that is not a recipient id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 printable characters")]
pub struct RecipientIdError;

impl RecipientId {
    /// Maximum number of characters of an id.
    pub const MAX_CHARS: usize = MAX_ID_CHARS;

    /// Parses an id.
    ///
    /// # Errors
    /// The id is empty, is longer than 128 characters, or contains a character that is not printable.
    pub fn parse(id: &str) -> Result<Self, RecipientIdError> {
        if !is_possible_id(id) {
            return Err(RecipientIdError);
        }
        Ok(Self(Private::new(id.to_owned())))
    }

    /// Returns the id itself, to store it, to return it to its caller, and to hash it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Returns the first two characters and an ellipsis, such as `us…`.
    #[must_use]
    pub fn masked(&self) -> String {
        format!("{}…", self.expose().chars().take(2).collect::<String>())
    }
}

impl fmt::Debug for RecipientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecipientId(***)")
    }
}

impl TryFrom<String> for RecipientId {
    type Error = RecipientIdError;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        Self::parse(&id)
    }
}

impl From<RecipientId> for String {
    fn from(id: RecipientId) -> Self {
        id.0.into_exposed()
    }
}

/// Key of a recipient in every table: a keyed hash of the id, as 26 characters of lower-case base32. It is safe to log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecipientKey(String);

impl RecipientKey {
    /// Number of characters of a key.
    pub const CHARS: usize = 26;

    /// Parses a key from a table or from a notification's id.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        (text.len() == Self::CHARS && text.bytes().all(base32::is_digit)).then(|| Self(text.to_owned()))
    }

    /// Returns the 128 bits of the hash, for a token.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 16] {
        base32::decode_128(&self.0).to_be_bytes()
    }

    /// Returns the key with these bits.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(base32::encode_128(u128::from_be_bytes(bytes)))
    }

    /// Returns the key as text.
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

/// Computes recipient keys and other keyed hashes. If the secret is lost, no stored item can be found by its address or
/// id.
#[derive(Clone)]
pub struct KeyHasher(hmac::Key);

impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHasher(***)")
    }
}

impl KeyHasher {
    /// Builds a hasher with the 32 secret bytes of the parameter `.../recipient-hash-key`.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Returns the key of everything that is stored about this recipient.
    #[must_use]
    pub fn recipient_key(&self, id: &RecipientId) -> RecipientKey {
        RecipientKey(self.keyed("recipient", id.expose()))
    }

    /// Returns a keyed hash of another text that must be found but not read: an endpoint, an address or a caller's key.
    /// `purpose` separates equal texts of different meaning.
    #[must_use]
    pub fn keyed(&self, purpose: &str, text: &str) -> String {
        self.keyed_bytes(purpose, text.as_bytes())
    }

    /// Returns the keyed hash of bytes.
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

/// Crockford's base32 in lower case: 26 characters for 128 bits. The texts sort in the order of the numbers.
pub mod base32 {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

    /// Returns `true` if a byte is one of the 32 digits.
    #[must_use]
    pub fn is_digit(byte: u8) -> bool {
        DIGITS.contains(&byte)
    }

    /// Returns 26 digits, most significant first.
    #[must_use]
    pub fn encode_128(value: u128) -> String {
        (0..26).rev().map(|place| char::from(DIGITS[((value >> (place * 5)) & 31) as usize])).collect()
    }

    /// Returns the number of these digits, as [`encode_128`] writes them.
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
            assert_eq!(RecipientId::parse(bad), Err(RecipientIdError));
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
