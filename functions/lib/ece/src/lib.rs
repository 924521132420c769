//! Web push encryption (RFC 8291 over RFC 8188 `aes128gcm`) with `ring`, under the crate name that `web-push` depends
//! on.
//!
//! The published crate `ece` requires OpenSSL, which does not cross-compile without a C library for the target. It
//! also spends most of its time outside the cryptography. This crate offers exactly the functions that `web-push`
//! calls.
//!
//! Everything after the key agreement is a pure function (`record.rs`), and is tested with the RFC's own values.
//! `ring` cannot import an ephemeral key. So the key agreement itself is tested with a receiver that uses another
//! library.

pub mod legacy;
mod record;
mod schedule;

use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::{SecureRandom, SystemRandom};

/// Maximum plaintext that fits into a body of 4,096 bytes, which every push service accepts (RFC 8291 section 4).
pub const MAX_PLAINTEXT_BYTES: usize = 3_993;

/// Length of an uncompressed P-256 point: `0x04`, x, y.
pub(crate) const PUBLIC_KEY_BYTES: usize = 65;
/// Length of the subscription's `auth` secret (RFC 8291 section 3.2).
pub(crate) const AUTH_SECRET_BYTES: usize = 16;
/// Length of a message's salt (RFC 8188 section 2.1).
pub(crate) const SALT_BYTES: usize = 16;

/// Reason for which a message could not be encrypted. No variant contains a key or any of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The subscription's public key is not a P-256 point in its 65-byte form.
    #[error("the receiver's public key is not an uncompressed P-256 point")]
    InvalidPublicKey,
    /// The subscription's `auth` secret is not 16 bytes.
    #[error("the receiver's auth secret is not 16 bytes")]
    InvalidAuthSecret,
    /// The plaintext is longer than [`MAX_PLAINTEXT_BYTES`].
    #[error("the plaintext is longer than 3,993 bytes")]
    PlaintextTooLong,
    /// The retired `aesgcm` encoding was requested.
    #[error("the aesgcm content encoding is retired")]
    RetiredEncoding,
    /// The cryptographic library failed, for example because its random source failed.
    #[error("a cryptographic operation failed")]
    Crypto,
}

impl From<ring::error::Unspecified> for Error {
    fn from(_: ring::error::Unspecified) -> Self {
        Self::Crypto
    }
}

/// Result of an encryption.
pub type Result<T> = std::result::Result<T, Error>;

/// Encrypts `plaintext` for one subscription. Returns the whole `aes128gcm` body, including its header.
///
/// `receiver_public` is the subscription's `p256dh` (65 bytes), `auth_secret` its `auth` (16 bytes), both decoded.
///
/// # Errors
///
/// [`Error`] names the argument that is wrong. A point that is not on the curve is [`Error::InvalidPublicKey`].
pub fn encrypt(receiver_public: &[u8], auth_secret: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
    let receiver_public: &[u8; PUBLIC_KEY_BYTES] = receiver_public.try_into().map_err(|_| Error::InvalidPublicKey)?;
    let auth_secret: &[u8; AUTH_SECRET_BYTES] = auth_secret.try_into().map_err(|_| Error::InvalidAuthSecret)?;
    if plaintext.len() > MAX_PLAINTEXT_BYTES {
        return Err(Error::PlaintextTooLong);
    }
    let random = SystemRandom::new();
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt)?;
    let sender = EphemeralPrivateKey::generate(&ECDH_P256, &random)?;
    let sender_public = sender.compute_public_key()?;
    let sender_public: &[u8; PUBLIC_KEY_BYTES] = sender_public.as_ref().try_into().map_err(|_| Error::Crypto)?;
    agree_ephemeral(sender, &UnparsedPublicKey::new(&ECDH_P256, receiver_public), |shared_secret| {
        let agreement = schedule::Agreement { shared_secret, auth_secret, receiver_public, sender_public };
        record::seal(&agreement, &salt, plaintext)
    })
    .map_err(|_| Error::InvalidPublicKey)?
}
