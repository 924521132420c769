//! Erasure markers. A send that read its recipient before an erasure may store its notification after the erasure. An
//! erasure may also crash halfway.
//!
//! Every erasure therefore stores a marker first, in the settings table. After 2 minutes no invocation of that time is
//! still running. The cleanup function then checks the erasure again and deletes the marker. The marker holds a time,
//! the recipient's key and the ids of the devices. Key and ids are keyed hashes. With them, the owner items of the
//! endpoints are found when the profile is gone.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{Erasure, ErasureStore};
use crate::direct::GetItem;
use crate::{Item, ItemReader, ItemWriter, MalformedItemError, StoreError};
use domain::notification::NotificationId;
use domain::recipient::RecipientKey;
use platform::time_limits::CLOCK_SKEW_MARGIN;

/// Partition of the markers. A marker's sort key is the recipient's key.
const MARKERS: &str = "erased";
/// Attribute of a marker: the ids of the erased devices.
const DEVICES: &str = "device_ids";
/// Minimum age of a marker before the check: the 60 s of an invocation, and clock skew. The cleanup function may run
/// for 300 s, but it stores no notification.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// Time after which DynamoDB deletes an unchecked marker: 30 days.
const MARKER_RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Marker of a requested erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureMarker {
    recipient: RecipientKey,
    erased_at: Timestamp,
    device_ids: BTreeSet<String>,
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
    /// Stores the marker of an erasure, with one write. Returns the devices of this and of an earlier erasure that is
    /// not checked yet.
    pub(super) async fn add_marker(
        &self,
        recipient: &RecipientKey,
        device_ids: &BTreeSet<String>,
        now: Timestamp,
    ) -> Result<BTreeSet<String>, StoreError> {
        let until = now.checked_add(MARKER_RETENTION).unwrap_or(Timestamp::MAX);
        let values = ItemWriter::default().time(":now", now).number(":until", until.as_second()).finish();
        let mut update = self
            .client
            .update_item()
            .table_name(&self.settings_table)
            .set_key(Some(marker_key(recipient)))
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew);
        let mut expression = "SET erased_at = :now, expires_at = :until".to_owned();
        if !device_ids.is_empty() {
            expression.push_str(" ADD device_ids :devices");
            let devices = AttributeValue::Ss(device_ids.iter().cloned().collect());
            update = update.expression_attribute_values(":devices", devices);
        }
        let stored = update.update_expression(expression).send().await;
        let stored = stored.map_err(|error| StoreError::of("UpdateItem", error))?;
        Ok(device_ids_of(&stored.attributes.unwrap_or_default()))
    }

    /// Returns the devices of an erasure that is not checked again yet.
    pub(super) async fn marked_devices(&self, recipient: &RecipientKey) -> Result<BTreeSet<String>, StoreError> {
        let get = GetItem::new(&self.settings_table, marker_key(recipient)).consistent();
        let found = get.send(&self.client).await?;
        Ok(found.as_ref().map(device_ids_of).unwrap_or_default())
    }

    /// Returns up to a page of markers that are at least 2 minutes old.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn settled_markers(&self, now: Timestamp) -> Result<Vec<ErasureMarker>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.settings_table)
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
            let profile = self.recipients.stored_profile(key).await?;
            let mut devices = marker.device_ids.clone();
            devices.retain(|id| profile.as_ref().is_none_or(|profile| !profile.device_ids.contains(id)));
            let before = match &profile {
                // The erasure crashed before it deleted the profile. Its caller received an error.
                Some(profile) if profile.created_at <= marker.erased_at => Timestamp::UNIX_EPOCH,
                Some(profile) => profile.created_at,
                None => marker.erased_at.checked_add(CLOCK_SKEW_MARGIN).unwrap_or(marker.erased_at),
            };
            let history = self.history_before(key, before).await?;
            let counters_at = profile.is_none().then_some(marker.erased_at);
            let control = self.recipients.control_items(key, &devices, counters_at).await?;
            if history.is_empty() && control.is_empty() {
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
            self.delete_control_items(key, control, &mut Erasure::default()).await?;
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
            .table_name(&self.settings_table)
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

fn marker_from_item(item: &Item) -> Result<ErasureMarker, MalformedItemError> {
    let recipient = RecipientKey::from_stored(ItemReader(item).text("sk")?).ok_or(MalformedItemError("sk"))?;
    let (erased_at, device_ids) = (ItemReader(item).time("erased_at")?, device_ids_of(item));
    Ok(ErasureMarker { recipient, erased_at, device_ids })
}

fn device_ids_of(marker: &Item) -> BTreeSet<String> {
    let stored = marker.get(DEVICES).and_then(|ids| ids.as_ss().ok());
    stored.into_iter().flatten().cloned().collect()
}
