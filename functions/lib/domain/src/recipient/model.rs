//! A recipient as the send path sees one: how to reach them, and what they said they want.
//!
//! Everything personal is `Private` or a masked newtype, so a recipient can be logged without naming a person.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::{Preferences, RecipientId, RecipientKey};
use crate::channel::{Channel, EmailAddress, PhoneNumber};
use platform::private::Private;

/// The most devices a recipient may have.
pub const MAX_DEVICES: usize = 20;

/// The most bytes `attributes` may have as JSON.
pub const MAX_ATTRIBUTES_BYTES: usize = 4096;

/// One person, with all devices.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipient {
    /// The caller's id, needed for the rollout's bucket.
    pub id: RecipientId,
    /// Under which everything about them is stored.
    pub key: RecipientKey,
    /// Where e-mail goes.
    pub email: Option<EmailAddress>,
    /// Where SMS goes.
    pub phone: Option<PhoneNumber>,
    /// A BCP 47 tag such as `it-IT`.
    pub locale: Option<String>,
    /// An IANA name such as `Europe/Rome`.
    pub time_zone: Option<String>,
    /// The caller's own facts about them, for templates and segments.
    pub attributes: Private<Map<String, Value>>,
    /// What they want and when.
    pub preferences: Preferences,
    /// Types they unsubscribed from by a link in a message; no PUT takes that back.
    pub unsubscribed_types: BTreeSet<String>,
    /// Channels on which their address is suppressed, as far as the profile knows.
    pub suppressed: BTreeSet<Channel>,
    /// Their browsers, newest first.
    pub devices: Vec<Device>,
    /// When the recipient became known.
    pub created_at: Timestamp,
    /// When the profile last changed.
    pub updated_at: Timestamp,
    /// Counts the profile's changes.
    pub revision: u64,
    /// Counts the registrations of new devices, so that two at once cannot exceed [`MAX_DEVICES`].
    pub registrations: u64,
}

impl Recipient {
    /// The zone their quiet hours are in; UTC when none is known.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        self.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
    }

    /// Whether notifications of this type are wanted.
    #[must_use]
    pub fn wants_type(&self, kind: &str) -> bool {
        self.preferences.wants_type(kind) && !self.unsubscribed_types.contains(kind)
    }

    /// Whether they have an address on this channel that is not suppressed, and have not opted out of it.
    #[must_use]
    pub fn reachable_on(&self, channel: Channel) -> bool {
        let has_address = match channel {
            Channel::Push => !self.devices.is_empty(),
            Channel::Email => self.email.is_some(),
            Channel::Sms => self.phone.is_some(),
        };
        has_address && self.preferences.wants_channel(channel) && !self.suppressed.contains(&channel)
    }

    /// When their quiet hours end, if it is quiet now.
    #[must_use]
    pub fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.preferences.quiet_hours.and_then(|hours| hours.open_at(now, &self.zone()))
    }
}

/// One browser of a recipient: a push subscription (W3C Push API) and when it was last seen.
#[derive(Clone, PartialEq, Eq)]
pub struct Device {
    /// A keyed hash of the endpoint: stable, and safe to log.
    pub device_id: String,
    /// Where the push service takes messages for this browser.
    pub endpoint: Private<String>,
    /// The browser's public key, base64url without padding.
    pub p256dh: Private<String>,
    /// The browser's secret, base64url without padding.
    pub auth: Private<String>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last registered or sent a receipt, to the day. Sending does not write it; see [`crate::recipient::registration`].
    pub last_used_at: Timestamp,
    /// When the browser said the subscription ends (`expirationTime`).
    pub expires_at: Option<Timestamp>,
    /// Until when its push service asked to leave this one device alone; kept after that time.
    pub rests_until: Option<Timestamp>,
}

impl Device {
    /// Until when the device is to be left alone; `None` once that is over.
    #[must_use]
    pub fn resting_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.rests_until.filter(|until| *until > now)
    }

    /// Whether its subscription has not ended by the browser's own word.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }

    /// The push service's host, which says nothing about the person.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = self.endpoint.expose().split_once("://").map_or("", |(_, rest)| rest);
        rest.split(['/', '?', '#']).next().unwrap_or_default()
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("device_id", &self.device_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::recipient::KeyHasher;

    fn device(endpoint: &str) -> Device {
        Device {
            device_id: "d".repeat(26),
            endpoint: Private::new(endpoint.to_owned()),
            p256dh: Private::new("point".to_owned()),
            auth: Private::new("secret".to_owned()),
            created_at: Timestamp::UNIX_EPOCH,
            last_used_at: Timestamp::UNIX_EPOCH,
            expires_at: None,
            rests_until: None,
        }
    }

    #[test]
    fn debug_names_no_person_and_no_endpoint() {
        let id = RecipientId::parse("ada").unwrap();
        let recipient = Recipient {
            key: KeyHasher::new(&[1; 32]).recipient_key(&id),
            id,
            email: Some(EmailAddress::parse("lovelace@example.com").unwrap()),
            phone: Some(PhoneNumber::parse("+393331234567").unwrap()),
            locale: None,
            time_zone: None,
            attributes: Private::new(Map::from_iter([("plan".to_owned(), Value::from("gold"))])),
            preferences: Preferences::default(),
            unsubscribed_types: BTreeSet::new(),
            suppressed: BTreeSet::new(),
            devices: vec![device("https://fcm.googleapis.com/fcm/send/token-1")],
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            revision: 1,
            registrations: 0,
        };
        let text = format!("{recipient:?}");
        for personal in ["ada\"", "lovelace", "3331234567", "gold", "token-1", "point", "secret"] {
            assert!(!text.contains(personal), "{personal}");
        }
    }

    #[test]
    fn a_device_shows_its_host_alone() {
        assert_eq!(device("https://fcm.googleapis.com/fcm/send/x").host(), "fcm.googleapis.com");
        assert_eq!(device("http://127.0.0.1:18082?x").host(), "127.0.0.1:18082");
        assert_eq!(device("nonsense").host(), "");
    }
}
