//! Erasure of all live data of a recipient, in an order that may be interrupted at any point.
//!
//! A marker is stored first, with the ids of the recipient's devices. Then the profile is deleted. From then on, a send
//! ends as `unknown_recipient`. The notifications, the counters and the owner items of the endpoints follow. All of
//! them are found by the key of the recipient's id and by the marker. The caller can finish an interrupted erasure with
//! the same DELETE, and cleanup finishes it by itself.
//!
//! A send that read the recipient before the erasure may still store its notification seconds later: see
//! [`late_writes`].

mod late_writes;

pub use late_writes::{ErasureMarker, RecheckResult};

use std::collections::BTreeSet;

use aws::DynamoClient;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::recipients::{ControlItems, ProfileDeletion, RecipientsStore, WriteIf};
use super::{ItemReader, ItemWriter, StoreError};
use aws::deadline;
use domain::recipient::RecipientKey;

/// Number of notifications that are deleted concurrently.
const MAX_CONCURRENT_DELETES: usize = 16;
/// Maximum number of tries to delete a profile whose devices change meanwhile.
const PROFILE_TRIES: u32 = 8;

/// Result of an erasure: the items deleted, and the items that the last consistent read found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erasure {
    /// Profiles deleted. The number exceeds 1 only if a caller stored a new profile meanwhile.
    pub profiles: u64,
    /// Devices deleted, with their profile.
    pub devices: u64,
    /// Owner items of endpoints deleted.
    pub endpoints: u64,
    /// Counters deleted: claims of the frequency caps, and numbers of SMS.
    pub counters: u64,
    /// Notifications deleted.
    pub notifications: u64,
    /// Remaining profiles: 0 unless time ran out.
    pub remaining_profiles: u64,
    /// Remaining counters and owner items: 0 unless time ran out.
    pub remaining_control: u64,
    /// Minimum number of remaining notifications: 0 unless time ran out.
    pub remaining_notifications: u64,
}

impl Erasure {
    /// Returns true if the last read found no items.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.remaining_profiles == 0 && self.remaining_control == 0 && self.remaining_notifications == 0
    }
}

/// Store for erasures in the tables of recipients and notifications, with markers in the settings table.
#[derive(Debug, Clone)]
pub struct ErasureStore {
    client: DynamoClient,
    recipients: RecipientsStore,
    notifications_table: String,
    settings_table: String,
}

impl ErasureStore {
    /// Creates a store for the tables of notifications and settings.
    #[must_use]
    pub fn new(
        client: DynamoClient,
        recipients: RecipientsStore,
        notifications_table: impl Into<String>,
        settings_table: impl Into<String>,
    ) -> Self {
        let (notifications_table, settings_table) = (notifications_table.into(), settings_table.into());
        Self { client, recipients, notifications_table, settings_table }
    }

    /// Deletes until a consistent read of all tables finds nothing, or `deadline` passes. Costs 1 write unit per item
    /// and KB, and 2 for the marker. Writes nothing if nothing is stored about the recipient.
    ///
    /// # Errors
    /// If a call to DynamoDB fails. Deleted items stay deleted, and a repeated call continues from there.
    pub async fn erase(&self, key: &RecipientKey, now: Timestamp, deadline: Instant) -> Result<Erasure, StoreError> {
        let marked = self.marked_devices(key).await?;
        let is_known = self.recipients.stored_profile(key).await?.is_some();
        let control = self.recipients.control_items(key, &marked, Some(now)).await?;
        if !is_known && control.is_empty() && self.history(key).await?.is_empty() {
            return Ok(Erasure::default());
        }
        let erased = self.erase_if(key, WriteIf::Always, now, deadline).await?;
        Ok(erased.unwrap_or_default())
    }

    /// Erases a recipient if the profile meets a condition. Otherwise returns `None`; only a marker without effect is
    /// stored.
    ///
    /// # Errors
    /// If a call to DynamoDB fails. Deleted items stay deleted.
    pub async fn erase_if(
        &self,
        key: &RecipientKey,
        write_if: WriteIf,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<Option<Erasure>, StoreError> {
        let mut erased = Erasure::default();
        let Some(mut devices) = self.delete_profile(key, write_if, now, &mut erased).await? else { return Ok(None) };
        loop {
            let is_known = self.recipients.stored_profile(key).await?.is_some();
            let control = self.recipients.control_items(key, &devices, Some(now)).await?;
            let history = self.history(key).await?;
            erased.remaining_profiles = u64::from(is_known);
            erased.remaining_control = control.len() as u64;
            erased.remaining_notifications = history.len() as u64;
            if erased.is_complete() || Instant::now() >= deadline {
                return Ok(Some(erased));
            }
            if is_known {
                // A caller stored a new profile meanwhile.
                let found = self.delete_profile(key, WriteIf::Always, now, &mut erased).await?;
                devices.extend(found.unwrap_or_default());
            }
            erased.notifications += self.delete_history(key, history).await?;
            self.delete_control_items(key, control, &mut erased).await?;
        }
    }

    /// Stores the marker with the devices of the profile, then deletes the profile. Returns the devices of the marker;
    /// `None` if the condition does not hold.
    async fn delete_profile(
        &self,
        key: &RecipientKey,
        write_if: WriteIf,
        now: Timestamp,
        erased: &mut Erasure,
    ) -> Result<Option<BTreeSet<String>>, StoreError> {
        for _ in 0..PROFILE_TRIES {
            let profile = self.recipients.stored_profile(key).await?;
            let found = profile.as_ref().map(|profile| profile.device_ids.clone()).unwrap_or_default();
            let marked = self.add_marker(key, &found, now).await?;
            if profile.is_none() {
                return Ok(Some(marked));
            }
            match self.recipients.delete_profile(key, &found, write_if).await? {
                ProfileDeletion::Deleted => {
                    erased.profiles += 1;
                    erased.devices += found.len() as u64;
                    return Ok(Some(marked));
                }
                ProfileDeletion::Absent => return Ok(Some(marked)),
                ProfileDeletion::Refused => return Ok(None),
                ProfileDeletion::OtherDevices => {}
            }
        }
        let cause = "the recipient's devices keep changing".to_owned();
        Err(StoreError::Transient { call: "DeleteItem", cause })
    }

    async fn delete_control_items(
        &self,
        key: &RecipientKey,
        items: ControlItems,
        erased: &mut Erasure,
    ) -> Result<(), StoreError> {
        for counter in items.counters {
            self.recipients.delete_counter(counter).await?;
            erased.counters += 1;
        }
        for owner in items.owners {
            self.recipients.delete_owner_item(key, owner).await?;
            erased.endpoints += 1;
        }
        Ok(())
    }

    /// Returns the time-ordered halves of up to a page of notification ids, with a consistent read.
    async fn history(&self, key: &RecipientKey) -> Result<Vec<String>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.notifications_table)
            .key_condition_expression("pk = :pk")
            .set_expression_attribute_values(Some(ItemWriter::default().text(":pk", key.as_str()).finish()))
            .projection_expression("sk")
            .consistent_read(true);
        let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let items = page.items.unwrap_or_default();
        items.iter().map(|item| Ok(ItemReader(item).text("sk")?.to_owned())).collect()
    }

    async fn delete_history(&self, key: &RecipientKey, history: Vec<String>) -> Result<u64, StoreError> {
        let mut deleted = 0;
        for chunk in history.chunks(MAX_CONCURRENT_DELETES) {
            let mut deletes = JoinSet::new();
            for ordered in chunk {
                let item = ItemWriter::default().text("pk", key.as_str()).text("sk", ordered).finish();
                let delete = self.client.delete_item().table_name(&self.notifications_table).set_key(Some(item));
                deletes.spawn(deadline::propagate(delete.send()));
            }
            while let Some(done) = deletes.join_next().await {
                let lost = |_| StoreError::Transient { call: "DeleteItem", cause: "its task was lost".to_owned() };
                done.map_err(lost)?.map_err(|error| StoreError::of("DeleteItem", error))?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }
}

#[cfg(test)]
#[path = "erasure_tests.rs"]
mod tests;
