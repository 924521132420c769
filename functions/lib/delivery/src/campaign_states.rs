//! States of campaigns, as a resumed notification of a campaign must respect them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use campaign::CampaignState;
use jiff::{SignedDuration, Timestamp};
use store::{CampaignStore, StoreError};
use tokio::sync::OnceCell;

/// Time for which a state that was read is used. With the read behind the table, a pause takes effect within 10 s.
const STATE_CACHE_TTL: SignedDuration = SignedDuration::from_secs(5);
/// Bounds of the time after which a notification of a paused campaign is checked again.
const SHORTEST_WAIT: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// Permission to continue a notification of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// It continues.
    Continue,
    /// The campaign is paused. Its state is read again at this time.
    WaitUntil(Timestamp),
    /// The campaign was cancelled: nothing else is sent.
    End,
}

/// Read of a state with the time of its start. All attempts that need it at the same time or soon after share it.
type SharedRead = (Timestamp, Arc<OnceCell<Result<Permission, StoreError>>>);

/// Reader of the states of campaigns.
#[derive(Debug)]
pub(crate) struct CampaignStates {
    campaigns: CampaignStore,
    reads: Mutex<HashMap<String, SharedRead>>,
}

impl CampaignStates {
    pub(crate) fn new(campaigns: CampaignStore) -> Self {
        Self { campaigns, reads: Mutex::default() }
    }

    /// Returns the permission to continue a notification of this campaign. Concurrent attempts share one read.
    ///
    /// # Errors
    /// If the campaign cannot be read. The next attempt reads it again.
    pub(crate) async fn permission(&self, id: &str, now: Timestamp) -> Result<Permission, StoreError> {
        let read = self.shared_read(id, now);
        let reading = async || Ok(permission_in(self.campaigns.state(id).await?, now));
        read.get_or_init(reading).await.clone()
    }

    /// Returns the read that is young enough, or a new one.
    fn shared_read(&self, id: &str, now: Timestamp) -> Arc<OnceCell<Result<Permission, StoreError>>> {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        reads.retain(|_, (at, read)| {
            now.duration_since(*at).abs() < STATE_CACHE_TTL && !read.get().is_some_and(Result::is_err)
        });
        let (_, read) = reads.entry(id.to_owned()).or_insert_with(|| (now, Arc::default()));
        Arc::clone(read)
    }
}

/// Decides by the state of a campaign and the time of its last change. While a campaign is paused, a notification waits
/// as long as the pause has lasted. So a long pause costs few writes.
fn permission_in(found: Option<(CampaignState, Timestamp)>, now: Timestamp) -> Permission {
    match found {
        Some((CampaignState::Cancelled, _)) => Permission::End,
        Some((CampaignState::Paused, since)) => {
            let wait = now.duration_since(since).clamp(SHORTEST_WAIT, LONGEST_WAIT);
            Permission::WaitUntil(now.checked_add(wait).unwrap_or(Timestamp::MAX))
        }
        _ => Permission::Continue,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pause_lets_wait_as_long_as_it_has_lasted_and_a_cancelled_campaign_ends() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let after = |minutes| permission_in(Some((CampaignState::Paused, at(0))), at(minutes));
        assert_eq!(after(0), Permission::WaitUntil(at(1)));
        assert_eq!(after(10), Permission::WaitUntil(at(20)));
        assert_eq!(after(600), Permission::WaitUntil(at(660)));
        assert_eq!(permission_in(Some((CampaignState::Cancelled, at(0))), at(1)), Permission::End);
        for state in [CampaignState::Running, CampaignState::Finishing, CampaignState::Finished] {
            assert_eq!(permission_in(Some((state, at(0))), at(1)), Permission::Continue);
        }
        assert_eq!(permission_in(None, at(1)), Permission::Continue);
    }
}
