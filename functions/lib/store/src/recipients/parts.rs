//! A recipient's items by their keys alone, for erasing them.

use super::items::{self, PROFILE, device_sk};
use super::{RecipientsStore, item_key};
use crate::StoreError;
use crate::sort_keys::sort_keys;
use domain::recipient::RecipientKey;

impl RecipientsStore {
    /// The sort keys of everything stored under a recipient, consistently.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn parts(&self, key: &RecipientKey) -> Result<Vec<String>, StoreError> {
        sort_keys(&self.client, &self.table, key).await
    }

    /// Deletes the profile, if `parts` has one. How many items went.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn delete_profile(&self, key: &RecipientKey, parts: &[String]) -> Result<u64, StoreError> {
        self.delete_parts(key, parts.iter().filter(|sk| *sk == PROFILE)).await
    }

    /// Deletes what is neither profile nor device: counters. How many items went.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn delete_others(&self, key: &RecipientKey, parts: &[String]) -> Result<u64, StoreError> {
        self.delete_parts(key, parts.iter().filter(|sk| *sk != PROFILE && items::device_id(sk).is_none())).await
    }

    /// Deletes the devices, each together with the ownership of its endpoint. How many devices went.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn delete_devices(&self, key: &RecipientKey, parts: &[String]) -> Result<u64, StoreError> {
        let mut deleted = 0;
        for device_id in parts.iter().filter_map(|sk| items::device_id(sk)) {
            if self.forget_device(key, device_id).await? {
                deleted += 1;
            } else {
                // Gone or moved since it was listed; or its endpoint is another's, and then only the device is ours.
                self.delete_parts(key, std::iter::once(&device_sk(device_id))).await?;
            }
        }
        Ok(deleted)
    }

    async fn delete_parts(&self, key: &RecipientKey, parts: impl Iterator<Item = &String>) -> Result<u64, StoreError> {
        let mut deleted = 0;
        for sk in parts {
            let delete = self.client.delete_item().table_name(&self.table).set_key(Some(item_key(key.as_str(), sk)));
            delete.send().await.map_err(|error| StoreError::of("DeleteItem", error))?;
            deleted += 1;
        }
        Ok(deleted)
    }
}
