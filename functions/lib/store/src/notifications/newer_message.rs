//! Finds a newer message of the same topic to the same recipient, accepted or in flight.
//!
//! This needs no stored data. A recipient's notifications are one partition in the order of their ids, and a Query
//! reads the newest ones.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::NotificationsStore;
use super::item::notification_from_item;
use crate::StoreError;
use domain::notification::{Notification, NotificationId, Status};

/// Maximum number of pages (1 MB each) that are read. They contain thousands of notifications to one recipient.
const MAX_PAGES: usize = 5;

/// State of the newer messages of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewerMessage {
    /// No newer message was accepted by a provider, and none is in flight.
    None,
    /// A running function processes a newer message.
    InFlight,
    /// A provider accepted a newer message, or may have accepted it.
    Accepted,
}

impl NotificationsStore {
    /// Searches for a newer message than `about`, of the same topic and to the same recipient. A provider accepted it
    /// or may have, or it is in flight. Only messages that were requested since `since` are searched.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn find_newer_in_topic(
        &self,
        about: &Notification,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<NewerMessage, StoreError> {
        let Some(topic) = about.topic() else { return Ok(NewerMessage::None) };
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .filter_expression(
                "#topic = :topic AND #due >= :due \
                 AND (attribute_exists(#channel) OR #status = :uncertain OR (#status = :sending AND #next > :now))",
            )
            .expression_attribute_names("#topic", "topic")
            .expression_attribute_names("#due", "due_at")
            .expression_attribute_names("#channel", "channel")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#next", "next_action_at")
            .expression_attribute_values(":pk", AttributeValue::S(about.id().recipient().as_str().to_owned()))
            .expression_attribute_values(":from", AttributeValue::S(NotificationId::first_ordered(since)))
            .expression_attribute_values(":to", AttributeValue::S("~".to_owned()))
            .expression_attribute_values(":topic", AttributeValue::S(topic.expose().clone()))
            .expression_attribute_values(":due", AttributeValue::N(about.due_at().as_millisecond().to_string()))
            .expression_attribute_values(":sending", AttributeValue::S("sending".to_owned()))
            .expression_attribute_values(":uncertain", AttributeValue::S("uncertain".to_owned()))
            .expression_attribute_values(":now", AttributeValue::N(now.as_millisecond().to_string()))
            .scan_index_forward(false)
            .consistent_read(true);
        let (mut start, mut found) = (None, NewerMessage::None);
        for _ in 0..MAX_PAGES {
            let page = query.clone().set_exclusive_start_key(start).send().await;
            let page = page.map_err(|error| StoreError::of("Query", error))?;
            let items = page.items.unwrap_or_default();
            let others = items.iter().filter_map(|item| notification_from_item(item).ok());
            for other in others.filter(|other| other.is_newer_than(about)) {
                if other.channel().is_some() || other.status() == Status::Uncertain {
                    return Ok(NewerMessage::Accepted);
                }
                found = NewerMessage::InFlight;
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(found)
    }
}
