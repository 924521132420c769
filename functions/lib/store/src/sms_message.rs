//! Mapping from SNS message ids to notifications. SNS accepts no id of the sender with an SMS. Its own message id is
//! therefore stored for longer than a carrier takes to report the delivery.

use aws::DynamoClient;
use jiff::{SignedDuration, Timestamp};

use super::{Item, ItemReader, ItemWriter, StoreError};
use crate::direct::{GetItem, PutItem};
use domain::notification::NotificationId;

/// Retention of a mapping. A carrier's report takes up to 72 h, and a failed event is retried for hours.
const RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Store of these mappings in the control table.
#[derive(Debug, Clone)]
pub struct SmsMessageStore {
    client: DynamoClient,
    table: String,
}

impl SmsMessageStore {
    /// Creates a store for `table`.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Stores the notification of an SMS. Costs one write unit.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn add(&self, message_id: &str, id: &NotificationId, now: Timestamp) -> Result<(), StoreError> {
        let until = now.checked_add(RETENTION).unwrap_or(Timestamp::MAX);
        let mut item = key(message_id);
        item.extend(
            ItemWriter::default().text("notification", id.to_string()).number("expires_at", until.as_second()).finish(),
        );
        PutItem::new(&self.table, item).send(&self.client).await
    }

    /// Returns the notification of an SMS. Returns `None` if another system sent the SMS, or the mapping expired. Costs
    /// one read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the item is malformed.
    pub async fn find(&self, message_id: &str) -> Result<Option<NotificationId>, StoreError> {
        let found = GetItem::new(&self.table, key(message_id)).consistent().send(&self.client).await?;
        let id = |item: &Item| -> Result<Option<NotificationId>, StoreError> {
            Ok(NotificationId::parse(ItemReader(item).text("notification")?))
        };
        found.as_ref().map_or(Ok(None), id)
    }
}

fn key(message_id: &str) -> Item {
    ItemWriter::default().text("pk", format!("sms#{message_id}")).finish()
}
