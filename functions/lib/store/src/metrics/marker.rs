//! Markers of the hours and days that may be out of date. A merge processes only marked buckets. A reader does not use
//! the sum of a marked bucket.
//!
//! A marker is written before the change that it announces, so a crash between the two writes cannot lose it. A merge
//! ignores a marker until it is older than the longest run of a function. By then the announced change is stored or
//! will never be. Each write of a marker has its own token, so a merge deletes exactly the marker that it read.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};

use super::MetricsStore;
use crate::direct::PutItem;
use crate::{ItemReader, ItemWriter, MalformedItemError, StoreError};
use metrics::{Bucket, Unit, UnmergedBuckets};

/// Minimum age of a marker, and of a bucket's end, before the merge. It is the 60 s of a function plus the skew of two
/// clocks.
const SETTLING_TIME: SignedDuration = SignedDuration::from_mins(2);

/// Marker of an hour or a day that must be merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    pub bucket: Bucket,
    token: String,
    touched_at: Timestamp,
}

impl Marker {
    /// Returns true if every announced change is stored and the bucket is over.
    pub(super) fn is_settled(&self, now: Timestamp) -> bool {
        now.duration_since(self.touched_at.max(self.bucket.end())) >= SETTLING_TIME
    }
}

impl MetricsStore {
    /// Marks a bucket before one of its children changes.
    pub(super) async fn mark(&self, bucket: Bucket, now: Timestamp) -> Result<(), StoreError> {
        let retention_seconds = bucket.unit().child().unwrap_or(bucket.unit()).retention_seconds();
        let marker = ItemWriter::default()
            .text("pk", partition(bucket.unit()))
            .text("sk", bucket.to_string())
            .text("token", token(now))
            .time("touched_at", now)
            .number("expires_at", bucket.start().as_second() + retention_seconds);
        PutItem::new(&self.table, marker).send(&self.client).await
    }

    /// Deletes a marker, unless the bucket was marked again.
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

    /// Returns all markers of a unit, oldest bucket first.
    pub(super) async fn markers(&self, unit: Unit) -> Result<Vec<Marker>, StoreError> {
        let items = self.items(partition(unit), None).await?;
        let marker = |item| {
            let item = ItemReader(item);
            let bucket = Bucket::parse(unit, item.text("sk")?).ok_or(MalformedItemError("sk"))?;
            Ok(Marker { bucket, token: item.text("token")?.to_owned(), touched_at: item.time("touched_at")? })
        };
        items.iter().map(marker).collect()
    }

    /// Returns the buckets whose sums a reader must not use.
    pub(super) async fn unmerged(&self) -> Result<UnmergedBuckets, StoreError> {
        // The hours are read first. A merge marks the day before it deletes the hour's marker, so one of them is found.
        let hours = self.markers(Unit::Hour).await?;
        let days = self.markers(Unit::Day).await?;
        Ok(UnmergedBuckets::new(hours.into_iter().chain(days).map(|marker| marker.bucket)))
    }
}

fn partition(unit: Unit) -> String {
    format!("unmerged#{}", unit.as_str())
}

/// Returns a text that is unique to this write.
pub(super) fn token(now: Timestamp) -> String {
    let mut bytes = [0; 8];
    // The system's random source does not fail once it is seeded. If it does, the time alone is the token.
    let _ = SystemRandom::new().fill(&mut bytes);
    format!("{:x}-{:016x}", now.as_millisecond(), u64::from_be_bytes(bytes))
}
