//! Reads only the state of a campaign, for its waiting messages.

use campaign::CampaignState;
use jiff::Timestamp;
use serde::Deserialize;

use super::campaigns::{CampaignStore, ROWS, key};
use super::{ItemReader, MalformedItemError, StoreError};
use crate::direct::GetItem;

impl CampaignStore {
    /// Returns the state of a campaign and the time of its last change, or `None` if there is no such campaign. The
    /// rest of the row is not parsed. The read is not consistent, at half the price.
    ///
    /// # Errors
    /// If the call to DynamoDB fails, or the row is malformed.
    pub async fn state(&self, id: &str) -> Result<Option<(CampaignState, Timestamp)>, StoreError> {
        #[derive(Deserialize)]
        struct StateAlone {
            state: CampaignState,
        }
        let get = GetItem::new(&self.table, key(ROWS, id)).projection("#definition, updated_at");
        let get = get.name("#definition", "definition");
        let Some(item) = get.send(&self.client).await? else { return Ok(None) };
        let item = ItemReader(&item);
        let found: StateAlone = item.maybe_json("definition")?.ok_or(MalformedItemError("definition"))?;
        Ok(Some((found.state, item.time("updated_at")?)))
    }
}
