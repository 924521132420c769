//! Devices and whose endpoint it is: always both in one transaction.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use jiff::Timestamp;

use super::items::{self, OWNER, PROFILE, RESTS_UNTIL, device_sk, endpoint_pk};
use super::{RecipientsStore, item_key};
use crate::{Item, ItemReader, StoreError};
use domain::recipient::{
    Device, DeviceMark, Recipient, RecipientId, RecipientKey, Registration, Stale, is_use_due, registration,
};

/// How often a registration starts again after meeting another one, with a growing pause between.
const ATTEMPTS: u32 = 8;

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The device is new to this recipient, who may be new as well.
    New,
    /// It was known.
    Known,
}

impl RecipientsStore {
    /// Registers a device: makes the recipient if need be, takes the endpoint away from any other recipient, and removes the
    /// recipient's device with the id `replaced`, all in one transaction. At the limit of devices one goes for it.
    ///
    /// # Errors
    /// [`StoreError::Transient`] also when other writers kept coming first; nothing is half written.
    pub async fn register(
        &self,
        id: &RecipientId,
        key: &RecipientKey,
        device: &Device,
        replaced: Option<&str>,
    ) -> Result<Registered, StoreError> {
        for attempt in 0..ATTEMPTS {
            match self.try_register(id, key, device, replaced).await {
                Err(error) if error.is_condition_failed() || error.is_transient() => {
                    tokio::time::sleep(pause(attempt, &device.device_id)).await;
                }
                done => return done,
            }
        }
        let cause = "other writers to this recipient or endpoint kept coming first".to_owned();
        Err(StoreError::Transient { call: "TransactWriteItems", cause })
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

    /// Writes down that the device with this mark was heard of, at most once a day: one read, and a write when it is due.
    /// Nothing happens when the recipient has no such device.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn heard_of(&self, key: &RecipientKey, mark: DeviceMark, now: Timestamp) -> Result<(), StoreError> {
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
            let is_meant = items::device_id(sk).is_some_and(|device_id| DeviceMark::of(device_id) == mark);
            if is_meant && is_use_due(last_used_at, now) {
                self.touch(key, sk, last_used_at, now).await?;
            }
        }
        Ok(())
    }

    /// Moves a device's last use on from what was read; whoever moved it in the meantime did the same.
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

    /// Removes a device that a push service called gone, if its endpoint is still the one that was tried. Whether it was.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn remove_device(&self, key: &RecipientKey, device_id: &str, endpoint: &str) -> Result<bool, StoreError> {
        let still = ("endpoint = :value", AttributeValue::S(endpoint.to_owned()));
        self.remove(key, device_id, still).await
    }

    /// Notes until when a push service asked to leave a device alone, if its endpoint is still the one that was tried. A time
    /// that is stored is never shortened.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
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
            // The device is gone, has another endpoint, or rests longer already.
            Err(error) if error.is_condition_failed() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Removes a device whatever its state. Whether there was one.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn forget_device(&self, key: &RecipientKey, device_id: &str) -> Result<bool, StoreError> {
        let exists = ("pk = :value", AttributeValue::S(key.as_str().to_owned()));
        self.remove(key, device_id, exists).await
    }

    /// Removes a device if it was last used, or ran out, before `cutoff`: asked again by the write itself, so a browser that
    /// registers in the same moment keeps its device. Whether it was.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
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

    /// The two deletes of a device.
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

    /// Whose endpoint it is: the recipient's key.
    async fn owner(&self, device_id: &str) -> Result<Option<String>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let found = get.set_key(Some(item_key(&endpoint_pk(device_id), OWNER))).send().await;
        let found = found.map_err(|error| StoreError::of("GetItem", error))?.item;
        found.map(|owner| Ok(ItemReader(&owner).text("recipient")?.to_owned())).transpose()
    }

    /// The profile's part of a registration: made if there is none, else its registrations are counted on from what was read.
    /// The profile's revision stays, since nothing that a caller says of the profile changes.
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
        // A profile has no such count before its second device.
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

    /// Makes `key` the owner, if the one that was read still is.
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

/// An expression about `:value`, and that value.
type Condition = (&'static str, AttributeValue);

/// Holds while the device was not heard of again: one that was may not go in another's place.
fn unused_since_read(device: &Device) -> Condition {
    ("last_used_at = :value", AttributeValue::N(device.last_used_at.as_millisecond().to_string()))
}

/// Up to 10 ms more with each attempt, spread by the device so that two that met do not meet again.
fn pause(attempt: u32, device_id: &str) -> Duration {
    let spread = device_id.bytes().fold(attempt, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    Duration::from_millis(u64::from(spread % 10 * (attempt + 1) + 1))
}
