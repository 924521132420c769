//! Erasing everything live about a recipient, in an order that can stop anywhere.
//!
//! The profile goes first: from then on nobody can reach them, since a send finds `unknown_recipient`. Then the
//! notifications, finished or not, then counters, and the devices last, each together with the ownership of its endpoint.
//! So whoever finds a device without a profile has found an erasure that was cut short, and may finish it: the caller by
//! the same DELETE (everything is found by the id's key, nothing by what was already deleted), and cleanup by itself.
//!
//! A send that had read the recipient just before may still store its notification in the seconds after: see
//! [`latecomers`].

mod latecomers;

pub use latecomers::{ErasureNote, SecondLook};

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::recipients::{RecipientsStore, WriteIf};
use super::sort_keys::sort_keys;
use super::{ItemWriter, StoreError};
use aws::deadline;
use domain::recipient::RecipientKey;

/// How many notifications are deleted at once.
const AT_ONCE: usize = 16;

/// What an erasure deleted and what a last consistent read still found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erasure {
    /// Profiles deleted: more than one only if somebody wrote a new one meanwhile.
    pub profiles: u64,
    /// Devices deleted, each with the ownership of its endpoint.
    pub devices: u64,
    /// Other items deleted: counters of caps.
    pub others: u64,
    /// Notifications deleted.
    pub notifications: u64,
    /// Items of the recipients table still there: none, unless time ran out.
    pub remaining_recipients: u64,
    /// At least so many notifications are still there: none, unless time ran out.
    pub remaining_notifications: u64,
}

impl Erasure {
    /// Whether the last read found nothing.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.remaining_recipients == 0 && self.remaining_notifications == 0
    }
}

/// The adapter of the two tables that hold a recipient.
#[derive(Debug, Clone)]
pub struct ErasureStore {
    client: Client,
    recipients: RecipientsStore,
    notifications_table: String,
}

impl ErasureStore {
    /// An adapter of both tables.
    #[must_use]
    pub fn new(client: Client, recipients: RecipientsStore, notifications_table: impl Into<String>) -> Self {
        Self { client, recipients, notifications_table: notifications_table.into() }
    }

    /// Deletes until a consistent read of both tables finds nothing, or `deadline` passes. One write unit for each item, four
    /// for a device, one for the note and one when it goes; nothing at all for a recipient who is not there.
    ///
    /// # Errors
    /// When DynamoDB does not answer. What was deleted until then stays deleted, and the same call goes on from there.
    pub async fn erase(&self, key: &RecipientKey, now: Timestamp, deadline: Instant) -> Result<Erasure, StoreError> {
        if self.recipients.parts(key).await?.is_empty() && self.history(key).await?.is_empty() {
            return Ok(Erasure::default());
        }
        self.note(key, now).await?;
        self.finish(key, deadline).await
    }

    /// Erases a recipient whose profile meets a condition; `None`, and nothing but a note that comes to nothing, when it does not.
    ///
    /// # Errors
    /// When DynamoDB does not answer; what is deleted by then stays deleted.
    pub async fn erase_if(
        &self,
        key: &RecipientKey,
        write_if: WriteIf,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<Option<Erasure>, StoreError> {
        self.note(key, now).await?;
        if !self.recipients.delete_profile_if(key, write_if).await? {
            return Ok(None);
        }
        let erased = self.finish(key, deadline).await?;
        Ok(Some(Erasure { profiles: erased.profiles + 1, ..erased }))
    }

    /// The same without a note, for what has long been no recipient any more.
    ///
    /// # Errors
    /// As [`Self::erase`].
    pub async fn finish(&self, key: &RecipientKey, deadline: Instant) -> Result<Erasure, StoreError> {
        let mut erased = Erasure::default();
        loop {
            let parts = self.recipients.parts(key).await?;
            let history = self.history(key).await?;
            erased.remaining_recipients = parts.len() as u64;
            erased.remaining_notifications = history.len() as u64;
            if erased.is_complete() || Instant::now() >= deadline {
                return Ok(erased);
            }
            erased.profiles += self.recipients.delete_profile(key, &parts).await?;
            erased.notifications += self.delete_history(key, history).await?;
            // Only once no notification is left: a device is the witness of what is still to be done.
            if self.history(key).await?.is_empty() {
                erased.others += self.recipients.delete_others(key, &parts).await?;
                erased.devices += self.recipients.delete_devices(key, &parts).await?;
            }
        }
    }

    /// The time-ordered halves of up to a page of notifications, consistently.
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
                deletes.spawn(deadline::carried(delete.send()));
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
