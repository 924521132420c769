//! Where the sweep of cleanup stands, so that a pass goes on where the last one ran out of time.
//!
//! Of two passes at once the later write wins. That is harmless: at worst pages are looked at twice, and whatever is done
//! about a finding asks first whether it still is one.

use aws_sdk_dynamodb::Client;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Item, ItemReader, ItemWriter, StoreError, SweepPosition};

const NAME: &str = "cleanup#cursor";
/// A cursor older than this is not worth going on from.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How far a sweep is in one segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// Not begun.
    #[default]
    Start,
    /// After this item.
    After(SweepPosition),
    /// At its end.
    End,
}

/// How far a sweep is in all segments.
pub type Cursor = Vec<Segment>;

/// The adapter of the one item in the control table.
#[derive(Debug, Clone)]
pub struct CursorStore {
    client: Client,
    table: String,
}

impl CursorStore {
    /// An adapter of `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Where to go on from; at the start when the last sweep ended, or had another number of segments.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn load(&self, segments: usize) -> Result<Cursor, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key())).consistent_read(true);
        let found = get.send().await.map_err(|error| StoreError::of("GetItem", error))?.item.unwrap_or_default();
        let stored: Option<Cursor> = ItemReader(&found).maybe_json("segments").ok().flatten();
        Ok(stored.filter(|cursor| cursor.len() == segments).unwrap_or_else(|| vec![Segment::Start; segments]))
    }

    /// Remembers where to go on from, or forgets it when every segment is at its end. One write.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn save(&self, cursor: &Cursor, now: Timestamp) -> Result<(), StoreError> {
        if cursor.iter().all(|segment| *segment == Segment::End) {
            let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key()));
            return delete.send().await.map(drop).map_err(|error| StoreError::of("DeleteItem", error));
        }
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item(cursor, now)));
        put.send().await.map(drop).map_err(|error| StoreError::of("PutItem", error))
    }
}

fn key() -> Item {
    ItemWriter::default().text("pk", NAME).finish()
}

fn item(cursor: &Cursor, now: Timestamp) -> Item {
    let until = now.checked_add(KEPT).unwrap_or(Timestamp::MAX);
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
    async fn a_sweep_goes_on_where_it_stopped_and_begins_anew_once_it_ended() {
        let client = tables().await.client();
        let store = CursorStore::new(client.clone(), CONTROL);
        let now: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(store.load(2).await.unwrap(), [Segment::Start, Segment::Start]);
        let position = serde_json::from_str(r#"{"pk":"p","sk":"s"}"#).unwrap();
        let halfway = vec![Segment::End, Segment::After(position)];
        store.save(&halfway, now).await.unwrap();
        assert_eq!(store.load(2).await.unwrap(), halfway);
        assert_eq!(store.load(3).await.unwrap(), vec![Segment::Start; 3]);
        store.save(&vec![Segment::End; 2], now).await.unwrap();
        assert!(items(&client, CONTROL).await.is_empty());
    }
}
