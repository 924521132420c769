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
    /// A browser's subscription as a device that registers now; `None` when the browser's expiry is no moment to come.
    #[must_use]
    pub fn registering(subscription: &Subscription, hasher: &KeyHasher, now: Timestamp) -> Option<Self> {
        let endpoint = subscription.endpoint.as_url();
        let expires_at = match subscription.expires_at_ms {
            None => None,
            Some(ms) => Some(Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok().filter(|at| *at > now)?),
        };
        Some(Self {
            device_id: hasher.keyed("endpoint", endpoint),
            endpoint: Private::new(endpoint.to_owned()),
            p256dh: Private::new(subscription.keys.p256dh_base64url()),
            auth: Private::new(subscription.keys.auth_base64url()),
            created_at: now,
            last_used_at: now,
            expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::ToSpan;

    use super::*;
    use crate::recipients::RecipientId;

    fn device(number: usize) -> Device {
        let now: Timestamp = "2027-01-10T12:00:00Z".parse().unwrap();
        Device {
            device_id: format!("{number:026}"),
            endpoint: Private::new(format!("https://fcm.googleapis.com/{number}")),
            p256dh: Private::new("point".to_owned()),
            auth: Private::new("secret".to_owned()),
            created_at: now,
            last_used_at: now,
            expires_at: None,
        }
    }

    fn recipient(devices: usize) -> Recipient {
        let id = RecipientId::parse("ada").unwrap();
        Recipient {
            key: KeyHasher::new(&[1; 32]).recipient_key(&id),
            id,
            email: None,
            phone: None,
            locale: None,
            time_zone: None,
            attributes: Private::default(),
            preferences: crate::recipients::Preferences::default(),
            unsubscribed_types: std::collections::BTreeSet::new(),
            suppressed: std::collections::BTreeSet::new(),
            devices: (0..devices).map(device).collect(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            revision: 1,
        }
    }

    #[test]
    fn a_device_is_new_until_the_recipient_has_it_or_has_20() {
        assert_eq!(registration(None, &device(1)), Registration::New);
        assert_eq!(registration(Some(&recipient(19)), &device(99)), Registration::New);
        assert_eq!(registration(Some(&recipient(20)), &device(99)), Registration::TooMany);
        assert_eq!(registration(Some(&recipient(20)), &device(19)), Registration::Known);
    }

    #[test]
    fn a_known_device_is_written_when_a_day_passed_or_the_browser_says_something_new() {
        let repeat = |change: fn(&mut Device)| {
            let mut device = device(0);
            change(&mut device);
            registration(Some(&recipient(1)), &device)
        };
        assert_eq!(repeat(|device| device.last_used_at += 86_399.seconds()), Registration::Known);
        assert_eq!(repeat(|device| device.last_used_at += 86_400.seconds()), Registration::Refresh);
        assert_eq!(repeat(|device| device.auth = Private::new("another".to_owned())), Registration::Refresh);
        assert_eq!(repeat(|device| device.p256dh = Private::new("another".to_owned())), Registration::Refresh);
        assert_eq!(repeat(|device| device.expires_at = Some(Timestamp::MAX)), Registration::Refresh);
        // A clock behind the one that wrote it is no reason to write.
        assert_eq!(repeat(|device| device.last_used_at -= 3_600.seconds()), Registration::Known);
    }
}
