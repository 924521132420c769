//! Scans the whole table page by page, for the retention rules that TTL cannot implement.

use serde::{Deserialize, Serialize};

use super::items::{self, DEVICES, PROFILE};
use super::{RecipientsStore, item_key};
use crate::direct::{GetItem, Scan};
use crate::{ItemReader, MalformedItemError, ReadItem, StoreError};
use domain::recipient::{DeviceAge, RecipientKey};

/// Position of a scan in a segment: the key of the last item read. It contains no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanPosition {
    pk: String,
    sk: String,
}

/// Device as read by a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedDevice {
    /// Key of the recipient.
    pub recipient: RecipientKey,
    /// Id of the device.
    pub device_id: String,
    /// Last use and expiry.
    pub age: DeviceAge,
}

/// Page of a scan.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DevicePage {
    /// Devices on this page.
    pub devices: Vec<ScannedDevice>,
    /// Number of profiles with malformed devices.
    pub malformed: usize,
    /// Position of the next page; `None` after the segment's last page.
    pub next: Option<ScanPosition>,
}

impl RecipientsStore {
    /// Returns the next page of one of `segments` segments of the table. It reads only keys and devices, and the read
    /// is not consistent. Each action on a result therefore repeats the check.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn scan_devices(
        &self,
        segment: i32,
        segments: i32,
        after: Option<&ScanPosition>,
        page_items: i32,
    ) -> Result<DevicePage, StoreError> {
        let scan = self.scan(segment, segments, after, Some(page_items));
        let answer = scan.projection("pk, sk, #devices").name("#devices", DEVICES).answer(&self.client).await?;
        let page = answer.page()?;
        let mut devices = device_page(&page.items);
        devices.next = page.last_evaluated_key.as_ref().map(position).transpose()?;
        Ok(devices)
    }

    /// Returns a read of a page of one of `segments` segments of the table, from a position on.
    pub(super) fn scan(
        &self,
        segment: i32,
        segments: i32,
        after: Option<&ScanPosition>,
        page_items: Option<i32>,
    ) -> Scan<'_> {
        Scan::new(&self.table, (segment, segments), after.map(|at| item_key(&at.pk, &at.sk)), page_items)
    }

    /// Returns true if the recipient has a profile, with a consistent read.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn is_known(&self, key: &RecipientKey) -> Result<bool, StoreError> {
        let get = GetItem::new(&self.table, item_key(key.as_str(), PROFILE)).consistent().projection("pk");
        Ok(get.send(&self.client).await?.is_some())
    }
}

fn device_page(items: &[impl ReadItem]) -> DevicePage {
    let mut page = DevicePage::default();
    for item in items {
        match scanned_devices(item) {
            Ok(devices) => page.devices.extend(devices),
            Err(_) => page.malformed += 1,
        }
    }
    page
}

/// Returns the devices of a profile.
fn scanned_devices(item: &impl ReadItem) -> Result<Vec<ScannedDevice>, MalformedItemError> {
    let recipient = RecipientKey::from_stored(ItemReader(item).text("pk")?).ok_or(MalformedItemError("pk"))?;
    let scanned = items::devices(item)?.into_iter().map(|device| ScannedDevice {
        recipient: recipient.clone(),
        age: DeviceAge { last_used_at: device.last_used_at, expires_at: device.expires_at },
        device_id: device.device_id,
    });
    Ok(scanned.collect())
}

pub(super) fn position(key: &impl ReadItem) -> Result<ScanPosition, MalformedItemError> {
    let reader = ItemReader(key);
    Ok(ScanPosition { pk: reader.text("pk")?.to_owned(), sk: reader.text("sk")?.to_owned() })
}
