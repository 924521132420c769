//! Erasure of all live data of a recipient, in an order that may be interrupted at any point.
//!
//! The profile is deleted first. From then on, a send ends as `unknown_recipient`. The notifications follow, finished
//! or not, then the counters. The devices are last, each with the owner item of its endpoint. A device without a
//! profile therefore shows an interrupted erasure. The caller can finish it with the same DELETE, and cleanup finishes
//! it by itself. All items are found by the key of the recipient's id, so deleted items are not required.
//!
//! A send that read the recipient before the erasure may still store its notification seconds later: see
//! [`late_writes`].

mod late_writes;

pub use late_writes::{ErasureMarker, RecheckResult};

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::recipients::{RecipientsStore, WriteIf};
use super::sort_keys::sort_keys;
use super::{ItemWriter, StoreError};
use aws::deadline;
use domain::recipient::RecipientKey;

/// Number of notifications that are deleted concurrently.
const AT_ONCE: usize = 16;

/// Result of an erasure: the items deleted, and the items that the last consistent read found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erasure {
    /// Profiles deleted. The number exceeds 1 only if a caller stored a new profile meanwhile.
    pub profiles: u64,
    /// Devices deleted, each with the owner item of its endpoint.
    pub devices: u64,
    /// Other items deleted: counters of caps.
    pub others: u64,
    /// Notifications deleted.
    pub notifications: u64,
    /// Remaining items of the recipients table: 0 unless time ran out.
    pub remaining_recipients: u64,
    /// Minimum number of remaining notifications: 0 unless time ran out.
    pub remaining_notifications: u64,
}

impl Erasure {
    /// Returns true if the last read found no items.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.remaining_recipients == 0 && self.remaining_notifications == 0
    }
}

/// Store for erasures in the tables of recipients and notifications.
#[derive(Debug, Clone)]
pub struct ErasureStore {
    client: Client,
    recipients: RecipientsStore,
    notifications_table: String,
}

impl ErasureStore {
    /// Creates a store for both tables.
    #[must_use]
    pub fn new(client: Client, recipients: RecipientsStore, notifications_table: impl Into<String>) -> Self {
        Self { client, recipients, notifications_table: notifications_table.into() }
    }

    /// Deletes until a consistent read of both tables finds nothing, or `deadline` passes. Costs 1 write unit per item,
    /// 4 per device, 1 for the marker and 1 for the marker's deletion. Writes nothing if the recipient has no items.
    ///
    /// # Errors
    /// If a call to DynamoDB fails. Deleted items stay deleted, and a repeated call continues from there.
    pub async fn erase(&self, key: &RecipientKey, now: Timestamp, deadline: Instant) -> Result<Erasure, StoreError> {
        if self.recipients.sort_keys(key).await?.is_empty() && self.history(key).await?.is_empty() {
            return Ok(Erasure::default());
        }
        self.add_marker(key, now).await?;
        self.finish(key, deadline).await
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
        self.add_marker(key, now).await?;
        if !self.recipients.delete_profile_if(key, write_if).await? {
            return Ok(None);
        }
        let erased = self.finish(key, deadline).await?;
        Ok(Some(Erasure { profiles: erased.profiles + 1, ..erased }))
    }

    /// Does the same as [`Self::erase`] without a marker, for a recipient whose profile was deleted long ago.
    ///
    /// # Errors
    /// As [`Self::erase`].
    pub async fn finish(&self, key: &RecipientKey, deadline: Instant) -> Result<Erasure, StoreError> {
        let mut erased = Erasure::default();
        loop {
            let parts = self.recipients.sort_keys(key).await?;
            let history = self.history(key).await?;
            erased.remaining_recipients = parts.len() as u64;
            erased.remaining_notifications = history.len() as u64;
            if erased.is_complete() || Instant::now() >= deadline {
                return Ok(erased);
            }
            erased.profiles += self.recipients.delete_profile(key, &parts).await?;
            erased.notifications += self.delete_history(key, history).await?;
            // Devices are deleted only when no notification is left. A remaining device shows an unfinished erasure.
            if self.history(key).await?.is_empty() {
                erased.others += self.recipients.delete_counters(key, &parts).await?;
                erased.devices += self.recipients.delete_devices(key, &parts).await?;
            }
        }
    }

    /// Returns the time-ordered halves of up to a page of notification ids, with a consistent read.
    async fn history(&self, key: &RecipientKey) -> Result<Vec<String>, StoreError> {
        sort_keys(&self.client, &self.notifications_table, key).await
    }

    async fn delete_history(&self, key: &RecipientKey, history: Vec<String>) -> Result<u64, StoreError> {
        let mut deleted = 0;
        for chunk in history.chunks(AT_ONCE) {
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
