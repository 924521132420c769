//! A campaign for people whose notification of an earlier campaign ended in certain ways.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::assignment::{VariantAssignment, assign, is_tested};
use crate::audience::OutcomeName;
use crate::model::{Campaign, LaunchedMessage};
use crate::state::CampaignState;
use crate::tally::PersonOutcome;
use domain::CampaignId;
use domain::notification::Reason;
use domain::recipient::RecipientId;

/// Time after a cancellation from which the campaign surely sends nothing more.
const STOPPED_AFTER: SignedDuration = SignedDuration::from_secs(60);

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

/// Assignment of variants in the earlier campaign, which a retry repeats: everybody gets the same message again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierAssignment {
    /// Campaign whose id decides: the first one, if a retry is retried.
    pub campaign: CampaignId,
    /// Message of the people after its test phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<RestAssignment>,
}

/// People of an earlier campaign who got the winner of its test phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestAssignment {
    /// Share of the people who did not, in basis points.
    pub tested_bp: u32,
    /// Name of the variant that won.
    pub variant: String,
}

impl EarlierAssignment {
    /// Returns the assignment of a campaign that was launched.
    #[must_use]
    pub fn of(id: &CampaignId, campaign: &Campaign) -> Option<Self> {
        let launch = campaign.launch.as_ref()?;
        let test = campaign.parsed().ok().and_then(|definition| definition.test);
        let rest = launch.winner.as_ref().zip(test);
        let rest =
            rest.map(|(winner, test)| RestAssignment { tested_bp: test.share_bp, variant: winner.variant.clone() });
        Some(launch.earlier_assignment.clone().unwrap_or_else(|| Self { campaign: id.clone(), rest }))
    }

    /// Returns the position of the message that a person got, of these.
    #[must_use]
    pub fn place_of(&self, recipient: &RecipientId, messages: &[LaunchedMessage]) -> usize {
        let rest = self.rest.as_ref().filter(|rest| !is_tested(&self.campaign, recipient, rest.tested_bp));
        let won = rest.and_then(|rest| messages.iter().position(|message| message.variant == rest.variant));
        won.unwrap_or_else(|| {
            match assign(&self.campaign, recipient, 0, messages.iter().map(|message| message.weight_bp)) {
                VariantAssignment::Variant(place) => place,
                VariantAssignment::Holdout => 0,
            }
        })
    }
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

    /// Returns the explanation if the earlier campaign may still send to people with these outcomes. A worker or cascade
    /// that read its state before the cancellation ends within a minute.
    #[must_use]
    pub fn conflict_with(&self, earlier: &Campaign, now: Timestamp) -> Option<&'static str> {
        let may_change = self.outcomes.iter().any(|it| matches!(it, OutcomeName::Waiting | OutcomeName::Held));
        let is_cancelled = earlier.state == CampaignState::Cancelled;
        let ended_at = earlier.ended_at.filter(|_| is_cancelled);
        let has_stopped = ended_at.is_some_and(|at| now.duration_since(at) >= STOPPED_AFTER);
        (may_change && !has_stopped).then_some(
            "must not have waiting or held unless the campaign was cancelled at least 60 seconds ago: it may still send \
             to these people, so cancel the campaign first",
        )
    }

    /// Returns `true` if people with this outcome are sent to.
    #[must_use]
    pub fn takes(&self, outcome: &PersonOutcome) -> bool {
        let is_reason = |reason| self.reasons.iter().any(|wanted| wanted.as_str() == reason);
        self.outcomes.contains(&outcome.name()) && (self.reasons.is_empty() || outcome.reason().is_some_and(is_reason))
    }
}
