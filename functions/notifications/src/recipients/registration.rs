//! What a registration of a device comes to, decided before anything is written.
//!
//! Service workers register their subscription again whenever they start. A push writes nothing to a device; such a repeat
//! is what says that the browser is still in use. It is written at most once a day, or when the browser's keys changed,
//! so a repeat costs one Query and usually no write.

use jiff::{SignedDuration, Timestamp};

use super::{Device, KeyHasher, MAX_DEVICES, Recipient};
use crate::channels::push::Subscription;
use crate::private::Private;

/// How stale `last_used_at` may get before a repeat refreshes it.
const REFRESH_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// What is to be done about a device that registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Known, and seen today: nothing to write.
    Known,
    /// Known: its keys, its expiry or its last use are to be written.
    Refresh,
    /// Not known to this recipient.
    New,
    /// Not known to this recipient, who has as many as one may have.
    TooMany,
}

/// Decides what to do about `device`, given the recipient as stored.
#[must_use]
pub fn registration(recipient: Option<&Recipient>, device: &Device) -> Registration {
    let devices = recipient.map_or(&[][..], |recipient| &recipient.devices);
    match devices.iter().find(|known| known.device_id == device.device_id) {
        Some(known) if is_fresh(known, device) => Registration::Known,
        Some(_) => Registration::Refresh,
        None if devices.len() >= MAX_DEVICES => Registration::TooMany,
        None => Registration::New,
    }
}

fn is_fresh(known: &Device, device: &Device) -> bool {
    let is_same = known.p256dh == device.p256dh && known.auth == device.auth && known.expires_at == device.expires_at;
    is_same && device.last_used_at.duration_since(known.last_used_at) < REFRESH_AFTER
}

impl Device {
    /// A browser's subscription as a device that registers now.
    #[must_use]
    pub fn registering(subscription: &Subscription, hasher: &KeyHasher, now: Timestamp) -> Self {
        let endpoint = subscription.endpoint.as_url();
        let expires_at =
            subscription.expires_at_ms.and_then(|ms| Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok());
        Self {
            device_id: hasher.keyed("endpoint", endpoint),
            endpoint: Private::new(endpoint.to_owned()),
            p256dh: Private::new(subscription.keys.p256dh_base64url()),
            auth: Private::new(subscription.keys.auth_base64url()),
            created_at: now,
            last_used_at: now,
            expires_at,
        }
    }
}
