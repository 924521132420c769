//! Random assignment: the holdout, and the variant of each person. It depends on the campaign and the recipient alone,
//! so it is the same at every attempt.

use ring::hmac;

use domain::CampaignId;
use domain::recipient::RecipientId;

/// Number of equal parts, in basis points.
pub const ALL_BP: u32 = 10_000;

/// Assignment of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariantAssignment {
    /// Nothing is sent, so that the effect of the campaign can be measured.
    Holdout,
    /// Position of the variant.
    Variant(usize),
}

/// Assigns a person. `weights_bp` are the shares of the variants, which add up to 10,000. No hash is computed if only
/// one result is possible.
#[must_use]
pub fn assign(
    campaign: &CampaignId,
    recipient: &RecipientId,
    holdout_bp: u32,
    weights_bp: impl IntoIterator<Item = u32>,
) -> VariantAssignment {
    if holdout_bp > 0 && bucket(campaign, "holdout", recipient) < holdout_bp {
        return VariantAssignment::Holdout;
    }
    let mut weights_bp = weights_bp.into_iter().peekable();
    if weights_bp.peek().is_none_or(|weight| *weight >= ALL_BP) {
        return VariantAssignment::Variant(0);
    }
    let bucket = bucket(campaign, "variant", recipient);
    let mut end = 0;
    let position = weights_bp.position(|weight| {
        end += weight;
        bucket < end
    });
    VariantAssignment::Variant(position.unwrap_or(0))
}

/// Returns `true` if the person belongs to the share that takes part in a test phase.
#[must_use]
pub fn is_tested(campaign: &CampaignId, recipient: &RecipientId, share_bp: u32) -> bool {
    bucket(campaign, "test", recipient) < share_bp
}

/// Returns a number from 0 to 9,999. HMAC-SHA-256 of the purpose, a colon and the recipient's id is computed; its key
/// is the campaign's id. Its first 8 bytes as a big-endian integer are taken modulo 10,000.
fn bucket(campaign: &CampaignId, purpose: &str, recipient: &RecipientId) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA256, campaign.as_str().as_bytes());
    let tag = hmac::sign(&key, format!("{purpose}:{}", recipient.expose()).as_bytes());
    tag.as_ref().iter().take(8).fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % ALL_BP)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn share(campaign: &str, holdout_bp: u32, weights: &[u32]) -> Vec<usize> {
        let campaign = CampaignId::parse(campaign).unwrap();
        let mut counts = vec![0; weights.len() + 1];
        for number in 0..20_000 {
            let recipient = RecipientId::parse(&format!("user-{number}")).unwrap();
            match assign(&campaign, &recipient, holdout_bp, weights.iter().copied()) {
                VariantAssignment::Holdout => counts[weights.len()] += 1,
                VariantAssignment::Variant(position) => counts[position] += 1,
            }
        }
        counts
    }

    #[test]
    fn shares_are_those_of_the_weights_and_stay_the_same() {
        let id = "0123456789abcdefghjkmnpqrs";
        let counts = share(id, 1_000, &[5_000, 3_000, 2_000]);
        for (count, wanted) in counts.iter().zip([9_000, 5_400, 3_600, 2_000]) {
            assert!(count.abs_diff(wanted) < 300, "{counts:?}");
        }
        assert_eq!(counts, share(id, 1_000, &[5_000, 3_000, 2_000]));
        assert_ne!(counts, share("1123456789abcdefghjkmnpqrs", 1_000, &[5_000, 3_000, 2_000]));
        assert_eq!(share(id, 0, &[10_000]), [20_000, 0]);
    }
}
