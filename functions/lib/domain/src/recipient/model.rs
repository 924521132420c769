//! Recipient as the send path uses one: addresses, devices and preferences.
//!
//! All personal data is `Private` or a masked newtype, so a log line with a recipient contains no personal data.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Preferences, RecipientId, RecipientKey};
use crate::caps::CapUsage;
use crate::channel::{Channel, EmailAddress, PhoneNumber};
use crate::quiet_hours::QuietWindow;
use crate::{TypeId, TypeRules};
use platform::private::Private;

/// Maximum number of devices of a recipient.
pub const MAX_DEVICES: usize = 20;

/// Maximum size of `attributes` as JSON, in bytes.
pub const MAX_ATTRIBUTES_BYTES: usize = 4096;

/// One recipient, with all devices.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipient {
    /// Id that the caller chose. The rollout's bucket is computed from it.
    pub id: RecipientId,
    /// Key of everything that is stored about the recipient.
    pub key: RecipientKey,
    /// E-mail address.
    pub email: Option<EmailAddress>,
    /// Phone number for SMS.
    pub phone: Option<PhoneNumber>,
    /// Language as a BCP 47 tag such as `it-IT`.
    pub locale: Option<String>,
    /// Time zone as an IANA name such as `Europe/Rome`.
    pub time_zone: Option<String>,
    /// Attributes that the caller chose, for templates and segments.
    pub attributes: Private<Map<String, Value>>,
    /// Choices about types and channels, and quiet hours.
    pub preferences: Preferences,
    /// Channels on which the profile marks the address as suppressed.
    pub suppressed: BTreeSet<Channel>,
    /// Devices, newest first.
    pub devices: Vec<Device>,
    /// Time at which the recipient was created.
    pub created_at: Timestamp,
    /// Time of the profile's last change.
    pub updated_at: Timestamp,
    /// Time of the last opened or clicked message or conversion, with a precision of a day.
    pub last_engaged_at: Option<Timestamp>,
    /// Number of changes of the profile.
    pub revision: u64,
    /// Claims of the frequency caps.
    pub caps: CapUsage,
}

impl Recipient {
    /// Returns `true` if the channel has an address that is not suppressed, and no choice refuses the channel for
    /// notifications of this type.
    #[must_use]
    pub fn reachable_on(&self, channel: Channel, kind: &TypeId, rules: &TypeRules) -> bool {
        let has_address = match channel {
            Channel::Push => !self.devices.is_empty(),
            Channel::Email => self.email.is_some(),
            Channel::Sms => self.phone.is_some(),
        };
        let is_refused = || self.preferences.choices.refusal_of_channel(channel, kind, rules).is_some();
        has_address && !self.suppressed.contains(&channel) && !is_refused()
    }

    /// Returns the recipient's own windows of quiet hours.
    pub fn quiet_windows(&self) -> impl Iterator<Item = QuietWindow> {
        self.preferences.quiet_hours.iter().flat_map(|chosen| chosen.hours.windows())
    }
}

/// One device of a recipient: a browser's push subscription (W3C Push API), and when it was last used.
#[derive(Clone, PartialEq, Eq)]
pub struct Device {
    /// Keyed hash of the endpoint: stable, and safe to log.
    pub device_id: String,
    /// URL at which the push service accepts messages for this browser.
    pub endpoint: Private<String>,
    /// Browser's public key, base64url without padding.
    pub p256dh: Private<String>,
    /// Browser's secret, base64url without padding.
    pub auth: Private<String>,
    /// Time of the registration.
    pub created_at: Timestamp,
    /// Time of the last registration or receipt, with a precision of one day. Sending does not change it; see
    /// [`crate::recipient::registration`].
    pub last_used_at: Timestamp,
    /// Time at which the subscription ends, as the browser reported it (`expirationTime`).
    pub expires_at: Option<Timestamp>,
    /// End of the device rest that the push service requested. The value is kept after that time.
    pub rests_until: Option<Timestamp>,
}

impl Device {
    /// Returns the end of the device rest; `None` once that time is over.
    #[must_use]
    pub fn resting_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.rests_until.filter(|until| *until > now)
    }

    /// Returns `true` unless the subscription has ended according to the browser.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }

    /// Returns the push service's host, which contains nothing about the recipient.
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
            suppressed: BTreeSet::new(),
            devices: vec![device("https://fcm.googleapis.com/fcm/send/token-1")],
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            last_engaged_at: None,
            revision: 1,
            caps: CapUsage::default(),
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
