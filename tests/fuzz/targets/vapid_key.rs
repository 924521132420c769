//! The VAPID key: an accepted key signs, with the public key that browsers were given. A refused text is no key.

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use channels::push::{VapidCache, VapidKey, VapidSubject};
use domain::channel::push::{ExtraOrigins, PushEndpoint};
use jiff::Timestamp;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::elliptic_curve::sec1::ToEncodedPoint;

pub fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let expected = scalar(text.trim());
    match VapidKey::parse(text) {
        Err(_) => assert!(expected.is_none(), "a key was refused"),
        Ok(key) => {
            let expected = expected.expect("a key is 32 bytes of a scalar").public_key().to_encoded_point(false);
            assert_eq!(URL_SAFE_NO_PAD.decode(key.public_key()).unwrap(), expected.as_bytes());
            assert!(!format!("{key:?}").contains(text.trim()));
            signs(key, expected.as_bytes());
        }
    }
    subject(text);
}

fn scalar(text: &str) -> Option<p256::SecretKey> {
    let bytes = URL_SAFE_NO_PAD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()?;
    p256::SecretKey::from_slice(Some(bytes).filter(|bytes| bytes.len() == 32)?.as_slice()).ok()
}

fn signs(key: VapidKey, public_key: &[u8]) {
    let cache = VapidCache::new(key, VapidSubject::parse("mailto:ops@example.com").unwrap());
    let endpoint = PushEndpoint::parse("https://fcm.googleapis.com/x", &ExtraOrigins::default()).unwrap();
    let header = cache.authorization(&endpoint, Timestamp::UNIX_EPOCH).unwrap();
    let (token, named) = header.to_str().unwrap().strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    VerifyingKey::from_sec1_bytes(public_key).unwrap().verify(signed.as_bytes(), &signature).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(named).unwrap(), public_key);
}

/// Contact address of the operator for push services: it contains nothing that could end the claim or its header.
fn subject(text: &str) {
    if VapidSubject::parse(text).is_ok() {
        assert!(text.starts_with("mailto:") || text.starts_with("https://"));
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'));
    }
}
