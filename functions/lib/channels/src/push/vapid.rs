//! VAPID identification of this service to a push service (RFC 8292): one signature per origin, cached while it is
//! valid.
//!
//! Signing costs several times as much as encryption. Apple requires that senders renew a token at most once an hour.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use http::HeaderValue;
use jiff::Timestamp;
use web_push::{PartialVapidSignatureBuilder, SubscriptionInfo, VapidSignatureBuilder};

use crate::email::Sender;
use domain::channel::is_domain_name;
use domain::channel::push::PushEndpoint;
use domain::channel::push::keys::BASE64URL;

/// Validity of a signature: 12 h; RFC 8292 allows 24 h.
const LIFETIME_SECONDS: i64 = 12 * 3_600;
/// Remaining validity below which a signature is not used any more: 1 h.
const RENEWED_BEFORE_SECONDS: i64 = 3_600;
/// Maximum number of cached origins, since two of the services use many host names.
const MOST_ORIGINS: usize = 256;

/// Error of the VAPID configuration. No variant contains the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VapidError {
    /// The key is not the 32 bytes of a P-256 private key in base64url.
    #[error("the VAPID private key is not 32 bytes of a P-256 scalar in base64url")]
    Key,
    /// The subject is neither an address nor a page at which a push service could reach the operator.
    #[error("the VAPID subject is neither mailto: nor https:, or names localhost")]
    Subject,
    /// The signature could not be made.
    #[error("the VAPID signature failed")]
    Signing,
}

/// Private key, and its public key for browsers.
#[derive(Clone)]
pub struct VapidKey {
    signer: PartialVapidSignatureBuilder,
    public_key: String,
}

impl VapidKey {
    /// Parses the raw private scalar in base64url, the format that VAPID key generators produce.
    ///
    /// # Errors
    ///
    /// [`VapidError::Key`].
    pub fn parse(private_key: &str) -> Result<Self, VapidError> {
        let scalar = BASE64URL.decode(private_key.trim()).map_err(|_| VapidError::Key)?;
        // web-push panics on 31 bytes, so only a valid key is passed on.
        if scalar.len() != 32 || p256::SecretKey::from_slice(&scalar).is_err() {
            return Err(VapidError::Key);
        }
        let signer =
            VapidSignatureBuilder::from_base64_no_sub(&BASE64URL.encode(&scalar)).map_err(|_| VapidError::Key)?;
        let public_key = BASE64URL.encode(signer.get_public_key());
        Ok(Self { signer, public_key })
    }

    /// Returns the public key in base64url: a browser's `applicationServerKey`.
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.public_key
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VapidKey(public {})", self.public_key)
    }
}

/// Contact address of the operator for push services: `mailto:` or `https:`. Apple refuses localhost and spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VapidSubject(String);

impl VapidSubject {
    /// Parses the template parameter.
    ///
    /// # Errors
    ///
    /// [`VapidError::Subject`].
    pub fn parse(subject: &str) -> Result<Self, VapidError> {
        let plain = subject.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"'));
        let reachable = match subject.strip_prefix("mailto:") {
            Some(address) => Sender::parse_address(address).is_ok(),
            None => https_host(subject).is_some_and(is_domain_name),
        };
        if plain && reachable { Ok(Self(subject.to_owned())) } else { Err(VapidError::Subject) }
    }
}

/// Returns the host of an `https:` URL in its usual spelling.
///
/// The subject is sent as written, and a push service may compare it as text.
fn https_host(subject: &str) -> Option<&str> {
    subject.strip_prefix("https://")?.split('/').next()
}

/// Cache of one signature per origin, renewed before it expires.
pub struct VapidCache {
    key: VapidKey,
    subject: VapidSubject,
    signed: Mutex<HashMap<String, Signed>>,
}

/// Header that is ready to send, with the period in which it may be sent.
struct Signed {
    authorization: HeaderValue,
    from: Timestamp,
    renewed_at_second: i64,
}

impl Signed {
    /// Returns `true` if the header may be sent at `now`.
    ///
    /// If the clock was set back, the header is not used: its token would exceed the validity that push services
    /// accept.
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.from <= now && now.as_second() < self.renewed_at_second
    }
}

impl VapidCache {
    /// Creates an empty cache.
    #[must_use]
    pub fn new(key: VapidKey, subject: VapidSubject) -> Self {
        Self { key, subject, signed: Mutex::default() }
    }

    /// Returns the key that signs.
    #[must_use]
    pub const fn key(&self) -> &VapidKey {
        &self.key
    }

    /// Returns the `Authorization` header for an endpoint's origin, valid for at least an hour.
    ///
    /// # Errors
    ///
    /// [`VapidError::Signing`].
    pub fn authorization(&self, endpoint: &PushEndpoint, now: Timestamp) -> Result<HeaderValue, VapidError> {
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = signed.get(endpoint.origin()).filter(|kept| kept.is_fresh(now)) {
            return Ok(kept.authorization.clone());
        }
        if signed.len() >= MOST_ORIGINS {
            signed.clear();
        }
        let fresh = self.sign(endpoint.origin(), now)?;
        let authorization = fresh.authorization.clone();
        signed.insert(endpoint.origin().to_owned(), fresh);
        Ok(authorization)
    }

    fn sign(&self, origin: &str, now: Timestamp) -> Result<Signed, VapidError> {
        let expires_at_second = now.as_second() + LIFETIME_SECONDS;
        // Only the origin of the "subscription" is read, to fill in an `aud` that is set here anyway.
        let subscription = SubscriptionInfo::new(origin, "", "");
        let mut builder = self.key.signer.clone().add_sub_info(&subscription);
        builder.add_claim("aud", origin);
        builder.add_claim("exp", expires_at_second);
        builder.add_claim("sub", self.subject.0.as_str());
        let token = builder.build().map_err(|_| VapidError::Signing)?.auth_t;
        let mut authorization = HeaderValue::try_from(format!("vapid t={token}, k={}", self.key.public_key))
            .map_err(|_| VapidError::Signing)?;
        authorization.set_sensitive(true);
        Ok(Signed { authorization, from: now, renewed_at_second: expires_at_second - RENEWED_BEFORE_SECONDS })
    }
}

impl fmt::Debug for VapidCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VapidCache({:?}, {:?})", self.key, self.subject)
    }
}

#[cfg(test)]
mod tests;
