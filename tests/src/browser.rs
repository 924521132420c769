//! A browser's half of web push on RustCrypto: a subscription, and the decryption of its messages.
//!
//! It shares no code and no library with the sender, so the two agree only if both follow RFC 8291. In reading order
//! the code is that RFC's section 3.4 followed by RFC 8188's section 2.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes128Gcm, Key, Nonce};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::{PublicKey, SecretKey};
use sha2::Sha256;

/// First step of the decryption that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedBodyError(pub &'static str);

/// Secrets of one subscription.
pub struct Browser {
    secret: SecretKey,
    auth: [u8; 16],
}

impl Browser {
    /// Builds a subscription from a 32-byte scalar and the auth secret.
    pub fn new(scalar: &[u8], auth: [u8; 16]) -> Self {
        Self { secret: SecretKey::from_slice(scalar).unwrap(), auth }
    }

    /// `p256dh`, decoded.
    pub fn public_key(&self) -> Vec<u8> {
        self.secret.public_key().to_encoded_point(false).as_bytes().to_vec()
    }

    /// `p256dh` in a browser's encoding.
    pub fn p256dh(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public_key())
    }

    /// `auth` in a browser's encoding.
    pub fn auth(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.auth)
    }

    /// Returns the plaintext of an `aes128gcm` body of one record.
    pub fn open(&self, body: &[u8]) -> Result<Vec<u8>, SealedBodyError> {
        let (salt, rest) = body.split_at_checked(16).ok_or(SealedBodyError("no salt"))?;
        let (record_size, rest) = rest.split_at_checked(4).ok_or(SealedBodyError("no record size"))?;
        let (&key_length, rest) = rest.split_first().ok_or(SealedBodyError("no key length"))?;
        let (sender, sealed) = rest.split_at_checked(key_length.into()).ok_or(SealedBodyError("no key"))?;
        let record_size = u32::from_be_bytes(record_size.try_into().unwrap());
        if sealed.len() > record_size as usize {
            return Err(SealedBodyError("more than one record"));
        }
        let (key, nonce) = self.content_keys(salt, sender)?;
        let mut plaintext = Aes128Gcm::new(&Key::<Aes128Gcm>::from(key))
            .decrypt(&Nonce::from(nonce), sealed)
            .map_err(|_| SealedBodyError("the tag does not match"))?;
        while plaintext.last() == Some(&0) {
            plaintext.pop();
        }
        plaintext.pop_if(|delimiter| *delimiter == 2).ok_or(SealedBodyError("not the last record"))?;
        Ok(plaintext)
    }

    fn content_keys(&self, salt: &[u8], sender: &[u8]) -> Result<([u8; 16], [u8; 12]), SealedBodyError> {
        let sender_key =
            PublicKey::from_sec1_bytes(sender).map_err(|_| SealedBodyError("the sender's key is not on the curve"))?;
        let shared = p256::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), sender_key.as_affine());
        let info = [b"WebPush: info\0".as_slice(), &self.public_key(), sender].concat();
        let (mut material, mut key, mut nonce) = ([0; 32], [0; 16], [0; 12]);
        let agreed = Hkdf::<Sha256>::new(Some(&self.auth), shared.raw_secret_bytes());
        agreed.expand(&info, &mut material).map_err(|_| SealedBodyError("material"))?;
        let content = Hkdf::<Sha256>::new(Some(salt), &material);
        content.expand(b"Content-Encoding: aes128gcm\0", &mut key).map_err(|_| SealedBodyError("key"))?;
        content.expand(b"Content-Encoding: nonce\0", &mut nonce).map_err(|_| SealedBodyError("nonce"))?;
        Ok((key, nonce))
    }
}
