//! The retired `aesgcm` encoding: named by `web-push`, refused here.
//!
//! [`AesGcmEncryptedBlock`] has no values, so the compiler knows that what `web-push` would do with one never happens.

use crate::{Error, Result};

/// An `aesgcm` message, which cannot exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AesGcmEncryptedBlock {}

impl AesGcmEncryptedBlock {
    /// Never called: there is no value to call it on.
    #[must_use]
    pub fn headers(&self, _vapid_public_key: Option<&[u8]>) -> Vec<(&'static str, String)> {
        match *self {}
    }

    /// Never called: there is no value to call it on.
    #[must_use]
    pub fn body(&self) -> String {
        match *self {}
    }
}

/// Refuses.
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
