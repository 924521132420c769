//! Lists and deletes a recipient's items by their keys, for erasure.

use super::items::{self, PROFILE, device_sk};
use super::{RecipientsStore, item_key};
use crate::StoreError;
use crate::sort_keys::sort_keys;
use domain::recipient::RecipientKey;

impl RecipientsStore {
    /// Returns the sort keys of all items of a recipient, with a consistent read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn sort_keys(&self, key: &RecipientKey) -> Result<Vec<String>, StoreError> {
        sort_keys(&self.client, &self.table, key).await
    }

    /// Deletes the profile if `sort_keys` contains it. Returns the number of deleted items.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn delete_profile(&self, key: &RecipientKey, sort_keys: &[String]) -> Result<u64, StoreError> {
        self.delete_items(key, sort_keys.iter().filter(|sk| *sk == PROFILE)).await
    }

    /// Deletes the items that are neither profile nor device: counters. Returns the number of deleted items.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn delete_counters(&self, key: &RecipientKey, sort_keys: &[String]) -> Result<u64, StoreError> {
        self.delete_items(key, sort_keys.iter().filter(|sk| *sk != PROFILE && items::device_id(sk).is_none())).await
    }

    /// Deletes the devices, each with the owner item of its endpoint. Returns the number of deleted devices.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn delete_devices(&self, key: &RecipientKey, sort_keys: &[String]) -> Result<u64, StoreError> {
        let mut deleted = 0;
        for device_id in sort_keys.iter().filter_map(|sk| items::device_id(sk)) {
            if self.delete_device(key, device_id).await? {
                deleted += 1;
            } else {
                // The device was deleted or moved since the list was read, or another recipient owns its endpoint. In
                // the last case only the device item belongs to this recipient.
                self.delete_items(key, std::iter::once(&device_sk(device_id))).await?;
            }
        }
        Ok(deleted)
    }

    async fn delete_items(
        &self,
        key: &RecipientKey,
        sort_keys: impl Iterator<Item = &String>,
    ) -> Result<u64, StoreError> {
        let mut deleted = 0;
        for sk in sort_keys {
            let delete = self.client.delete_item().table_name(&self.table).set_key(Some(item_key(key.as_str(), sk)));
            delete.send().await.map_err(|error| StoreError::of("DeleteItem", error))?;
            deleted += 1;
        }
        Ok(deleted)
    }
}
