//! Items of a recipient that an erasure reads and deletes, beside notifications. A malformed profile is erased as well,
//! so these calls read keys alone.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::caps::caps_key;
use super::items::{DEVICES, PROFILE, owner_key};
use super::sms_count::sms_count_keys;
use super::{RecipientsStore, WriteIf, item_key};
use crate::batch_get::{Consistency, batch_get};
use crate::direct::GetItem;
use crate::{Item, ItemReader, StoreError};
use domain::recipient::RecipientKey;

/// A stored profile, by its times and the ids of its devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredProfile {
    /// Time at which the profile was created.
    pub created_at: Timestamp,
    /// Ids of its devices.
    pub device_ids: BTreeSet<String>,
}

/// Result of deleting a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProfileDeletion {
    /// The profile is deleted.
    Deleted,
    /// There is no profile: another erasure, or an earlier try of this call, deleted it.
    Absent,
    /// The profile has other devices than the ones that were read.
    OtherDevices,
    /// The caller's condition does not hold.
    Refused,
}

/// Keys of the items of the control table that are kept about a recipient.
#[derive(Debug, Default)]
pub(crate) struct ControlItems {
    /// Claims of the frequency caps, and counts of SMS.
    pub counters: Vec<Item>,
    /// Owner items of endpoints that this recipient owns.
    pub owners: Vec<Item>,
}

impl ControlItems {
    /// Returns the number of items.
    #[must_use]
    pub(crate) const fn len(&self) -> usize {
        self.counters.len() + self.owners.len()
    }

    /// Returns `true` if there is none.
    #[must_use]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl RecipientsStore {
    /// Returns the stored profile, with a consistent read; `None` without one.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub(crate) async fn stored_profile(&self, key: &RecipientKey) -> Result<Option<StoredProfile>, StoreError> {
        let get = GetItem::new(&self.table, item_key(key.as_str(), PROFILE)).consistent();
        let get = get.projection("created_at, #devices").name("#devices", DEVICES);
        let found = get.send(&self.client).await?;
        // A profile whose time is malformed must be erasable as well.
        let created_at = |item: &Item| ItemReader(item).time("created_at").unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(found.map(|item| StoredProfile { created_at: created_at(&item), device_ids: device_ids(&item) }))
    }

    /// Deletes a profile if it has these devices and the condition holds.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub(crate) async fn delete_profile(
        &self,
        key: &RecipientKey,
        device_ids: &BTreeSet<String>,
        write_if: WriteIf,
    ) -> Result<ProfileDeletion, StoreError> {
        let (same_devices, names) = has_devices(device_ids);
        let condition = write_if.expression().map_or(same_devices.clone(), |own| format!("{same_devices} AND ({own})"));
        let mut values = write_if.values();
        values.insert(":devices".to_owned(), AttributeValue::N(device_ids.len().to_string()));
        let mut delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (placeholder, name) in names {
            delete = delete.expression_attribute_names(placeholder, name);
        }
        let Err(error) = delete.send().await else { return Ok(ProfileDeletion::Deleted) };
        let stored = match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(refused)) => refused.item(),
            _ => return Err(StoreError::of("DeleteItem", error)),
        };
        Ok(match stored.map(self::device_ids) {
            None => ProfileDeletion::Absent,
            Some(stored) if stored != *device_ids => ProfileDeletion::OtherDevices,
            Some(_) => ProfileDeletion::Refused,
        })
    }

    /// Returns the items of the control table about a recipient: the owner items of these devices. With a time, it also
    /// returns the counters that may be stored then.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub(crate) async fn control_items(
        &self,
        key: &RecipientKey,
        device_ids: &BTreeSet<String>,
        counters_at: Option<Timestamp>,
    ) -> Result<ControlItems, StoreError> {
        let counters = counters_at.into_iter().flat_map(|now| sms_count_keys(key, now).chain([caps_key(key)]));
        let keys: Vec<Item> = device_ids.iter().map(|id| owner_key(id)).chain(counters).collect();
        let mut found = ControlItems::default();
        for mut item in
            batch_get(&self.client, &self.control, &keys, Some("pk, recipient"), Consistency::Consistent).await?
        {
            let owner = item.remove("recipient");
            match owner.as_ref().map(AttributeValue::as_s) {
                None => found.counters.push(item),
                Some(Ok(owner)) if owner == key.as_str() => found.owners.push(item),
                Some(_) => {}
            }
        }
        Ok(found)
    }

    /// Deletes a counter.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub(crate) async fn delete_counter(&self, item: Item) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.control).set_key(Some(item));
        delete.send().await.map(drop).map_err(|error| StoreError::of("DeleteItem", error))
    }

    /// Deletes an owner item if it still names this recipient.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub(crate) async fn delete_owner_item(&self, key: &RecipientKey, item: Item) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.control)
            .set_key(Some(item))
            .condition_expression("recipient = :owner")
            .expression_attribute_values(":owner", AttributeValue::S(key.as_str().to_owned()));
        match delete.send().await.map_err(|error| StoreError::of("DeleteItem", error)) {
            Err(error) if !error.is_condition_failed() => Err(error),
            _ => Ok(()),
        }
    }
}

/// Returns the ids of the devices of a profile.
fn device_ids(profile: &Item) -> BTreeSet<String> {
    let devices = profile.get(DEVICES).and_then(|devices| devices.as_m().ok());
    devices.into_iter().flat_map(|devices| devices.keys().cloned()).collect()
}

/// Returns the condition that a profile has exactly these devices, with its names. `:devices` is their number.
fn has_devices(device_ids: &BTreeSet<String>) -> (String, Vec<(String, String)>) {
    let mut names = vec![("#devices".to_owned(), DEVICES.to_owned())];
    let mut condition = "size(#devices) = :devices".to_owned();
    for (number, id) in device_ids.iter().enumerate() {
        condition.push_str(&format!(" AND attribute_exists(#devices.#device{number})"));
        names.push((format!("#device{number}"), id.clone()));
    }
    (condition, names)
}
