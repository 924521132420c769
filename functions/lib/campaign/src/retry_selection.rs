//! A campaign for people whose notification of an earlier campaign ended in certain ways.

use serde::{Deserialize, Serialize};

use crate::audience::OutcomeName;
use crate::tally::PersonOutcome;
use domain::CampaignId;
use domain::notification::Reason;
use platform::problem::FieldError;

/// An earlier campaign. Only its people with certain outcomes get the new message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryOf {
    /// The earlier campaign.
    pub campaign: CampaignId,
    /// Selected outcomes of the earlier campaign.
    pub outcomes: Vec<OutcomeName>,
    /// Selected reasons of failures and skips; if empty, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

impl RetryOf {
    /// Outcomes of people with a notification. The others have no stored notification, so they cannot be found.
    pub const OUTCOMES: [OutcomeName; 5] =
        [OutcomeName::Sent, OutcomeName::Waiting, OutcomeName::Held, OutcomeName::Failed, OutcomeName::Skipped];

    /// Checks that the selection is not empty.
    ///
    /// # Errors
    /// Returns the field that excludes all people.
    pub fn check(&self) -> Result<(), FieldError> {
        let has_reason = |outcome: &OutcomeName| matches!(outcome, OutcomeName::Failed | OutcomeName::Skipped);
        if self.outcomes.is_empty() || self.outcomes.iter().any(|outcome| !Self::OUTCOMES.contains(outcome)) {
            return Err(FieldError::new("outcomes", "must be one or several of: sent, waiting, held, failed, skipped"));
        }
        if !self.reasons.is_empty() && !self.outcomes.iter().any(has_reason) {
            return Err(FieldError::new("reasons", "must be absent if outcomes has neither failed nor skipped"));
        }
        Ok(())
    }

    /// Returns `true` if people with this outcome are selected.
    #[must_use]
    pub fn takes(&self, outcome: &PersonOutcome) -> bool {
        let is_reason = |reason| self.reasons.iter().any(|wanted| wanted.as_str() == reason);
        self.outcomes.contains(&outcome.name()) && (self.reasons.is_empty() || outcome.reason().is_some_and(is_reason))
    }
}
