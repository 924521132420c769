//! Assignment of variants in an earlier campaign, which a retry repeats.

use serde::{Deserialize, Serialize};

use crate::assignment::{VariantAssignment, assign, is_tested};
use domain::CampaignId;
use domain::recipient::RecipientId;

/// Assignment of variants in the earlier campaign of a retry: every person gets the same message again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierAssignment {
    /// Campaign whose id decides. If a retry is retried, it is the first campaign.
    pub campaign: CampaignId,
    /// Message of the people after its test phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<RestAssignment>,
}

/// People of an earlier campaign who got the winner of its test phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestAssignment {
    /// Share of the people who took part in the test phase, in basis points.
    pub tested_bp: u32,
    /// Name of the variant that won.
    pub variant: String,
}

impl EarlierAssignment {
    /// Returns the position of the message that a person got, given these names and shares.
    #[must_use]
    pub fn variant_index_of<'a>(
        &self,
        recipient: &RecipientId,
        variants: impl Iterator<Item = (&'a str, u32)> + Clone,
    ) -> usize {
        let rest = self.rest.as_ref().filter(|rest| !is_tested(&self.campaign, recipient, rest.tested_bp));
        let won = rest.and_then(|rest| variants.clone().position(|(name, _)| name == rest.variant));
        won.unwrap_or_else(|| match assign(&self.campaign, recipient, 0, variants.map(|(_, weight_bp)| weight_bp)) {
            VariantAssignment::Variant(variant_index) => variant_index,
            VariantAssignment::Holdout => 0,
        })
    }
}
