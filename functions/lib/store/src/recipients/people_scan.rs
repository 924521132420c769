//! Reads the people of one part of the table, for segments and campaigns.

use super::{RecipientsStore, ScanPosition, item_key, items};
use crate::batch_get::{Consistency, batch_get};
use crate::{ItemReader, ReadItem, StoreError};
use domain::recipient::{Recipient, RecipientKey};

/// Page of people.
#[derive(Debug, Default)]
pub struct PeoplePage {
    /// People, with their devices.
    pub people: Vec<Recipient>,
    /// Number of malformed profiles, which are left out.
    pub malformed: usize,
    /// Position of the next page; `None` after the last one.
    pub next: Option<ScanPosition>,
}

impl RecipientsStore {
    /// Returns the next page of one of `segments` scan segments of the table. The read is not consistent, at half the
    /// price.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn people(
        &self,
        segment: i32,
        segments: i32,
        after: Option<&ScanPosition>,
        page_items: Option<i32>,
    ) -> Result<PeoplePage, StoreError> {
        let answer = self.scan(segment, segments, after, page_items).answer(&self.client).await?;
        let found = answer.page()?;
        let mut page = PeoplePage::of(&found.items);
        page.next = found.last_evaluated_key.as_ref().map(super::device_scan::position).transpose()?;
        Ok(page)
    }

    /// Returns the people with these keys, in any order, with a consistent read. Unknown ones are left out.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn people_with_keys(&self, keys: &[RecipientKey]) -> Result<PeoplePage, StoreError> {
        let keys: Vec<_> = keys.iter().map(|key| item_key(key.as_str(), items::PROFILE)).collect();
        Ok(PeoplePage::of(&batch_get(&self.client, &self.table, &keys, None, Consistency::Consistent).await?))
    }
}

impl PeoplePage {
    fn of(found: &[impl ReadItem]) -> Self {
        let mut page = Self { people: Vec::with_capacity(found.len()), ..Self::default() };
        for item in found {
            let key = ItemReader(item).text("pk").ok().and_then(RecipientKey::from_stored);
            match key.and_then(|key| items::recipient(&key, item).ok()) {
                Some(recipient) => page.people.push(recipient),
                None => page.malformed += 1,
            }
        }
        page
    }
}
