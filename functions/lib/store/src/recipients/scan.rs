//! Reads the people of one part of the table, for segments and campaigns.

use super::{RecipientsStore, SweepPosition, items};
use crate::{ItemReader, StoreError};
use domain::recipient::{Recipient, RecipientKey};

/// Page of people.
#[derive(Debug, Default)]
pub struct PeoplePage {
    /// People, with their devices.
    pub people: Vec<Recipient>,
    /// Number of malformed profiles, which are left out.
    pub malformed: usize,
    /// Position of the next page; `None` after the last one.
    pub next: Option<SweepPosition>,
}

impl RecipientsStore {
    /// Returns the next page of one of `segments` scan segments of the table. The read is not consistent, at half the price.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn people(
        &self,
        segment: i32,
        segments: i32,
        after: Option<&SweepPosition>,
        page_items: Option<i32>,
    ) -> Result<PeoplePage, StoreError> {
        let scan = self.scan(segment, segments, after).set_limit(page_items);
        let found = scan.send().await.map_err(|error| StoreError::of("Scan", error))?;
        let mut page = PeoplePage::default();
        for item in found.items.unwrap_or_default() {
            let key = ItemReader(&item).text("pk").ok().and_then(RecipientKey::from_stored);
            match key.and_then(|key| items::recipient(&key, &item).ok()) {
                Some(recipient) => page.people.push(recipient),
                None => page.malformed += 1,
            }
        }
        page.next = found.last_evaluated_key.map(|key| super::sweep::position(&key)).transpose()?;
        Ok(page)
    }
}
