//! Decision about a registration of a device, before anything is written.
//!
//! Service workers register their subscription again whenever they start. Such a repeat, and a receipt from the device,
//! show that the browser is still in use. An accepted push does not show it, so sending writes nothing to a device. Use
//! is written at most once a day, or if the browser's keys or expiry changed. So a repeat costs one read and usually
//! no write.

use jiff::{SignedDuration, Timestamp};

use super::{Device, KeyHasher, MAX_DEVICES, Recipient};
use crate::channel::push::Subscription;
use platform::private::Private;

/// Minimum age of `last_used_at` before a repeat refreshes it.
const REFRESH_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Decision about a device that registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration<'a> {
    /// Known, and used within the last 24 h: nothing to write.
    Known,
    /// Known: its keys, its expiry or its last use must be written, and the device that it replaces must be deleted.
    Refresh {
        /// Device to delete.
        replaces: Option<&'a Device>,
    },
    /// Not known to this recipient.
    New {
        /// Device to delete: the replaced one. If there is none and the recipient has [`MAX_DEVICES`], an ended or the
        /// least recently used device.
        replaces: Option<&'a Device>,
    },
}

/// Decides about the registration of `device` for the recipient as stored. `replaced` is the id of the device that it
/// replaces. Only a device of the same recipient can be replaced.
#[must_use]
pub fn registration<'a>(recipient: Option<&'a Recipient>, device: &Device, replaced: Option<&str>) -> Registration<'a> {
    let devices = recipient.map_or(&[][..], |recipient| &recipient.devices);
    let others = || devices.iter().filter(|known| known.device_id != device.device_id);
    let named = others().find(|known| Some(known.device_id.as_str()) == replaced);
    match devices.iter().find(|known| known.device_id == device.device_id) {
        Some(known) if is_fresh(known, device) && named.is_none() => Registration::Known,
        Some(_) => Registration::Refresh { replaces: named },
        None if devices.len() < MAX_DEVICES => Registration::New { replaces: named },
        None => Registration::New { replaces: named.or_else(|| least_recent(others(), device.last_used_at)) },
    }
}

/// Returns a device whose subscription has ended, otherwise the least recently used one.
fn least_recent<'a>(devices: impl Iterator<Item = &'a Device>, now: Timestamp) -> Option<&'a Device> {
    devices.min_by_key(|device| (device.is_live(now), device.last_used_at, device.created_at))
}

fn is_fresh(known: &Device, device: &Device) -> bool {
    let is_same = known.p256dh == device.p256dh && known.auth == device.auth && known.expires_at == device.expires_at;
    is_same && !is_use_due(known.last_used_at, device.last_used_at)
}

/// Returns `true` if use of a device must be stored at `now`: once a day.
#[must_use]
pub fn is_use_due(last_used_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(last_used_at) >= REFRESH_AFTER
}

impl Device {
    /// Builds a device from a browser's subscription that is registered now. Returns `None` if the reported expiry is
    /// not in the future.
    #[must_use]
    pub fn registering(subscription: &Subscription, hasher: &KeyHasher, now: Timestamp) -> Option<Self> {
        let endpoint = subscription.endpoint.as_url();
        let expires_at = match subscription.expires_at_ms {
            None => None,
            Some(ms) => Some(Timestamp::from_millisecond(ms).ok().filter(|at| *at > now)?),
        };
        Some(Self {
            device_id: hasher.keyed("endpoint", endpoint),
            endpoint: Private::new(endpoint.to_owned()),
            p256dh: Private::new(subscription.keys.p256dh_base64url()),
            auth: Private::new(subscription.keys.auth_base64url()),
            created_at: now,
            last_used_at: now,
            expires_at,
            rests_until: None,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::ToSpan;

    use super::*;
    use crate::recipient::RecipientId;

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
            rests_until: None,
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
            preferences: crate::recipient::Preferences::default(),
            suppressed: std::collections::BTreeSet::new(),
            devices: (0..devices).map(device).collect(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            last_engaged_at: None,
            revision: 1,
            caps: crate::caps::CapUsage::default(),
        }
    }

    /// Returns the number of the device to delete.
    fn replaces(registration: Registration<'_>) -> Option<usize> {
        match registration {
            Registration::Known => None,
            Registration::New { replaces } | Registration::Refresh { replaces } => {
                replaces.map(|device| device.device_id.parse().unwrap())
            }
        }
    }

    #[test]
    fn a_device_is_new_until_the_recipient_has_it() {
        let new = Registration::New { replaces: None };
        assert_eq!(registration(None, &device(1), None), new);
        assert_eq!(registration(Some(&recipient(19)), &device(99), None), new);
        assert_eq!(registration(Some(&recipient(20)), &device(19), None), Registration::Known);
    }

    #[test]
    fn at_the_limit_an_expired_device_is_replaced_first_then_the_one_unused_for_longest() {
        let mut recipient = recipient(20);
        for (number, device) in recipient.devices.iter_mut().enumerate() {
            device.created_at -= i64::try_from(number).unwrap().hours();
            device.last_used_at -= if number == 7 { 9.hours() } else { 1.hour() };
        }
        assert_eq!(replaces(registration(Some(&recipient), &device(99), None)), Some(7));
        assert_eq!(replaces(registration(Some(&recipient), &device(99), Some(&device(3).device_id))), Some(3));
        recipient.devices[7].last_used_at += 8.hours();
        assert_eq!(replaces(registration(Some(&recipient), &device(99), None)), Some(19), "the oldest of equals");
        recipient.devices[4].expires_at = Some(device(4).last_used_at);
        assert_eq!(replaces(registration(Some(&recipient), &device(99), None)), Some(4));
    }

    #[test]
    fn what_is_replaced_is_another_device_of_the_same_recipient() {
        let recipient = recipient(3);
        let with = |new: usize, old: usize| registration(Some(&recipient), &device(new), Some(&device(old).device_id));
        assert_eq!(replaces(with(9, 1)), Some(1));
        assert_eq!(with(9, 8), Registration::New { replaces: None }, "unknown to this recipient");
        assert_eq!(with(2, 2), Registration::Known, "itself");
        assert!(
            matches!(with(2, 1), Registration::Refresh { replaces: Some(_) }),
            "known already, the old one still there"
        );
        assert_eq!(registration(None, &device(1), Some("x")), Registration::New { replaces: None });
    }

    #[test]
    fn a_known_device_is_written_after_a_day_or_with_new_keys() {
        let repeat = |change: fn(&mut Device)| {
            let mut device = device(0);
            change(&mut device);
            matches!(registration(Some(&recipient(1)), &device, None), Registration::Refresh { replaces: None })
        };
        assert!(!repeat(|device| device.last_used_at += 86_399.seconds()));
        assert!(repeat(|device| device.last_used_at += 86_400.seconds()));
        assert!(repeat(|device| device.auth = Private::new("another".to_owned())));
        assert!(repeat(|device| device.p256dh = Private::new("another".to_owned())));
        assert!(repeat(|device| device.expires_at = Some(Timestamp::MAX)));
        // An earlier time, from a slow clock, does not cause a write.
        assert!(!repeat(|device| device.last_used_at -= 3_600.seconds()));
    }
}
