//! Scans the whole table page by page, for the retention rules that TTL cannot implement.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::items::{self, PROFILE};
use super::{RecipientsStore, item_key};
use crate::{Item, ItemReader, Malformed, StoreError};
use domain::recipient::{DeviceAge, RecipientKey};

/// Position of a sweep in a segment: the key of the last item read. It contains no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepPosition {
    pk: String,
    sk: String,
}

/// Device as read by a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweptDevice {
    /// Key of the recipient.
    pub recipient: RecipientKey,
    /// Id of the device.
    pub device_id: String,
    /// Time of the registration.
    pub created_at: Timestamp,
    /// Last use and expiry.
    pub age: DeviceAge,
}

/// Page of a sweep.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SweepPage {
    /// Devices on this page.
    pub devices: Vec<SweptDevice>,
    /// Recipients of these devices whose profile is not on this page. Usually it is on the next page.
    pub without_profile: BTreeSet<RecipientKey>,
    /// Number of malformed devices.
    pub malformed: usize,
    /// Position of the next page; `None` after the segment's last page.
    pub next: Option<SweepPosition>,
}

impl RecipientsStore {
    /// Returns the next page of one of `segments` segments of the table. It reads only keys and times, and the read is not
    /// consistent. Each action on a result therefore repeats the check.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn sweep(
        &self,
        segment: i32,
        segments: i32,
        after: Option<&SweepPosition>,
        page_items: i32,
    ) -> Result<SweepPage, StoreError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .segment(segment)
            .total_segments(segments)
            .limit(page_items)
            .set_exclusive_start_key(after.map(|at| item_key(&at.pk, &at.sk)))
            .projection_expression("pk, sk, created_at, last_used_at, subscription_expires_at");
        let page = scan.send().await.map_err(|error| StoreError::of("Scan", error))?;
        let mut swept = swept(&page.items.unwrap_or_default());
        swept.next = page.last_evaluated_key.map(|key| position(&key)).transpose()?;
        Ok(swept)
    }

    /// Returns true if the recipient has a profile, with a consistent read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn is_known(&self, key: &RecipientKey) -> Result<bool, StoreError> {
        Ok(self.known_since(key).await?.is_some())
    }

    /// Returns the time at which the recipient's profile was created, with a consistent read. Returns `None` without a
    /// profile.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn known_since(&self, key: &RecipientKey) -> Result<Option<Timestamp>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(item_key(key.as_str(), PROFILE)));
        let found = get.projection_expression("created_at").consistent_read(true).send().await;
        let found = found.map_err(|error| StoreError::of("GetItem", error))?.item;
        found.map(|profile| Ok(ItemReader(&profile).time("created_at")?)).transpose()
    }
}

fn swept(items: &[Item]) -> SweepPage {
    let mut page = SweepPage::default();
    let mut known = BTreeSet::new();
    for item in items {
        match swept_device(item) {
            Ok(Some(device)) => page.devices.push(device),
            Ok(None) => known.extend(profile_of(item)),
            Err(_) => page.malformed += 1,
        }
    }
    let owners = page.devices.iter().map(|device| &device.recipient);
    page.without_profile = owners.filter(|owner| !known.contains(*owner)).cloned().collect();
    page
}

fn profile_of(item: &Item) -> Option<RecipientKey> {
    let reader = ItemReader(item);
    (reader.text("sk").ok()? == PROFILE).then(|| RecipientKey::from_stored(reader.text("pk").ok()?))?
}

/// Converts an item into a device. Returns `None` for any other item.
fn swept_device(item: &Item) -> Result<Option<SweptDevice>, Malformed> {
    let reader = ItemReader(item);
    let Some(device_id) = items::device_id(reader.text("sk")?) else { return Ok(None) };
    let age = DeviceAge {
        last_used_at: reader.time("last_used_at")?,
        expires_at: reader.maybe_time("subscription_expires_at")?,
    };
    Ok(Some(SweptDevice {
        recipient: RecipientKey::from_stored(reader.text("pk")?).ok_or(Malformed("pk"))?,
        device_id: device_id.to_owned(),
        created_at: reader.time("created_at")?,
        age,
    }))
}

fn position(key: &std::collections::HashMap<String, AttributeValue>) -> Result<SweepPosition, Malformed> {
    let reader = ItemReader(key);
    Ok(SweepPosition { pk: reader.text("pk")?.to_owned(), sk: reader.text("sk")?.to_owned() })
}
