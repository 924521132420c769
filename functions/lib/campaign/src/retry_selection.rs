//! A campaign for people whose notification of an earlier campaign ended in certain ways.

use serde::{Deserialize, Serialize};

use crate::audience::OutcomeName;
use crate::tally::PersonOutcome;
use domain::CampaignId;
use domain::notification::Reason;

/// An earlier campaign, of which only people who ended in certain ways are sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryOf {
    /// The earlier campaign.
    pub campaign: CampaignId,
    /// Ways in which a notification of the earlier campaign ended.
    pub outcomes: Vec<OutcomeName>,
    /// Reasons of failures and skips that are meant; without any, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

impl RetryOf {
    /// Outcomes of people with a notification. Nothing was stored for the others, so nobody of them is found.
    pub const OUTCOMES: [OutcomeName; 5] =
        [OutcomeName::Sent, OutcomeName::Waiting, OutcomeName::Held, OutcomeName::Failed, OutcomeName::Skipped];

    /// Returns the field that makes the retry one of nobody, with an explanation.
    #[must_use]
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let has_reason = |outcome: &OutcomeName| matches!(outcome, OutcomeName::Failed | OutcomeName::Skipped);
        if self.outcomes.is_empty() || self.outcomes.iter().any(|outcome| !Self::OUTCOMES.contains(outcome)) {
            return Some(("outcomes", "must be one or several of: sent, waiting, held, failed, skipped"));
        }
        if !self.reasons.is_empty() && !self.outcomes.iter().any(has_reason) {
            return Some(("reasons", "must be absent if outcomes has neither failed nor skipped"));
        }
        None
    }

    /// Returns `true` if people with this outcome are sent to.
    #[must_use]
    pub fn takes(&self, outcome: &PersonOutcome) -> bool {
        let is_reason = |reason| self.reasons.iter().any(|wanted| wanted.as_str() == reason);
        self.outcomes.contains(&outcome.name()) && (self.reasons.is_empty() || outcome.reason().is_some_and(is_reason))
    }
}
