//! A campaign that is retried.

use jiff::{SignedDuration, Timestamp};

use crate::audience::OutcomeName;
use crate::model::Campaign;
use crate::retry_assignment::{EarlierAssignment, RestAssignment};
use crate::retry_selection::RetryOf;
use crate::state::CampaignState;
use domain::CampaignId;

/// Time after a cancellation from which the campaign certainly sends nothing more.
const CANCEL_SETTLING_TIME: SignedDuration = SignedDuration::from_secs(60);

impl Campaign {
    /// Returns the assignment of variants that a retry of this campaign repeats; `None` if it was not launched.
    #[must_use]
    pub fn assignment_for_retry(&self, id: &CampaignId) -> Option<EarlierAssignment> {
        let launch = self.launch.as_ref()?;
        let test = self.parsed().ok().and_then(|definition| definition.test);
        let rest = launch.winner.as_ref().zip(test);
        let rest =
            rest.map(|(winner, test)| RestAssignment { tested_bp: test.share_bp, variant: winner.variant.clone() });
        Some(launch.earlier_assignment.clone().unwrap_or_else(|| EarlierAssignment { campaign: id.clone(), rest }))
    }

    /// Returns the explanation if this campaign may still send to people whom the retry selects. A worker or the
    /// cascade function that read its state before the cancellation ends within a minute.
    #[must_use]
    pub fn conflict_with_retry(&self, retry: &RetryOf, now: Timestamp) -> Option<&'static str> {
        let may_change = retry.outcomes.iter().any(|it| matches!(it, OutcomeName::Waiting | OutcomeName::Held));
        let ended_at = self.ended_at.filter(|_| self.state == CampaignState::Cancelled);
        let has_stopped = ended_at.is_some_and(|at| now.duration_since(at) >= CANCEL_SETTLING_TIME);
        (may_change && !has_stopped).then_some(
            "must not have waiting or held unless the campaign was cancelled at least 60 seconds ago: it may still send \
             to these people, so cancel the campaign first",
        )
    }
}
