//! Markers say which hours and days may hold less than their parts. They make the merge a matter of what changed, and
//! they let a reader know what not to take from a sum yet.
//!
//! A marker is written before what it announces, so that a crash between the two cannot lose it; and a merge leaves a
//! marker alone until it has rested for longer than a function can live, so that what it announces is there, or never
//! will be. Each writing has a token of its own, so that a merge takes away exactly the marker it saw.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};

use super::MetricsStore;
use crate::{ItemReader, ItemWriter, Malformed, StoreError};
use metrics::{Bucket, Unit, Unmerged};

/// How long a marker rests, and an hour is over, before it is merged: a function's 60 s, and the skew of two clocks.
const REST: SignedDuration = SignedDuration::from_mins(2);

/// An hour or a day that is to be merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    pub bucket: Bucket,
    token: String,
    touched_at: Timestamp,
}

impl Marker {
    /// Whether everything announced by it is there, and its time is over.
    pub(super) fn is_at_rest(&self, now: Timestamp) -> bool {
        now.duration_since(self.touched_at.max(self.bucket.end())) >= REST
    }
}

impl MetricsStore {
    /// Announces that something below this bucket is about to change.
    pub(super) async fn mark(&self, bucket: Bucket, now: Timestamp) -> Result<(), StoreError> {
        let kept_seconds = bucket.unit().child().unwrap_or(bucket.unit()).kept_seconds();
        let marker = ItemWriter::default()
            .text("pk", partition(bucket.unit()))
            .text("sk", bucket.to_string())
            .text("token", token(now))
            .time("touched_at", now)
            .number("expires_at", bucket.start().as_second() + kept_seconds);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(marker.finish()));
        put.send().await.map(drop).map_err(|error| StoreError::of("PutItem", error))
    }

    /// Takes a marker away, unless somebody marked again.
    pub(super) async fn unmark(&self, marker: &Marker) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(partition(marker.bucket.unit())))
            .key("sk", AttributeValue::S(marker.bucket.to_string()))
            .condition_expression("#token = :token")
            .expression_attribute_names("#token", "token")
            .expression_attribute_values(":token", AttributeValue::S(marker.token.clone()));
        match delete.send().await.map_err(|error| StoreError::of("DeleteItem", error)) {
            Err(error) if !error.is_condition_failed() => Err(error),
            _ => Ok(()),
        }
    }

    /// All markers of a unit, oldest bucket first.
    pub(super) async fn markers(&self, unit: Unit) -> Result<Vec<Marker>, StoreError> {
        let items = self.items(partition(unit), None).await?;
        let marker = |item| {
            let item = ItemReader(item);
            let bucket = Bucket::parse(unit, item.text("sk")?).ok_or(Malformed("sk"))?;
            Ok(Marker { bucket, token: item.text("token")?.to_owned(), touched_at: item.time("touched_at")? })
        };
        items.iter().map(marker).collect()
    }

    /// What a reader must not take from a sum.
    pub(super) async fn unmerged(&self) -> Result<Unmerged, StoreError> {
        // Hours first: a merge marks the day before it takes the hour's marker away, so one of the two is seen.
        let hours = self.markers(Unit::Hour).await?;
        let days = self.markers(Unit::Day).await?;
        Ok(Unmerged::new(hours.into_iter().chain(days).map(|marker| marker.bucket)))
    }
}

fn partition(unit: Unit) -> String {
    format!("unmerged#{}", unit.as_str())
}

/// A text that no other writing has.
pub(super) fn token(now: Timestamp) -> String {
    let mut bytes = [0; 8];
    // The system's random source never fails once seeded; the time stands in.
    let _ = SystemRandom::new().fill(&mut bytes);
    format!("{:x}-{:016x}", now.as_millisecond(), u64::from_be_bytes(bytes))
}
