//! Change of the devices in a profile, as one update with its condition.
//!
//! Each device is an entry of the profile's map of devices. A change names the entries by placeholders and has a
//! condition on each of them. So concurrent changes of other devices do not conflict.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use jiff::Timestamp;

use super::items::{self, DEVICES, LAST_ENGAGED_AT, PROFILE, RESTS_UNTIL};
use super::{RecipientsStore, item_key};
use crate::{Item, StoreError};
use domain::recipient::{Device, MAX_DEVICES, RecipientKey, StaleReason};

/// Condition under which a device is removed.
#[derive(Debug, Clone, Copy)]
pub(super) enum RemoveIf<'a> {
    /// The device exists.
    Exists,
    /// The device has this endpoint.
    HasEndpoint(&'a str),
    /// The device was not used since this last use was read.
    LastUsedAt(Timestamp),
    /// The device is stale.
    Is(StaleReason),
}

/// Changes of a profile's devices.
#[derive(Debug, Default)]
pub(super) struct DeviceChange {
    set: Vec<String>,
    removed: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: Item,
}

impl DeviceChange {
    /// Adds a device that the profile does not have.
    pub(super) fn add(mut self, device: &Device) -> Self {
        let path = self.path(&device.device_id);
        let value = self.value(items::device_value(device));
        self.set.push(format!("{path} = {value}"));
        self.conditions.push(format!("attribute_not_exists({path})"));
        self
    }

    /// Requires that the profile has less than the maximum number of devices.
    pub(super) fn if_there_is_room(mut self) -> Self {
        self.names.insert("#devices".to_owned(), DEVICES.to_owned());
        let most = self.value(AttributeValue::N(MAX_DEVICES.to_string()));
        self.conditions.push(format!("size(#devices) < {most}"));
        self
    }

    /// Stores the use and the keys of a device that registers again.
    pub(super) fn refresh(mut self, device: &Device) -> Self {
        let path = self.path(&device.device_id);
        for (name, value) in items::refreshed_fields(device) {
            let field = self.name(name);
            match value {
                Some(value) => {
                    let value = self.value(value);
                    self.set.push(format!("{path}.{field} = {value}"));
                }
                None => self.removed.push(format!("{path}.{field}")),
            }
        }
        self.conditions.push(format!("attribute_exists({path})"));
        self
    }

    /// Stores a device's last use if it is still the one that was read.
    pub(super) fn touch(mut self, device_id: &str, read: Timestamp, now: Timestamp) -> Self {
        let field = format!("{}.{}", self.path(device_id), self.name("last_used_at"));
        let (read, now) = (self.value(time(read)), self.value(time(now)));
        self.set.push(format!("{field} = {now}"));
        self.conditions.push(format!("{field} = {read}"));
        self
    }

    /// Stores that the recipient opened or clicked a message. The profile must exist.
    pub(super) fn engage(mut self, now: Timestamp) -> Self {
        let (field, now) = (self.name(LAST_ENGAGED_AT), self.value(time(now)));
        self.set.push(format!("{field} = {now}"));
        self.conditions.push("attribute_exists(pk)".to_owned());
        self
    }

    /// Stores the end of a device's rest if its endpoint is still this one. A stored time is never shortened.
    pub(super) fn rest(mut self, device_id: &str, endpoint: &str, until: Timestamp) -> Self {
        let path = self.path(device_id);
        let (rests, has) = (self.name(RESTS_UNTIL), self.name("endpoint"));
        let (until, endpoint) = (self.value(time(until)), self.value(AttributeValue::S(endpoint.to_owned())));
        self.set.push(format!("{path}.{rests} = {until}"));
        self.conditions.push(format!("{path}.{has} = {endpoint}"));
        self.conditions.push(format!("(attribute_not_exists({path}.{rests}) OR {path}.{rests} < {until})"));
        self
    }

    /// Removes a device if the condition holds.
    pub(super) fn remove(mut self, device_id: &str, remove_if: RemoveIf<'_>) -> Self {
        let path = self.path(device_id);
        self.removed.push(path.clone());
        let (field, comparison, value) = match remove_if {
            RemoveIf::Exists => {
                self.conditions.push(format!("attribute_exists({path})"));
                return self;
            }
            RemoveIf::HasEndpoint(endpoint) => ("endpoint", "=", AttributeValue::S(endpoint.to_owned())),
            RemoveIf::LastUsedAt(read) => ("last_used_at", "=", time(read)),
            RemoveIf::Is(StaleReason::UnusedSince(cutoff)) => ("last_used_at", "<", time(cutoff)),
            RemoveIf::Is(StaleReason::ExpiredBefore(cutoff)) => ("subscription_expires_at", "<", time(cutoff)),
        };
        let (field, value) = (self.name(field), self.value(value));
        self.conditions.push(format!("{path}.{field} {comparison} {value}"));
        self
    }

    /// Builds the write as a part of a transaction.
    pub(super) fn in_transaction(
        self,
        store: &RecipientsStore,
        key: &RecipientKey,
    ) -> Result<TransactWriteItem, StoreError> {
        let (expression, condition) = self.expressions();
        let update = Update::builder()
            .table_name(&store.table)
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(self.names))
            .set_expression_attribute_values((!self.values.is_empty()).then_some(self.values));
        let update = update.build().map_err(|error| StoreError::of_build("TransactWriteItems", &error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Builds the write alone.
    pub(super) fn alone(self, store: &RecipientsStore, key: &RecipientKey) -> UpdateItemFluentBuilder {
        let (expression, condition) = self.expressions();
        let update = store.client.update_item().table_name(&store.table);
        update
            .set_key(Some(item_key(key.as_str(), PROFILE)))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(self.names))
            .set_expression_attribute_values((!self.values.is_empty()).then_some(self.values))
    }

    /// Returns the update expression and the condition.
    fn expressions(&self) -> (String, String) {
        let clause = |word: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{word} {} ", parts.join(", ")),
        };
        let expression = clause("SET", &self.set) + &clause("REMOVE", &self.removed);
        (expression.trim_end().to_owned(), self.conditions.join(" AND "))
    }

    /// Returns the path of a device in its profile.
    fn path(&mut self, device_id: &str) -> String {
        self.names.insert("#devices".to_owned(), DEVICES.to_owned());
        let known = self.names.iter().find(|(_, name)| *name == device_id).map(|(placeholder, _)| placeholder.clone());
        let placeholder = known.unwrap_or_else(|| {
            let placeholder = format!("#device{}", self.names.len());
            self.names.insert(placeholder.clone(), device_id.to_owned());
            placeholder
        });
        format!("#devices.{placeholder}")
    }

    /// Returns the placeholder of an attribute; words such as `auth` are reserved.
    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    /// Returns the placeholder of a value.
    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }
}

fn time(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_millisecond().to_string())
}
