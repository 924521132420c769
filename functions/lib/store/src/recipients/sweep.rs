//! Scans the whole table page by page, for the retention rules that TTL cannot implement.

use serde::{Deserialize, Serialize};

use super::items::{self, DEVICES, PROFILE};
use super::{RecipientsStore, item_key};
use crate::direct::{GetItem, Scan};
use crate::{ItemReader, MalformedItem, ReadItem, StoreError};
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
    /// Last use and expiry.
    pub age: DeviceAge,
}

/// Page of a sweep.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SweepPage {
    /// Devices on this page.
    pub devices: Vec<SweptDevice>,
    /// Number of profiles with malformed devices.
    pub malformed: usize,
    /// Position of the next page; `None` after the segment's last page.
    pub next: Option<SweepPosition>,
}

impl RecipientsStore {
    /// Returns the next page of one of `segments` segments of the table. It reads only keys and devices, and the read
    /// is not consistent. Each action on a result therefore repeats the check.
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
        let scan = self.scan(segment, segments, after, Some(page_items));
        let answer = scan.projection("pk, sk, #devices").name("#devices", DEVICES).answer(&self.client).await?;
        let page = answer.page()?;
        let mut swept = swept(&page.items);
        swept.next = page.last_evaluated_key.as_ref().map(position).transpose()?;
        Ok(swept)
    }

    /// Returns a read of a page of one of `segments` segments of the table, from a position on.
    pub(super) fn scan(
        &self,
        segment: i32,
        segments: i32,
        after: Option<&SweepPosition>,
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

fn swept(items: &[impl ReadItem]) -> SweepPage {
    let mut page = SweepPage::default();
    for item in items {
        match swept_devices(item) {
            Ok(devices) => page.devices.extend(devices),
            Err(_) => page.malformed += 1,
        }
    }
    page
}

/// Returns the devices of a profile.
fn swept_devices(item: &impl ReadItem) -> Result<Vec<SweptDevice>, MalformedItem> {
    let recipient = RecipientKey::from_stored(ItemReader(item).text("pk")?).ok_or(MalformedItem("pk"))?;
    let swept = items::devices(item)?.into_iter().map(|device| SweptDevice {
        recipient: recipient.clone(),
        age: DeviceAge { last_used_at: device.last_used_at, expires_at: device.expires_at },
        device_id: device.device_id,
    });
    Ok(swept.collect())
}

pub(super) fn position(key: &impl ReadItem) -> Result<SweepPosition, MalformedItem> {
    let reader = ItemReader(key);
    Ok(SweepPosition { pk: reader.text("pk")?.to_owned(), sk: reader.text("sk")?.to_owned() })
}
