//! Messages of one topic to one recipient: whether a newer one was taken, or is at work.
//!
//! Reads only: a recipient's notifications are one partition in the order of their ids, so nothing has to be stored for it.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::NotificationsStore;
use super::item::notification_from_item;
use crate::StoreError;
use domain::notification::{Notification, NotificationId};

/// Number of pages (1 MB each) that are read: thousands of notifications to one recipient.
const MOST_PAGES: usize = 5;

/// Whether a message is still the newest of its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newer {
    /// No newer one was taken by a provider, and none is at work.
    None,
    /// A newer one is being worked on by a running function.
    AtWork,
    /// A provider took a newer one.
    Taken,
}

impl NotificationsStore {
    /// Whether another message of the same topic to the same recipient is newer than `about` and was taken; among those asked
    /// for since `since`.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn newer_of_topic(
        &self,
        about: &Notification,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Newer, StoreError> {
        let Some(topic) = &about.topic else { return Ok(Newer::None) };
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .filter_expression(
                "#topic = :topic AND #due >= :due \
                 AND (attribute_exists(#channel) OR (#status = :sending AND #next > :now))",
            )
            .expression_attribute_names("#topic", "topic")
            .expression_attribute_names("#due", "due_at")
            .expression_attribute_names("#channel", "channel")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#next", "next_action_at")
            .expression_attribute_values(":pk", AttributeValue::S(about.id.recipient().as_str().to_owned()))
            .expression_attribute_values(":from", AttributeValue::S(NotificationId::first_ordered(since)))
            .expression_attribute_values(":to", AttributeValue::S("~".to_owned()))
            .expression_attribute_values(":topic", AttributeValue::S(topic.expose().clone()))
            .expression_attribute_values(":due", AttributeValue::N(about.due_at.as_millisecond().to_string()))
            .expression_attribute_values(":sending", AttributeValue::S("sending".to_owned()))
            .expression_attribute_values(":now", AttributeValue::N(now.as_millisecond().to_string()))
            .scan_index_forward(false)
            .consistent_read(true);
        let (mut start, mut found) = (None, Newer::None);
        for _ in 0..MOST_PAGES {
            let page = query.clone().set_exclusive_start_key(start).send().await;
            let page = page.map_err(|error| StoreError::of("Query", error))?;
            let items = page.items.unwrap_or_default();
            let others = items.iter().filter_map(|item| notification_from_item(item).ok());
            for other in others.filter(|other| other.is_newer_than(about)) {
                if other.channel().is_some() {
                    return Ok(Newer::Taken);
                }
                found = Newer::AtWork;
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(found)
    }
}
