//! Recipient as callers see one. Devices have no endpoint and no keys, which only the push service needs.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Device, PreferencesView, Recipient, RecipientId};
use crate::channel::Channel;

/// JSON of a recipient. Its structure and names are part of the API.
#[derive(Serialize)]
pub struct RecipientView<'a> {
    id: &'a RecipientId,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    locale: Option<&'a str>,
    time_zone: Option<&'a str>,
    attributes: &'a Map<String, Value>,
    preferences: PreferencesView<'a>,
    unsubscribed_types: Vec<&'a str>,
    suppressed_channels: &'a BTreeSet<Channel>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    devices: Option<Vec<DeviceView<'a>>>,
}

#[derive(Serialize)]
struct DeviceView<'a> {
    device_id: &'a str,
    host: &'a str,
    created_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Option<Timestamp>,
}

impl<'a> RecipientView<'a> {
    /// Returns the profile without devices, which is the response to a PUT.
    #[must_use]
    pub fn of_profile(recipient: &'a Recipient) -> Self {
        Self {
            id: &recipient.id,
            email: recipient.email.as_ref().map(|email| email.as_str()),
            phone: recipient.phone.as_ref().map(|phone| phone.as_str()),
            locale: recipient.locale.as_deref(),
            time_zone: recipient.time_zone.as_deref(),
            attributes: recipient.attributes.expose(),
            preferences: PreferencesView::of(&recipient.preferences),
            unsubscribed_types: recipient.preferences.unsubscribed_types().collect(),
            suppressed_channels: &recipient.suppressed,
            created_at: recipient.created_at,
            updated_at: recipient.updated_at,
            devices: None,
        }
    }

    /// Returns the recipient with all devices.
    #[must_use]
    pub fn of(recipient: &'a Recipient) -> Self {
        let devices = recipient.devices.iter().map(DeviceView::of).collect();
        Self { devices: Some(devices), ..Self::of_profile(recipient) }
    }
}

impl<'a> DeviceView<'a> {
    fn of(device: &'a Device) -> Self {
        Self {
            device_id: &device.device_id,
            host: device.host(),
            created_at: device.created_at,
            last_used_at: device.last_used_at,
            expires_at: device.expires_at,
        }
    }
}
