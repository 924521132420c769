//! Test stores over an emulator with DynamoDB's semantics, and sample items.

use aws::DynamoClient;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::testing::{Dynamo, Fuse};
use crate::testing_tables::{CONTROL, NOTIFICATIONS, RECIPIENTS, SETTINGS, tables};
use crate::{CursorStore, ErasureStore, NotificationsStore, RecipientsStore};
use domain::channel::Channel;
use domain::channel::push::{ExtraOrigins, Subscription};
use domain::notification::{Claim, Content, Notification, NotificationId, NotificationRequest, Urgency};
use domain::recipient::{Device, KeyHasher, RecipientId, RecipientKey};
use domain::{NotificationType, TypeId};
use platform::private::Private;

const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

/// Stores of the test tables.
pub struct SampleStores {
    pub recipients: RecipientsStore,
    pub notifications: NotificationsStore,
    pub erasure: ErasureStore,
    pub cursor: CursorStore,
}

/// Test tables with their stores.
pub struct TestTables {
    pub dynamo: Dynamo,
    pub stores: SampleStores,
}

impl TestTables {
    pub async fn new() -> Self {
        let dynamo = tables().await;
        let stores = stores_with(&dynamo.client());
        Self { dynamo, stores }
    }

    /// Returns stores of the same tables, for a process that crashes when the fuse blows.
    pub fn crashing_stores(&self, fuse: Fuse) -> SampleStores {
        stores_with(&self.dynamo.client_with(fuse))
    }

    /// Registers a device at the time `at`.
    pub async fn device(&self, id: &str, token: &str, at: Timestamp, expires: Option<Timestamp>) -> Device {
        let device = registering(token, at, expires);
        self.stores.recipients.register(&recipient_id(id), &key(id), &device, None).await.unwrap();
        device
    }

    /// Returns the ids of a recipient's devices.
    pub async fn devices(&self, id: &str) -> Vec<String> {
        let recipient = self.stores.recipients.load(&key(id)).await.unwrap();
        recipient
            .map(|recipient| recipient.devices)
            .unwrap_or_default()
            .into_iter()
            .map(|device| device.device_id)
            .collect()
    }

    /// Stores a notification that is due at `due` and has a lifetime of one hour.
    pub async fn notification(&self, id: &str, due: Timestamp, in_flight: Option<Channel>) -> Notification {
        let notification = notification(id, due, in_flight);
        self.stores.notifications.create(&notification).await.unwrap();
        notification
    }
}

fn stores_with(client: &DynamoClient) -> SampleStores {
    let recipients = RecipientsStore::new(client.clone(), RECIPIENTS, CONTROL);
    SampleStores {
        erasure: ErasureStore::new(client.clone(), recipients.clone(), NOTIFICATIONS, SETTINGS),
        notifications: NotificationsStore::new(client.clone(), NOTIFICATIONS),
        cursor: CursorStore::new(client.clone(), CONTROL),
        recipients,
    }
}

/// Returns a device as a browser registers it.
pub fn registering(token: &str, at: Timestamp, expires: Option<Timestamp>) -> Device {
    let endpoint = format!("https://fcm.googleapis.com/fcm/send/{token}");
    let mut subscription = Subscription::parse(&endpoint, P256DH, AUTH, &ExtraOrigins::default()).unwrap();
    subscription.expires_at_ms = expires.map(Timestamp::as_millisecond);
    Device::registering(&subscription, &hasher(), at).unwrap()
}

pub fn hasher() -> KeyHasher {
    KeyHasher::new(&[7; 32])
}

pub fn recipient_id(id: &str) -> RecipientId {
    RecipientId::parse(id).unwrap()
}

pub fn key(id: &str) -> RecipientKey {
    hasher().recipient_key(&recipient_id(id))
}

/// Returns a notification whose lease expires and whose attempt never ends.
pub fn notification(id: &str, due: Timestamp, in_flight: Option<Channel>) -> Notification {
    let mut notification = Notification::new(NotificationRequest {
        id: NotificationId::random(key(id), due),
        to: recipient_id(id),
        caller: "caller".to_owned(),
        type_id: TypeId::parse(NotificationType::DEFAULT).unwrap(),
        is_critical: false,
        is_test: false,
        message: Content {
            title: Private::new("title".to_owned()),
            body: Private::new("body".to_owned()),
            ..Content::default()
        }
        .into(),
        channels: Channel::ALL.to_vec(),
        urgency: Urgency::Normal,
        topic: None,
        request_index: 0,
        campaign: None,
        metadata: None,
        created_at: due,
        due_at: due,
        lives_until: due + 1.hour(),
        kept_until: due + SignedDuration::from_hours(24 * 90),
    });
    notification.lease(due + 30.seconds(), due);
    let parts = notification.parts_mut();
    parts.in_flight = in_flight.map(|channel| Claim { channel, price_micros: 80_000 });
    parts.revision = 0;
    notification
}
