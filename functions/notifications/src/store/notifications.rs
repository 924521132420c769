//! The notifications table: every write asks for the revision before it, so that of two writers one wins and the
//! other learns of it. A writer whose answer was lost learns by the revision it drew that it was itself who won.
//!
//! One accepted push costs 4 write units: put 1 + index `due` 1, result 1 + leaving `due` 1.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::{Item, StoreError};
use crate::chance;
use crate::notification::{Notification, NotificationId, attention_shards};
use crate::recipients::RecipientKey;

/// How often what DynamoDB leaves of a batch is asked for again.
const BATCH_ROUNDS: u32 = 5;

/// The adapter of the notifications table.
#[derive(Debug, Clone)]
pub struct NotificationsStore {
    client: Client,
    table: String,
}

/// A page of a list: the items and where the next page begins.
#[derive(Debug)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The last key seen, when there may be more.
    pub next: Option<String>,
}

impl NotificationsStore {
    /// An adapter of `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Stores a new notification.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] when its id is taken.
    pub async fn create(&self, notification: &Notification) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(notification.to_item()));
        written(put.condition_expression("attribute_not_exists(pk)"), notification).await
    }

    /// Stores the next state of a notification that was read at its present revision, and draws a new one.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] when somebody else wrote in between, or it was erased.
    pub async fn save(&self, notification: &mut Notification) -> Result<(), StoreError> {
        let read_at = notification.revision;
        self.claim(notification, false).await.inspect_err(|_| notification.revision = read_at)
    }

    /// Stores a state that claims a paid channel, new or not. Unlike [`save`](Self::save) it leaves the notification with the
    /// revision that was written, or may have been: who does not learn whether it was can take the claim back by it.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] when somebody else wrote in between, its id is taken, or it was erased.
    pub async fn claim(&self, notification: &mut Notification, is_new: bool) -> Result<(), StoreError> {
        if is_new {
            return self.create(notification).await;
        }
        let read_at = notification.revision;
        notification.revision = chance::other_than(read_at);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(notification.to_item()));
        let put = put
            .condition_expression("revision = :read_at")
            .expression_attribute_values(":read_at", AttributeValue::N(read_at.to_string()));
        written(put, notification).await
    }

    /// The same write as a part of a transaction. If that does not go through, the caller gives the notification its old
    /// revision back.
    ///
    /// # Errors
    /// Never, in practice: the parts are all given.
    pub fn put_in_transaction(&self, notification: &mut Notification, is_new: bool) -> Result<Put, StoreError> {
        let put = Put::builder().table_name(&self.table);
        let put = if is_new {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            let read_at = notification.revision;
            notification.revision = chance::other_than(read_at);
            put.condition_expression("revision = :read_at")
                .expression_attribute_values(":read_at", AttributeValue::N(read_at.to_string()))
        };
        let put = put.set_item(Some(notification.to_item())).build();
        put.map_err(|error| StoreError::of_build("TransactWriteItems", &error))
    }

    /// One notification, consistently.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is malformed.
    pub async fn get(&self, id: &NotificationId) -> Result<Option<Notification>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(id))).consistent_read(true);
        let found = get.send().await.map_err(|error| StoreError::of("GetItem", error))?;
        Ok(found.item.as_ref().map(Notification::from_item).transpose()?)
    }

    /// A recipient's history, newest first; `after` is the time-ordered half of the last id seen.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is malformed.
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
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let more = page.last_evaluated_key.is_some();
        let items = page.items.unwrap_or_default();
        let items = items.iter().map(Notification::from_item).collect::<Result<Vec<_>, _>>()?;
        let next = items.last().filter(|_| more).map(|last| last.id.ordered().to_owned());
        Ok(Page { items, next })
    }

    /// Ids of one due shard whose time has come, soonest first.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn due(&self, shard: &str, now: Timestamp, limit: usize) -> Result<Vec<NotificationId>, StoreError> {
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
        Ok(page.items.unwrap_or_default().iter().filter_map(id_of).collect())
    }

    /// The ids that ended badly on one UTC day, in the time from `from` to `to`, newest first, with the time: about `limit`
    /// of them, and always all of a millisecond, so that a list can go on with the one before it. Fewer than `limit` are
    /// the last.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
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

    /// Many notifications by id, in the order asked for; erased ones are left out.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is malformed.
    pub async fn get_many(&self, ids: &[NotificationId]) -> Result<Vec<Notification>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(100) {
            let mut wanted: Vec<Item> = chunk.iter().map(key).collect();
            for round in 1.. {
                let keys = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
                let keys = keys.map_err(|error| StoreError::of_build("BatchGetItem", &error))?;
                let call = self.client.batch_get_item().request_items(&self.table, keys).send();
                let page = call.await.map_err(|error| StoreError::of("BatchGetItem", error))?;
                for item in page.responses.unwrap_or_default().remove(&self.table).unwrap_or_default() {
                    found.push(Notification::from_item(&item)?);
                }
                let left = page.unprocessed_keys.unwrap_or_default().remove(&self.table);
                wanted = left.map(|keys| keys.keys).unwrap_or_default();
                if wanted.is_empty() {
                    break;
                }
                if round == BATCH_ROUNDS {
                    return Err(StoreError::Transient {
                        call: "BatchGetItem",
                        cause: "keys stay unprocessed".to_owned(),
                    });
                }
                let pause_ms = crate::cascade::retry::delay_ms(round, Some(20 << round), chance::unit());
                tokio::time::sleep(std::time::Duration::from_millis(pause_ms)).await;
            }
        }
        let place = |id: &NotificationId| ids.iter().position(|wanted| wanted == id);
        found.sort_by_key(|notification| place(&notification.id));
        Ok(found)
    }
}

/// Sends a conditional put. If what stands in its way is this very write, whose answer was lost, it went through.
async fn written(put: PutItemFluentBuilder, notification: &Notification) -> Result<(), StoreError> {
    let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let Err(error) = put.send().await else { return Ok(()) };
    let stored = match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failed)) => failed.item(),
        _ => None,
    };
    let revision = stored.and_then(|item| item.get("revision")?.as_n().ok());
    let is_ours = notification.revision > chance::UNDRAWN && revision == Some(&notification.revision.to_string());
    if is_ours { Ok(()) } else { Err(StoreError::of("PutItem", error)) }
}

/// Pages through one shard, newest first, until it has `limit` entries and the milliseconds they stand in are complete.
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

fn attention_at(item: &Item) -> Option<Timestamp> {
    Timestamp::from_millisecond(item.get("attention_at")?.as_n().ok()?.parse().ok()?).ok()
}
