//! Devices and the owner items of their endpoints. One transaction always writes both.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use jiff::Timestamp;

use super::items::{self, OWNER, PROFILE, RESTS_UNTIL, device_sk, endpoint_pk};
use super::{RecipientsStore, item_key};
use crate::{Item, ItemReader, StoreError, jitter};
use aws::deadline;
use domain::recipient::{
    Device, DeviceMark, Recipient, RecipientId, RecipientKey, Registration, Stale, is_use_due, registration,
};

/// Maximum number of tries of a registration that conflicts with other writers. The deadline of the request usually
/// ends the tries earlier.
const MAX_TRIES: u32 = 64;
/// Maximum number of tries that fail for another transient reason. The SDK has already retried each of these calls.
const MAX_FAULTS: u32 = 8;
/// Bounds of the pauses, in milliseconds: the first one, doubled up to the last one. A try makes three calls. With these
/// pauses, 30 concurrent registrations of one recipient succeed within a few seconds.
const PAUSES_MS: (i64, i64) = (20, 640);

/// Result of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The device is new to this recipient, who may also be new.
    New,
    /// The recipient had this device.
    Known,
}

impl RecipientsStore {
    /// Registers a device in one transaction. It creates the recipient if necessary, takes the endpoint from any other
    /// recipient, and deletes the recipient's device with the id `replaced`. At the limit of devices, it deletes one.
    ///
    /// After a conflict with another writer, the registration is tried again within the current deadline, after a pause
    /// with full jitter.
    ///
    /// # Errors
    /// [`StoreError::Transient`] also if every try conflicted with another writer. Nothing is partly written.
    pub async fn register(
        &self,
        id: &RecipientId,
        key: &RecipientKey,
        device: &Device,
        replaced: Option<&str>,
    ) -> Result<Registered, StoreError> {
        let mut faults = 0;
        for made in 1..=MAX_TRIES {
            let error = match self.try_register(id, key, device, replaced).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let is_conflict = error.is_condition_failed() || error.is_conflict();
            faults += u32::from(!is_conflict);
            let pause = jitter::pause(made, PAUSES_MS);
            let is_out_of_time = deadline::left().is_some_and(|left| left <= pause);
            if is_conflict && is_out_of_time {
                return Err(contended());
            }
            if !is_conflict && (is_out_of_time || !error.is_transient() || faults == MAX_FAULTS) {
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
    ) -> Result<Registered, StoreError> {
        let recipient = self.load(key).await?;
        match registration(recipient.as_ref(), device, replaced) {
            Registration::Known => Ok(Registered::Known),
            Registration::Refresh { replaces: None } => self.refresh(key, device).await.map(|()| Registered::Known),
            Registration::Refresh { replaces: Some(old) } => {
                let mut writes = vec![self.refresh_in_transaction(key, device)?];
                writes.extend(self.removal(key, &old.device_id, unused_since_read(old))?);
                self.transact(writes).await.map(|()| Registered::Known)
            }
            Registration::New { replaces } => {
                let owner = self.owner(&device.device_id).await?;
                let profile = self.counting_profile(id, key, recipient.as_ref(), device.created_at)?;
                let mut writes =
                    vec![profile, self.put_device(key, device)?, self.put_owner(key, device, owner.as_deref())?];
                if let Some(old) = replaces {
                    writes.extend(self.removal(key, &old.device_id, unused_since_read(old))?);
                }
                if let Some(other) = owner.filter(|owner| owner != key.as_str()) {
                    writes.push(self.delete(&other, &device_sk(&device.device_id), None)?);
                }
                self.transact(writes).await.map(|()| Registered::New)
            }
        }
    }

    /// Stores that the device with this mark was used, at most once a day. Costs one read, and one write if it is due.
    /// Writes nothing if the recipient has no such device.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn record_use(&self, key: &RecipientKey, mark: DeviceMark, now: Timestamp) -> Result<(), StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :device)")
            .projection_expression("sk, last_used_at")
            .expression_attribute_values(":pk", AttributeValue::S(key.as_str().to_owned()))
            .expression_attribute_values(":device", AttributeValue::S(device_sk("")));
        let page = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        for item in page.items.unwrap_or_default() {
            let (sk, last_used_at) = (ItemReader(&item).text("sk")?, ItemReader(&item).time("last_used_at")?);
            let has_mark = items::device_id(sk).is_some_and(|device_id| DeviceMark::of(device_id) == mark);
            if has_mark && is_use_due(last_used_at, now) {
                self.touch(key, sk, last_used_at, now).await?;
            }
        }
        Ok(())
    }

    /// Updates a device's last use if it is still the one that was read. A concurrent writer stored the same.
    async fn touch(&self, key: &RecipientKey, sk: &str, read: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let time = |at: Timestamp| AttributeValue::N(at.as_millisecond().to_string());
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), sk)))
            .update_expression("SET last_used_at = :now")
            .condition_expression("last_used_at = :read")
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":read", time(read));
        match update.send().await.map_err(|error| StoreError::of("UpdateItem", error)) {
            Err(error) if !error.is_condition_failed() => Err(error),
            _ => Ok(()),
        }
    }

    /// Deletes a device that the push service reported as gone, if its endpoint is still the one that was tried. Returns
    /// true if it was deleted.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn remove_device(&self, key: &RecipientKey, device_id: &str, endpoint: &str) -> Result<bool, StoreError> {
        let same_endpoint = ("endpoint = :value", AttributeValue::S(endpoint.to_owned()));
        self.remove(key, device_id, same_endpoint).await
    }

    /// Stores the time until which the push service asked for no messages to a device, if its endpoint is still the one
    /// that was tried. A stored time is never shortened.
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
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), &device_sk(device_id))))
            .update_expression(format!("SET {RESTS_UNTIL} = :until"))
            .condition_expression(format!(
                "endpoint = :endpoint AND (attribute_not_exists({RESTS_UNTIL}) OR {RESTS_UNTIL} < :until)"
            ))
            .expression_attribute_values(":until", AttributeValue::N(until.as_millisecond().to_string()))
            .expression_attribute_values(":endpoint", AttributeValue::S(endpoint.to_owned()));
        match update.send().await.map_err(|error| StoreError::of("UpdateItem", error)) {
            // The device does not exist, has another endpoint, or already has a later time.
            Err(error) if error.is_condition_failed() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Deletes a device in any state. Returns true if it existed.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn delete_device(&self, key: &RecipientKey, device_id: &str) -> Result<bool, StoreError> {
        let exists = ("pk = :value", AttributeValue::S(key.as_str().to_owned()));
        self.remove(key, device_id, exists).await
    }

    /// Deletes a device that was last used, or whose subscription expired, before the cutoff. The write repeats this check
    /// as its condition, so a browser that registers at the same time keeps its device. Returns true if it was deleted.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn remove_stale(&self, key: &RecipientKey, device_id: &str, stale: Stale) -> Result<bool, StoreError> {
        let (condition, cutoff) = match stale {
            Stale::UnusedSince(cutoff) => ("last_used_at < :value", cutoff),
            Stale::ExpiredBefore(cutoff) => ("subscription_expires_at < :value", cutoff),
        };
        self.remove(key, device_id, (condition, AttributeValue::N(cutoff.as_millisecond().to_string()))).await
    }

    async fn remove(&self, key: &RecipientKey, device_id: &str, condition: Condition) -> Result<bool, StoreError> {
        match self.transact(self.removal(key, device_id, condition)?.to_vec()).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_condition_failed() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Builds the two deletes of a device: its item and its endpoint's owner item.
    fn removal(
        &self,
        key: &RecipientKey,
        device_id: &str,
        condition: Condition,
    ) -> Result<[TransactWriteItem; 2], StoreError> {
        let owned = ("attribute_not_exists(pk) OR recipient = :value", AttributeValue::S(key.as_str().to_owned()));
        Ok([
            self.delete(key.as_str(), &device_sk(device_id), Some(condition))?,
            self.delete(&endpoint_pk(device_id), OWNER, Some(owned))?,
        ])
    }

    async fn refresh(&self, key: &RecipientKey, device: &Device) -> Result<(), StoreError> {
        let change = items::device_update(device);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), &device_sk(&device.device_id))))
            .update_expression(change.expression)
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values))
            .condition_expression("attribute_exists(pk)");
        update.send().await.map(drop).map_err(|error| StoreError::of("UpdateItem", error))
    }

    fn refresh_in_transaction(&self, key: &RecipientKey, device: &Device) -> Result<TransactWriteItem, StoreError> {
        let change = items::device_update(device);
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), &device_sk(&device.device_id))))
            .update_expression(change.expression)
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(|error| StoreError::of_build(CALL, &error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Returns the key of the recipient who owns an endpoint.
    async fn owner(&self, device_id: &str) -> Result<Option<String>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let found = get.set_key(Some(item_key(&endpoint_pk(device_id), OWNER))).send().await;
        let found = found.map_err(|error| StoreError::of("GetItem", error))?.item;
        found.map(|owner| Ok(ItemReader(&owner).text("recipient")?.to_owned())).transpose()
    }

    /// Builds the profile's part of a registration. It creates the profile if there is none. Otherwise it increments the
    /// registrations if their number is still the one that was read. The profile's revision does not change, because no
    /// field of a caller changes.
    fn counting_profile(
        &self,
        id: &RecipientId,
        key: &RecipientKey,
        recipient: Option<&Recipient>,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let Some(recipient) = recipient else {
            return self.put(items::bare_profile_item(id, key, now), ("attribute_not_exists(pk)", None));
        };
        // A profile has no number of registrations before its second device.
        let condition = match recipient.registrations {
            0 => "attribute_exists(pk) AND (attribute_not_exists(registrations) OR registrations = :read)",
            _ => "registrations = :read",
        };
        let number = |value: u64| AttributeValue::N(value.to_string());
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .update_expression("SET registrations = :next")
            .condition_expression(condition)
            .expression_attribute_values(":read", number(recipient.registrations))
            .expression_attribute_values(":next", number(recipient.registrations + 1))
            .build()
            .map_err(|error| StoreError::of_build(CALL, &error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn put_device(&self, key: &RecipientKey, device: &Device) -> Result<TransactWriteItem, StoreError> {
        self.put(items::device_item(key, device), ("attribute_not_exists(pk)", None))
    }

    /// Builds the write that makes `key` the owner, if the owner is still the one that was read.
    fn put_owner(
        &self,
        key: &RecipientKey,
        device: &Device,
        read: Option<&str>,
    ) -> Result<TransactWriteItem, StoreError> {
        let owner = items::owner_item(key, &device.device_id);
        match read {
            None => self.put(owner, ("attribute_not_exists(pk)", None)),
            Some(read) => self.put(owner, ("recipient = :value", Some(AttributeValue::S(read.to_owned())))),
        }
    }

    fn put(&self, item: Item, condition: (&str, Option<AttributeValue>)) -> Result<TransactWriteItem, StoreError> {
        let mut put = Put::builder().table_name(&self.table).set_item(Some(item)).condition_expression(condition.0);
        if let Some(value) = condition.1 {
            put = put.expression_attribute_values(":value", value);
        }
        let put = put.build().map_err(|error| StoreError::of_build(CALL, &error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn delete(&self, pk: &str, sk: &str, condition: Option<Condition>) -> Result<TransactWriteItem, StoreError> {
        let mut delete = Delete::builder().table_name(&self.table).set_key(Some(item_key(pk, sk)));
        if let Some((expression, value)) = condition {
            delete = delete.condition_expression(expression).expression_attribute_values(":value", value);
        }
        let delete = delete.build().map_err(|error| StoreError::of_build(CALL, &error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<(), StoreError> {
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        sent.map(drop).map_err(StoreError::of_transaction)
    }
}

const CALL: &str = "TransactWriteItems";

/// Condition expression with `:value`, and that value.
type Condition = (&'static str, AttributeValue);

/// Condition that the device was not used since it was read. A used device must not be replaced.
fn unused_since_read(device: &Device) -> Condition {
    ("last_used_at = :value", AttributeValue::N(device.last_used_at.as_millisecond().to_string()))
}

/// Error of a registration that conflicted with other writers in every try.
fn contended() -> StoreError {
    StoreError::Transient { call: CALL, cause: "conflicts with other writers to this recipient or endpoint".to_owned() }
}
