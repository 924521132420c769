//! Derivation of the content key and nonce from a key agreement (RFC 8291 section 3.4, RFC 8188 sections 2.2 and
//! 2.3). Pure functions.

use ring::hkdf::{HKDF_SHA256, KeyType, Salt};

use crate::{AUTH_SECRET_BYTES, PUBLIC_KEY_BYTES, Result, SALT_BYTES};

/// Values that sender and receiver share once the sender has created its key.
pub struct Agreement<'a> {
    /// x coordinate that ECDH returns.
    pub shared_secret: &'a [u8],
    /// Subscription's `auth`.
    pub auth_secret: &'a [u8; AUTH_SECRET_BYTES],
    /// Subscription's `p256dh`.
    pub receiver_public: &'a [u8; PUBLIC_KEY_BYTES],
    /// Public key of the message's sender, created for this message only.
    pub sender_public: &'a [u8; PUBLIC_KEY_BYTES],
}

/// Key and nonce of the only record.
pub struct ContentKeys {
    /// AES-128 key.
    pub key: [u8; 16],
    /// Nonce of record 0. RFC 8188 combines it with the sequence number 0 by XOR, which changes nothing.
    pub nonce: [u8; 12],
}

impl Agreement<'_> {
    /// Returns the input keying material, which RFC 8291 derives from the agreement, the auth secret and both public
    /// keys.
    pub fn keying_material(&self) -> Result<[u8; 32]> {
        let info = [b"WebPush: info\0".as_slice(), self.receiver_public, self.sender_public];
        let mut material = [0; 32];
        Salt::new(HKDF_SHA256, self.auth_secret)
            .extract(self.shared_secret)
            .expand(&info, Bytes(32))?
            .fill(&mut material)?;
        Ok(material)
    }
}

impl ContentKeys {
    /// Derives RFC 8188's key and nonce for one salt.
    pub fn new(keying_material: &[u8], salt: &[u8; SALT_BYTES]) -> Result<Self> {
        let extracted = Salt::new(HKDF_SHA256, salt).extract(keying_material);
        let mut keys = Self { key: [0; 16], nonce: [0; 12] };
        extracted.expand(&[b"Content-Encoding: aes128gcm\0"], Bytes(16))?.fill(&mut keys.key)?;
        extracted.expand(&[b"Content-Encoding: nonce\0"], Bytes(12))?.fill(&mut keys.nonce)?;
        Ok(keys)
    }
}

/// Number of bytes that HKDF must return.
struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use ::tests::rfc8291::{
        AUTH_SECRET, CONTENT_KEY, KEYING_MATERIAL, NONCE, RECEIVER_PUBLIC, SALT, SENDER_PUBLIC, SHARED_SECRET, bytes,
    };

    #[test]
    fn the_keying_material_is_that_of_rfc_8291_appendix_a() {
        let agreement = Agreement {
            shared_secret: &bytes::<32>(SHARED_SECRET),
            auth_secret: &bytes(AUTH_SECRET),
            receiver_public: &bytes(RECEIVER_PUBLIC),
            sender_public: &bytes(SENDER_PUBLIC),
        };
        assert_eq!(agreement.keying_material().unwrap(), bytes(KEYING_MATERIAL));
    }

    #[test]
    fn the_content_key_and_nonce_are_those_of_rfc_8291_appendix_a() {
        let keys = ContentKeys::new(&bytes::<32>(KEYING_MATERIAL), &bytes(SALT)).unwrap();
        assert_eq!((keys.key, keys.nonce), (bytes(CONTENT_KEY), bytes(NONCE)));
    }
}
