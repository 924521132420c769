//! Mapping from SNS message ids to notifications. SNS accepts no id of the sender with an SMS. Its own message id is
//! therefore stored for longer than a carrier takes to report the delivery.

use aws_sdk_dynamodb::Client;
use jiff::{SignedDuration, Timestamp};

use super::{Item, ItemReader, ItemWriter, StoreError};
use domain::notification::NotificationId;

/// Retention of a mapping. A carrier's report takes up to 72 h, and a failed event is retried for hours.
const RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Store of these mappings in the control table.
#[derive(Debug, Clone)]
pub struct SmsMessageStore {
    client: Client,
    table: String,
}

impl SmsMessageStore {
    /// Creates a store for `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
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
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(|error| StoreError::of("PutItem", error))
    }

    /// Returns the notification of an SMS. Returns `None` if another system sent the SMS, or the mapping expired. Costs
    /// one read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the item is malformed.
    pub async fn find(&self, message_id: &str) -> Result<Option<NotificationId>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(message_id))).consistent_read(true);
        let found = get.send().await.map_err(|error| StoreError::of("GetItem", error))?;
        let id = |item: &Item| -> Result<Option<NotificationId>, StoreError> {
            Ok(NotificationId::parse(ItemReader(item).text("notification")?))
        };
        found.item.as_ref().map_or(Ok(None), id)
    }
}

fn key(message_id: &str) -> Item {
    ItemWriter::default().text("pk", format!("sms#{message_id}")).finish()
}
