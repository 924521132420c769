//! Devices, and the owner items of their endpoints in the control table. One transaction always writes both.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use jiff::Timestamp;

use super::RecipientsStore;
use super::device_change::{DeviceChange, RemoveIf};
use super::items::{self, owner_key};
use crate::direct::GetItem;
use crate::{Item, ItemReader, MalformedItemError, StoreError};
use aws::deadline;
use domain::recipient::{
    Device, DeviceMark, RecipientId, RecipientKey, Registration, StaleReason, is_use_due, registration,
};
use platform::backoff;

/// Maximum number of tries of a registration that conflicts with other writers. The deadline of the request usually
/// ends the tries earlier.
const MAX_TRIES: u32 = 64;
/// Maximum number of tries that fail for another transient reason. The SDK has already retried each of these calls.
const MAX_FAILURES: u32 = 8;
/// Bounds of the pauses, in milliseconds: the first one, doubled up to the last one. A try makes three calls. With
/// these pauses, 30 concurrent registrations of one recipient succeed within a few seconds.
const PAUSES_MS: (i64, i64) = (20, 640);

/// Result of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationResult {
    /// The device is new to this recipient, who may also be new.
    New,
    /// The recipient had this device.
    Known,
}

impl RecipientsStore {
    /// Registers a device in one transaction. It creates the recipient if necessary, takes the endpoint from any other
    /// recipient, and deletes the recipient's device with the id `replaced`. At the limit of devices, it deletes one.
    ///
    /// After a conflict with another writer, the registration is retried after a pause with full jitter, within the
    /// current deadline.
    ///
    /// # Errors
    /// [`StoreError::Transient`] also if every try conflicted with another writer. Nothing is partly written.
    pub async fn register(
        &self,
        id: &RecipientId,
        key: &RecipientKey,
        device: &Device,
        replaced: Option<&str>,
    ) -> Result<RegistrationResult, StoreError> {
        let mut failures = 0;
        for made in 1..=MAX_TRIES {
            let error = match self.try_register(id, key, device, replaced).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let is_conflict = error.is_condition_failed() || error.is_conflict();
            failures += u32::from(!is_conflict);
            let pause = backoff::pause(made, PAUSES_MS);
            let is_out_of_time = deadline::left().is_some_and(|left| left <= pause);
            if is_conflict && is_out_of_time {
                return Err(contended());
            }
            if !is_conflict && (is_out_of_time || !error.is_transient() || failures == MAX_FAILURES) {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
        Err(contended())
    }

    async fn try_register(
        &self,
        id: &RecipientId,
        key: &RecipientKey,
        device: &Device,
        replaced: Option<&str>,
    ) -> Result<RegistrationResult, StoreError> {
        let recipient = self.load(key).await?;
        match registration(recipient.as_ref(), device, replaced) {
            Registration::Known => Ok(RegistrationResult::Known),
            Registration::Refresh { replaces: None } => {
                let refresh = DeviceChange::default().refresh(device).alone(self, key).send().await;
                refresh.map(|_| RegistrationResult::Known).map_err(|error| StoreError::of("UpdateItem", error))
            }
            Registration::Refresh { replaces: Some(old) } => {
                let change = DeviceChange::default().refresh(device).remove(&old.device_id, unused_since_read(old));
                let writes = vec![change.in_transaction(self, key)?, self.delete_owner(key, &old.device_id)?];
                self.transact(writes).await.map(|()| RegistrationResult::Known)
            }
            Registration::New { replaces } => {
                let is_known = recipient.is_some();
                self.add_device(id, key, device, replaces, is_known).await.map(|()| RegistrationResult::New)
            }
        }
    }

    /// Adds a device in the place of `replaces`, with the recipient if that does not exist. The endpoint is taken from
    /// its other owner.
    async fn add_device(
        &self,
        id: &RecipientId,
        key: &RecipientKey,
        device: &Device,
        replaces: Option<&Device>,
        is_known: bool,
    ) -> Result<(), StoreError> {
        let owner = self.owner(&device.device_id).await?;
        let profile = match replaces {
            _ if !is_known => {
                let profile = items::bare_profile_item(id, key, device);
                put(&self.table, profile, "attribute_not_exists(pk)", None)?
            }
            None => DeviceChange::default().add(device).if_there_is_room().in_transaction(self, key)?,
            Some(old) => {
                let change = DeviceChange::default().add(device).remove(&old.device_id, unused_since_read(old));
                change.in_transaction(self, key)?
            }
        };
        let mut writes = vec![profile, self.put_owner(key, device, owner.as_ref())?];
        if let Some(old) = replaces {
            writes.push(self.delete_owner(key, &old.device_id)?);
        }
        if let Some(other) = owner.filter(|owner| owner != key) {
            // An erasure of the other recipient may have deleted the profile and not yet the owner item.
            let others = self.load(&other).await?;
            if others.is_some_and(|other| other.devices.iter().any(|one| one.device_id == device.device_id)) {
                let change = DeviceChange::default().remove(&device.device_id, RemoveIf::Exists);
                writes.push(change.in_transaction(self, &other)?);
            }
        }
        self.transact(writes).await
    }

    /// Stores that the device with this mark was used. If `is_engaged`, it also stores that the recipient opened or
    /// clicked a message. Each is stored at most once a day. Costs one read, and one write if one of them is due.
    /// Creates no recipient.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn record_use(
        &self,
        key: &RecipientKey,
        mark: Option<DeviceMark>,
        is_engaged: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(recipient) = self.load_inconsistently(key).await? else { return Ok(()) };
        let has_mark = |device: &&Device| mark.is_some_and(|mark| DeviceMark::of(&device.device_id) == mark);
        let device = recipient.devices.iter().find(has_mark);
        let device = device.filter(|device| is_use_due(device.last_used_at, now));
        let is_engagement_due = is_engaged && recipient.last_engaged_at.is_none_or(|last| is_use_due(last, now));
        if device.is_none() && !is_engagement_due {
            return Ok(());
        }
        let mut change = DeviceChange::default();
        if let Some(device) = device {
            change = change.touch(&device.device_id, device.last_used_at, now);
        }
        if is_engagement_due {
            change = change.engage(now);
        }
        // If the condition fails, a concurrent writer stored the same, or the device is gone.
        self.update_if(key, change).await
    }

    /// Deletes a device that the push service reported as gone, if its endpoint is still the one that was tried.
    /// Returns true if it was deleted.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn remove_device(&self, key: &RecipientKey, device_id: &str, endpoint: &str) -> Result<bool, StoreError> {
        self.remove(key, device_id, RemoveIf::HasEndpoint(endpoint)).await
    }

    /// Stores the time until which the push service requested no messages to a device. Its condition: the endpoint is
    /// still the one that was tried. A stored time is never shortened.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn rest_device(
        &self,
        key: &RecipientKey,
        device_id: &str,
        endpoint: &str,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        // If the condition fails, the device is gone, has another endpoint, or already has a later time.
        self.update_if(key, DeviceChange::default().rest(device_id, endpoint, until)).await
    }

    /// Deletes a device in any state. Returns true if it existed.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn delete_device(&self, key: &RecipientKey, device_id: &str) -> Result<bool, StoreError> {
        self.remove(key, device_id, RemoveIf::Exists).await
    }

    /// Deletes a device that was last used, or whose subscription expired, before the cutoff. The write repeats this
    /// check as its condition, so a browser that registers at the same time keeps its device. Returns true if it was
    /// deleted.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn remove_stale(
        &self,
        key: &RecipientKey,
        device_id: &str,
        stale: StaleReason,
    ) -> Result<bool, StoreError> {
        self.remove(key, device_id, RemoveIf::Is(stale)).await
    }

    /// Removes a device and its endpoint's owner item. Returns true if it was removed.
    async fn remove(&self, key: &RecipientKey, device_id: &str, remove_if: RemoveIf<'_>) -> Result<bool, StoreError> {
        let change = DeviceChange::default().remove(device_id, remove_if).in_transaction(self, key)?;
        match self.transact(vec![change, self.delete_owner(key, device_id)?]).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_condition_failed() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes a change alone, unless its condition fails.
    async fn update_if(&self, key: &RecipientKey, change: DeviceChange) -> Result<(), StoreError> {
        match change.alone(self, key).send().await.map_err(|error| StoreError::of("UpdateItem", error)) {
            Err(error) if !error.is_condition_failed() => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the key of the recipient who owns an endpoint.
    async fn owner(&self, device_id: &str) -> Result<Option<RecipientKey>, StoreError> {
        let found = GetItem::new(&self.control, owner_key(device_id)).consistent().send(&self.client).await?;
        let key = |owner: Item| RecipientKey::from_stored(ItemReader(&owner).text("recipient").ok()?);
        Ok(found.map(|owner| key(owner).ok_or(MalformedItemError("recipient"))).transpose()?)
    }

    /// Builds the write that makes `key` the owner, if the owner is still the one that was read.
    fn put_owner(
        &self,
        key: &RecipientKey,
        device: &Device,
        read: Option<&RecipientKey>,
    ) -> Result<TransactWriteItem, StoreError> {
        let owner = items::owner_item(key, &device.device_id);
        match read {
            None => put(&self.control, owner, "attribute_not_exists(pk)", None),
            Some(read) => put(&self.control, owner, "recipient = :value", Some(read)),
        }
    }

    /// Builds the write that deletes an endpoint's owner item, unless another recipient owns the endpoint.
    fn delete_owner(&self, key: &RecipientKey, device_id: &str) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.control)
            .set_key(Some(owner_key(device_id)))
            .condition_expression("attribute_not_exists(pk) OR recipient = :value")
            .expression_attribute_values(":value", AttributeValue::S(key.as_str().to_owned()));
        let delete = delete.build().map_err(|error| StoreError::of_build(CALL, &error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<(), StoreError> {
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        sent.map(drop).map_err(StoreError::of_transaction)
    }
}

const CALL: &str = "TransactWriteItems";

/// Builds a put with a condition, in which `:value` is a recipient's key.
fn put(
    table: &str,
    item: Item,
    condition: &str,
    value: Option<&RecipientKey>,
) -> Result<TransactWriteItem, StoreError> {
    let mut put = Put::builder().table_name(table).set_item(Some(item)).condition_expression(condition);
    if let Some(value) = value {
        put = put.expression_attribute_values(":value", AttributeValue::S(value.as_str().to_owned()));
    }
    let put = put.build().map_err(|error| StoreError::of_build(CALL, &error))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Condition that the device was not used since it was read. A used device must not be replaced.
const fn unused_since_read(device: &Device) -> RemoveIf<'static> {
    RemoveIf::LastUsedAt(device.last_used_at)
}

/// Error of a registration that conflicted with other writers in every try.
fn contended() -> StoreError {
    StoreError::Transient { call: CALL, cause: "conflicts with other writers to this recipient or endpoint".to_owned() }
}
