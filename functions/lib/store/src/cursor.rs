//! Position of cleanup's scan. If a pass runs out of time, the next pass continues from this position.
//!
//! If two passes run at once, the later write overwrites the earlier one. At worst, pages are then read twice. This is
//! harmless, because cleanup checks each finding again before it acts.

use aws::DynamoClient;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Item, ItemReader, ItemWriter, ScanPosition, StoreError};
use crate::direct::{GetItem, PutItem};

const NAME: &str = "cleanup#cursor";
/// Retention of a cursor: 7 days. An older cursor is not used.
const RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Position of a scan in one segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanProgress {
    /// The segment is not started.
    #[default]
    Start,
    /// The scan continues after this item.
    After(ScanPosition),
    /// The segment is finished.
    End,
}

/// Position of a scan in all segments.
pub type Cursor = Vec<ScanProgress>;

/// Store of the cursor, one item in the control table.
#[derive(Debug, Clone)]
pub struct CursorStore {
    client: DynamoClient,
    table: String,
}

impl CursorStore {
    /// Creates a store for `table`.
    #[must_use]
    pub fn new(client: DynamoClient, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Returns the stored cursor. If the last scan ended or had another number of segments, returns the start.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn load(&self, segments: usize) -> Result<Cursor, StoreError> {
        let found = GetItem::new(&self.table, key()).consistent().send(&self.client).await?.unwrap_or_default();
        let stored: Option<Cursor> = ItemReader(&found).maybe_json("segments").ok().flatten();
        Ok(stored.filter(|cursor| cursor.len() == segments).unwrap_or_else(|| vec![ScanProgress::Start; segments]))
    }

    /// Stores the cursor, or deletes it if every segment is finished. Costs one write.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn save(&self, cursor: &Cursor, now: Timestamp) -> Result<(), StoreError> {
        if cursor.iter().all(|segment| *segment == ScanProgress::End) {
            let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key()));
            return delete.send().await.map(drop).map_err(|error| StoreError::of("DeleteItem", error));
        }
        PutItem::new(&self.table, item(cursor, now)).send(&self.client).await
    }
}

fn key() -> Item {
    ItemWriter::default().text("pk", NAME).finish()
}

fn item(cursor: &Cursor, now: Timestamp) -> Item {
    let until = now.checked_add(RETENTION).unwrap_or(Timestamp::MAX);
    ItemWriter::default()
        .text("pk", NAME)
        .maybe_text("segments", serde_json::to_string(cursor).ok())
        .time("updated_at", now)
        .number("expires_at", until.as_second())
        .finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing_tables::{CONTROL, items, tables};

    #[tokio::test]
    async fn a_scan_continues_at_its_cursor_and_restarts_after_its_end() {
        let client = tables().await.client();
        let store = CursorStore::new(client.clone(), CONTROL);
        let now: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(store.load(2).await.unwrap(), [ScanProgress::Start, ScanProgress::Start]);
        let position = serde_json::from_str(r#"{"pk":"p","sk":"s"}"#).unwrap();
        let halfway = vec![ScanProgress::End, ScanProgress::After(position)];
        store.save(&halfway, now).await.unwrap();
        assert_eq!(store.load(2).await.unwrap(), halfway);
        assert_eq!(store.load(3).await.unwrap(), vec![ScanProgress::Start; 3]);
        store.save(&vec![ScanProgress::End; 2], now).await.unwrap();
        assert!(items(&client, CONTROL).await.is_empty());
    }
}
