//! The notifications table. Every write of a stored notification has the condition `revision = :revision`.
//! If two writers write at once, one succeeds and the other receives an error. Each write draws a new random revision.
//! If a writer loses the response, it recognises its own write by that revision.
//!
//! One accepted push costs 1 write unit. A notification that waits costs 4: put 1 + index `due` 1, result 1 + removal
//! from `due` 1.

mod due_change;
mod history;
mod item;
mod newer_message;

pub use due_change::DueChange;
pub use history::{Histories, HistoryReader};
pub use item::{
    DUE_SHARDS, bulk_due_shards, due_shards, is_bulk_shard, notification_from_item, notification_to_item,
    single_due_shards,
};
pub use newer_message::NewerMessage;

use item::written_notification;

use aws::DynamoClient;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put};
use jiff::Timestamp;

use super::batch_get::{Consistency, batch_get};
use super::batch_put::batch_put;
use super::{Item, ItemWriter, StoreError};
use crate::direct::{GetItem, PutItem};
use domain::notification::{Engagement, Notification, NotificationId};
use domain::recipient::RecipientKey;
use platform::random;

use item::attention_shards;

/// Store of the notifications table.
#[derive(Debug, Clone)]
pub struct NotificationsStore {
    client: DynamoClient,
    table: String,
}

/// Result of a write by the holder of a notification's claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveResult {
    /// The notification was stored.
    Stored,
    /// Nothing was written because a receipt was stored first. The writer decides again and writes with this
    /// engagement.
    Conflict(Box<Engagement>),
}

/// A page of a list, with the position of the next page.
#[derive(Debug)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Key of the last item, if more items may follow.
    pub next: Option<String>,
}

/// A notification that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueNotification {
    /// The notification's id.
    pub id: NotificationId,
    /// Time of the due step.
    pub at: Timestamp,
}

impl NotificationsStore {
    /// Creates a store for `table`.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Stores a new notification.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] if the id is taken.
    pub async fn create(&self, notification: &Notification) -> Result<(), StoreError> {
        let put = PutItem::new(&self.table, written_notification(notification)).condition("attribute_not_exists(pk)");
        self.written(put, notification).await.map_err(|refused| refused.error)
    }

    /// Stores new notifications, 25 with each call and without conditions. The caller holds the only right to create
    /// them. A notification that a lost call may have stored is not replaced.
    ///
    /// # Errors
    /// If a call to DynamoDB fails. Some may be stored then.
    pub async fn create_many(&self, notifications: &[Notification]) -> Result<(), StoreError> {
        batch_put(&self.client, &self.table, notifications.iter().map(written_notification).collect()).await
    }

    /// Stores the next state of a notification if its revision is unchanged, and draws a new revision.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] if another writer wrote in between, or the notification was erased.
    pub async fn save(&self, notification: &mut Notification) -> Result<(), StoreError> {
        match self.save_leased(notification).await? {
            SaveResult::Stored => Ok(()),
            SaveResult::Conflict(_) => Err(StoreError::ConditionFailed { call: "PutItem" }),
        }
    }

    /// Does the same as [`save`](Self::save) for the holder of the lease. If only a receipt was stored in between,
    /// returns [`SaveResult::Conflict`], and the holder may continue.
    ///
    /// # Errors
    /// As [`save`](Self::save), except for receipts.
    pub async fn save_leased(&self, notification: &mut Notification) -> Result<SaveResult, StoreError> {
        let read_at = notification.revision();
        self.claim(notification, false).await.inspect_err(|_| notification.restore_revision(read_at))
    }

    /// Stores a state that claims a paid channel, for a new or a stored notification. Unlike [`save`](Self::save),
    /// after an error the notification keeps the new revision. If the write's result is unknown, the caller can release
    /// the claim by this revision.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] if another writer wrote in between, the id is taken, or the notification was
    /// erased.
    pub async fn claim(&self, notification: &mut Notification, is_new: bool) -> Result<SaveResult, StoreError> {
        if is_new {
            return self.create(notification).await.map(|()| SaveResult::Stored);
        }
        let read_at = notification.renew_revision();
        let put = self.put_over(notification, read_at, notification.engagement().noted);
        let Err(refused) = self.written(put, notification).await else { return Ok(SaveResult::Stored) };
        match refused.stored.filter(|stored| stored.revision() == read_at) {
            Some(stored) => {
                notification.restore_revision(read_at);
                Ok(SaveResult::Conflict(Box::new(*stored.engagement())))
            }
            None => Err(refused.error),
        }
    }

    /// Adds a receipt to a claimed notification. The revision does not change, so the claim stays valid.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] if another writer wrote since the notification was read.
    pub async fn save_receipt(&self, notification: &Notification) -> Result<(), StoreError> {
        let before = notification.engagement().noted.wrapping_sub(1);
        self.put_over(notification, notification.revision(), before).send(&self.client).await
    }

    fn put_over(&self, notification: &Notification, revision: u32, noted: u32) -> PutItem<'_> {
        let (condition, values) = unchanged_since(revision, noted);
        PutItem::new(&self.table, written_notification(notification)).condition(condition).values(values)
    }

    /// Sends a conditional put. If the stored item is the result of this same write, whose response was lost, the put
    /// counts as successful.
    async fn written(&self, put: PutItem<'_>, notification: &Notification) -> Result<(), NotificationPutError> {
        let Err(refused) = put.send_or_return_stored(&self.client).await else { return Ok(()) };
        let stored = refused.stored.and_then(|item| notification_from_item(&item).ok());
        let drawn = notification.revision() > random::UNDRAWN;
        let is_ours = drawn && stored.as_ref().is_some_and(|stored| stored.revision() == notification.revision());
        if is_ours { Ok(()) } else { Err(NotificationPutError { error: refused.error, stored }) }
    }

    /// Builds the same write as a part of a transaction. If the transaction fails, the caller restores the
    /// notification's old revision.
    ///
    /// # Errors
    /// Never in practice, because all required fields are set.
    pub fn put_in_transaction(&self, notification: &mut Notification, is_new: bool) -> Result<Put, StoreError> {
        let put = Put::builder().table_name(&self.table);
        let put = if is_new {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            let read_at = notification.renew_revision();
            let (condition, values) = unchanged_since(read_at, notification.engagement().noted);
            put.condition_expression(condition).set_expression_attribute_values(Some(values))
        };
        let put = put.set_item(Some(notification_to_item(notification))).build();
        put.map_err(|error| StoreError::of_build("TransactWriteItems", &error))
    }

    /// Returns one notification, with a consistent read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the item is malformed.
    pub async fn get(&self, id: &NotificationId) -> Result<Option<Notification>, StoreError> {
        let found = GetItem::new(&self.table, key(id)).consistent().send(&self.client).await?;
        Ok(found.as_ref().map(notification_from_item).transpose()?)
    }

    /// Returns a recipient's notifications, newest first. `after` is the time-ordered half of the previous page's last
    /// id.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or an item is malformed.
    pub async fn history(
        &self,
        recipient: &RecipientKey,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Notification>, StoreError> {
        let upper = after.unwrap_or("~");
        let query = self.client.query().table_name(&self.table).key_condition_expression("pk = :pk AND sk < :upper");
        let query = query
            .expression_attribute_values(":pk", AttributeValue::S(recipient.as_str().to_owned()))
            .expression_attribute_values(":upper", AttributeValue::S(upper.to_owned()))
            .scan_index_forward(false)
            // One item more than a page holds shows that another page follows.
            .limit(i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX));
        let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let mut items = page.items.unwrap_or_default();
        let more = items.len() > limit || (page.last_evaluated_key.is_some() && items.len() < limit);
        items.truncate(limit);
        let items = items.iter().map(notification_from_item).collect::<Result<Vec<_>, _>>()?;
        let next = items.last().filter(|_| more).map(|last| last.id().ordered().to_owned());
        Ok(Page { items, next })
    }

    /// Returns the due notifications of one shard of the index `due`, earliest first.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn due(&self, shard: &str, now: Timestamp, limit: usize) -> Result<Vec<DueNotification>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("due")
            .key_condition_expression("due_shard = :shard AND next_action_at <= :now")
            .expression_attribute_values(":shard", AttributeValue::S(shard.to_owned()))
            .expression_attribute_values(":now", AttributeValue::N(now.as_millisecond().to_string()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        Ok(page.items.unwrap_or_default().iter().filter_map(due_of).collect())
    }

    /// Returns the ids and times of notifications that ended badly on one UTC day between `from` and `to`, newest
    /// first. The result has about `limit` entries and always all entries of a millisecond. A list can therefore
    /// continue with the millisecond before. If the result has fewer than `limit` entries, no more follow.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn attention(
        &self,
        day: jiff::civil::Date,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, NotificationId)>, StoreError> {
        let mut found = Vec::new();
        for shard in attention_shards(day) {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("attention")
                .key_condition_expression("attention_shard = :shard AND attention_at BETWEEN :from AND :to")
                .expression_attribute_values(":shard", AttributeValue::S(shard))
                .expression_attribute_values(":from", AttributeValue::N(from.as_millisecond().to_string()))
                .expression_attribute_values(":to", AttributeValue::N(to.as_millisecond().to_string()))
                .scan_index_forward(false)
                .limit(i32::try_from(limit).unwrap_or(i32::MAX));
            found.extend(whole_milliseconds(query, limit).await?);
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        let enough = found.get(limit.saturating_sub(1)).map(|(at, _)| *at);
        Ok(found.into_iter().take_while(|(at, _)| enough.is_none_or(|enough| *at >= enough)).collect())
    }

    /// Returns notifications by id, in the order of `ids`. Erased notifications are left out.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or an item is malformed.
    pub async fn get_many(&self, ids: &[NotificationId]) -> Result<Vec<Notification>, StoreError> {
        let mut found = self.read_many(ids, Consistency::Consistent).await?;
        let place = |id: &NotificationId| ids.iter().position(|wanted| wanted == id);
        found.sort_by_key(|notification| place(notification.id()));
        Ok(found)
    }

    async fn read_many(
        &self,
        ids: &[NotificationId],
        consistency: Consistency,
    ) -> Result<Vec<Notification>, StoreError> {
        let keys: Vec<Item> = ids.iter().map(key).collect();
        let items = batch_get(&self.client, &self.table, &keys, None, consistency).await?;
        Ok(items.iter().map(notification_from_item).collect::<Result<_, _>>()?)
    }
}

/// Condition that a notification was not written since it was read. A new state draws a new `revision`.
/// A receipt for a claimed notification increments `noted`.
fn unchanged_since(revision: u32, noted: u32) -> (&'static str, Item) {
    let values = ItemWriter::default().number(":revision", revision);
    match noted {
        0 => ("revision = :revision AND attribute_not_exists(noted)", values.finish()),
        noted => ("revision = :revision AND noted = :noted", values.number(":noted", noted).finish()),
    }
}

/// A failed put, and the stored notification that made the condition fail.
struct NotificationPutError {
    error: StoreError,
    stored: Option<Notification>,
}

/// Reads pages of one shard, newest first, until `limit` entries are found and their milliseconds are complete.
async fn whole_milliseconds(
    query: QueryFluentBuilder,
    limit: usize,
) -> Result<Vec<(Timestamp, NotificationId)>, StoreError> {
    let mut found: Vec<(Timestamp, NotificationId)> = Vec::new();
    let mut start = None;
    loop {
        let page = query.clone().set_exclusive_start_key(start).send().await;
        let page = page.map_err(|error| StoreError::of("Query", error))?;
        let items = page.items.unwrap_or_default();
        found.extend(items.iter().filter_map(|item| Some((attention_at(item)?, id_of(item)?))));
        start = page.last_evaluated_key;
        let enough = found.get(limit.saturating_sub(1)).map(|(at, _)| *at);
        let is_complete = enough.is_some_and(|enough| found.last().is_some_and(|(last, _)| *last < enough));
        if start.is_none() || is_complete {
            return Ok(found);
        }
    }
}

fn key(id: &NotificationId) -> Item {
    Item::from([
        ("pk".to_owned(), AttributeValue::S(id.recipient().as_str().to_owned())),
        ("sk".to_owned(), AttributeValue::S(id.ordered().to_owned())),
    ])
}

fn id_of(item: &Item) -> Option<NotificationId> {
    NotificationId::from_stored(item.get("pk")?.as_s().ok()?, item.get("sk")?.as_s().ok()?)
}

fn due_of(item: &Item) -> Option<DueNotification> {
    Some(DueNotification { id: id_of(item)?, at: moment(item, "next_action_at")? })
}

fn attention_at(item: &Item) -> Option<Timestamp> {
    moment(item, "attention_at")
}

fn moment(item: &Item, name: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(item.get(name)?.as_n().ok()?.parse().ok()?).ok()
}
