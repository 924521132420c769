//! Body of an `aes128gcm` message with a single record (RFC 8188 section 2, RFC 8291 section 4). Pure functions.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::schedule::{Agreement, ContentKeys};
use crate::{PUBLIC_KEY_BYTES, Result, SALT_BYTES};

/// Record size. No body is larger, so there is always one record.
const RECORD_SIZE: u32 = 4_096;
/// Length of the header: salt, record size, the key's length and the key.
const HEADER_BYTES: usize = SALT_BYTES + 4 + 1 + PUBLIC_KEY_BYTES;
/// Byte that ends the plaintext of the last record. There is no padding after it.
const LAST_RECORD_DELIMITER: u8 = 2;
const TAG_BYTES: usize = 16;

/// Returns the body for `plaintext`: header, ciphertext and tag, in a single allocation.
pub fn seal(agreement: &Agreement<'_>, salt: &[u8; SALT_BYTES], plaintext: &[u8]) -> Result<Vec<u8>> {
    let keys = ContentKeys::new(&agreement.keying_material()?, salt)?;
    let mut body = Vec::with_capacity(HEADER_BYTES + plaintext.len() + 1 + TAG_BYTES);
    body.extend_from_slice(salt);
    body.extend_from_slice(&RECORD_SIZE.to_be_bytes());
    body.push(PUBLIC_KEY_BYTES as u8);
    body.extend_from_slice(agreement.sender_public);
    body.extend_from_slice(plaintext);
    body.push(LAST_RECORD_DELIMITER);
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &keys.key)?);
    let nonce = Nonce::assume_unique_for_key(keys.nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut body[HEADER_BYTES..])?;
    body.extend_from_slice(tag.as_ref());
    Ok(body)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use ::tests::rfc8291::{
        AUTH_SECRET, BODY, PLAINTEXT, RECEIVER_PUBLIC, SALT, SENDER_PUBLIC, SHARED_SECRET, bytes, decode,
    };

    fn sealed(plaintext: &[u8]) -> Vec<u8> {
        let agreement = Agreement {
            shared_secret: &bytes::<32>(SHARED_SECRET),
            auth_secret: &bytes(AUTH_SECRET),
            receiver_public: &bytes(RECEIVER_PUBLIC),
            sender_public: &bytes(SENDER_PUBLIC),
        };
        seal(&agreement, &bytes(SALT), plaintext).unwrap()
    }

    #[test]
    fn the_body_is_that_of_rfc_8291_appendix_a() {
        assert_eq!(sealed(PLAINTEXT), decode(BODY));
    }

    #[test]
    fn the_body_is_one_allocation_of_exactly_its_size() {
        for length in [0, 1, 200, crate::MAX_PLAINTEXT_BYTES] {
            let body = sealed(&vec![7; length]);
            assert_eq!(body.len(), HEADER_BYTES + length + 1 + TAG_BYTES);
            assert_eq!(body.capacity(), body.len());
        }
        assert_eq!(sealed(&[7; crate::MAX_PLAINTEXT_BYTES]).len(), RECORD_SIZE as usize);
    }
}
