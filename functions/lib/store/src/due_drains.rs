//! Messages to the workers about a shard of due notifications of campaigns, in the settings table: one at a time for
//! each shard.
//!
//! ```text
//! pk    campaign-drains            sk    <shard>    end of the time for which the last message counts
//! ```

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};

use super::campaigns::CampaignStore;
use super::{ItemWriter, StoreError};
use crate::direct::PutItem;

const DRAINS: &str = "campaign-drains";
/// Time for which a message counts if no worker ends it: it waits in the queue, or its worker died.
const LONGEST_DRAIN: SignedDuration = SignedDuration::from_mins(5);

impl CampaignStore {
    /// Records a message about a shard. Returns `false` if an earlier one is still open.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn begin_drain(&self, shard: &str, now: Timestamp) -> Result<bool, StoreError> {
        let until = now.checked_add(LONGEST_DRAIN).unwrap_or(Timestamp::MAX);
        let put = self.drain(shard, until).condition("attribute_not_exists(pk) OR open_until <= :now");
        let put = put.value(":now", AttributeValue::N(now.as_millisecond().to_string()));
        match put.send(&self.client).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_condition_failed() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Ends the message about a shard. From now on, another one may be sent.
    ///
    /// # Errors
    /// If the call to DynamoDB fails.
    pub async fn end_drain(&self, shard: &str) -> Result<(), StoreError> {
        self.drain(shard, Timestamp::UNIX_EPOCH).send(&self.client).await
    }

    fn drain(&self, shard: &str, until: Timestamp) -> PutItem<'_> {
        let item = ItemWriter::default().text("pk", DRAINS).text("sk", shard);
        PutItem::new(&self.table, item.number("open_until", until.as_millisecond()))
    }
}
