//! Sample recipients for unit tests.

use jiff::{SignedDuration, Timestamp};

use super::{Device, KeyHasher, Preferences, Recipient, RecipientId};
use crate::channel::{EmailAddress, PhoneNumber};
use platform::private::Private;

/// Returns a recipient with an e-mail address, an Italian phone number, and devices `d0`, `d1`, ... of which the last
/// is the newest.
pub fn with_everything(devices: usize) -> Recipient {
    let id = RecipientId::parse("ada").unwrap();
    let device = |number: usize| Device {
        device_id: format!("d{number}"),
        endpoint: Private::new(format!("https://fcm.googleapis.com/fcm/send/{number}")),
        p256dh: Private::new(String::new()),
        auth: Private::new(String::new()),
        created_at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(number).unwrap()),
        last_used_at: Timestamp::UNIX_EPOCH,
        expires_at: None,
        rests_until: None,
    };
    Recipient {
        key: KeyHasher::new(&[7; 32]).recipient_key(&id),
        id,
        email: Some(EmailAddress::parse("ada@example.com").unwrap()),
        phone: Some(PhoneNumber::parse("+393331234567").unwrap()),
        locale: None,
        time_zone: None,
        attributes: Private::new(serde_json::Map::new()),
        preferences: Preferences::default(),
        suppressed: std::collections::BTreeSet::new(),
        devices: (0..devices).rev().map(device).collect(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        last_engaged_at: None,
        revision: 1,
        caps: crate::caps::CapUsage::default(),
    }
}
