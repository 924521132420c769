//! Erasure markers. A send that read its recipient before an erasure may store its notification after the erasure. An
//! erasure may also crash halfway.
//!
//! Every erasure therefore stores a marker first, outside the recipient's partition. After 2 minutes no invocation of
//! that time is still running. The cleanup function then checks the erasure again and deletes the marker. The marker
//! holds a keyed hash and a time.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::ErasureStore;
use crate::{Item, ItemReader, ItemWriter, Malformed, StoreError};
use domain::notification::NotificationId;
use domain::recipient::RecipientKey;

/// Partition of the markers. A marker's sort key is the recipient's key.
const MARKERS: &str = "erased";
/// Minimum age of a marker before the check: an invocation's 60 s, and clock skew. (The cleanup function may run 300 s,
/// but stores no notification.)
const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// Maximum clock skew between two functions.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);
/// Time after which DynamoDB deletes an unchecked marker: 30 days.
const MARKER_RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Marker of a requested erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureMarker {
    recipient: RecipientKey,
    erased_at: Timestamp,
}

/// Result of the second check of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecheckResult {
    /// No items were left.
    Clean,
    /// Items were left. True if all of them are deleted now.
    Left(bool),
}

impl ErasureStore {
    /// Stores the marker of an erasure, with one write.
    pub(super) async fn add_marker(&self, recipient: &RecipientKey, now: Timestamp) -> Result<(), StoreError> {
        let until = now.checked_add(MARKER_RETENTION).unwrap_or(Timestamp::MAX);
        let mut marker = marker_key(recipient);
        marker.extend(ItemWriter::default().time("erased_at", now).number("expires_at", until.as_second()).finish());
        let put = self.client.put_item().table_name(self.recipients.table()).set_item(Some(marker));
        put.send().await.map(drop).map_err(|error| StoreError::of("PutItem", error))
    }

    /// Returns up to a page of markers that are at least 2 minutes old.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn settled_markers(&self, now: Timestamp) -> Result<Vec<ErasureMarker>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(self.recipients.table())
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(MARKERS.to_owned()));
        let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let markers = page.items.unwrap_or_default();
        let mut markers: Vec<_> = markers.iter().map(marker_from_item).collect::<Result<_, _>>()?;
        markers.retain(|marker| now.duration_since(marker.erased_at) >= SETTLED_AFTER);
        Ok(markers)
    }

    /// Checks one erasure again, deletes the items found, and deletes the marker when nothing is left. If the recipient
    /// was registered again since, only notifications from before that are deleted. With `dry_run`, nothing is
    /// changed.
    ///
    /// # Errors
    /// If the call to DynamoDB fails. The marker stays.
    pub async fn recheck(
        &self,
        marker: &ErasureMarker,
        deadline: Instant,
        dry_run: bool,
    ) -> Result<RecheckResult, StoreError> {
        let key = &marker.recipient;
        let mut result = RecheckResult::Clean;
        loop {
            let parts = self.recipients.sort_keys(key).await?;
            let (before, parts) = match self.recipients.known_since(key).await? {
                // The erasure crashed before it deleted the profile. Its caller received an error.
                Some(since) if since <= marker.erased_at => (Timestamp::UNIX_EPOCH, Vec::new()),
                Some(since) => (since, Vec::new()),
                None => (marker.erased_at.checked_add(CLOCK_SKEW).unwrap_or(marker.erased_at), parts),
            };
            let history = self.history_before(key, before).await?;
            if history.is_empty() && parts.is_empty() {
                if !dry_run {
                    self.delete_marker(marker).await?;
                }
                return Ok(result);
            }
            result = RecheckResult::Left(true);
            if dry_run || Instant::now() >= deadline {
                return Ok(RecheckResult::Left(false));
            }
            self.delete_history(key, history).await?;
            if self.history_before(key, before).await?.is_empty() {
                self.recipients.delete_counters(key, &parts).await?;
                self.recipients.delete_devices(key, &parts).await?;
            }
        }
    }

    /// Returns up to a page of notifications that were created before a time.
    async fn history_before(&self, key: &RecipientKey, before: Timestamp) -> Result<Vec<String>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.notifications_table)
            .key_condition_expression("pk = :pk AND sk < :before")
            .expression_attribute_values(":pk", AttributeValue::S(key.as_str().to_owned()))
            .expression_attribute_values(":before", AttributeValue::S(NotificationId::first_ordered(before)))
            .projection_expression("sk")
            .consistent_read(true);
        let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let items = page.items.unwrap_or_default();
        items.iter().map(|item| Ok(ItemReader(item).text("sk")?.to_owned())).collect()
    }

    /// Deletes a marker unless the recipient was erased again since the marker was read.
    async fn delete_marker(&self, marker: &ErasureMarker) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(self.recipients.table())
            .set_key(Some(marker_key(&marker.recipient)))
            .condition_expression("erased_at = :read")
            .expression_attribute_values(":read", AttributeValue::N(marker.erased_at.as_millisecond().to_string()));
        match delete.send().await.map_err(|error| StoreError::of("DeleteItem", error)) {
            Err(error) if !error.is_condition_failed() => Err(error),
            _ => Ok(()),
        }
    }
}

fn marker_key(recipient: &RecipientKey) -> Item {
    ItemWriter::default().text("pk", MARKERS).text("sk", recipient.as_str()).finish()
}

fn marker_from_item(item: &Item) -> Result<ErasureMarker, Malformed> {
    let recipient = RecipientKey::from_stored(ItemReader(item).text("sk")?).ok_or(Malformed("sk"))?;
    Ok(ErasureMarker { recipient, erased_at: ItemReader(item).time("erased_at")? })
}
