//! Encryption keys of a subscription (RFC 8291 sections 3.1 and 3.2), decoded for the encryption.

use std::fmt;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use p256::PublicKey;

/// Base64url with or without padding. Browsers write it without padding; some client libraries write padding, or the
/// alphabet of standard base64.
pub const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Public key and shared secret of the browser.
#[derive(Clone, PartialEq, Eq)]
pub struct SubscriptionKeys {
    p256dh: [u8; 65],
    auth: [u8; 16],
}

/// Key that is wrong, and the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionKeyError {
    /// `p256dh` is not base64url, not 65 bytes, or not a P-256 point in uncompressed form.
    #[error("p256dh is not an uncompressed P-256 point in base64url")]
    P256dh,
    /// `auth` is not base64url or not 16 bytes.
    #[error("auth is not 16 bytes in base64url")]
    Auth,
}

impl SubscriptionKeys {
    /// Parses `keys.p256dh` and `keys.auth` of a browser's subscription.
    ///
    /// # Errors
    ///
    /// [`SubscriptionKeyError`] names the first key that is wrong.
    pub fn parse(p256dh: &str, auth: &str) -> Result<Self, SubscriptionKeyError> {
        let p256dh = decode(p256dh).filter(is_uncompressed_point).ok_or(SubscriptionKeyError::P256dh)?;
        let auth = decode(auth).ok_or(SubscriptionKeyError::Auth)?;
        Ok(Self { p256dh, auth })
    }

    /// Returns the public key: `0x04`, x, y.
    #[must_use]
    pub const fn p256dh(&self) -> &[u8; 65] {
        &self.p256dh
    }

    /// Returns the shared secret.
    #[must_use]
    pub const fn auth(&self) -> &[u8; 16] {
        &self.auth
    }

    /// Returns the public key in a browser's encoding, for storing.
    #[must_use]
    pub fn p256dh_base64url(&self) -> String {
        BASE64URL.encode(self.p256dh)
    }

    /// Returns the shared secret in a browser's encoding, for storing.
    #[must_use]
    pub fn auth_base64url(&self) -> String {
        BASE64URL.encode(self.auth)
    }
}

impl fmt::Debug for SubscriptionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubscriptionKeys(***)")
    }
}

/// Decodes base64url to exactly `N` bytes; `None` for any other length.
fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    // The length is checked first, so that a text of a megabyte is not decoded in vain.
    let short = Some(text).filter(|text| text.len() <= 2 * N);
    let url_safe = short?.replace('+', "-").replace('/', "_");
    BASE64URL.decode(url_safe).ok()?.try_into().ok()
}

fn is_uncompressed_point(bytes: &[u8; 65]) -> bool {
    bytes[0] == 4 && PublicKey::from_sec1_bytes(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    #[test]
    fn keys_are_read_in_either_alphabet_with_and_without_padding_and_written_in_one() {
        let keys = SubscriptionKeys::parse(P256DH, AUTH).unwrap();
        assert_eq!(SubscriptionKeys::parse(&format!("{P256DH}="), &format!("{AUTH}==")), Ok(keys.clone()));
        let standard = |key: &str| key.replace('-', "+").replace('_', "/");
        assert_eq!(SubscriptionKeys::parse(&standard(P256DH), &format!("{}==", standard(AUTH))), Ok(keys.clone()));
        assert_eq!((keys.p256dh_base64url(), keys.auth_base64url()), (P256DH.to_owned(), AUTH.to_owned()));
        assert_eq!((keys.p256dh()[0], keys.auth()[0]), (4, 5));
    }

    #[test]
    fn a_p256dh_that_is_no_uncompressed_point_is_refused() {
        let point = BASE64URL.decode(P256DH).unwrap();
        let changed = |at: usize, to: u8| {
            let mut bytes = point.clone();
            bytes[at] = to;
            BASE64URL.encode(bytes)
        };
        let compressed = [&[2 + (point[64] & 1)], &point[1..33]].concat();
        assert!(PublicKey::from_sec1_bytes(&compressed).is_ok());
        for bad in [
            "",
            "!",
            &P256DH[1..],
            &P256DH[..86],
            &format!("{P256DH}AAAA"),
            &format!(" {P256DH}"),
            &changed(0, 6),
            &changed(0, 2),
            &changed(0, 0),
            &changed(64, 0),
            &BASE64URL.encode(compressed),
            &BASE64URL.encode([4; 65]),
            &BASE64URL.encode([0; 65]),
            &"A".repeat(1_000_000),
        ] {
            assert_eq!(
                SubscriptionKeys::parse(bad, AUTH),
                Err(SubscriptionKeyError::P256dh),
                "{} characters",
                bad.len()
            );
        }
    }

    #[test]
    fn an_auth_that_is_not_16_bytes_is_refused() {
        for bad in
            ["", "=", "AAAA", &AUTH[1..], &format!("{AUTH}A"), &BASE64URL.encode([0; 15]), &BASE64URL.encode([0; 17])]
        {
            assert_eq!(SubscriptionKeys::parse(P256DH, bad), Err(SubscriptionKeyError::Auth), "{bad:?}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", SubscriptionKeys::parse(P256DH, AUTH).unwrap()), "SubscriptionKeys(***)");
    }
}
