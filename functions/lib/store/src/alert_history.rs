//! History of alerts in the settings table. `pk` is `alerts`; `sk` is the time (15 digits, milliseconds) and the
//! alert's id. One query therefore reads a time window.

use aws::DynamoClient;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};

use super::{ItemReader, ItemWriter, MalformedItemError, StoreError};
use crate::direct::PutItem;
use domain::PublishedAlert;

/// Retention of a record: 400 days, as for audit records.
const RETENTION: SignedDuration = SignedDuration::from_hours(24 * 400);
const PARTITION: &str = "alerts";

/// Store of the history of alerts.
#[derive(Debug, Clone)]
pub struct AlertHistoryStore {
    client: DynamoClient,
    table: String,
}

impl AlertHistoryStore {
    /// Creates a store for the settings table.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Stores an alert message. The same alert at the same time overwrites its record.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn add(&self, published: &PublishedAlert) -> Result<(), StoreError> {
        let text = serde_json::to_string(published).map_err(|_| MalformedItemError("record"))?;
        let expires_at = published.at.checked_add(RETENTION).unwrap_or(Timestamp::MAX);
        let item = ItemWriter::default()
            .text("pk", PARTITION)
            .text("sk", format!("{}#{}", moment(published.at), published.alert.id()))
            .text("record", text)
            .number("expires_at", expires_at.as_second());
        PutItem::new(&self.table, item).send(&self.client).await
    }

    /// Returns the alert messages from `from` (inclusive) to `to` (exclusive), oldest first.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or a record is malformed.
    pub async fn between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<PublishedAlert>, StoreError> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", AttributeValue::S(PARTITION.to_owned()))
            .expression_attribute_values(":from", AttributeValue::S(moment(from)))
            .expression_attribute_values(":to", AttributeValue::S(moment(to)))
            .into_paginator()
            .items()
            .send();
        let items = pages.collect::<Result<Vec<_>, _>>().await.map_err(|error| StoreError::of("Query", error))?;
        let published = |item| ItemReader(item).maybe_json("record")?.ok_or(MalformedItemError("record"));
        Ok(items.iter().map(published).collect::<Result<_, _>>()?)
    }
}

/// Formats a time so that text order equals time order.
fn moment(at: Timestamp) -> String {
    format!("{:015}", at.as_millisecond().max(0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::Dynamo;
    use domain::{Alert, AlertKey, Severity};

    fn published(second: i64, key: AlertKey) -> PublishedAlert {
        let text = String::from;
        let alert = Alert {
            key,
            subject: String::new(),
            severity: Severity::P1,
            title: text("t"),
            number: text("n"),
            threshold: text("h"),
            done: text("d"),
        };
        PublishedAlert { at: Timestamp::from_second(second).unwrap(), alert, times: 1, is_over: false }
    }

    #[tokio::test]
    async fn the_alerts_of_a_window_are_returned_in_order_and_once() {
        let dynamo = Dynamo::start().await;
        dynamo.create_table("settings").await;
        let history = AlertHistoryStore::new(dynamo.client(), "settings");
        for (second, key) in [
            (30, AlertKey::Ramp),
            (10, AlertKey::Budget),
            (20, AlertKey::Ramp),
            (20, AlertKey::ErrorRate),
            (20, AlertKey::Ramp),
        ] {
            history.add(&published(second, key)).await.unwrap();
        }
        let at = |second| Timestamp::from_second(second).unwrap();
        let found = history.between(at(10), at(30)).await.unwrap();
        let expected =
            [published(10, AlertKey::Budget), published(20, AlertKey::ErrorRate), published(20, AlertKey::Ramp)];
        assert_eq!(found, expected);
        assert_eq!(history.between(at(31), at(60)).await.unwrap(), []);
    }
}
