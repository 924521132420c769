//! Which notification an SMS was sent for. SNS takes no name of ours with a text, so its own id of each is remembered for as
//! long as a carrier may take to answer.

use aws_sdk_dynamodb::Client;
use jiff::{SignedDuration, Timestamp};

use super::{Item, ItemReader, ItemWriter, StoreError};
use domain::notification::NotificationId;

/// A carrier's answer takes up to 72 h, and an event that failed is tried again for hours.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The adapter of these items in the control table.
#[derive(Debug, Clone)]
pub struct SmsMessages {
    client: Client,
    table: String,
}

impl SmsMessages {
    /// An adapter of `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Remembers it: one write unit.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn remember(&self, message_id: &str, id: &NotificationId, now: Timestamp) -> Result<(), StoreError> {
        let until = now.checked_add(KEPT).unwrap_or(Timestamp::MAX);
        let mut item = key(message_id);
        item.extend(
            ItemWriter::default().text("notification", id.to_string()).number("expires_at", until.as_second()).finish(),
        );
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(|error| StoreError::of("PutItem", error))
    }

    /// The notification that an SMS was sent for; `None` when it is none of ours, or forgotten. One read.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is malformed.
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
