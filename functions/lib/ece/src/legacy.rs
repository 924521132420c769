//! Retired `aesgcm` encoding: `web-push` refers to it, and this crate refuses it.
//!
//! [`AesGcmEncryptedBlock`] has no values. So the compiler can prove that code of `web-push` for such a message never
//! runs.

use crate::{Error, Result};

/// Message in the `aesgcm` encoding, which cannot exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AesGcmEncryptedBlock {}

impl AesGcmEncryptedBlock {
    /// Never called, because the type has no values.
    #[must_use]
    pub fn headers(&self, _vapid_public_key: Option<&[u8]>) -> Vec<(&'static str, String)> {
        match *self {}
    }

    /// Never called, because the type has no values.
    #[must_use]
    pub fn body(&self) -> String {
        match *self {}
    }
}

/// Refuses the encoding.
///
/// # Errors
///
/// Always [`Error::RetiredEncoding`]; every browser that supports push reads `aes128gcm`.
pub const fn encrypt_aesgcm(_: &[u8], _: &[u8], _: &[u8]) -> Result<AesGcmEncryptedBlock> {
    Err(Error::RetiredEncoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_retired_encoding_is_refused() {
        assert_eq!(encrypt_aesgcm(&[4; 65], &[0; 16], b"text"), Err(Error::RetiredEncoding));
    }
}
