//! A recipient's own word: no more of one type.

use jiff::Timestamp;

use super::items::{self, PROFILE};
use super::{RecipientsStore, item_key};
use crate::recipients::{Preferences, RecipientKey};
use crate::store::{ItemWriter, StoreError};

/// How often it is tried when the profile changes under it.
const TRIES: u32 = 5;

/// What an opt-out came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptedOut {
    /// It is stored.
    Now,
    /// It was so before.
    Before,
    /// Nobody is there who could get anything.
    Nobody,
}

impl RecipientsStore {
    /// Adds a type to those that the recipient does not want: one read, and one write unless it is there already.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or other writers kept coming first.
    pub async fn opt_out_of(&self, key: &RecipientKey, kind: &str, now: Timestamp) -> Result<OptedOut, StoreError> {
        for _ in 0..TRIES {
            let get = self.client.get_item().table_name(&self.table).consistent_read(true);
            let found = get.set_key(Some(item_key(key.as_str(), PROFILE))).send().await;
            let Some(item) = found.map_err(|error| StoreError::of("GetItem", error))?.item else {
                return Ok(OptedOut::Nobody);
            };
            let recipient = items::profile(key, &item)?;
            let mut preferences = recipient.preferences;
            if !preferences.opted_out_types.insert(kind.to_owned()) {
                return Ok(OptedOut::Before);
            }
            match self.put_preferences(key, &preferences, recipient.revision, now).await {
                Err(error) if error.is_condition_failed() => {}
                written => return written.map(|()| OptedOut::Now),
            }
        }
        let cause = "other writers to this recipient kept coming first".to_owned();
        Err(StoreError::Transient { call: "UpdateItem", cause })
    }

    /// Replaces the preferences of a profile that was read at this revision.
    async fn put_preferences(
        &self,
        key: &RecipientKey,
        preferences: &Preferences,
        read_at: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let values = ItemWriter::default()
            .text(":preferences", serde_json::to_string(preferences).unwrap_or_default())
            .time(":now", now)
            .number(":read", read_at)
            .number(":next", read_at + 1);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .update_expression("SET preferences = :preferences, updated_at = :now, revision = :next")
            .condition_expression("revision = :read")
            .set_expression_attribute_values(Some(values.finish()));
        update.send().await.map(drop).map_err(|error| StoreError::of("UpdateItem", error))
    }
}
