//! Sample notification for unit tests.

use jiff::{SignedDuration, Timestamp};

use super::{Content, Notification, NotificationId, NotificationRequest};
use crate::NotificationTypes;
use crate::notification::Urgency;
use crate::recipient::{KeyHasher, RecipientId};
use platform::private::Private;

/// Returns an ordinary notification of this type, requested and due at `at`.
pub fn sample(kind: &str, at: Timestamp) -> Notification {
    let types = NotificationTypes::default();
    let kind = types.get(kind).unwrap();
    let to = RecipientId::parse("ada").unwrap();
    let key = KeyHasher::new(&[7; 32]).recipient_key(&to);
    let lives_until = at + SignedDuration::from_secs(kind.default_ttl_seconds.into());
    let mut notification = Notification::new(NotificationRequest {
        id: NotificationId::random(key, at),
        to,
        caller: "6f9c2l1h8t5m4n3p2q1r0s9tuv".to_owned(),
        type_id: kind.id.clone(),
        is_critical: kind.rules.is_critical(),
        is_test: false,
        message: Content {
            title: Private::new("Your certificate expires".to_owned()),
            body: Private::new("On Friday. ".repeat(32)),
            ..Content::default()
        }
        .into(),
        channels: kind.channels.clone(),
        urgency: Urgency::Normal,
        topic: None,
        request_index: 0,
        campaign: None,
        metadata: None,
        created_at: at,
        due_at: at,
        lives_until,
        kept_until: Timestamp::from_second(lives_until.as_second() + 90 * 86_400).unwrap(),
    });
    notification.parts_mut().revision = 0;
    notification
}
