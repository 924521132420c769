//! The notifications table: every write asks for the revision before it, so that of two writers one wins and the
//! other learns of it. A writer whose answer was lost learns by the revision it drew that it was itself who won.
//!
//! One accepted push costs 4 write units: put 1 + index `due` 1, result 1 + leaving `due` 1.

mod item;
mod newer;

pub use item::{DUE_SHARDS, due_shards, notification_from_item, notification_to_item};
pub use newer::Newer;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::{Item, ItemWriter, StoreError};
use domain::notification::{Engagement, Notification, NotificationId};
use domain::recipient::RecipientKey;
use platform::chance;

use item::attention_shards;

/// How often what DynamoDB leaves of a batch is asked for again.
const BATCH_ROUNDS: u32 = 5;

/// The adapter of the notifications table.
#[derive(Debug, Clone)]
pub struct NotificationsStore {
    client: Client,
    table: String,
}

/// What became of a write by the one who holds a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// It is stored.
    Yes,
    /// Nothing was written: a receipt came first. These are the facts to write with, and to think again by.
    Noted(Box<Engagement>),
}

/// A page of a list: the items and where the next page begins.
#[derive(Debug)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The last key seen, when there may be more.
    pub next: Option<String>,
}

/// A notification whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub id: NotificationId,
    /// When it came.
    pub at: Timestamp,
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
        let put = self.client.put_item().table_name(&self.table).set_item(Some(notification_to_item(notification)));
        written(put.condition_expression("attribute_not_exists(pk)"), notification)
            .await
            .map_err(|refused| refused.error)
    }

    /// Stores the next state of a notification that was read at its present revision, and draws a new one.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] when somebody else wrote in between, or it was erased.
    pub async fn save(&self, notification: &mut Notification) -> Result<(), StoreError> {
        match self.save_held(notification).await? {
            Saved::Yes => Ok(()),
            Saved::Noted(_) => Err(StoreError::ConditionFailed { call: "PutItem" }),
        }
    }

    /// The same by whoever holds it, who alone may go on when nothing but a receipt came in between.
    ///
    /// # Errors
    /// As [`save`](Self::save), but for receipts.
    pub async fn save_held(&self, notification: &mut Notification) -> Result<Saved, StoreError> {
        let read_at = notification.revision;
        self.claim(notification, false).await.inspect_err(|_| notification.revision = read_at)
    }

    /// Stores a state that claims a paid channel, new or not. Unlike [`save`](Self::save) it leaves the notification with the
    /// revision that was written, or may have been: who does not learn whether it was can take the claim back by it.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] when somebody else wrote in between, its id is taken, or it was erased.
    pub async fn claim(&self, notification: &mut Notification, is_new: bool) -> Result<Saved, StoreError> {
        if is_new {
            return self.create(notification).await.map(|()| Saved::Yes);
        }
        let read_at = notification.revision;
        notification.revision = chance::other_than(read_at);
        let put = self.put_over(notification, read_at, notification.engagement.noted);
        let Err(refused) = written(put, notification).await else { return Ok(Saved::Yes) };
        match refused.stored.filter(|stored| stored.revision == read_at) {
            Some(stored) => {
                notification.revision = read_at;
                Ok(Saved::Noted(Box::new(stored.engagement)))
            }
            None => Err(refused.error),
        }
    }

    /// Adds a receipt to a notification that somebody holds: its revision stays, so that the claim does.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] when anybody wrote since it was read.
    pub async fn note(&self, notification: &Notification) -> Result<(), StoreError> {
        let before = notification.engagement.noted.wrapping_sub(1);
        let put = self.put_over(notification, notification.revision, before);
        put.send().await.map(drop).map_err(|error| StoreError::of("PutItem", error))
    }

    fn put_over(&self, notification: &Notification, revision: u32, noted: u32) -> PutItemFluentBuilder {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(notification_to_item(notification)));
        let (condition, values) = unchanged_since(revision, noted);
        put.condition_expression(condition).set_expression_attribute_values(Some(values))
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
            let (condition, values) = unchanged_since(read_at, notification.engagement.noted);
            put.condition_expression(condition).set_expression_attribute_values(Some(values))
        };
        let put = put.set_item(Some(notification_to_item(notification))).build();
        put.map_err(|error| StoreError::of_build("TransactWriteItems", &error))
    }

    /// One notification, consistently.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is malformed.
    pub async fn get(&self, id: &NotificationId) -> Result<Option<Notification>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(id))).consistent_read(true);
        let found = get.send().await.map_err(|error| StoreError::of("GetItem", error))?;
        Ok(found.item.as_ref().map(notification_from_item).transpose()?)
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
            // One more than a page holds tells whether another page follows.
            .limit(i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX));
        let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let mut items = page.items.unwrap_or_default();
        let more = items.len() > limit || (page.last_evaluated_key.is_some() && items.len() < limit);
        items.truncate(limit);
        let items = items.iter().map(notification_from_item).collect::<Result<Vec<_>, _>>()?;
        let next = items.last().filter(|_| more).map(|last| last.id.ordered().to_owned());
        Ok(Page { items, next })
    }

    /// Those of one due shard whose time has come, soonest first.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn due(&self, shard: &str, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
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
                    found.push(notification_from_item(&item)?);
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
                let pause_ms = platform::backoff::delay_ms(round, Some(20 << round), chance::unit());
                tokio::time::sleep(std::time::Duration::from_millis(pause_ms)).await;
            }
        }
        let place = |id: &NotificationId| ids.iter().position(|wanted| wanted == id);
        found.sort_by_key(|notification| place(&notification.id));
        Ok(found)
    }
}

/// The condition that nobody wrote since a notification was read: neither its state, which draws a revision, nor a receipt
/// while somebody held it, which counts `noted` on.
fn unchanged_since(revision: u32, noted: u32) -> (&'static str, Item) {
    let values = ItemWriter::default().number(":revision", revision);
    match noted {
        0 => ("revision = :revision AND attribute_not_exists(noted)", values.finish()),
        noted => ("revision = :revision AND noted = :noted", values.number(":noted", noted).finish()),
    }
}

/// A put that did not go through, and what stands in its way.
struct Refused {
    error: StoreError,
    stored: Option<Notification>,
}

/// Sends a conditional put. If what stands in its way is this very write, whose answer was lost, it went through.
async fn written(put: PutItemFluentBuilder, notification: &Notification) -> Result<(), Refused> {
    let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let Err(error) = put.send().await else { return Ok(()) };
    let stored = match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failed)) => failed.item(),
        _ => None,
    };
    let stored = stored.and_then(|item| notification_from_item(item).ok());
    let drawn = notification.revision > chance::UNDRAWN;
    let is_ours = drawn && stored.as_ref().is_some_and(|stored| stored.revision == notification.revision);
    if is_ours { Ok(()) } else { Err(Refused { error: StoreError::of("PutItem", error), stored }) }
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

fn due_of(item: &Item) -> Option<Due> {
    Some(Due { id: id_of(item)?, at: moment(item, "next_action_at")? })
}

fn attention_at(item: &Item) -> Option<Timestamp> {
    moment(item, "attention_at")
}

fn moment(item: &Item, name: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(item.get(name)?.as_n().ok()?.parse().ok()?).ok()
}
